/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_TAPE_H
#define GODWIT_TESTS_TAPE_H
/*
 * tape.h -- the machines of a test tell on GODWIT_TAPE what they do: the row report
 * of tests/conform asks which rows were fired with the modules' own actions.
 */
#include <stdio.h>
#include "fsm/fsm.h"

#define TEST_TAPES	64	/* loops of one process; those beyond tell nothing */

static inline struct fsm_tape_to
test_tape_to(void)
{
	static char name[TEST_TAPES][FSM_TAPE_NAME];
	static unsigned n;
	struct fsm_tape_to to = { 0 };
	char program[16];

	if (n < TEST_TAPES) {
		snprintf(program, sizeof(program), "test%u", n);
		fsm_tape_asked(program, name[n++], &to);
	}
	return to;
}

/* Before the loop's first machine. */
static inline void
test_tape(struct fsm_loop *l)
{
	struct fsm_tape_to to = test_tape_to();

	fsm_tape(l, &to);
}
#endif
