/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_DEAF_H
#define GODWIT_TESTS_DEAF_H
/*
 * deaf.h -- an owner of streams who does not care what they tell him: hooks that
 * do nothing.  And his keys.
 */
#include "env/env.h"
#include "fsm/fsm.h"
#include "signal/stream.h"
#include "wire/keys.h"

static inline void
deaf_route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg;
	(void)from;
	(void)send;
	(void)data;
}

static inline void
deaf_letter(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *m)
{
	(void)arg;
	(void)from;
	(void)m;
}

static inline void
deaf_changed(void *arg)
{
	(void)arg;
}

static inline void
fresh_keys(struct env *e, uint8_t secret[WIRE_KEY_LEN], uint8_t public[WIRE_KEY_LEN])
{
	env_random(e, secret, WIRE_KEY_LEN);
	wire_key_clamp(secret);
	wire_key_public(public, secret);
}
#endif
