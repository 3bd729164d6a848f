/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_UNIT_FAKE_CLOCK_H
#define GODWIT_TESTS_UNIT_FAKE_CLOCK_H
/*
 * fake-clock.h -- env.h's timers under a clock that a test moves, for the envs of
 * tests that link neither libenv nor libsim.  Each of these has a clock, or shares
 * one, and says which.
 */
#include "base/list.h"
#include "env/env.h"

struct fake_clock {
	int64_t now;
	struct list timers;
	uint64_t orders;
};

struct env_timer {
	struct list all;
	struct fake_clock *clock;
	struct env *env;
	void (*fn)(void *arg);
	void *arg;
	int64_t at;		/* 0: not set */
	uint64_t order;		/* of two at the same time, the one set first */
	bool once;		/* freed when it has run */
};

void fake_clock_init(struct fake_clock *, int64_t now);
/* The next timer that is due until then, or NULL.  The clock moves to it, not beyond. */
struct env_timer *fake_clock_next(struct fake_clock *, int64_t until);
/* Runs it: its callback, and no turn's end. */
void fake_timer_run(struct env_timer *);

/* The test's env provides this. */
struct fake_clock *fake_clock_of(struct env *);
#endif
