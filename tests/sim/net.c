/* SPDX-License-Identifier: ISC */
/*
 * net.c -- networks, interfaces and what links do to packets.
 *
 * A network joins interfaces.  A packet put on one is lost, delayed or doubled
 * by the sender's uplink and the receiver's downlink, looked at by the cuts, and
 * arrives as one event: at a host's kernel or at a router (nat.c), which puts it
 * on its other network.  So every router sees packets in the order of arrival.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

struct sim_cut {
	struct list all;	/* first */
	struct sim *sim;
	struct addr_prefix a, b;
	unsigned protos;
};

/* ---- packets --------------------------------------------------------------- */

static void pkt_arrive(void *);

struct pkt *
pkt_new(struct sim *s, uint8_t proto, const struct addr *src, const struct addr *dst, const void *data, size_t len)
{
	struct pkt *p = malloc(sizeof *p + len);

	if (p == NULL)
		fatal("sim", "no memory");
	memset(p, 0, sizeof *p);
	ev_init(&p->ev, pkt_arrive, p);
	p->ev.drop = free;
	list_init(&p->q);
	p->sim = s;
	p->proto = proto;
	p->src = *src;
	p->dst = *dst;
	p->len = len;
	if (len > 0)
		memcpy(p->data, data, len);
	return p;
}

void
pkt_free(struct pkt *p)
{
	free(p);
}

static struct pkt *
pkt_copy(const struct pkt *p)
{
	struct pkt *c = pkt_new(p->sim, p->proto, &p->src, &p->dst, p->data, p->len);

	c->ecn = p->ecn;
	c->hops = p->hops;
	c->seg = p->seg;
	return c;
}

static void
pkt_say(const struct pkt *p, const char *what)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN];

	if (p->sim->verbose)
		sim_say(p->sim, "net", "%s %s > %s %s len %zu%s%s%s%s", p->proto == SIM_UDP ? "udp" : "tcp",
		    addr_str_port(&p->src, a), addr_str_port(&p->dst, b), what, p->len,
		    p->seg.flags & SEG_SYN ? " syn" : "", p->seg.flags & SEG_FIN ? " fin" : "",
		    p->seg.flags & SEG_RST ? " rst" : "", p->seg.flags & SEG_ACK ? " ack" : "");
}

/* ---- networks and interfaces -------------------------------------------------- */

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

/* ---- cuts ---------------------------------------------------------------------- */

struct sim_cut *
sim_cut(struct sim *s, const char *a, const char *b, unsigned protos)
{
	struct sim_cut *c = calloc(1, sizeof *c);

	if (c == NULL || addr_prefix_parse(&c->a, a) != 0 || addr_prefix_parse(&c->b, b) != 0)
		fatal("sim", "cut: bad prefix '%s' or '%s'", a, b);
	c->sim = s;
	c->protos = protos;
	list_append(&s->cuts, &c->all);
	sim_mark(s, "cut", protos, 0, 0);
	sim_say(s, "fault", "cut %s - %s", a, b);
	return c;
}

void
sim_uncut(struct sim_cut *c)
{
	if (c == NULL)
		return;
	sim_mark(c->sim, "uncut", c->protos, 0, 0);
	sim_say(c->sim, "fault", "cut taken away");
	list_remove(&c->all);
	free(c);
}

static bool
is_cut(struct sim *s, const struct pkt *p)
{
	LIST_EACH(l, &s->cuts) {
		struct sim_cut *c = LIST_OF(l, struct sim_cut, all);

		if ((c->protos & p->proto) == 0)
			continue;
		if ((addr_in_prefix(&p->src, &c->a) && addr_in_prefix(&p->dst, &c->b)) ||
		    (addr_in_prefix(&p->src, &c->b) && addr_in_prefix(&p->dst, &c->a)))
			return true;
	}
	return false;
}

/* ---- sending ------------------------------------------------------------------- */

static struct sim_if *
net_next_hop(struct sim_if *from, const struct addr *dst)
{
	struct sim_net *n = from->net;

	LIST_EACH(l, &n->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_net);

		for (size_t k = 0; k < i->naddr; k++)
			if (addr_same_ip(&i->addr[k].addr, dst))
				return i;
	}
	LIST_EACH(l, &n->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_net);

		if (i->nat != NULL && !i->nat_inside && nat_delegates(i, dst))
			return i;
	}
	return n->gateway != from ? n->gateway : NULL;
}

/* When a packet from one interface comes to the other; order is kept per pair. */
static int64_t
link_time(struct sim_if *from, struct sim_if *to)
{
	struct sim *s = from->sim;
	const struct sim_link *o = &from->out, *i = &to->in;
	int64_t span = o->delay + o->jitter + i->delay + i->jitter;
	int64_t at = s->now + o->delay + i->delay + (int64_t)prng_below(&s->net, (uint64_t)(o->jitter + i->jitter) + 1);

	if (prng_ppm(&s->net, o->reorder) || prng_ppm(&s->net, i->reorder))
		return at + (int64_t)prng_below(&s->net, 4 * (uint64_t)span + 1);
	if (to->id >= from->nlast) {
		unsigned n = to->id + 8;

		from->last = realloc(from->last, n * sizeof *from->last);
		if (from->last == NULL)
			fatal("sim", "no memory");
		memset(from->last + from->nlast, 0, (n - from->nlast) * sizeof *from->last);
		from->nlast = n;
	}
	if (at < from->last[to->id])
		at = from->last[to->id];
	from->last[to->id] = at;
	return at;
}

void
net_send(struct sim_if *from, struct pkt *p)
{
	struct sim *s = from->sim;
	struct sim_if *to;

	s->stats.packets++;
	s->stats.bytes += p->len + (p->proto == SIM_UDP ? 28 : 40);
	if (++p->hops > 16 || !from->up || from->net == NULL || (to = net_next_hop(from, &p->dst)) == NULL) {
		s->stats.unreachable++;
		pkt_say(p, "unreachable");
		pkt_free(p);
		return;
	}
	if (is_cut(s, p)) {
		s->stats.cut++;
		pkt_free(p);
		return;
	}
	if (prng_ppm(&s->net, from->out.loss) || prng_ppm(&s->net, to->in.loss)) {
		s->stats.lost++;
		pkt_say(p, "lost");
		pkt_free(p);
		return;
	}
	if (prng_ppm(&s->net, from->out.dup) || prng_ppm(&s->net, to->in.dup)) {
		struct pkt *c = pkt_copy(p);

		s->stats.duplicated++;
		c->to = to;
		ev_set(s, &c->ev, link_time(from, to));
	}
	p->to = to;
	ev_set(s, &p->ev, link_time(from, to));
}

void
sim_tap(struct sim *s, sim_tap_fn fn, void *arg)
{
	s->tap = fn;
	s->tap_arg = arg;
}

static void
host_deliver(struct sim_host *h, struct pkt *p)
{
	struct sim *s = h->sim;

	if (h->off || h->asleep || !host_owns(h, &p->dst)) {
		s->stats.unreachable++;
		pkt_free(p);
		return;
	}
	s->stats.delivered++;
	sim_mark(s, p->proto == SIM_UDP ? "udp" : "tcp", (uint64_t)h->id << 32 | p->len,
	    (uint64_t)addr_v4_host(&p->src) << 16 | p->src.port, (uint64_t)p->dst.port << 8 | p->seg.flags);
	pkt_say(p, "arrives");
	if (s->tap != NULL)
		s->tap(s->tap_arg, p->proto, &p->src, &p->dst, p->data, p->len);
	if (p->proto == SIM_UDP) {
		udp_input(h, p);
		return;
	}
	tcp_input(h, p);
	pkt_free(p);
}

static void
pkt_arrive(void *arg)
{
	struct pkt *p = arg;
	struct sim_if *to = p->to;

	if (!to->up) {
		p->sim->stats.unreachable++;
		pkt_free(p);
	} else if (to->nat != NULL)
		nat_input(to->nat, to, p);
	else
		host_deliver(to->host, p);
}

static void
loop_arrive(void *arg)
{
	struct pkt *p = arg;

	host_deliver(p->loop, p);
}

/* ---- a host's routes ------------------------------------------------------------- */

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
		p->loop = h;
		p->ev.fn = loop_arrive;
		ev_set(h->sim, &p->ev, h->sim->now + 20);
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
