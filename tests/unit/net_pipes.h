/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_NET_PIPES_H
#define GODWIT_TESTS_NET_PIPES_H
/*
 * net_pipes.h -- just enough of env.h for src/net: timers under a virtual clock
 * and streams that are pipes in memory, delivered `cut` bytes at a time.
 *
 * A test that has net_pipes.c links neither libenv nor libsim.  What src/net
 * must bear is bytes cut anywhere, an end at any moment, a hole, and being
 * closed from inside its own callbacks; all of it repeats exactly.  The structs
 * are open, so that a test can set a hole and look at what is left.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"
#include "tests/unit/fake-clock.h"

struct env_stream {
	struct list all;
	struct env *env;
	struct env_stream *peer;
	env_stream_fn fn;
	void *arg;
	struct buf in;		/* under way to us */
	bool connected, told_connected, eof, told_end, paused, finishing, was_above, refused;
	size_t low;
	unsigned busy;
	bool dead;
};

struct env_listener {
	struct list all;
	struct env *env;
	uint16_t port;
	env_accept_fn fn;
	void *arg;
};

struct env {
	struct fake_clock clock;
	struct list streams, listeners;
	size_t cut;		/* bytes a delivery */
	bool hole;		/* nothing is delivered */
	uint64_t seed;
	unsigned long deliveries;
	struct {
		void (*fn)(void *);
		void *arg;
	} turn[4];		/* what runs when a callback has returned */
	struct addr local;	/* what streams say they were made from */
	bool local_gone;	/* no interface has it any more */
};

struct env *pipes_new(size_t cut);
bool pipes_free(struct env *);	/* whether nothing was left open; says what was: a leak */
void pipes_reap(struct env *);	/* frees the closed streams that nobody is inside of */
/* Until *done (NULL: never), or `us` of virtual time. */
void pipes_run(struct env *, const bool *done, int64_t us);
/* One delivery or one timer; false when nothing will ever happen before `until`. */
bool pipes_step(struct env *, int64_t until);
struct env_stream *pipes_stream(struct env *);	/* one end, with no other */
#endif
