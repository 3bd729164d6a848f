/* SPDX-License-Identifier: ISC */
/*
 * packet.c -- packets, and what links and cuts do to them.
 *
 * A packet put on a network is lost, delayed or doubled by the sender's uplink
 * and the receiver's downlink, looked at by the cuts, and arrives as one event:
 * at a host's kernel or at a router (nat.c), which puts it on its other network.
 * So every router sees packets in the order of arrival.
 */
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

void
net_loop(struct sim_host *h, struct pkt *p)
{
	p->loop = h;
	p->ev.fn = loop_arrive;
	ev_set(h->sim, &p->ev, h->sim->now + 20);
}
