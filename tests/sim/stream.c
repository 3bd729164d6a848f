/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- env.h's streams and listeners over tcp.c.
 *
 * Each stream has one event, `wake`; running it makes at most one callback and
 * sets it again when there is more to tell.  TLS is a line of greeting each way
 * (with ALPN) and a close_notify that rides on the FIN; the bytes stay plain.
 * What a program writes waits in `out` until the turn is over, and bytes arrive
 * in pieces of any size.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/tcp.h"

#define ADDRS		16
#define ATTEMPT_DELAY	(250 * MONO_MS)		/* RFC 8305 section 5 */
#define FINISH_TIME	(5 * MONO_SEC)		/* env.h */
#define CHUNK		65536
#define BACKLOG		1024
#define HELLO		"\x16\x03SIMTLS "

enum phase { DIALING, HANDSHAKE, OPEN, ENDED };

struct env_stream {
	struct list in_env;	/* first */
	struct env *env;
	env_stream_fn fn;
	void *arg;
	enum phase phase;
	struct ev wake, limit;
	/* dialling */
	struct env_lookup *lookup;
	struct addr addr[ADDRS];
	struct tcp *attempt[ADDRS];
	size_t naddr, started;
	struct ev race;
	uint16_t port;
	int err;
	char why[360], what[300];
	/* open */
	struct tcp *tcp;
	struct buf out;
	size_t low;
	bool above, paused, finishing, tls, tls_server, path;
	char alpn[64];
	struct env_listener *accepting;	/* TLS: not yet handed over */
	struct addr local, remote;
};

struct env_listener {
	struct list in_env;	/* first */
	struct list in_host;
	struct env *env;
	env_accept_fn fn;
	void *arg;
	struct addr addr;	/* ADDR_NONE: all */
	struct path *path;
	bool tls;
	struct list backlog;
	struct ev wake;
};

struct path {
	struct env_listener *listener;	/* NULL: stale */
	struct addr addr;		/* what stands for it inside the host: 127.7.0.0/16 */
};

static void stream_wake(void *);
static void start_next(struct env_stream *);

/* ---- birth and death --------------------------------------------------------- */

static void
race_ev(void *arg)
{
	start_next(arg);
}

static void
limit_ev(void *arg)
{
	env_stream_close(arg);
}

static struct env_stream *
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
	env_ev_init(e, &s->race, race_ev, s);
	list_append(&e->streams, &s->in_env);
	return s;
}

static void
drop_attempts(struct env_stream *s)
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
stream_free(struct env_stream *s)
{
	drop_attempts(s);
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

		drop_attempts(s);
		if (s->tcp != NULL)
			tcp_close(s->tcp, false, false);
		s->tcp = NULL;
		s->phase = ENDED;
		ev_stop(e->sim, &s->wake);
		ev_stop(e->sim, &s->limit);
	}
	LIST_EACH(l, &e->listeners) {
		struct env_listener *li = LIST_OF(l, struct env_listener, in_env);

		ev_stop(e->sim, &li->wake);
		list_remove(&li->in_host);
		if (li->path != NULL)
			li->path->listener = NULL;	/* the file stays: stale */
		li->path = NULL;
		while (!list_empty(&li->backlog))
			tcp_abort(LIST_OF(li->backlog.next, struct tcp, in_backlog));
	}
}

void
stream_kick(struct env_stream *s)
{
	if (!ev_pending(&s->wake))
		ev_set(s->env->sim, &s->wake, s->env->sim->now);
}

/* ---- telling --------------------------------------------------------------------- */

static void
tell(struct env_stream *s, const struct env_stream_note *note)
{
	struct env *e = s->env;

	if (s->fn == NULL)
		return;
	turn_begin(e);
	s->fn(s->arg, note);
	turn_end(e);
}

static void
tell_event(struct env_stream *s, enum env_stream_event event)
{
	tell(s, &(struct env_stream_note){ .event = event });
}

/* The last thing a function does with s. */
__attribute__((format(printf, 3, 4))) static void
stream_fail(struct env_stream *s, int err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->phase = ENDED;
	drop_attempts(s);
	sim_say(s->env->sim, s->env->host->name, "stream: %s", text);
	if (s->finishing || s->accepting != NULL) {
		env_stream_close(s);
		return;
	}
	tell(s, &(struct env_stream_note){ .event = ENV_STREAM_ERROR, .err = err, .text = text });
}

/* ---- dialling ---------------------------------------------------------------------- */

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
start_next(struct env_stream *s)
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
	start_next(s);
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
	drop_attempts(s);
	s->phase = s->tls ? HANDSHAKE : OPEN;
	if (s->tls) {
		char hello[64];

		tcp_write(t, hello, (size_t)snprintf(hello, sizeof hello, HELLO "%s\n", s->alpn));
	} else {
		stream_kick(s);
		tell_event(s, ENV_STREAM_CONNECTED);
	}
}

static void
wake_dialing(struct env_stream *s)
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
			start_next(s);
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

static void hand_over(struct env_listener *, struct env_stream *);

static void
wake_handshake(struct env_stream *s)
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
		hand_over(l, s);
	} else
		tell_event(s, ENV_STREAM_CONNECTED);
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
	tell(s, &(struct env_stream_note){ .event = ENV_STREAM_DATA, .data = copy, .len = n });
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
		tell_event(s, ENV_STREAM_DRAINED);
	} else if (!s->paused && buf_len(&t->rcv) > 0) {
		read_some(s);
	} else if (t->state == TCP_DEAD) {
		if (!s->paused || buf_len(&s->out) > 0)
			stream_fail(s, t->err, "%s: %s", s->what, strerror(-t->err));
	} else if (!s->paused && t->fin_rcvd) {
		s->phase = ENDED;
		tell_event(s, s->tls && !t->fin_rcvd_clean ? ENV_STREAM_TRUNCATED : ENV_STREAM_EOF);
	}
}

static void
stream_wake(void *arg)
{
	struct env_stream *s = arg;

	switch (s->phase) {
	case DIALING:
		wake_dialing(s);
		break;
	case HANDSHAKE:
		wake_handshake(s);
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

/* ---- listening ---------------------------------------------------------------------------------- */

static bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, 16) == 0;
}

struct env_listener *
listener_find(struct sim_host *h, const struct addr *dst)
{
	LIST_EACH(l, &h->listeners) {
		struct env_listener *li = LIST_OF(l, struct env_listener, in_host);

		if (li->path != NULL ? addr_equal(&li->path->addr, dst) :
		    li->addr.port == dst->port && (li->addr.family == ADDR_NONE ||
		    (li->addr.family == dst->family && (addr_is_any(&li->addr) || addr_same_ip(&li->addr, dst)))))
			return li;
	}
	return NULL;
}

bool
listener_room(const struct env_listener *l)
{
	return list_count(&l->backlog) < BACKLOG;
}

/* Twice for each connection: when its SYN came, and when it is open. */
void
listener_ready(struct env_listener *l, struct tcp *t)
{
	list_remove(&t->in_backlog);
	if (t->state == TCP_OPEN) {
		list_prepend(&l->backlog, &t->in_backlog);
		if (!ev_pending(&l->wake))
			ev_set(l->env->sim, &l->wake, l->env->sim->now);
	} else
		list_append(&l->backlog, &t->in_backlog);
}

static void
hand_over(struct env_listener *l, struct env_stream *s)
{
	struct env *e = l->env;

	e->handing = s;
	turn_begin(e);
	l->fn(l->arg, s);
	turn_end(e);
	if (e->handing == s && s->fn == NULL && !s->finishing)
		env_stream_close(s);
	e->handing = NULL;
}

static void
listener_wake(void *arg)
{
	struct env_listener *l = arg;
	struct env *e = l->env;
	char text[ADDR_STRLEN];

	/* the oldest open one: they were put in front */
	for (struct list *it = l->backlog.prev; it != &l->backlog; it = it->prev) {
		struct tcp *t = LIST_OF(it, struct tcp, in_backlog);
		struct env_stream *s;

		if (t->state != TCP_OPEN)
			continue;
		list_remove(&t->in_backlog);
		t->listener = NULL;
		s = stream_new(e, NULL, NULL);
		s->tcp = t;
		s->path = t->path;
		t->owner = s;
		s->local = t->local;
		s->remote = t->remote;
		snprintf(s->what, sizeof s->what, "%s", addr_str_port(&s->remote, text));
		ev_set(e->sim, &l->wake, e->sim->now);
		stream_kick(s);
		if (l->tls) {
			s->tls = s->tls_server = true;
			s->phase = HANDSHAKE;
			s->accepting = l;
			ev_set(e->sim, &s->limit, e->sim->now + 10 * MONO_SEC);
		} else {
			s->phase = OPEN;
			hand_over(l, s);
		}
		return;
	}
}

static int
listen_path(struct env_listener *l, const char *name)
{
	struct sim_host *h = l->env->host;
	struct path *p = map_get_str(h->paths, name);

	if (p != NULL && p->listener != NULL)
		return -EADDRINUSE;
	if (p == NULL) {
		p = calloc(1, sizeof *p);
		if (p == NULL)
			fatal("sim", "no memory");
		p->addr = addr_v4(0x7f070001, (uint16_t)(1 + h->npath++));
		map_put_str(h->paths, name, p);
	}
	p->listener = l;
	l->path = p;
	return 0;
}

static int
listen_port(struct env_listener *l, struct addr a)
{
	struct sim_host *h = l->env->host;

	if (a.family != ADDR_NONE && !addr_is_any(&a) && !host_owns(h, &a))
		return -EADDRNOTAVAIL;
	while (a.port == 0) {
		a.port = host_free_port(h, SIM_TCP);
		if (listener_find(h, &a) != NULL)
			a.port = 0;
	}
	LIST_EACH(it, &h->listeners) {
		struct env_listener *o = LIST_OF(it, struct env_listener, in_host);

		if (o->path == NULL && o->addr.port == a.port && (o->addr.family == ADDR_NONE || a.family == ADDR_NONE ||
		    (o->addr.family == a.family && (addr_is_any(&o->addr) || addr_is_any(&a) || addr_same_ip(&o->addr, &a)))))
			return -EADDRINUSE;
	}
	l->addr = a;
	return 0;
}

struct env_listener *
env_listen(struct env *e, const struct env_listen *what, env_accept_fn fn, void *arg, int *err)
{
	struct env_listener *l = calloc(1, sizeof *l);
	int why;

	if (l == NULL)
		fatal("sim", "no memory");
	l->env = e;
	l->fn = fn;
	l->arg = arg;
	l->tls = what->tls != NULL;
	list_init(&l->backlog);
	list_init(&l->in_host);
	env_ev_init(e, &l->wake, listener_wake, l);
	why = e->dead ? -ENETDOWN : what->path != NULL ? listen_path(l, what->path) : listen_port(l, what->addr);
	if (err != NULL)
		*err = why;
	if (why != 0) {
		free(l);
		return NULL;
	}
	list_append(&e->listeners, &l->in_env);
	list_append(&e->host->listeners, &l->in_host);
	return l;
}

uint16_t
env_listener_port(const struct env_listener *l)
{
	return l->addr.port;
}

static bool
path_is(const void *value, const struct path *p)
{
	return value == p;
}

void
env_listener_close(struct env_listener *l)
{
	struct env *e;

	if (l == NULL)
		return;
	e = l->env;
	LIST_EACH(it, &e->streams) {
		struct env_stream *s = LIST_OF(it, struct env_stream, in_env);

		if (s->accepting == l)
			env_stream_close(s);
	}
	while (!list_empty(&l->backlog))
		tcp_abort(LIST_OF(l->backlog.next, struct tcp, in_backlog));
	if (l->path != NULL)	/* the file is removed */
		for (struct map_it i = map_first(e->host->paths); i.value; i = map_next(i))
			if (path_is(i.value, l->path)) {
				struct path *p = i.value;

				map_del(e->host->paths, i.key, i.len);
				free(p);
				break;
			}
	ev_stop(e->sim, &l->wake);
	list_remove(&l->in_host);
	list_remove(&l->in_env);
	free(l);
}
