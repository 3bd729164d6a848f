/* SPDX-License-Identifier: ISC */
/*
 * nat.c -- a home router: RFC 4787 (UDP) and RFC 5382 (TCP) with the knobs that
 * decide whether two peers find a direct path.
 *
 * A mapping ties an inside address and port to an outside port; with symmetric
 * mapping also to the one remote it was made for.  It lives as long as packets
 * leave through it.  What comes from outside passes when the filter finds its
 * sender among those that were sent to.  Dropped packets leave no trace, unlike
 * in Linux (see the lab's topology).  IPv6 is filtered the same way and passes
 * untranslated.
 *
 * A router of Linux (conntrack and masquerade) ties a mapping to the one remote as
 * well, but gives it the port that the inside has towards others, or else its own,
 * wherever nobody else has that port towards that remote; and packets of either
 * direction keep it, for 30 s and, once it is a conversation, for two minutes.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

struct remote {
	struct addr addr;
	int64_t last;
};

struct mapping {
	struct list in_nat;
	uint8_t proto;
	struct addr inside, outside;
	struct addr only;	/* symmetric, Linux: the one remote; else family ADDR_NONE */
	int64_t last;		/* packet that left; Linux: or came in */
	int64_t life;		/* from then on */
	bool replied;		/* Linux */
	int64_t stream;		/* Linux: a conversation after this */
	struct remote *remote;
	size_t nremote;
};

struct sim_nat {
	struct list all;	/* first */
	struct sim *sim;
	char name[32];
	struct sim_nat_conf conf;
	struct sim_if *in, *out;
	struct list mappings;
	bool strict;
};

struct sim_nat *
sim_nat_new(struct sim *s, const char *name, struct sim_net *inside, struct sim_net *outside,
    const char *outside_addr, const struct sim_nat_conf *conf)
{
	static const struct sim_nat_conf usual = SIM_NAT_DEFAULT;
	struct sim_nat *n = calloc(1, sizeof *n);

	if (n == NULL)
		fatal("sim", "no memory");
	n->sim = s;
	n->conf = conf != NULL ? *conf : usual;
	strncpy(n->name, name, sizeof n->name - 1);
	list_init(&n->mappings);
	n->in = if_attach_nat(n, inside, "lan", true, NULL);
	n->out = if_attach_nat(n, outside, "wan", false, outside_addr);
	list_append(&s->nats, &n->all);
	return n;
}

static void
mapping_free(struct mapping *m)
{
	list_remove(&m->in_nat);
	free(m->remote);
	free(m);
}

static void
mappings_clear(struct sim_nat *n)
{
	while (!list_empty(&n->mappings))
		mapping_free(LIST_OF(n->mappings.next, struct mapping, in_nat));
}

void
nat_free(struct sim_nat *n)
{
	mappings_clear(n);
	if_free(n->in);
	if_free(n->out);
	list_remove(&n->all);
	free(n);
}

struct addr
sim_nat_addr(const struct sim_nat *n)
{
	return n->out->addr[0].addr;
}

struct sim_if *
sim_nat_outside(struct sim_nat *n)
{
	return n->out;
}

void
sim_nat_rebind(struct sim_nat *n, const char *new_addr)
{
	mappings_clear(n);
	if (new_addr != NULL)
		sim_if_set_addr(n->out, new_addr);
	sim_mark(n->sim, "rebind", n->out->id, 0, 0);
	sim_say(n->sim, n->name, "rebinds to %s", new_addr != NULL ? new_addr : "the same address");
}

void
sim_nat_forget(struct sim_nat *n, unsigned protos, unsigned percent)
{
	sim_mark(n->sim, "forget", n->out->id, protos, percent);
	sim_say(n->sim, n->name, "forgets mappings");
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if ((m->proto & protos) != 0 && prng_below(&n->sim->net, 100) < percent)
			mapping_free(m);
	}
}

bool
nat_delegates(const struct sim_if *outside, const struct addr *dst)
{
	const struct sim_net *inside = outside->nat->in->net;

	return dst->family == ADDR_V6 && inside->p6.addr.family == ADDR_V6 && addr_in_prefix(dst, &inside->p6);
}

/* ---- mappings ---------------------------------------------------------------- */

static bool
mapping_dead(const struct sim_nat *n, const struct mapping *m)
{
	return n->sim->now - m->last > m->life;
}

/* A packet passes, in or out: nf_conntrack_udp_packet of the kernel for Linux. */
static void
mapping_lives_on(const struct sim_nat *n, struct mapping *m)
{
	m->last = n->sim->now;
	m->life = m->proto == SIM_UDP ? n->conf.udp_life : n->conf.tcp_life;
	if (n->conf.mapping != SIM_MAP_LINUX || m->proto != SIM_UDP)
		return;
	if (!m->replied)
		m->stream = n->sim->now + 2 * MONO_SEC;
	m->life = m->replied && n->sim->now > m->stream ? 120 * MONO_SEC : 30 * MONO_SEC;
}

void
sim_nat_forget_one(struct sim_nat *n, const struct addr *outside)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (addr_equal(&m->outside, outside))
			mapping_free(m);
	}
}

void
sim_nat_strict(struct sim_nat *n, bool strict)
{
	n->strict = strict;
}

size_t
sim_nat_mappings(const struct sim_nat *n)
{
	size_t live = 0;

	LIST_EACH(l, (struct list *)&n->mappings)
		live += !mapping_dead(n, LIST_OF(l, struct mapping, in_nat));
	return live;
}

static void
mappings_expire(struct sim_nat *n)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (mapping_dead(n, m))
			mapping_free(m);
	}
}

static bool
port_used(struct sim_nat *n, uint8_t proto, uint16_t port)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (m->proto == proto && m->outside.port == port)
			return true;
	}
	return false;
}

static uint16_t
pick_port(struct sim_nat *n, uint8_t proto, uint16_t want)
{
	uint16_t port = want;

	if (n->conf.mapping == SIM_MAP_EIM && n->conf.keep_port && !port_used(n, proto, port))
		return port;
	do
		port = (uint16_t)(1024 + prng_below(&n->sim->net, 64512));
	while (port_used(n, proto, port));
	return port;
}

/* Linux: has anybody that port towards that remote? */
static bool
port_used_towards(struct sim_nat *n, uint8_t proto, uint16_t port, const struct addr *remote)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (m->proto == proto && m->outside.port == port && addr_equal(&m->only, remote))
			return true;
	}
	return false;
}

static uint16_t
pick_port_linux(struct sim_nat *n, const struct pkt *p)
{
	uint16_t port = p->src.port;

	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (m->proto == p->proto && addr_equal(&m->inside, &p->src) &&
		    !port_used_towards(n, p->proto, m->outside.port, &p->dst))
			return m->outside.port;
	}
	while (port_used_towards(n, p->proto, port, &p->dst))
		port = (uint16_t)(1024 + prng_below(&n->sim->net, 64512));
	return port;
}

static struct mapping *
mapping_find(struct sim_nat *n, const struct pkt *p)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (m->proto == p->proto && addr_equal(&m->inside, &p->src) &&
		    (m->only.family == ADDR_NONE || addr_equal(&m->only, &p->dst)))
			return m;
	}
	return NULL;
}

static struct mapping *
mapping_out(struct sim_nat *n, const struct pkt *p)
{
	bool lin = n->conf.mapping == SIM_MAP_LINUX;
	struct mapping *m = mapping_find(n, p);

	if (m != NULL)
		return m;
	m = calloc(1, sizeof *m);
	if (m == NULL)
		fatal("sim", "no memory");
	m->proto = p->proto;
	m->inside = m->outside = p->src;
	if (p->src.family == ADDR_V4) {
		m->outside = n->out->addr[0].addr;
		m->outside.port = lin ? pick_port_linux(n, p) : pick_port(n, p->proto, p->src.port);
		if (lin || n->conf.mapping == SIM_MAP_SYM)
			m->only = p->dst;
	}
	list_append(&n->mappings, &m->in_nat);
	return m;
}

static void
mapping_sent_to(const struct sim_nat *n, struct mapping *m, const struct addr *remote)
{
	int64_t now = n->sim->now;

	mapping_lives_on(n, m);
	for (size_t i = 0; i < m->nremote; i++)
		if (addr_equal(&m->remote[i].addr, remote)) {
			m->remote[i].last = now;
			return;
		}
	m->remote = realloc(m->remote, (m->nremote + 1) * sizeof *m->remote);
	if (m->remote == NULL)
		fatal("sim", "no memory");
	m->remote[m->nremote++] = (struct remote){ *remote, now };
}

static bool
mapping_lets_in(const struct sim_nat *n, const struct mapping *m, const struct addr *from)
{
	int64_t life = m->proto == SIM_UDP ? n->conf.udp_life : n->conf.tcp_life;

	if (n->conf.mapping == SIM_MAP_LINUX && m->only.family != ADDR_NONE)
		return addr_equal(&m->only, from);
	if (n->conf.filter == SIM_FILTER_EIF && m->only.family == ADDR_NONE)
		return true;
	for (size_t i = 0; i < m->nremote; i++) {
		const struct remote *r = &m->remote[i];

		if (n->sim->now - r->last > life)
			continue;
		if (n->conf.filter == SIM_FILTER_ADDR ? addr_same_ip(&r->addr, from) : addr_equal(&r->addr, from))
			return true;
	}
	return false;
}

/* ---- packets ------------------------------------------------------------------ */

static void
nat_drop(struct sim_nat *n, struct pkt *p)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN];

	n->sim->stats.filtered++;
	if (n->sim->verbose)
		sim_say(n->sim, n->name, "drops %s > %s", addr_str_port(&p->src, a), addr_str_port(&p->dst, b));
	pkt_free(p);
}

static void
nat_in(struct sim_nat *n, struct pkt *p)
{
	LIST_EACH(l, &n->mappings) {
		struct mapping *m = LIST_OF(l, struct mapping, in_nat);

		if (m->proto != p->proto || !addr_equal(&m->outside, &p->dst) || !mapping_lets_in(n, m, &p->src))
			continue;
		p->dst = m->inside;
		if (n->conf.mapping == SIM_MAP_LINUX) {
			m->replied = true;
			mapping_lives_on(n, m);
		}
		net_send(n->in, p);
		return;
	}
	nat_drop(n, p);
}

static void
nat_out(struct sim_nat *n, struct pkt *p)
{
	bool to_self = addr_same_ip(&p->dst, &n->out->addr[0].addr);
	struct mapping *m;

	if (addr_same_ip(&p->dst, &n->in->addr[0].addr) || (to_self && !n->conf.hairpin)) {
		nat_drop(n, p);
		return;
	}
	if (n->strict && p->proto == SIM_TCP && !(p->seg.flags & SEG_SYN) && mapping_find(n, p) == NULL) {
		nat_drop(n, p);
		return;
	}
	m = mapping_out(n, p);
	mapping_sent_to(n, m, &p->dst);
	p->src = m->outside;
	if (to_self)
		nat_in(n, p);
	else
		net_send(n->out, p);
}

void
nat_input(struct sim_nat *n, struct sim_if *at, struct pkt *p)
{
	mappings_expire(n);
	if (p->proto == SIM_UDP && n->conf.udp_blocked)
		nat_drop(n, p);
	else if (at == n->in)
		nat_out(n, p);
	else
		nat_in(n, p);
}
