/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_GEN_KETTLE_MACHINE_H
#define GODWIT_TESTS_GEN_KETTLE_MACHINE_H
/*
 * kettle-machine.h -- the struct behind tests/gen/kettle.fsm.
 */
#include "fsm/fsm.h"
#include "tests/gen/kettle.h"

struct kettle {
	struct fsm fsm;
	bool plugged, full, coil, mains;
	int64_t patience;	/* microseconds */
	int looks, heats;
	struct kettle *neighbour;	/* the test's router gives him the tea */
	char log[512];		/* what was done, word by word */
};
#endif
