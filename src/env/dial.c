/* SPDX-License-Identifier: ISC */
/*
 * dial.c -- from a name to a connected socket, as RFC 8305 says.
 *
 * The addresses come in the resolver's order (RFC 6724) and are interleaved by
 * family.  One attempt is started every 250 ms, or as soon as one has failed;
 * the first to connect wins and the others are closed.  TLS comes after that
 * and has no second chance: a server that answers and fails is not replaced by
 * another address.
 */
#include "config.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/stream.h"
#include "sys/sockaddr.h"

#define ATTEMPT_DELAY	(250 * MONO_MS)		/* RFC 8305 section 5 */
#define ADDRS_MAX	16

struct attempt {
	struct dial *dial;
	int fd;			/* -1: over */
	struct event ev;
};

struct dial {
	struct env_stream *s;
	struct env_lookup *lookup;
	struct env_timer *next;
	struct loop_soon failed;	/* what could not even be begun */
	uint16_t port;
	struct addr addrs[ADDRS_MAX];
	struct attempt attempts[ADDRS_MAX];
	size_t n, started, running;
	int err;
	char why[400];		/* the first failure: the preferred address' */
};

static void start_next(struct dial *);

void
dial_free(struct dial *d)
{
	env_lookup_cancel(d->lookup);
	env_timer_free(d->next);
	loop_soon_cancel(&d->failed);
	for (size_t i = 0; i < d->started; i++) {
		if (d->attempts[i].fd < 0)
			continue;
		event_del(&d->attempts[i].ev);
		close(d->attempts[i].fd);
		d->attempts[i].fd = -1;
	}
	loop_bury(d->s->env, d);
}

static void
note_failure(struct dial *d, const struct addr *a, int err)
{
	char text[ADDR_STRLEN];

	if (d->err != 0)
		return;
	d->err = err;
	snprintf(d->why, sizeof d->why, "connect to %s%s%s%s: %s", d->s->what,
	    a ? " (" : "", a ? addr_str_port(a, text) : "", a ? ")" : "", strerror(-err));
}

static void
won(struct dial *d, struct attempt *a)
{
	struct env_stream *s = d->s;
	int fd = a->fd;

	event_del(&a->ev);
	a->fd = -1;
	dial_free(d);
	s->dial = NULL;
	stream_adopt(s, fd);
	stream_start(s);
}

static void
after_failure(struct dial *d)
{
	if (d->started < d->n)
		start_next(d);
	else if (d->running == 0)
		stream_fail(d->s, d->err, "%s", d->why);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	struct dial *d = a->dial;
	int err = stream_socket_error((int)fd);

	if (err == 0) {
		won(d, a);
		return;
	}
	close(a->fd);
	a->fd = -1;
	d->running--;
	note_failure(d, &d->addrs[a - d->attempts], err);
	after_failure(d);
}

static void
on_next(void *arg)
{
	start_next(arg);
}

static void
on_failed(void *arg)
{
	struct dial *d = arg;

	if (d->lookup == NULL)
		after_failure(d);
}

/* Connects one socket; 0 when it is under way or done, or -errno. */
static int
begin(struct dial *d, struct attempt *a, const struct sockaddr *sa, socklen_t len)
{
	a->dial = d;
	a->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return -errno;
	if (connect(a->fd, sa, len) < 0 && errno != EINPROGRESS) {
		int err = -errno;

		close(a->fd);
		a->fd = -1;
		return err;
	}
	event_assign(&a->ev, d->s->env->base, a->fd, EV_WRITE, on_connected, a);
	event_add(&a->ev, NULL);
	d->running++;
	return 0;
}

static void
start_next(struct dial *d)
{
	while (d->started < d->n) {
		struct sockaddr_storage ss;
		size_t i = d->started++;
		socklen_t len = sys_addr_to_sockaddr(&d->addrs[i], &ss);
		int err = begin(d, &d->attempts[i], (struct sockaddr *)&ss, len);

		if (err == 0) {
			if (d->started < d->n)
				env_timer_set(d->next, ATTEMPT_DELAY);
			return;
		}
		note_failure(d, &d->addrs[i], err);
	}
	/* Nothing could be begun: said from the loop, not from the caller's stack. */
	if (d->running == 0)
		loop_soon(d->s->env, &d->failed);
}

/* First family first, then by turns (RFC 8305 section 4). */
static void
interleave(struct dial *d, const struct addr *in, size_t n)
{
	size_t own = 0, other = 0;
	bool want_own = true;

	while (d->n < ADDRS_MAX && (own < n || other < n)) {
		size_t *i = want_own ? &own : &other;

		while (*i < n && (in[*i].family == in[0].family) != want_own)
			++*i;
		if (*i < n) {
			d->addrs[d->n] = in[(*i)++];
			d->addrs[d->n++].port = d->port;
		}
		want_own = !want_own;
	}
}

static void
on_lookup(void *arg, const struct addr *addrs, size_t n, const char *why)
{
	struct dial *d = arg;

	d->lookup = NULL;
	if (n == 0) {
		d->err = -EHOSTUNREACH;
		snprintf(d->why, sizeof d->why, "look up %s: %s", d->s->what, why);
		loop_soon(d->s->env, &d->failed);
		return;
	}
	interleave(d, addrs, n);
	start_next(d);
}

static void
start_local(struct dial *d, const char *path)
{
	struct sockaddr_un sun;
	int err;

	memset(&sun, 0, sizeof sun);
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof sun.sun_path) {
		err = -ENAMETOOLONG;
	} else {
		strcpy(sun.sun_path, path);
		d->n = d->started = 1;
		err = begin(d, &d->attempts[0], (struct sockaddr *)&sun, sizeof sun);
	}
	if (err == 0)
		return;
	note_failure(d, NULL, err);
	loop_soon(d->s->env, &d->failed);
}

/* NULL: no memory. */
struct dial *
dial_start(struct env_stream *s, const struct env_dial *to)
{
	struct dial *d = calloc(1, sizeof *d);
	struct addr literal;

	if (d == NULL)
		return NULL;
	d->s = s;
	d->port = to->port;
	loop_soon_init(&d->failed, on_failed, d);
	for (size_t i = 0; i < ADDRS_MAX; i++)
		d->attempts[i].fd = -1;
	d->next = env_timer_new(s->env, on_next, d);
	if (d->next == NULL) {
		free(d);
		return NULL;
	}
	if (to->host == NULL) {
		start_local(d, to->path);
	} else if (addr_parse(&literal, to->host) == 0) {
		interleave(d, &literal, 1);
		start_next(d);
	} else {
		d->lookup = env_lookup(s->env, to->host, on_lookup, d);
		if (d->lookup == NULL) {
			note_failure(d, NULL, -ENOMEM);
			loop_soon(s->env, &d->failed);
		}
	}
	return d;
}

/* TLS options that make no sense are told as an error event like the rest. */
static void
on_refused(void *arg)
{
	struct env_stream *s = arg;

	stream_fail(s, s->dial->err, "%s", s->dial->why);
}

static struct dial *
dial_refused(struct env_stream *s, int err, const char *why)
{
	struct dial *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->s = s;
	d->err = err;
	snprintf(d->why, sizeof d->why, "TLS with %s: %s", s->what, why);
	loop_soon_init(&d->failed, on_refused, s);
	loop_soon(s->env, &d->failed);
	return d;
}

struct env_stream *
env_stream_dial(struct env *env, const struct env_dial *to, env_stream_fn fn, void *arg)
{
	struct env_stream *s = stream_new(env, fn, arg);
	char why[200];
	int err = 0;

	if (s == NULL)
		return NULL;
	stream_set_what(s, to->host ? to->host : to->path, to->host ? to->port : 0);
	if (s->what != NULL && to->tls != NULL)
		err = tls_client(s, to->tls, why, sizeof why);
	s->dial = s->what == NULL ? NULL : err < 0 ? dial_refused(s, err, why) : dial_start(s, to);
	if (s->dial == NULL) {
		env_stream_close(s);
		return NULL;
	}
	return s;
}
