/* SPDX-License-Identifier: ISC */
/*
 * net_pipes_env.c -- the functions of env.h, over the pipes of net_pipes.h.
 */
#include "tests/unit/net_pipes.h"

struct fake_clock *
fake_clock_of(struct env *e)
{
	return &e->clock;
}

int64_t
env_wall(struct env *e)
{
	return INT64_C(1700000000000000) + e->clock.now;
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

void
env_random(struct env *e, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		e->seed = e->seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(e->seed >> 56);
	}
}

struct env_stream *
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
