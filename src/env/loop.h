/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_LOOP_H
#define GODWIT_ENV_LOOP_H
/*
 * loop.h -- what the files of this folder share; nobody else includes it.
 *
 * Every call out of this folder is wrapped:
 *
 *	loop_turn_begin(env);
 *	x->fn(x->arg, ...);
 *	loop_turn_end(env);
 *
 * Between two polls the loop writes out what streams have queued, frees what
 * was closed, and sets the alarm clock for the earliest timer.  So within one
 * libevent callback a closed object is still memory: its file looks at
 * `closed` after every turn, and hands the memory to loop_bury() when closing.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/list.h"
#include "env/env.h"

/* Something to do in the next round of the loop, outside of any callback. */
struct loop_soon {
	struct list node;
	void (*fn)(void *arg);
	void *arg;
};

#define LOOP_SLOTS	64			/* packets in one batch */
#define LOOP_SLOT	(66 * 1024)		/* bytes a slot; a multiple of the page */
#define LOOP_HEADROOM	256			/* before the data in a slot */

struct helper;
struct disk;
struct host;
struct map;
struct tls_ctx;

struct env {
	struct event_base *base;
	bool stop, in_turn;
	int64_t now_us;				/* boot time at the begin of the turn */
	int64_t turn_began;			/* running time */
	struct list turn_hooks;
	struct list resume_hooks;
	struct list signals;
	struct list soon;			/* struct loop_soon */
	struct list dirty;			/* streams with bytes to write out */
	struct list streams;			/* all of them, for env_free */
	void **graves;
	size_t graves_n, graves_cap;
	struct env_stalls stalls;

	struct env_timer **heap;		/* owned array of borrowed timers; heap[0] is due first */
	size_t heap_n, heap_cap;
	uint64_t timer_seq;
	int alarm_fd;				/* -1: the system has none */
	int64_t alarm_at;			/* what it is set to; 0: off, -1: it has rung */
	struct event alarm;
	int jump_fd;
	struct event jump;
	int64_t slept_us;			/* boot minus running time when last looked at */

	uint8_t *slots;				/* LOOP_SLOTS of them, mapped when first needed */
	struct env_timer *cool;			/* gives their memory back when they are not used */
	bool slots_used;			/* more than a page or two, since the timer was set */
	struct list tls;			/* struct tls_ctx */
	struct list lookups;
	struct map *resolved;			/* name to its last addresses; NULL at first */
	struct helper *helper;
	struct disk *disk;			/* NULL until the first file is written */
	struct list locks;			/* of folders */
	struct host *host;
	struct env_sysinfo *sysinfo;
};

void loop_turn_begin(struct env *);
void loop_turn_end(struct env *);
void loop_soon_init(struct loop_soon *, void (*fn)(void *), void *arg);
void loop_soon(struct env *, struct loop_soon *);	/* once, however often it is asked for */
void loop_soon_cancel(struct loop_soon *);
void loop_bury(struct env *, void *mem);		/* free() before the next poll */
uint8_t *loop_slot(struct env *, unsigned i);		/* data of slot i, LOOP_HEADROOM before it; NULL: no memory */
size_t loop_slot_room(void);				/* bytes from there on */

void loop_slots_used(struct env *, unsigned n, size_t bytes);	/* a batch was that large */

/* timer.c */
void timers_run(struct env *);
void timers_arm(struct env *);
void timers_free(struct env *);

/* stream.c, tls.c, disk.c, host.c, resolve.c */
void streams_flush(struct env *);
void streams_free(struct env *);
void tls_free(struct env *);
void disk_free(struct env *);
void resolve_free(struct env *);
void host_free(struct env *);
void host_own_iface(struct env *, unsigned index);	/* its changes are no news */
#endif
