/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_UNIT_FAKEENV_H
#define GODWIT_TESTS_UNIT_FAKEENV_H
/*
 * fakeenv.h -- the smallest env in which the machines of one peer run: a clock
 * moved by hand, timers, chance from a seed, name lookups that fail or answer
 * at once, and host addresses set by the test.  Several envs share one clock.
 */
#include <stdint.h>
#include "base/addr.h"
#include "env/env.h"

struct env *fake_env_new(uint64_t seed);
void fake_env_set_addrs(struct env *, const struct addr *, size_t n);	/* "eth0"; tells host changes */
void fake_env_reroute(struct env *, uint64_t ways);	/* another default route */
void fake_env_resume(struct env *, int64_t slept_us);
/* Calls fn at `us` from now as a callback of that env (then its turn ends). */
void fake_at(struct env *, int64_t us, void (*fn)(void *arg), void *arg);
/* Runs everything that is due in the next `us`; the clock ends there. */
void fake_run(int64_t us);
int64_t fake_now(void);
#endif
