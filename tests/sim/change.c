/* SPDX-License-Identifier: ISC */
/*
 * change.c -- what programs ask of their host: addresses, links, routes; and what
 * interfaces there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/tun.h"

struct ask {
	struct list in_env;
	struct ev ev;
	struct env *env;
	struct env_host_req req;
	char iface[16];
	env_host_fn fn;
	void *arg;
};

static int
prefix_add(struct addr_prefix *v, size_t *n, size_t max, const struct addr_prefix *p)
{
	for (size_t i = 0; i < *n; i++)
		if (v[i].bits == p->bits && addr_same_ip(&v[i].addr, &p->addr))
			return 0;
	if (*n == max)
		return -ENOSPC;
	v[(*n)++] = *p;
	return 0;
}

static void
prefix_del(struct addr_prefix *v, size_t *n, const struct addr_prefix *p)
{
	for (size_t i = 0; i < *n; i++)
		if (v[i].bits == p->bits && addr_same_ip(&v[i].addr, &p->addr)) {
			memmove(&v[i], &v[i + 1], (--*n - i) * sizeof *v);
			return;
		}
}

static int
ask_do(const struct ask *a)
{
	struct sim_if *i = NULL;
	int err = 0;

	LIST_EACH(l, &a->env->host->ifs)
		if (strcmp(LIST_OF(l, struct sim_if, in_host)->name, a->iface) == 0)
			i = LIST_OF(l, struct sim_if, in_host);
	if (i == NULL)
		return -ENODEV;
	switch (a->req.op) {
	case ENV_HOST_ADDR_ADD:
		err = prefix_add(i->addr, &i->naddr, IF_ADDRS, &a->req.prefix);
		break;
	case ENV_HOST_ADDR_DEL:
		prefix_del(i->addr, &i->naddr, &a->req.prefix);
		break;
	case ENV_HOST_LINK_UP:
		i->up = true;
		if (i->tun != NULL && a->req.mtu != 0)
			i->tun->mtu = a->req.mtu;
		break;
	case ENV_HOST_ROUTE_ADD:
		i->route = realloc(i->route, (i->nroute + 1) * sizeof *i->route);
		if (i->route == NULL)
			fatal("sim", "no memory");
		prefix_add(i->route, &i->nroute, i->nroute + 1, &a->req.prefix);
		break;
	case ENV_HOST_ROUTE_DEL:
		prefix_del(i->route, &i->nroute, &a->req.prefix);
		break;
	}
	host_changed(a->env->host);
	return err;
}

static void
ask_run(void *arg)
{
	struct ask *a = arg;
	struct env *e = a->env;
	int err = ask_do(a);

	sim_mark(e->sim, "host ask", e->host->id, a->req.op, (uint64_t)-err);
	if (a->fn != NULL) {
		turn_begin(e);
		a->fn(a->arg, err);
		turn_end(e);
	}
	free(a);
}

int
env_host_ask(struct env *e, const struct env_host_req *req, env_host_fn fn, void *arg)
{
	struct ask *a = calloc(1, sizeof *a);

	if (a == NULL)
		fatal("sim", "no memory");
	env_ev_init(e, &a->ev, ask_run, a);
	a->ev.drop = free;
	a->env = e;
	a->req = *req;
	snprintf(a->iface, sizeof a->iface, "%s", req->iface);
	a->req.iface = a->iface;
	a->fn = fn;
	a->arg = arg;
	if (e->dead)
		free(a);
	else	/* in order, as a helper process answers */
		ev_set(e->sim, &a->ev, e->sim->now + MONO_MS);
	return 0;
}

size_t
env_ifaddrs(struct env *e, struct env_ifaddr *out, size_t max)
{
	size_t n = 0;

	LIST_EACH(l, &e->host->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		for (size_t k = 0; k < i->naddr; k++, n++) {
			if (n >= max)
				continue;
			memset(&out[n], 0, sizeof out[n]);
			snprintf(out[n].iface, sizeof out[n].iface, "%s", i->name);
			out[n].prefix = i->addr[k];
			out[n].up = i->up;
			out[n].point_to_point = i->tun != NULL;
		}
	}
	return n;
}
