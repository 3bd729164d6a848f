/* SPDX-License-Identifier: ISC */
/*
 * dgram.c -- UDP sockets.
 *
 * What arrives waits in a bounded queue, as in a kernel, and is handed over in
 * arrays; runs of equal packets from one peer come joined, as GRO does it, so
 * that code which forgets `segment` is found here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

#define QUEUE_MAX	512	/* packets a socket's kernel buffer holds */
#define BATCH		64
#define HEADROOM	128
#define RUN_BYTES	65000

struct env_dgram {
	struct list in_env;	/* first */
	struct list in_host;
	struct env *env;
	struct addr local;
	env_pkts_fn fn;
	void *arg;
	struct ev wake;
	struct list queue;
	size_t nqueue;
	uint64_t dropped;
};

static bool
dgram_takes(const struct env_dgram *d, const struct addr *dst)
{
	return d->local.port == dst->port && d->local.family == dst->family &&
	    (addr_is_any(&d->local) || addr_same_ip(&d->local, dst));
}

static bool
dgram_clash(struct sim_host *h, const struct addr *a)
{
	LIST_EACH(l, &h->dgrams) {
		struct env_dgram *d = LIST_OF(l, struct env_dgram, in_host);

		if (d->local.family == a->family && d->local.port == a->port &&
		    (addr_is_any(&d->local) || addr_is_any(a) || addr_same_ip(&d->local, a)))
			return true;
	}
	return false;
}

/* One run: packets from the queue that may be joined with the first. */
static size_t
take_run(struct env_dgram *d, struct env_pkt *out)
{
	struct pkt *first = LIST_OF(d->queue.next, struct pkt, q);
	size_t n = 0, len = 0;

	LIST_EACH(l, &d->queue) {
		struct pkt *p = LIST_OF(l, struct pkt, q);

		if (!addr_equal(&p->src, &first->src) || !addr_equal(&p->dst, &first->dst) || p->ecn != first->ecn ||
		    p->len > first->len || len + p->len > RUN_BYTES || n == BATCH || (n > 0 && p->len == 0))
			break;
		len += p->len;
		n++;
		if (p->len < first->len)
			break;
	}
	memset(out, 0, sizeof *out);
	out->data = (uint8_t *)malloc(HEADROOM + len + 1) + HEADROOM;
	out->headroom = HEADROOM;
	out->ecn = first->ecn;
	out->peer = first->src;
	out->local = first->dst;
	out->local.port = 0;
	if (n > 1)
		out->segment = (uint16_t)first->len;
	for (size_t i = 0; i < n; i++) {
		struct pkt *p = LIST_OF(d->queue.next, struct pkt, q);

		memcpy(out->data + out->len, p->data, p->len);
		out->len += (uint32_t)p->len;
		list_remove(&p->q);
		pkt_free(p);
		d->nqueue--;
	}
	return n;
}

static void
dgram_wake(void *arg)
{
	struct env_dgram *d = arg;
	struct env *e = d->env;
	struct env_pkt pkts[BATCH];
	size_t n = 0;

	while (n < BATCH && !list_empty(&d->queue))
		take_run(d, &pkts[n++]);
	if (!list_empty(&d->queue))
		ev_set(e->sim, &d->wake, e->sim->now);
	turn_begin(e);
	d->fn(d->arg, pkts, n);
	turn_end(e);
	for (size_t i = 0; i < n; i++)
		free(pkts[i].data - pkts[i].headroom);
}

void
udp_input(struct sim_host *h, struct pkt *p)
{
	LIST_EACH(l, &h->dgrams) {
		struct env_dgram *d = LIST_OF(l, struct env_dgram, in_host);

		if (!dgram_takes(d, &p->dst))
			continue;
		if (d->nqueue >= QUEUE_MAX)
			break;
		list_append(&d->queue, &p->q);
		d->nqueue++;
		if (!ev_pending(&d->wake))
			ev_set(h->sim, &d->wake, h->sim->now + (int64_t)prng_below(&h->kernel, 50));
		return;
	}
	pkt_free(p);
}

struct env_dgram *
env_dgram_open(struct env *e, const struct addr *addr, env_pkts_fn fn, void *arg, int *err)
{
	struct sim_host *h = e->host;
	struct env_dgram *d;
	struct addr a = *addr;
	int why = 0;

	if (a.port == 0)
		do
			a.port = host_free_port(h, SIM_UDP);
		while (dgram_clash(h, &a));
	if (a.family != ADDR_V4 && a.family != ADDR_V6)
		why = -EAFNOSUPPORT;
	else if (!addr_is_any(&a) && !host_owns(h, &a))
		why = -EADDRNOTAVAIL;
	else if (!e->dead && dgram_clash(h, &a))
		why = -EADDRINUSE;
	if (err != NULL)
		*err = why;
	if (why != 0 || (d = calloc(1, sizeof *d)) == NULL)
		return NULL;
	d->env = e;
	d->local = a;
	d->fn = fn;
	d->arg = arg;
	list_init(&d->queue);
	env_ev_init(e, &d->wake, dgram_wake, d);
	list_append(&e->dgrams, &d->in_env);
	list_init(&d->in_host);
	if (!e->dead)
		list_append(&h->dgrams, &d->in_host);
	return d;
}

static int
send_one(struct env_dgram *d, const struct env_pkt *p, const uint8_t *data, size_t len)
{
	struct addr src = d->local;
	struct pkt *out;

	if (p->peer.family != d->local.family)
		return -EAFNOSUPPORT;
	if (addr_is_any(&src)) {
		src = p->local.family == p->peer.family && host_owns(d->env->host, &p->local) ? p->local :
		    host_source(d->env->host, &p->peer);
		src.port = d->local.port;
	}
	if (src.family == ADDR_NONE)
		return -ENETUNREACH;
	out = pkt_new(d->env->sim, SIM_UDP, &src, &p->peer, data, len);
	out->ecn = p->ecn;
	return host_send(d->env->host, out);
}

int
env_dgram_send(struct env_dgram *d, const struct env_pkt *pkts, size_t n)
{
	if (d->env->dead)
		return (int)n;
	for (size_t i = 0; i < n; i++) {
		size_t step = pkts[i].segment != 0 ? pkts[i].segment : pkts[i].len;
		size_t at = 0;

		do {
			size_t len = pkts[i].len - at < step ? pkts[i].len - at : step;
			int err = len > 65507 ? -EMSGSIZE : send_one(d, &pkts[i], pkts[i].data + at, len);

			if (err != 0) {
				d->dropped++;
				if (i == 0)
					return err;
				break;
			}
			at += step;
		} while (at < pkts[i].len);
	}
	return (int)n;
}

struct addr
env_dgram_local(const struct env_dgram *d)
{
	return d->local;
}

uint64_t
env_dgram_dropped(const struct env_dgram *d)
{
	return d->dropped;
}

static void
dgram_unbind(struct env_dgram *d)
{
	ev_stop(d->env->sim, &d->wake);
	list_remove(&d->in_host);
	while (!list_empty(&d->queue)) {
		struct pkt *p = LIST_OF(d->queue.next, struct pkt, q);

		list_remove(&p->q);
		pkt_free(p);
	}
	d->nqueue = 0;
}

void
env_dgram_close(struct env_dgram *d)
{
	if (d == NULL)
		return;
	dgram_unbind(d);
	list_remove(&d->in_env);
	free(d);
}

void
dgrams_kill(struct env *e)
{
	LIST_EACH(l, &e->dgrams)
		dgram_unbind(LIST_OF(l, struct env_dgram, in_env));
}
