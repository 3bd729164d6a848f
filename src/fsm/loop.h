/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FSM_LOOP_H
#define GODWIT_FSM_LOOP_H
/*
 * loop.h -- what fsm.c and loop.c share.  Nobody else includes it.
 */
#include "fsm/fsm.h"

struct fsm_queued {
	struct list all;	/* loop->queue or loop->spare */
	struct fsm *machine;	/* borrowed; fsm_done takes its events out */
	int event;
	int timer;		/* whose expiry this is, or -1 */
	uint32_t gen;		/* of the resource, or the timer's arm */
	struct fsm_data *data;	/* owned */
};

struct fsm_loop {
	struct env *env;
	fsm_route_fn route;
	void *arg;
	struct list queue;	/* struct fsm_queued, oldest first */
	struct list spare;	/* used before, empty */
	struct list machines;	/* struct fsm.all, in order of creation */
	struct list traces, deferred;
	const struct fsm *current;	/* in a step, or NULL */
	bool draining, strict;
	uint64_t stale, nevers;
};

void fsm_loop_post(struct fsm_loop *, struct fsm *, int event, int timer, uint32_t gen, struct fsm_data *);
void fsm_loop_forget(struct fsm_loop *, struct fsm *);	/* its queued events */
#endif
