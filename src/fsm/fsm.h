/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FSM_FSM_H
#define GODWIT_FSM_FSM_H
/*
 * fsm.h -- the runtime under every table of fsm/.
 *
 * One struct fsm_loop a process (agent or server): one FIFO of events, drained
 * at the end of each turn of the env (see env.h).  One struct fsm a machine, the
 * first member of the machine's own struct.  The step, the entry and the only
 * writer of the state are generated from the table; this file carries events,
 * timers, generations, counters and the trace.
 *
 * One step, always in this order: pick the row; run its actions left to right;
 * close what the next state does not hold; stop its timers; set the state; start
 * the timers of the new state; one log line.  `stay` ends after the actions.
 *
 * A send is seen later (it is posted behind what is queued); an action sees the
 * world now.  No action may call another machine's actions or drain the queue.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/mono.h"

struct env;
struct env_timer;
struct fsm;
struct fsm_loop;

#define FSM_RES_MAX	4	/* resources of one machine */
#define FSM_TIMER_MAX	10	/* timers of one machine */
#define FSM_RING	16	/* last transitions kept a machine */

/* What an event carries: embed as first member of the payload. */
struct fsm_data {
	unsigned refs;				/* set by the maker to 0 or 1: his own reference, which posting hands over */
	void (*free)(struct fsm_data *);	/* called when the last reference goes */
};
struct fsm_data *fsm_data_ref(struct fsm_data *);	/* fine with NULL */
void fsm_data_unref(struct fsm_data *);			/* fine with NULL */

/* ---- what a table yields (read only) -------------------------------------- */

struct fsm_row {
	int line;		/* in the table */
	const char *from, *on, *guard, *act, *to, *why;
};

struct fsm_timer_def {
	int event;		/* of its expiry */
	bool every;		/* re-arms itself */
	int64_t lo, hi;		/* microseconds; lo < hi: uniformly between the two */
	/* >= 0: offset of an int64_t of microseconds in the machine's struct, read on
	 * entry; 0 fires at once, a negative value leaves the timer off. */
	ptrdiff_t field;
};

struct fsm_def {
	const char *name;	/* "relay-link" */
	int nstate, nevent, nres, ntimer, nsend, nguard, nrow;
	const char *const *state_name, *const *state_why;
	const char *const *event_name;
	const int *event_res;		/* resource whose generation the event carries, or -1 */
	const char *const *res_name;
	const unsigned *state_res;	/* bit set of resources a state holds */
	const unsigned *state_timer;	/* bit set of timers a state runs */
	const struct fsm_timer_def *timer;
	const char *const *send_name, *const *guard_name;
	const struct fsm_row *row;
	void (*step)(struct fsm *, int event);
};

/* ---- one machine ------------------------------------------------------------ */

struct fsm_past {
	struct mono at;
	int from, event, to, row;	/* row: index into def->row */
};

struct fsm_timer {
	struct fsm *machine;
	struct env_timer *timer;	/* owned; made when first needed */
	int64_t us;			/* as armed */
	uint32_t arm;			/* one more each time it is started or stopped */
	int index;
};

struct fsm {
	const struct fsm_def *def;
	struct fsm_loop *loop;
	char *subject;			/* owned; "3f2a…", "rel://host:443": first word of its log lines */
	int state;			/* written by generated code only */
	struct mono since;		/* when the state was entered */
	uint32_t gen[FSM_RES_MAX];
	struct fsm_timer timer[FSM_TIMER_MAX];
	uint32_t *hits;			/* a counter per row */
	uint64_t stale;			/* events dropped: former life, or a timer that no longer runs */
	struct fsm_past past[FSM_RING];
	unsigned npast;			/* total; the ring holds the last FSM_RING */
	struct fsm_data *data;		/* of the event being handled, borrowed */
	struct fsm_data *carry;		/* what this row's sends carry */
	bool carries;
	int row;			/* of the step under way, or -1 */
	unsigned number;		/* in the order of birth, for the tape */
	bool taped;			/* its loop has a tape */
	struct list all;		/* loop's list, in order of creation */
};

/* The machine begins in the first state of its table, its timers running.
 * The generated NAME_fsm_init and NAME_fsm_fini wrap these two. */
void fsm_init(struct fsm *, const struct fsm_def *, struct fsm_loop *, const char *subject);
/* Drops its queued events and timers.  The generated NAME_fsm_fini first closes what the state holds.
 * Never from one of its own actions: see fsm_defer. */
void fsm_done(struct fsm *);

/* Queue an event.  `data` is handed over (NULL: none).  Events of a resource
 * name the generation that fsm_open gave when the resource was opened; with
 * plain fsm_post such an event belongs to the life the resource has now, which
 * is right for a callback that cannot come after its resource was closed. */
void fsm_post(struct fsm *, int event, struct fsm_data *data);
void fsm_post_gen(struct fsm *, int event, uint32_t gen, struct fsm_data *data);

/* For actions and guards. */
uint32_t fsm_open(struct fsm *, int res);	/* a new life of the resource: its generation */
uint32_t fsm_gen(const struct fsm *, int res);
struct fsm_data *fsm_data(const struct fsm *);	/* what the event carried; borrowed; may be NULL */
void fsm_carry(struct fsm *, struct fsm_data *);	/* sends of this row carry this (handed over) instead of the event's data */
struct env *fsm_env(const struct fsm *);
const char *fsm_state_name(const struct fsm *);
void *fsm_owner(const struct fsm *);		/* the arg of its loop's route: the whole agent or server */

/* ---- for generated code ------------------------------------------------------ */

void fsm_row_hit(struct fsm *, int row);
void fsm_send(struct fsm *, int send);
void fsm_never(struct fsm *, int event, int row);	/* logs the ring and counts; ends the process when the loop is strict */
void fsm_unexpected(struct fsm *, int event);		/* a pair the table says cannot occur: counted as stale */
void fsm_asked(const struct fsm *, int guard, bool yes);	/* onto the tape */
void fsm_timers_enter(struct fsm *, int to);		/* stops all, starts those of `to` */
void fsm_timer_restart(struct fsm *, int event);	/* @NAME: the timer of that event, if the state runs it */

/* ---- the loop ----------------------------------------------------------------- */

/* Delivers one send: made by fsm/to-wire.awk from agent.wire or server.wire. */
typedef void (*fsm_route_fn)(void *arg, struct fsm *from, int send, struct fsm_data *);

struct fsm_loop *fsm_loop_new(struct env *, fsm_route_fn, void *arg);
void fsm_loop_free(struct fsm_loop *);
/* The env's turn end calls it; tests do, and whoever posts outside of a turn
 * (before env_run).  Within a step it does nothing. */
void fsm_drain(struct fsm_loop *);
/* Run fn when the queue is empty, at the end of this drain: how a machine in its
 * last state is freed.  Runs once; fsm_undefer takes back what has not run. */
void fsm_defer(struct fsm_loop *, void (*fn)(void *arg), void *arg);
void fsm_undefer(struct fsm_loop *, void (*fn)(void *arg), void *arg);
void fsm_each(struct fsm_loop *, void (*fn)(void *arg, struct fsm *), void *arg);
uint64_t fsm_loop_stale(const struct fsm_loop *);
uint64_t fsm_loop_nevers(const struct fsm_loop *);	/* never rows reached: each is a bug */
void fsm_loop_strict(struct fsm_loop *);	/* tests: a never row ends the process */

/* Each step, after it: for godwit watch, the simulator's hash and conformance traces. */
struct fsm_trace {
	struct mono at;
	const struct fsm *machine;
	int from, event, to, row;
};
typedef void (*fsm_trace_fn)(void *arg, const struct fsm_trace *);
void fsm_loop_on_step(struct fsm_loop *, fsm_trace_fn, void *arg);
void fsm_loop_off_step(struct fsm_loop *, fsm_trace_fn, void *arg);

/* A tape tells all that the machines do, guards and sends and timers as well, a
 * line a call, for a judge that knows the tables only (tests/conform; tape.c has
 * the notation).  Before the first machine; the loop
 * ends it.  Without one it costs a test of a bool for each guard asked. */
struct fsm_tape_to {
	const char *name;	/* of the process; copied */
	void (*fn)(void *arg, const char *line);	/* NULL: no tape */
	void *arg;
};
void fsm_tape(struct fsm_loop *, const struct fsm_tape_to *);
#define FSM_TAPE_NAME	32
/* Where $GODWIT_TAPE names a file, a tape of this process goes to its end, each line
 * at once: for developers, the disk may hold the loop up.  Else there is none. */
void fsm_tape_asked(const char *program, char name[FSM_TAPE_NAME], struct fsm_tape_to *);

static inline bool
fsm_ask(const struct fsm *m, int guard, bool yes)
{
	if (m->taped)
		fsm_asked(m, guard, yes);
	return yes;
}
#endif
