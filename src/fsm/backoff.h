/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FSM_BACKOFF_H
#define GODWIT_FSM_BACKOFF_H
/*
 * backoff.h -- the wait before the next try, computed for a `$wait` timer.
 *
 * `base` grows from `first` by factor `num`/`den` to `max`; what is waited lies
 * anywhere within `spread` per cent of it (100: from 0 to twice the base), so
 * that a fleet does not come back in waves.  The base is reset by what proved
 * itself, never by what merely began.
 */
#include <stdint.h>

struct env;

struct backoff {
	int64_t first, max;	/* microseconds */
	unsigned num, den;	/* growth */
	unsigned spread;	/* per cent of the base, either way */
	int64_t base;		/* of the next wait; 0: `first` */
};

/* NetBird's for streams: 800 ms, times 1.7, at most 10 s, randomised by factor 1. */
#define BACKOFF_STREAM	{ 800000, 10000000, 17, 10, 100, 0 }

/* Microseconds after which a dial that has not succeeded has probably lost its SYN:
 * a round trip for TCP, two for TLS, of 300 ms each. */
#define BACKOFF_OVERDUE	1000000
/* NetBird's patience: who had no healthy stream for three months gives up. */
#define BACKOFF_HOPELESS	(INT64_C(90) * 24 * 3600 * 1000000)

/* The next wait in microseconds; the base grows behind it. */
int64_t backoff_next(struct backoff *, struct env *);
void backoff_reset(struct backoff *);
/* Up to 50 ms, before the first try after a good life: a restart of the server, a
 * network's return are felt by all at once, so no try goes without jitter. */
int64_t backoff_little(struct env *);
#endif
