/* SPDX-License-Identifier: ISC */
/*
 * route.c -- a host's addresses and routes: by which interface a packet leaves.
 */
#include <errno.h>
#include <string.h>
#include "tests/sim/impl.h"

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, 16) == 0;
}

bool
host_owns(struct sim_host *h, const struct addr *a)
{
	if (addr_is_loopback(a))
		return true;
	LIST_EACH(l, &h->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		for (size_t k = 0; k < i->naddr; k++)
			if (addr_same_ip(&i->addr[k].addr, a))
				return true;
	}
	return false;
}

static const struct addr *
if_family_addr(const struct sim_if *i, uint8_t family)
{
	for (size_t k = 0; k < i->naddr; k++)
		if (i->addr[k].addr.family == family)
			return &i->addr[k].addr;
	return NULL;
}

bool
if_covers(const struct sim_if *i, const struct addr *dst)
{
	for (size_t k = 0; k < i->naddr; k++)
		if (addr_in_prefix(dst, &i->addr[k]))
			return true;
	for (size_t k = 0; k < i->nroute; k++)
		if (addr_in_prefix(dst, &i->route[k]))
			return true;
	return false;
}

/* The interface for dst: one whose prefix holds it, else the first with a router
 * (the plain internet routes to everybody on it). */
static struct sim_if *
host_route(struct sim_host *h, const struct addr *dst)
{
	struct sim_if *first = NULL;

	LIST_EACH(l, &h->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		if (!i->up || if_family_addr(i, dst->family) == NULL)
			continue;
		if (if_covers(i, dst))
			return i;
		if (first == NULL && i->tun == NULL)
			first = i;
	}
	return first;
}

struct addr
host_source(struct sim_host *h, const struct addr *dst)
{
	struct addr src = { 0 };
	struct sim_if *i;

	if (addr_is_loopback(dst) || host_owns(h, dst))
		src = *dst;
	else if ((i = host_route(h, dst)) != NULL)
		src = *if_family_addr(i, dst->family);
	src.port = 0;
	return src;
}

int
host_send(struct sim_host *h, struct pkt *p)
{
	struct sim_if *i;

	if (h->off) {
		pkt_free(p);
		return -ENETDOWN;
	}
	if (host_owns(h, &p->dst)) {
		net_loop(h, p);
		return 0;
	}
	if ((i = host_route(h, &p->dst)) == NULL) {
		pkt_free(p);
		return -ENETUNREACH;
	}
	if (i->tun != NULL || !host_owns(h, &p->src)) {
		/* programs speak over the overlay through sim_send_ip and sim_ping only;
		 * and what still has an address of yesterday goes nowhere */
		h->sim->stats.unreachable++;
		pkt_free(p);
		return 0;
	}
	net_send(i, p);
	return 0;
}
