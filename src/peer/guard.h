/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_PEER_GUARD_H
#define GODWIT_PEER_GUARD_H
/*
 * guard.h -- when an offer is sent (again); the machine of fsm/guard.fsm.
 */
#include <stdbool.h>
#include <stdint.h>
#include "fsm/fsm.h"
#include "fsm/guard.h"

struct peer;

struct guard {
	struct fsm fsm;
	struct peer *peer;	/* owner */
	int64_t wait;		/* us until the next tick, read when a state is entered */
	unsigned asked;		/* since the last reset */
	bool news;		/* something changed that no offer has told yet */
	uint64_t asked_ever;
};

void guard_init(struct guard *, struct peer *, struct fsm_loop *, const char *subject);
void guard_fini(struct guard *);
#endif
