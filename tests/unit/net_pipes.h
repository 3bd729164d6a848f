/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_NET_PIPES_H
#define GODWIT_TESTS_NET_PIPES_H
/*
 * net_pipes.h -- just enough of env.h for src/net: timers under a virtual clock
 * and streams that are pipes in memory, delivered `cut` bytes at a time.
 *
 * Included once by a test, which links neither libenv nor libsim.  What src/net
 * must bear is bytes cut anywhere, an end at any moment, a hole, and being
 * closed from inside its own callbacks; all of it repeats exactly.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"

struct env_timer {
	struct list all;
	struct env *env;
	int64_t at;		/* 0: not set */
	void (*fn)(void *);
	void *arg;
};

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
	int64_t now;
	struct list timers, streams, listeners;
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

void env_random(struct env *, void *, size_t);

static struct env *
pipes_new(size_t cut)
{
	struct env *e = calloc(1, sizeof(*e));

	e->now = 1000 * MONO_SEC;
	e->cut = cut;
	e->seed = 1;
	list_init(&e->timers);
	list_init(&e->streams);
	list_init(&e->listeners);
	return e;
}

static void
pipes_reap(struct env *e)
{
	LIST_EACH(l, &e->streams) {
		struct env_stream *s = LIST_OF(l, struct env_stream, all);

		if (s->dead && s->busy == 0) {
			list_remove(&s->all);
			buf_free(&s->in);
			free(s);
		}
	}
}

/* What was left open at the end of a test is a leak. */
static void
pipes_free(struct env *e)
{
	pipes_reap(e);
	if (!list_empty(&e->streams) || !list_empty(&e->timers) || !list_empty(&e->listeners))
		printf("# %zu streams, %zu timers, %zu listeners left\n", list_count(&e->streams),
		    list_count(&e->timers), list_count(&e->listeners));
	free(e);
}

static void
pipes_turn_end(struct env *e)
{
	for (int i = 0; i < 4; i++)
		if (e->turn[i].fn != NULL)
			e->turn[i].fn(e->turn[i].arg);
}

static void
pipes_tell(struct env_stream *s, enum env_stream_event ev, const uint8_t *data, size_t len, int err, const char *text)
{
	struct env_stream_note n = { .event = ev, .data = data, .len = len, .err = err, .text = text };

	s->env->deliveries++;
	s->busy++;
	if (!s->dead && s->fn != NULL)
		s->fn(s->arg, &n);
	pipes_turn_end(s->env);
	s->busy--;
}

static bool
pipes_step_stream(struct env_stream *s)
{
	struct env *e = s->env;
	size_t n;

	if (s->dead || e->hole)
		return false;
	if (s->refused) {
		s->refused = false;
		s->told_end = true;
		pipes_tell(s, ENV_STREAM_ERROR, NULL, 0, -ECONNREFUSED, "connection refused");
		return true;
	}
	if (s->connected && !s->told_connected) {
		s->told_connected = true;
		pipes_tell(s, ENV_STREAM_CONNECTED, NULL, 0, 0, NULL);
		return true;
	}
	if (s->paused || s->told_end)
		return false;
	n = buf_len(&s->in) < e->cut ? buf_len(&s->in) : e->cut;
	if (n > 0) {
		uint8_t *copy = malloc(n);	/* exactly n: the sanitizer sees any read behind it */
		struct env_stream *p = s->peer;

		memcpy(copy, buf_bytes(&s->in), n);
		buf_consume(&s->in, n);
		pipes_tell(s, ENV_STREAM_DATA, copy, n, 0, NULL);
		free(copy);
		p = s->peer;
		if (p != NULL && !p->dead && p->was_above && buf_len(&s->in) <= p->low) {
			p->was_above = false;
			pipes_tell(p, ENV_STREAM_DRAINED, NULL, 0, 0, NULL);
		}
		return true;
	}
	if (s->eof) {
		s->told_end = true;
		pipes_tell(s, ENV_STREAM_EOF, NULL, 0, 0, NULL);
		return true;
	}
	return false;
}

/* One delivery or one timer; false when nothing will ever happen before `until`. */
static bool
pipes_step(struct env *e, int64_t until)
{
	struct env_timer *next = NULL;
	bool did = false;

	LIST_EACH(l, &e->streams) {
		if (pipes_step_stream(LIST_OF(l, struct env_stream, all))) {
			did = true;
			break;
		}
	}
	if (did) {
		/* fairness: the first goes last */
		struct list *l = e->streams.next;

		if (l != &e->streams) {
			list_remove(l);
			list_append(&e->streams, l);
		}
		pipes_reap(e);
		return true;
	}
	LIST_EACH(l, &e->timers) {
		struct env_timer *t = LIST_OF(l, struct env_timer, all);

		if (t->at != 0 && (next == NULL || t->at < next->at))
			next = t;
	}
	if (next == NULL || next->at > until)
		return false;
	if (next->at > e->now)
		e->now = next->at;
	next->at = 0;
	next->fn(next->arg);
	pipes_turn_end(e);
	pipes_reap(e);
	return true;
}

/* Until *done, or `us` of virtual time. */
static void
pipes_run(struct env *e, const bool *done, int64_t us)
{
	int64_t until = e->now + us;

	for (unsigned long i = 0; i < 20000000 && (done == NULL || !*done); i++)
		if (!pipes_step(e, until)) {
			e->now = until;
			break;
		}
}

/* ---- env.h ------------------------------------------------------------------ */

struct mono
env_now(struct env *e)
{
	return (struct mono){ e->now };
}

int64_t
env_wall(struct env *e)
{
	return INT64_C(1700000000000000) + e->now;
}

void
env_on_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	for (int i = 0; i < 4; i++)
		if (e->turn[i].fn == NULL) {
			e->turn[i].fn = fn;
			e->turn[i].arg = arg;
			return;
		}
	abort();
}

void
env_off_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	for (int i = 0; i < 4; i++)
		if (e->turn[i].fn == fn && e->turn[i].arg == arg)
			e->turn[i].fn = NULL;
}

uint64_t
env_random_below(struct env *e, uint64_t bound)
{
	uint64_t v;

	env_random(e, &v, sizeof(v));
	return v % bound;
}

const struct env_sysinfo *
env_sysinfo(struct env *e)
{
	static const struct env_sysinfo info = { "host", "Test", "TestOS", "1", "0", "none" };

	(void)e;
	return &info;
}

size_t
env_ifaddrs(struct env *e, struct env_ifaddr *out, size_t max)
{
	if (max > 0) {
		memset(out, 0, sizeof(*out));
		out->prefix.addr = e->local;
		out->prefix.bits = 24;
		if (e->local_gone)
			out->prefix.addr.ip[3]++;
	}
	return 1;
}

struct env_timer *
env_timer_new(struct env *e, void (*fn)(void *), void *arg)
{
	struct env_timer *t = calloc(1, sizeof(*t));

	t->env = e;
	t->fn = fn;
	t->arg = arg;
	list_append(&e->timers, &t->all);
	return t;
}

void
env_timer_set(struct env_timer *t, int64_t us)
{
	t->at = t->env->now + us;
}

void
env_timer_stop(struct env_timer *t)
{
	t->at = 0;
}

bool
env_timer_pending(const struct env_timer *t)
{
	return t->at != 0;
}

void
env_timer_free(struct env_timer *t)
{
	if (t == NULL)
		return;
	list_remove(&t->all);
	free(t);
}

void
env_random(struct env *e, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		e->seed = e->seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(e->seed >> 56);
	}
}

static struct env_stream *
pipes_stream(struct env *e)
{
	struct env_stream *s = calloc(1, sizeof(*s));

	s->env = e;
	list_append(&e->streams, &s->all);
	return s;
}

struct env_stream *
env_stream_dial(struct env *e, const struct env_dial *d, env_stream_fn fn, void *arg)
{
	struct env_stream *a = pipes_stream(e), *b;

	a->fn = fn;
	a->arg = arg;
	LIST_EACH(l, &e->listeners) {
		struct env_listener *li = LIST_OF(l, struct env_listener, all);

		if (li->port != d->port)
			continue;
		b = pipes_stream(e);
		a->peer = b;
		b->peer = a;
		a->connected = b->connected = b->told_connected = true;
		li->fn(li->arg, b);
		return a;
	}
	a->refused = true;
	return a;
}

void
env_stream_set_fn(struct env_stream *s, env_stream_fn fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
}

int
env_stream_write(struct env_stream *s, const void *data, size_t len)
{
	if (s->peer == NULL || s->peer->dead)
		return 0;	/* into the void, as a kernel does */
	buf_put(&s->peer->in, data, len);
	if (buf_len(&s->peer->in) > s->low)
		s->was_above = true;
	return 0;
}

size_t
env_stream_queued(const struct env_stream *s)
{
	return s->peer != NULL ? buf_len(&s->peer->in) : 0;
}

void
env_stream_set_low(struct env_stream *s, size_t low)
{
	s->low = low;
}

void
env_stream_pause(struct env_stream *s, bool paused)
{
	s->paused = paused;
}

void
env_stream_close(struct env_stream *s)
{
	if (s == NULL || s->dead)
		return;
	s->dead = true;
	if (s->peer != NULL) {
		s->peer->eof = true;
		s->peer->peer = NULL;
	}
}

void
env_stream_finish(struct env_stream *s)
{
	env_stream_close(s);	/* what was written is with the peer already */
}

struct addr
env_stream_remote(const struct env_stream *s)
{
	struct addr a = { .family = ADDR_V4, .port = 4242, .ip = { 192, 0, 2, 1 } };

	(void)s;
	return a;
}

struct addr
env_stream_local(const struct env_stream *s)
{
	return s->env->local;
}

int
env_stream_uid(const struct env_stream *s)
{
	(void)s;
	return 1000;
}

struct env_listener *
env_listen(struct env *e, const struct env_listen *l, env_accept_fn fn, void *arg, int *err)
{
	struct env_listener *li = calloc(1, sizeof(*li));

	*err = 0;
	li->env = e;
	li->port = l->addr.port;
	li->fn = fn;
	li->arg = arg;
	list_append(&e->listeners, &li->all);
	return li;
}

void
env_listener_close(struct env_listener *li)
{
	list_remove(&li->all);
	free(li);
}
#endif
