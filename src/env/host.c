/* SPDX-License-Identifier: ISC */
/*
 * host.c -- the host's interfaces and routes: asked for, answered by event.
 *
 * Requests carry a number; the answer finds its owner by it.  Changes of the
 * host's network come in bursts and are joined: the hooks run 50 ms after the
 * first message of a burst, once.
 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/loop.h"
#include "sys/iface.h"
#include "sys/netmon.h"
#include "sys/sysinfo.h"

#define JOIN_US		(50 * MONO_MS)
#define OWN_MAX		8

struct request {
	struct list node;
	struct host *host;
	struct loop_soon soon;		/* answered at once */
	uint32_t number;
	int err;
	env_host_fn fn;
	void *arg;
};

struct change_hook {
	struct list node;
	void (*fn)(void *arg);
	void *arg;
};

struct host {
	struct env *env;
	int fd;				/* of sys/iface.h, or -1 */
	struct event ev;
	uint32_t number;
	struct list requests;
	struct netmon *netmon;		/* NULL: the system has none */
	struct event netmon_ev;
	struct list hooks;
	struct env_timer *join;
	unsigned own[OWN_MAX];		/* our interfaces, the latest of them */
	size_t own_n;
};

static void
answered(struct request *q, int err)
{
	struct env *env = q->host->env;

	list_remove(&q->node);
	loop_soon_cancel(&q->soon);
	if (q->fn != NULL) {
		loop_turn_begin(env);
		q->fn(q->arg, err);
		loop_turn_end(env);
	}
	free(q);
}

static void
on_soon(void *arg)
{
	struct request *q = arg;

	answered(q, q->err);
}

static void
on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;
	uint32_t number;
	int err;

	while (sys_iface_answer(h->fd, &number, &err) > 0) {
		LIST_EACH(it, &h->requests) {
			struct request *q = LIST_OF(it, struct request, node);

			if (q->number != number)
				continue;
			answered(q, err);
			break;
		}
	}
}

static struct host *
host_of(struct env *env)
{
	struct host *h = env->host;

	if (h != NULL)
		return h;
	h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->env = env;
	list_init(&h->requests);
	list_init(&h->hooks);
	h->fd = sys_iface_open();
	if (h->fd >= 0) {
		event_assign(&h->ev, env->base, h->fd, EV_READ | EV_PERSIST, on_answers, h);
		event_add(&h->ev, NULL);
	}
	return env->host = h;
}

int
env_host_ask(struct env *env, const struct env_host_req *r, env_host_fn fn, void *arg)
{
	static const enum sys_iface_op ops[] = {
		[ENV_HOST_ADDR_ADD] = SYS_IFACE_ADDR_ADD, [ENV_HOST_ADDR_DEL] = SYS_IFACE_ADDR_DEL,
		[ENV_HOST_LINK_UP] = SYS_IFACE_LINK_UP,
		[ENV_HOST_ROUTE_ADD] = SYS_IFACE_ROUTE_ADD, [ENV_HOST_ROUTE_DEL] = SYS_IFACE_ROUTE_DEL
	};
	struct host *h = host_of(env);
	struct request *q = calloc(1, sizeof *q);
	int err;

	if (h == NULL || q == NULL) {
		free(q);
		return -ENOMEM;
	}
	q->host = h;
	q->number = ++h->number;
	q->fn = fn;
	q->arg = arg;
	loop_soon_init(&q->soon, on_soon, q);
	err = sys_iface_ask(h->fd, q->number, ops[r->op], r->iface, &r->prefix, r->mtu);
	list_append(&h->requests, &q->node);
	if (err != 0) {		/* 1: done; negative: refused.  Told by event like the rest. */
		q->err = err > 0 ? 0 : err;
		loop_soon(env, &q->soon);
	}
	return 0;
}

size_t
env_ifaddrs(struct env *env, struct env_ifaddr *out, size_t max)
{
	struct sys_ifaddr *list = max > 0 ? calloc(max, sizeof *list) : NULL;
	size_t n;

	if (list == NULL && max > 0)
		return 0;
	n = sys_ifaddrs(list, max);
	for (size_t i = 0; i < n && i < max; i++) {
		memcpy(out[i].iface, list[i].iface, sizeof out[i].iface);
		out[i].prefix = list[i].prefix;
		out[i].up = list[i].up;
		out[i].point_to_point = list[i].point_to_point;
	}
	free(list);
	return n;
}

/* ---- changes ---------------------------------------------------------------- */

static void
on_joined(void *arg)
{
	struct host *h = arg;

	/* A timer's turn already: all hooks are one thing from outside. */
	LIST_EACH(it, &h->hooks) {
		struct change_hook *c = LIST_OF(it, struct change_hook, node);

		c->fn(c->arg);
	}
}

static void
on_netmon(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;

	if (sys_netmon_changed(h->netmon) && !env_timer_pending(h->join))
		env_timer_set(h->join, JOIN_US);
}

static void
watch_changes(struct host *h)
{
	h->join = env_timer_new(h->env, on_joined, h);
	h->netmon = h->join != NULL ? sys_netmon_new() : NULL;
	if (h->netmon == NULL) {
		log_warnx("env", "changes of the network will go unnoticed");
		return;
	}
	sys_netmon_ignore(h->netmon, h->own, h->own_n);
	event_assign(&h->netmon_ev, h->env->base, sys_netmon_fd(h->netmon), EV_READ | EV_PERSIST, on_netmon, h);
	event_add(&h->netmon_ev, NULL);
}

void
env_on_host_change(struct env *env, void (*fn)(void *), void *arg)
{
	struct host *h = host_of(env);
	struct change_hook *c = calloc(1, sizeof *c);

	if (h == NULL || c == NULL)
		fatal("env", "no memory for a hook");
	c->fn = fn;
	c->arg = arg;
	if (list_empty(&h->hooks) && h->join == NULL)
		watch_changes(h);
	list_append(&h->hooks, &c->node);
}

uint64_t
env_host_ways(struct env *env)
{
	struct host *h = host_of(env);

	return h != NULL && h->netmon != NULL ? sys_netmon_ways(h->netmon) : 0;
}

void
host_own_iface(struct env *env, unsigned index)
{
	struct host *h = host_of(env);

	if (h == NULL)
		return;
	if (h->own_n == OWN_MAX)
		memmove(h->own, h->own + 1, --h->own_n * sizeof h->own[0]);
	h->own[h->own_n++] = index;
	if (h->netmon != NULL)
		sys_netmon_ignore(h->netmon, h->own, h->own_n);
}

void
host_free(struct env *env)
{
	struct host *h = env->host;

	if (h == NULL)
		return;
	if (h->fd >= 0) {
		event_del(&h->ev);
		close(h->fd);
	}
	if (h->netmon != NULL)
		event_del(&h->netmon_ev);
	sys_netmon_free(h->netmon);
	env_timer_free(h->join);
	while (!list_empty(&h->requests)) {
		struct request *q = LIST_OF(h->requests.next, struct request, node);

		q->fn = NULL;
		answered(q, 0);
	}
	while (!list_empty(&h->hooks)) {
		struct change_hook *c = LIST_OF(h->hooks.next, struct change_hook, node);

		list_remove(&c->node);
		free(c);
	}
	free(h);
	env->host = NULL;
}

const struct env_sysinfo *
env_sysinfo(struct env *env)
{
	static const struct env_sysinfo unknown = { .hostname = "localhost", .os = "unknown" };
	struct sys_sysinfo s;
	struct env_sysinfo *o;

	if (env->sysinfo != NULL)
		return env->sysinfo;
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return &unknown;
	sys_sysinfo(&s);
	memcpy(o->hostname, s.hostname, sizeof o->hostname);
	memcpy(o->system, s.system, sizeof o->system);
	memcpy(o->os, s.os, sizeof o->os);
	memcpy(o->os_version, s.os_version, sizeof o->os_version);
	memcpy(o->kernel, s.kernel, sizeof o->kernel);
	memcpy(o->machine, s.machine, sizeof o->machine);
	return env->sysinfo = o;
}
