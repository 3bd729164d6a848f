/* SPDX-License-Identifier: ISC */
/*
 * conform-time.c -- what env.h promises (conform.h) of timers, chance, datagrams
 * and names.
 */
#include <errno.h>
#include "tests/sim/conform.h"
#include "tests/tap.h"

/* ---- timers ------------------------------------------------------------------------ */

static struct mono fired_at;
static int fired, fired_before, turn_ends_between;
static struct env_timer *other, *again;

static void
on_fire(void *arg)
{
	ENTER();
	fired_at = env_now(env);
	fired++;
	env_stop(env);
	LEAVE();
}

static void
on_never(void *arg)
{
	ENTER();
	ok(false, "a freed or stopped timer stays silent");
	LEAVE();
}

static void
on_free_other(void *arg)
{
	ENTER();
	env_timer_free(other);
	other = NULL;
	env_timer_set(again, 5 * MONO_MS);
	LEAVE();
}

static void
on_count_turns(void *arg)
{
	ENTER();
	if (fired_before++ == 0)
		turn_ends = 0;
	else {
		turn_ends_between = turn_ends;
		env_stop(env);
	}
	LEAVE();
}

static void
timers(void)
{
	struct env_timer *t = env_timer_new(env, on_fire, NULL), *t2, *t3;
	struct mono began = env_now(env);

	ok(!env_timer_pending(t), "a new timer is not pending");
	env_timer_set(t, 30 * MONO_MS);
	ok(env_timer_pending(t), "a set timer is");
	run("a timer");
	ok(fired == 1, "it fires once");
	ok(mono_diff(fired_at, began) >= 30 * MONO_MS, "and not early");
	ok(!env_timer_pending(t), "then it is not pending");
	env_timer_set(t, 10 * MONO_SEC);
	env_timer_set(t, 10 * MONO_MS);
	began = env_now(env);
	run("a timer set again");
	ok(mono_diff(env_now(env), began) < MONO_SEC, "setting replaces");
	env_timer_set(t, 0);
	is_int(fired, 2, "zero does not fire inside the call");
	run("a timer of zero");
	is_int(fired, 3, "but soon");

	other = env_timer_new(env, on_never, NULL);
	env_timer_set(other, 20 * MONO_MS);
	again = env_timer_new(env, on_fire, NULL);
	t2 = env_timer_new(env, on_free_other, NULL);
	env_timer_set(t2, 5 * MONO_MS);
	t3 = env_timer_new(env, on_never, NULL);
	env_timer_set(t3, MONO_MS);
	env_timer_stop(t3);
	run("a timer set from a callback");
	run_for(40 * MONO_MS);
	env_timer_free(t2);
	t2 = env_timer_new(env, on_count_turns, NULL);
	env_timer_set(t2, MONO_MS);
	env_timer_set(again, 60 * MONO_SEC);
	t = (env_timer_free(t), env_timer_new(env, on_count_turns, NULL));
	env_timer_set(t, 10 * MONO_MS);
	run("two timers");
	ok(turn_ends_between >= 1, "the turn-end hook ran between two callbacks");
	env_timer_free(t);
	env_timer_free(t2);
	env_timer_free(t3);
	env_timer_free(again);
	env_timer_free(NULL);
	ok(env_wall(env) > INT64_C(1600000000000000), "the wall clock is past 2020");
}

static void
chance(void)
{
	uint8_t a[32], b[32];
	bool low = true, seen[3] = { false, false, false };

	env_random(env, a, sizeof a);
	env_random(env, b, sizeof b);
	ok(memcmp(a, b, sizeof a) != 0, "two draws differ");
	for (int i = 0; i < 200; i++) {
		uint64_t v = env_random_below(env, 3);

		low = low && v < 3;
		if (v < 3)
			seen[v] = true;
	}
	ok(low && seen[0] && seen[1] && seen[2], "draws below 3 are 0, 1 and 2");
	is_int(env_random_below(env, 1), 0, "below 1 there is only 0");
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static int dgrams_got, dgrams_want;
static size_t dgram_bytes;
static struct addr dgram_from;

static void
on_dgrams(void *arg, struct env_pkt *p, size_t n)
{
	ENTER();
	for (size_t i = 0; i < n; i++) {
		size_t seg = p[i].segment != 0 ? p[i].segment : p[i].len;

		for (size_t at = 0; at < p[i].len; at += seg)
			dgrams_got++;
		dgram_bytes += p[i].len;
		dgram_from = p[i].peer;
		memset(p[i].data - p[i].headroom, 0, p[i].headroom);
	}
	if (dgrams_got >= dgrams_want)
		env_stop(env);
	LEAVE();
}

static void
datagrams(uint8_t family)
{
	struct addr any = { .family = family }, to = { .family = family }, local;
	struct env_dgram *a, *b;
	uint8_t data[4000], room[64 + 4000];
	struct env_pkt p = { .data = room + 64, .headroom = 64, .len = 4000, .segment = 1200 };
	int err = 1;

	memset(data, 0xab, sizeof data);
	memcpy(room + 64, data, sizeof data);
	a = env_dgram_open(env, &any, on_dgrams, NULL, &err);
	b = env_dgram_open(env, &any, on_dgrams, NULL, &err);
	ok(a != NULL && b != NULL && err == 0, "two IPv%u sockets", family);
	local = env_dgram_local(a);
	ok(local.port != 0 && local.port != env_dgram_local(b).port, "with ports of their own");
	ok(env_dgram_open(env, &local, on_dgrams, NULL, &err) == NULL && err == -EADDRINUSE, "a port in use");
	if (family == ADDR_V4)
		addr_parse(&to, "127.0.0.1");
	else
		addr_parse(&to, "::1");
	to.port = local.port;
	p.peer = to;
	dgrams_got = 0;
	dgram_bytes = 0;
	dgrams_want = 4;
	is_int(env_dgram_send(b, &p, 1), 1, "one run of four packets is taken");
	is_int(dgrams_got, 0, "nothing arrives inside the call");
	run("four packets");
	ok(dgrams_got == 4 && dgram_bytes == 4000, "four packets, 4000 bytes");
	ok(dgram_from.port == env_dgram_local(b).port && addr_same_ip(&dgram_from, &to), "from the other socket");
	env_dgram_send(b, &p, 1);
	env_dgram_close(a);
	dgrams_got = 0;
	run_for(50 * MONO_MS);
	is_int(dgrams_got, 0, "a closed socket is silent");
	env_dgram_close(b);
}

/* ---- names -------------------------------------------------------------------------------------- */

static size_t found;
static struct addr found_first;

static void
on_found(void *arg, const struct addr *a, size_t n, const char *why)
{
	ENTER();
	found = n;
	if (n > 0)
		found_first = a[0];
	env_stop(env);
	LEAVE();
}

static void
names(void)
{
	struct env_lookup *l;

	env_lookup(env, "192.0.2.7", on_found, NULL);
	is_int(found, 0, "even a literal is answered later");
	run("a literal");
	ok(found == 1 && found_first.ip[3] == 7 && found_first.port == 0, "a literal is itself");
	found = 0;
	l = env_lookup(env, "192.0.2.8", on_found, NULL);
	env_lookup_cancel(l);
	run_for(30 * MONO_MS);
	is_int(found, 0, "a cancelled lookup is silent");
}

int
main(void)
{
	if (!conform_begin())
		return 99;
	timers();
	chance();
	datagrams(ADDR_V4);
	datagrams(ADDR_V6);
	names();
	is_int(broken, 0, "the rule of turns held throughout");
	return conform_end() ? tap_done() : 99;
}
