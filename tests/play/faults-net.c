/* SPDX-License-Identifier: ISC */
/*
 * faults-net.c -- what may happen to a mesh's network: cuts, routers, links,
 * streams, names, signal messages.
 */
#include "tests/play/faults.h"

/* The direct path is cut and the relay is at hand: 1.5 s are asked. */
static void
look_at_relay(struct run *r, const struct mesh_node *a, const struct mesh_node *b)
{
	struct mesh *m = r->m;

	sim_run(m->s, 1500 * MONO_MS + 500 * MONO_MS);
	mesh_reset(m);
	sim_run(m->s, 2 * m->conf.ping_every);
	if (m->node[a->i].ping[b->i] != NULL && m->node[b->i].ping[a->i] != NULL &&
	    (sim_ping_stats(m->node[a->i].ping[b->i]).got == 0 || sim_ping_stats(m->node[b->i].ping[a->i]).got == 0))
		r->fail = "the direct path is cut, and the relay does not take over";
}

void
fault_cut(struct run *r)
{
	struct mesh_node *a = victim(r), *b = victim(r);
	char ta[ADDR_STRLEN], tb[ADDR_STRLEN];
	struct addr aa = a->nat ? sim_nat_addr(a->nat) : sim_if_addr(a->iface);	/* behind a carrier: cuts its own network */
	struct addr ab = b->nat ? sim_nat_addr(b->nat) : sim_if_addr(b->iface);
	unsigned protos = 1 + (unsigned)draw(r, 3);
	bool between = a != b;
	struct sim_cut *c;

	addr_str(&aa, ta);
	addr_str(&ab, tb);
	if (a == b || one_in(r, 3)) {
		between = false;
		snprintf(tb, sizeof tb, "%s", draw(r, 2) ? "203.0.113.10" : "0.0.0.0/0");
	}
	say(r, "cut %s - %s%s%s", ta, tb, protos & SIM_UDP ? " udp" : "", protos & SIM_TCP ? " tcp" : "");
	c = sim_cut(r->m->s, ta, tb, protos);
	if (r->struck == 1 && between && r->m->n <= 10)
		look_at_relay(r, a, b);
	lasts(r, 60 * MONO_SEC, 2 * MONO_HOUR);
	if (r->ncut < CUTS && one_in(r, 3)) {
		r->cut[r->ncut++] = c;	/* until the end of the round */
		return;
	}
	say(r, "the cut is healed");
	sim_uncut(c);
}

void
fault_rebind(struct run *r)
{
	struct mesh_node *n = victim(r);
	char text[32];

	if (n->nat == NULL || n->carrier)
		return;
	snprintf(text, sizeof text, "203.0.113.%u", 100 + r->m->rebinds++ % 150);
	say(r, "router of agent%u rebinds", n->i);
	r->forgot = true;
	sim_nat_rebind(n->nat, one_in(r, 2) ? NULL : text);
}

void
fault_expiry(struct run *r)
{
	struct mesh_node *n = victim(r);
	unsigned protos = 1 + (unsigned)draw(r, 3), percent = 1 + (unsigned)draw(r, 100);

	if (n->nat == NULL)
		return;
	say(r, "router of agent%u forgets %u %% of its%s%s mappings", n->i, percent, protos & SIM_UDP ? " udp" : "",
	    protos & SIM_TCP ? " tcp" : "");
	r->forgot = r->forgot || (protos & SIM_TCP) != 0;
	sim_nat_forget(n->nat, protos, percent);
}

void
fault_link_down(struct run *r)
{
	struct mesh_node *n = victim(r);

	say(r, "agent%u: link down", n->i);
	sim_if_set_up(n->iface, false);
	lasts(r, 30 * MONO_SEC, 3 * MONO_HOUR);
	if (one_in(r, 2)) {
		sim_if_set_addr(n->iface, NULL);
		r->forgot = true;
	}
	say(r, "agent%u: link up", n->i);
	sim_if_set_up(n->iface, true);
}

void
fault_address(struct run *r)
{
	struct mesh_node *n = victim(r);

	say(r, "agent%u: another address", n->i);
	r->forgot = true;
	sim_if_set_addr(n->iface, NULL);
}

void
fault_bad_link(struct run *r)
{
	struct sim_link bad = { .delay = (int64_t)draw(r, 100 * MONO_MS), .jitter = (int64_t)draw(r, 50 * MONO_MS),
		.loss = (uint32_t)draw(r, 200000), .dup = (uint32_t)draw(r, 50000), .reorder = (uint32_t)draw(r, 50000) };
	static const struct sim_link good = { .delay = 2500, .jitter = 500 };
	struct mesh_node *n = victim(r);

	say(r, "agent%u: link with %u ppm loss, %lld us delay", n->i, bad.loss, (long long)bad.delay);
	sim_if_link(n->iface, &bad);
	lasts(r, 30 * MONO_SEC, 2 * MONO_HOUR);
	sim_if_link(n->iface, &good);
}

/* Nearly everything is lost, again and again for a moment. */
void
fault_bursts(struct run *r)
{
	struct sim_link bad = { .delay = 2500, .jitter = 500, .loss = 500000 + (uint32_t)draw(r, 500001) }, good = { .delay = 2500, .jitter = 500 };
	struct mesh_node *n = victim(r);
	unsigned times = 1 + (unsigned)draw(r, r->days ? 40 : 8);

	say(r, "agent%u: %u bursts of %u ppm loss", n->i, times, bad.loss);
	while (times-- > 0) {
		sim_if_link(n->iface, &bad);
		sim_run(r->m->s, (int64_t)draw(r, 4 * MONO_SEC));
		sim_if_link(n->iface, &good);
		sim_run(r->m->s, (int64_t)draw(r, 4 * MONO_SEC));
	}
}

void
fault_break(struct run *r)
{
	struct sim_host *h = one_in(r, 3) ? the_server(r) : victim(r)->host;
	bool eof = one_in(r, 2);

	say(r, "%s: streams %s", h == r->m->server_host ? "server" : "an agent", eof ? "end" : "are reset");
	sim_tcp_break(h, eof);
}

/* A proxy before the server that ends what is idle for its limit. */
void
fault_idle_proxy(struct run *r)
{
	int64_t limit = MONO_SEC + (int64_t)draw(r, 40 * MONO_SEC), until;
	bool eof = one_in(r, 2);

	the_server(r);
	say(r, "a proxy %s what is idle for %.1f s", eof ? "ends" : "resets", (double)limit / 1e6);
	until = sim_now(r->m->s) + (r->days ? some_time(r, 2 * MONO_HOUR) : (int64_t)draw(r, 2 * MONO_MIN));
	while (sim_now(r->m->s) < until) {
		sim_run(r->m->s, MONO_SEC);
		sim_tcp_break_idle(r->m->server_host, limit, eof);
	}
	say(r, "the proxy is gone");
}

void
fault_dns(struct run *r)
{
	say(r, "no name is found");
	sim_dns_dead(r->m->s, true);
	sim_run(r->m->s, (int64_t)draw(r, 10 * MONO_SEC));
	if (one_in(r, 2))
		fault_break(r);
	lasts(r, 10 * MONO_SEC, 2 * MONO_HOUR);
	sim_dns_dead(r->m->s, false);
	say(r, "names are found again");
}

void
fault_signal(struct run *r)
{
	uint32_t loss = (uint32_t)draw(r, 400000), dup = (uint32_t)draw(r, 300000), late = (uint32_t)draw(r, 300000);

	say(r, "signal messages: %u ppm lost, %u told twice, %u late", loss, dup, late);
	mesh_bad_signal(r->m, loss, dup, late, 1 + (int64_t)draw(r, 3 * MONO_SEC));
	if (r->depth < 3)
		strike(r);	/* who says nothing loses nothing */
	lasts(r, 20 * MONO_SEC, MONO_HOUR);
	mesh_bad_signal(r->m, 0, 0, 0, 0);
	say(r, "signal messages arrive");
}
