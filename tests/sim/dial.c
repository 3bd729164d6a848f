/* SPDX-License-Identifier: ISC */
/*
 * dial.c -- how a stream comes to be open: names, addresses that race, and what
 * a program sees of TLS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/stream.h"

#define ATTEMPT_DELAY	(250 * MONO_MS)		/* RFC 8305 section 5 */
#define HELLO		"\x16\x03SIMTLS "

/* ---- dialling ---------------------------------------------------------------------- */

void
dial_drop(struct env_stream *s)
{
	for (size_t i = 0; i < s->started; i++)
		if (s->attempt[i] != NULL) {
			s->attempt[i]->owner = NULL;
			tcp_abort(s->attempt[i]);
			s->attempt[i] = NULL;
		}
	ev_stop(s->env->sim, &s->race);
	env_lookup_cancel(s->lookup);
	s->lookup = NULL;
}

static void
note_failure(struct env_stream *s, const struct addr *a, int err)
{
	char text[ADDR_STRLEN];

	if (s->err != 0)
		return;
	s->err = err;
	snprintf(s->why, sizeof s->why, "connect to %s%s%s%s: %s", s->what, a ? " (" : "",
	    a ? addr_str_port(a, text) : "", a ? ")" : "", strerror(-err));
}

static void
dial_next(struct env_stream *s)
{
	while (s->started < s->naddr) {
		size_t i = s->started++;
		int err;

		s->addr[i].port = s->port;
		s->attempt[i] = tcp_dial(s->env->host, &s->addr[i], false, s, &err);
		if (s->attempt[i] != NULL) {
			if (s->started < s->naddr)
				ev_set(s->env->sim, &s->race, s->env->sim->now + ATTEMPT_DELAY);
			return;
		}
		note_failure(s, &s->addr[i], err);
	}
	stream_kick(s);
}

void
dial_race(void *arg)
{
	dial_next(arg);
}

/* The turn around it says nothing to the program: posts nothing, drains nothing. */
static void
on_addresses(void *arg, const struct addr *a, size_t n, const char *why)
{
	struct env_stream *s = arg;
	uint8_t family;
	size_t i4 = 0, i6 = 0;

	s->lookup = NULL;
	if (n == 0) {
		s->err = -EHOSTUNREACH;
		snprintf(s->why, sizeof s->why, "%s: %s", s->what, why);
		stream_kick(s);
		return;
	}
	family = a[0].family;
	while (s->naddr < ADDRS) {	/* interleaved, beginning with the first one's family */
		size_t *i = family == ADDR_V4 ? &i4 : &i6;

		while (*i < n && a[*i].family != family)
			++*i;
		if (*i < n)
			s->addr[s->naddr++] = a[(*i)++];
		else if (i4 >= n && i6 >= n)
			break;
		family = family == ADDR_V4 ? ADDR_V6 : ADDR_V4;
	}
	dial_next(s);
}

struct env_stream *
env_stream_dial(struct env *e, const struct env_dial *d, env_stream_fn fn, void *arg)
{
	struct env_stream *s = stream_new(e, fn, arg);

	s->port = d->port;
	if (d->tls != NULL) {
		s->tls = true;
		snprintf(s->alpn, sizeof s->alpn, "%s", d->tls->alpn ? d->tls->alpn : "");
	}
	if (e->dead) {
		s->phase = ENDED;
		return s;
	}
	if (d->host == NULL) {
		struct path *p = map_get_str(e->host->paths, d->path);
		int err = p == NULL ? -ENOENT : -ECONNREFUSED;

		snprintf(s->what, sizeof s->what, "%s", d->path);
		s->path = true;
		if (p != NULL && p->listener != NULL) {
			s->attempt[0] = tcp_dial(e->host, &p->addr, true, s, &err);
			s->started = s->naddr = 1;
		}
		if (s->attempt[0] == NULL) {
			note_failure(s, NULL, err);
			stream_kick(s);
		}
		return s;
	}
	snprintf(s->what, sizeof s->what, strchr(d->host, ':') ? "[%s]:%u" : "%s:%u", d->host, d->port);
	s->lookup = env_lookup(e, d->host, on_addresses, s);
	return s;
}

static void
won(struct env_stream *s, struct tcp *t)
{
	s->tcp = t;
	s->local = t->local;
	s->remote = t->remote;
	for (size_t i = 0; i < s->started; i++)
		if (s->attempt[i] == t)
			s->attempt[i] = NULL;
	dial_drop(s);
	s->phase = s->tls ? HANDSHAKE : OPEN;
	if (s->tls) {
		char hello[64];

		tcp_write(t, hello, (size_t)snprintf(hello, sizeof hello, HELLO "%s\n", s->alpn));
	} else {
		stream_kick(s);
		stream_tell_event(s, ENV_STREAM_CONNECTED);
	}
}

void
dial_wake(struct env_stream *s)
{
	bool running = s->lookup != NULL;

	for (size_t i = 0; i < s->started; i++) {
		struct tcp *t = s->attempt[i];

		if (t == NULL)
			continue;
		if (t->state == TCP_OPEN) {
			won(s, t);
			return;
		}
		if (t->state != TCP_DEAD) {
			running = true;
			continue;
		}
		note_failure(s, s->path ? NULL : &s->addr[i], t->err);
		t->owner = NULL;
		tcp_abort(t);
		s->attempt[i] = NULL;
		if (s->started < s->naddr) {
			dial_next(s);
			running = true;
		}
	}
	if (!running)
		stream_fail(s, s->err, "%s", s->why);
}

/* ---- TLS, as far as a program sees it ---------------------------------------------------- */

static bool
alpn_agreed(struct env_stream *s, const char *theirs)
{
	if (s->tls_server) {
		if (strcmp(theirs, "h2") == 0 || strcmp(theirs, "http/1.1") == 0)
			snprintf(s->alpn, sizeof s->alpn, "%s", theirs);
		return true;
	}
	return s->alpn[0] == '\0' || strcmp(s->alpn, theirs) == 0;
}

void
tls_wake(struct env_stream *s)
{
	struct tcp *t = s->tcp;
	size_t n = buf_len(&t->rcv), hello = sizeof HELLO - 1;
	const uint8_t *p = buf_bytes(&t->rcv), *end = n > 0 ? memchr(p, '\n', n) : NULL;
	char theirs[64];

	if (n > 0 && memcmp(p, HELLO, n < hello ? n : hello) != 0) {
		stream_fail(s, -EPROTO, "TLS with %s: wrong version number", s->what);
		return;
	}
	if (end == NULL) {
		if (t->state == TCP_DEAD)
			stream_fail(s, t->err, "TLS with %s: %s", s->what, strerror(-t->err));
		else if (t->fin_rcvd)
			stream_fail(s, -ECONNRESET, "TLS with %s: connection closed", s->what);
		return;
	}
	snprintf(theirs, sizeof theirs, "%.*s", (int)(end - p - (long)hello), (const char *)p + hello);
	buf_consume(&t->rcv, (size_t)(end - p) + 1);
	if (!alpn_agreed(s, theirs)) {
		stream_fail(s, -ENOPROTOOPT, "TLS with %s: the server does not speak %s", s->what, s->alpn);
		return;
	}
	s->phase = OPEN;
	stream_kick(s);
	if (s->tls_server) {
		struct env_listener *l = s->accepting;

		if (t->state == TCP_OPEN)
			tcp_write(t, theirs, (size_t)snprintf(theirs, sizeof theirs, HELLO "%s\n", s->alpn));
		s->accepting = NULL;
		ev_stop(s->env->sim, &s->limit);
		listener_hand_over(l, s);
	} else
		stream_tell_event(s, ENV_STREAM_CONNECTED);
}
