/* SPDX-License-Identifier: ISC */
/*
 * net.c -- networks, and the interfaces that they join.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "tests/sim/impl.h"

struct sim_net *
sim_net_new(struct sim *s, const char *name, const char *prefix4, const char *prefix6)
{
	struct sim_net *n = calloc(1, sizeof *n);

	if (n == NULL || addr_prefix_parse(&n->p4, prefix4) != 0 ||
	    (prefix6 != NULL && addr_prefix_parse(&n->p6, prefix6) != 0))
		fatal("sim", "network %s: bad prefix", name);
	n->sim = s;
	snprintf(n->name, sizeof n->name, "%s", name);
	n->next = 2;	/* 1 is the router's */
	list_init(&n->ifs);
	list_append(&s->nets, &n->all);
	return n;
}

static struct addr
net_addr6(const struct sim_net *n, const struct addr *v4)
{
	struct addr a = n->p6.addr;
	uint32_t host = addr_v4_host(v4);

	for (int i = 0; i < 4; i++)
		a.ip[15 - i] = (uint8_t)(host >> (8 * i));
	return a;
}

static bool
net_has(const struct sim_net *n, const struct addr *a)
{
	LIST_EACH(l, (struct list *)&n->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_net);

		for (size_t k = 0; k < i->naddr; k++)
			if (addr_same_ip(&i->addr[k].addr, a))
				return true;
	}
	return false;
}

struct addr
net_next_addr(struct sim_net *n)
{
	struct addr a;

	do
		a = addr_v4(addr_v4_host(&n->p4.addr) + n->next++, 0);
	while (net_has(n, &a));
	return a;
}

static void
if_address(struct sim_if *i, const char *addr)
{
	struct addr a;

	i->naddr = 0;
	if (addr == NULL)
		a = net_next_addr(i->net);
	else if (addr_parse(&a, addr) != 0)
		fatal("sim", "bad address '%s'", addr);
	if (net_has(i->net, &a))
		fatal("sim", "address '%s' given twice", addr);
	i->addr[i->naddr++] = (struct addr_prefix){ a, i->net->p4.bits };
	if (i->net->p6.addr.family != ADDR_NONE)
		i->addr[i->naddr++] = (struct addr_prefix){ net_addr6(i->net, &a), i->net->p6.bits };
}

static struct sim_if *
if_new(struct sim *s, const char *name)
{
	struct sim_if *i = calloc(1, sizeof *i);

	if (i == NULL)
		fatal("sim", "no memory");
	i->sim = s;
	i->id = ++s->nif;
	snprintf(i->name, sizeof i->name, "%s", name);
	list_init(&i->in_host);
	list_init(&i->in_net);
	i->up = true;
	i->out = i->in = (struct sim_link){ .delay = 2500, .jitter = 500 };
	return i;
}

struct sim_if *
sim_attach(struct sim_host *h, struct sim_net *n, const char *ifname, const char *addr)
{
	struct sim_if *i = if_new(h->sim, ifname);

	i->host = h;
	i->net = n;
	if_address(i, addr);
	list_append(&h->ifs, &i->in_host);
	list_append(&n->ifs, &i->in_net);
	host_changed(h);
	return i;
}

struct sim_if *
if_attach_nat(struct sim_nat *nat, struct sim_net *n, const char *name, bool inside, const char *addr)
{
	struct sim_if *i = if_new(n->sim, name);
	char text[ADDR_STRLEN];
	struct addr one = addr_v4(addr_v4_host(&n->p4.addr) + 1, 0);

	i->nat = nat;
	i->nat_inside = inside;
	i->net = n;
	if (inside) {
		i->out = i->in = (struct sim_link){ .delay = 200, .jitter = 100 };
		n->gateway = i;
		addr = addr_str(&one, text);
	}
	if_address(i, addr);
	list_append(&n->ifs, &i->in_net);
	return i;
}

/* A TUN: on no network. */
struct sim_if *
if_new_tun(struct sim_host *h, struct env_tun *t, const char *name)
{
	struct sim_if *i = if_new(h->sim, name);

	i->host = h;
	i->tun = t;
	i->up = false;
	list_append(&h->ifs, &i->in_host);
	return i;
}

void
if_free(struct sim_if *i)
{
	list_remove(&i->in_host);
	list_remove(&i->in_net);
	free(i->last);
	free(i->route);
	free(i);
}

struct addr
sim_if_addr(const struct sim_if *i)
{
	return i->naddr > 0 ? i->addr[0].addr : (struct addr){ 0 };
}

struct sim_net *
sim_if_net(struct sim_if *i)
{
	return i->net;
}

void
sim_if_link_dirs(struct sim_if *i, const struct sim_link *out, const struct sim_link *in)
{
	i->out = *out;
	i->in = *in;
}

void
sim_if_link(struct sim_if *i, const struct sim_link *l)
{
	sim_if_link_dirs(i, l, l);
}

void
sim_if_set_up(struct sim_if *i, bool up)
{
	if (i->up == up)
		return;
	i->up = up;
	sim_mark(i->sim, up ? "link up" : "link down", i->id, 0, 0);
	sim_say(i->sim, i->host != NULL ? i->host->name : "router", "%s %s", i->name, up ? "up" : "down");
	if (i->host != NULL)
		host_changed(i->host);
}

void
sim_if_set_addr(struct sim_if *i, const char *addr)
{
	if_address(i, addr);
	sim_mark(i->sim, "address", i->id, addr_v4_host(&i->addr[0].addr), 0);
	if (i->host != NULL)
		host_changed(i->host);
}

void
sim_if_move(struct sim_if *i, struct sim_net *n)
{
	list_remove(&i->in_net);
	i->net = n;
	list_append(&n->ifs, &i->in_net);
	sim_if_set_addr(i, NULL);
}
