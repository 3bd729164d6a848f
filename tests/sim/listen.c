/* SPDX-License-Identifier: ISC */
/*
 * listen.c -- env.h's listeners: ports and local sockets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/stream.h"

#define BACKLOG		1024

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

void
listener_hand_over(struct env_listener *l, struct env_stream *s)
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
			listener_hand_over(l, s);
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

void
listeners_kill(struct env *e)
{
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
