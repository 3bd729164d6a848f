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
	uint64_t seq;		/* one more for each that is posted */
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
	struct fsm_tape *tape;	/* owned; NULL: none */
	bool draining, strict, sending;	/* sending: a send is being delivered */
	uint64_t stale, nevers, posts;
	unsigned births;
};

void fsm_loop_post(struct fsm_loop *, struct fsm *, int event, int timer, uint32_t gen, struct fsm_data *);
void fsm_loop_forget(struct fsm_loop *, struct fsm *);	/* its queued events */

/* tape.c; only when the loop has a tape */
void tape_free(struct fsm_tape *);	/* fine with NULL */
void tape_born(const struct fsm *);
void tape_ended(const struct fsm *);
void tape_opened(const struct fsm *, int res);
void tape_armed(const struct fsm_timer *);
void tape_posted(struct fsm_loop *, const struct fsm_queued *);
void tape_dropped(struct fsm_loop *, const struct fsm_queued *);
void tape_step_begins(struct fsm_loop *, const struct fsm_queued *);
void tape_sent(const struct fsm *, int send);
void tape_step_ends(struct fsm_loop *, const struct fsm *);
void tape_deferred(struct fsm_loop *);
void tape_drained(struct fsm_loop *);
#endif
