/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- env.h's streams over tcp.c, from the moment that they are open.
 *
 * What a program writes waits in `out` until the turn is over, and bytes arrive
 * in pieces of any size.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/stream.h"

#define FINISH_TIME	(5 * MONO_SEC)		/* env.h */
#define CHUNK		65536

static void stream_wake(void *);

/* ---- birth and death --------------------------------------------------------- */

static void
limit_ev(void *arg)
{
	env_stream_close(arg);
}

struct env_stream *
stream_new(struct env *e, env_stream_fn fn, void *arg)
{
	struct env_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		fatal("sim", "no memory");
	s->env = e;
	s->fn = fn;
	s->arg = arg;
	buf_init(&s->out);
	env_ev_init(e, &s->wake, stream_wake, s);
	env_ev_init(e, &s->limit, limit_ev, s);
	env_ev_init(e, &s->race, dial_race, s);
	list_append(&e->streams, &s->in_env);
	return s;
}

static void
stream_free(struct env_stream *s)
{
	dial_drop(s);
	ev_stop(s->env->sim, &s->wake);
	ev_stop(s->env->sim, &s->limit);
	list_remove(&s->in_env);
	if (s->env->handing == s)
		s->env->handing = NULL;
	buf_free(&s->out);
	free(s);
}

void
env_stream_close(struct env_stream *s)
{
	if (s == NULL)
		return;
	if (s->tcp != NULL)
		tcp_close(s->tcp, s->tls && s->phase == OPEN && buf_len(&s->out) == 0, false);
	s->tcp = NULL;
	stream_free(s);
}

void
env_stream_finish(struct env_stream *s)
{
	if (s == NULL)
		return;
	s->fn = NULL;
	s->finishing = true;
	if (s->phase != OPEN || s->env->dead) {	/* nothing stands that could carry it */
		env_stream_close(s);
		return;
	}
	ev_set(s->env->sim, &s->limit, s->env->sim->now + FINISH_TIME);
	stream_kick(s);
}

/* Those that their program is done with. */
size_t
streams_finishing(const struct env *e)
{
	size_t n = 0;

	LIST_EACH(l, (struct list *)(uintptr_t)&e->streams)
		n += LIST_OF(l, struct env_stream, in_env)->finishing;
	return n;
}

void
streams_kill(struct env *e)
{
	LIST_EACH(l, &e->streams) {
		struct env_stream *s = LIST_OF(l, struct env_stream, in_env);

		dial_drop(s);
		if (s->tcp != NULL)
			tcp_close(s->tcp, false, false);
		s->tcp = NULL;
		s->phase = ENDED;
		ev_stop(e->sim, &s->wake);
		ev_stop(e->sim, &s->limit);
	}
}

void
stream_kick(struct env_stream *s)
{
	if (!ev_pending(&s->wake))
		ev_set(s->env->sim, &s->wake, s->env->sim->now);
}

/* ---- telling --------------------------------------------------------------------- */

void
stream_tell(struct env_stream *s, const struct env_stream_note *note)
{
	struct env *e = s->env;

	if (s->fn == NULL)
		return;
	turn_begin(e);
	s->fn(s->arg, note);
	turn_end(e);
}

void
stream_tell_event(struct env_stream *s, enum env_stream_event event)
{
	stream_tell(s, &(struct env_stream_note){ .event = event });
}

void
stream_fail(struct env_stream *s, int err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->phase = ENDED;
	dial_drop(s);
	sim_say(s->env->sim, s->env->host->name, "stream: %s", text);
	if (s->finishing || s->accepting != NULL) {
		env_stream_close(s);
		return;
	}
	stream_tell(s, &(struct env_stream_note){ .event = ENV_STREAM_ERROR, .err = err, .text = text });
}

/* ---- open ------------------------------------------------------------------------------------ */

static void
flush(struct env_stream *s)
{
	size_t room = tcp_room(s->tcp), n = buf_len(&s->out);

	if (n > room)
		n = room;
	if (n > 0) {
		tcp_write(s->tcp, buf_bytes(&s->out), n);
		buf_consume(&s->out, n);
	}
}

static void
read_some(struct env_stream *s)
{
	struct tcp *t = s->tcp;
	struct prng *chance = &s->env->host->kernel;
	size_t n = buf_len(&t->rcv) < CHUNK ? buf_len(&t->rcv) : CHUNK;
	uint8_t *copy;

	if (prng_below(chance, 8) == 0)		/* nothing promises how bytes are grouped */
		n = 1 + (size_t)prng_below(chance, n);
	if (s->env->host->read_most > 0 && n > s->env->host->read_most)
		n = s->env->host->read_most;
	copy = malloc(n);
	if (copy == NULL)
		fatal("sim", "no memory");
	memcpy(copy, buf_bytes(&t->rcv), n);
	buf_consume(&t->rcv, n);
	tcp_consumed(t);
	ev_set(s->env->sim, &s->wake, s->env->sim->now + (s->env->host->read_most > 0 ? s->env->host->read_every : 0));
	stream_tell(s, &(struct env_stream_note){ .event = ENV_STREAM_DATA, .data = copy, .len = n });
	free(copy);
}

static void
wake_open(struct env_stream *s)
{
	struct tcp *t = s->tcp;

	if (t->state != TCP_DEAD)
		flush(s);
	if (s->finishing) {
		if (t->state == TCP_DEAD || buf_len(&s->out) == 0) {
			buf_clear(&t->rcv);
			tcp_close(t, s->tls, true);
			s->tcp = NULL;
			stream_free(s);
		}
		return;
	}
	if (s->above && buf_len(&s->out) <= s->low) {
		s->above = false;
		stream_kick(s);
		stream_tell_event(s, ENV_STREAM_DRAINED);
	} else if (!s->paused && buf_len(&t->rcv) > 0) {
		read_some(s);
	} else if (t->state == TCP_DEAD) {
		if (!s->paused || buf_len(&s->out) > 0)
			stream_fail(s, t->err, "%s: %s", s->what, strerror(-t->err));
	} else if (!s->paused && t->fin_rcvd) {
		s->phase = ENDED;
		stream_tell_event(s, s->tls && !t->fin_rcvd_clean ? ENV_STREAM_TRUNCATED : ENV_STREAM_EOF);
	}
}

static void
stream_wake(void *arg)
{
	struct env_stream *s = arg;

	switch (s->phase) {
	case DIALING:
		dial_wake(s);
		break;
	case HANDSHAKE:
		tls_wake(s);
		break;
	case OPEN:
		wake_open(s);
		break;
	case ENDED:
		if (s->tcp != NULL && s->tcp->state == TCP_OPEN)
			flush(s);	/* half-closed: what is written still goes out */
		if (s->finishing)
			env_stream_close(s);
		break;
	}
}

int
env_stream_write(struct env_stream *s, const void *data, size_t len)
{
	if (s->env->dead || s->finishing || (s->phase == ENDED && (s->tcp == NULL || s->tcp->state != TCP_OPEN)))
		return -EPIPE;
	if (len == 0)
		return 0;
	buf_put(&s->out, data, len);
	if (buf_bad(&s->out))
		return -ENOMEM;
	if (buf_len(&s->out) > s->low)
		s->above = true;
	if (s->phase == OPEN || s->phase == ENDED)
		stream_kick(s);
	return 0;
}

void
env_stream_set_fn(struct env_stream *s, env_stream_fn fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
}

size_t
env_stream_queued(const struct env_stream *s)
{
	return buf_len(&s->out);
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
	if (!paused && s->phase == OPEN && !s->env->dead)
		stream_kick(s);
}

struct addr
env_stream_remote(const struct env_stream *s)
{
	return s->path ? (struct addr){ 0 } : s->remote;
}

struct addr
env_stream_local(const struct env_stream *s)
{
	return s->path ? (struct addr){ 0 } : s->local;
}

int
env_stream_uid(const struct env_stream *s)
{
	return s->path ? 0 : -1;
}

const char *
env_stream_alpn(const struct env_stream *s)
{
	return s->alpn[0] != '\0' ? s->alpn : NULL;
}
