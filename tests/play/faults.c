/* SPDX-License-Identifier: ISC */
/*
 * faults.c -- what may happen to a mesh.
 *
 * Every fault strikes somebody at random, lasts for a while and is undone; in
 * one of six another strikes meanwhile.  Nothing here looks at what the agents
 * make of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "tests/play/play.h"

uint64_t faults_struck[32];

static uint64_t
draw(struct run *r, uint64_t n)
{
	return sim_chance(r->m->s, n);
}

static bool
one_in(struct run *r, unsigned n)
{
	return draw(r, n) == 0;
}

/* Anywhere from a tenth of a second to `most`; every length is as likely as its tenfold. */
static int64_t
some_time(struct run *r, int64_t most)
{
	int64_t span = 100 * MONO_MS;

	while (span < most && !one_in(r, 4))
		span *= 3;
	return (int64_t)draw(r, (uint64_t)(span < most ? span : most));
}

/* A fault lasts, for hours where there is time for it; another may strike on top. */
static void
last(struct run *r, int64_t most, int64_t most_of_days)
{
	int64_t us = r->days ? some_time(r, most_of_days) : (int64_t)draw(r, (uint64_t)most);

	if (r->depth == 1)
		r->lasted = us;
	if (r->depth < 3 && one_in(r, 6)) {
		sim_run(r->m->s, us / 2);
		strike(r);
		us -= us / 2;
	}
	if (us > 2 * MONO_MIN) {	/* hours of it: whoever talks seldom meets other rows than who talks all the time */
		int64_t before = r->m->conf.ping_every;

		sim_run(r->m->s, MONO_MIN);
		mesh_ping_every(r->m, MONO_MIN);
		sim_run(r->m->s, us - MONO_MIN);
		mesh_ping_every(r->m, before);
	} else
		sim_run(r->m->s, us);
}

/* Somebody at random.  Who is at home with him may feel it. */
static struct mesh_node *
victim(struct run *r)
{
	struct mesh_node *n = &r->m->node[draw(r, r->m->n)];

	for (unsigned i = 0; i < r->m->n; i++)
		if (&r->m->node[i] == n || (n->nat != NULL && r->m->node[i].nat == n->nat))
			r->hit |= UINT64_C(1) << i;
	return n;
}

static struct sim_host *
the_server(struct run *r)
{
	r->server_hit = true;
	return r->m->server_host;
}

void
note_paths(struct run *r)
{
	for (unsigned i = 0; i < r->m->n; i++)
		for (unsigned j = 0; j < r->m->n; j++)
			r->was[i][j] = (int8_t)(i != j ? mesh_direct(r->m, i, j) : -1);
}

/* A pair that nothing happened to talks on; a direct one also without the server. */
const char *
others_untouched(const struct run *r)
{
	const struct mesh *m = r->m;
	int64_t most = 2 * (r->lasted > 2 * MONO_MIN ? MONO_MIN : m->conf.ping_every) + MONO_SEC;

	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++) {
			if (i == j || ((r->hit >> i | r->hit >> j) & 1) != 0 || m->node[i].ping[j] == NULL ||
			    (r->server_hit && (r->was[i][j] != 1 || r->was[j][i] != 1)))
				continue;
			if (sim_ping_stats(m->node[i].ping[j]).longest_gap > most) {
				printf("# agent%u did not hear agent%u for %.3f s\n", i, j,
				    (double)sim_ping_stats(m->node[i].ping[j]).longest_gap / 1e6);
				return "a fault silences a pair that it does not touch";
			}
		}
	return NULL;
}

/* ---- the network ------------------------------------------------------------------- */

/* The direct path is cut and the relay is at hand: issue 4 asks for 1.5 s. */
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

static void
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
	last(r, 60 * MONO_SEC, 2 * MONO_HOUR);
	if (r->ncut < CUTS && one_in(r, 3)) {
		r->cut[r->ncut++] = c;	/* until the end of the round */
		return;
	}
	say(r, "the cut is healed");
	sim_uncut(c);
}

static void
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

static void
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

static void
fault_link_down(struct run *r)
{
	struct mesh_node *n = victim(r);

	say(r, "agent%u: link down", n->i);
	sim_if_set_up(n->iface, false);
	last(r, 30 * MONO_SEC, 3 * MONO_HOUR);
	if (one_in(r, 2)) {
		sim_if_set_addr(n->iface, NULL);
		r->forgot = true;
	}
	say(r, "agent%u: link up", n->i);
	sim_if_set_up(n->iface, true);
}

static void
fault_address(struct run *r)
{
	struct mesh_node *n = victim(r);

	say(r, "agent%u: another address", n->i);
	r->forgot = true;
	sim_if_set_addr(n->iface, NULL);
}

static void
fault_bad_link(struct run *r)
{
	struct sim_link bad = { .delay = (int64_t)draw(r, 100 * MONO_MS), .jitter = (int64_t)draw(r, 50 * MONO_MS),
		.loss = (uint32_t)draw(r, 200000), .dup = (uint32_t)draw(r, 50000), .reorder = (uint32_t)draw(r, 50000) };
	static const struct sim_link good = { .delay = 2500, .jitter = 500 };
	struct mesh_node *n = victim(r);

	say(r, "agent%u: link with %u ppm loss, %lld us delay", n->i, bad.loss, (long long)bad.delay);
	sim_if_link(n->iface, &bad);
	last(r, 30 * MONO_SEC, 2 * MONO_HOUR);
	sim_if_link(n->iface, &good);
}

/* Nearly everything is lost, again and again for a moment. */
static void
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

static void
fault_break(struct run *r)
{
	struct sim_host *h = one_in(r, 3) ? the_server(r) : victim(r)->host;
	bool eof = one_in(r, 2);

	say(r, "%s: streams %s", h == r->m->server_host ? "server" : "an agent", eof ? "end" : "are reset");
	sim_tcp_break(h, eof);
}

/* A proxy before the server that ends what is idle for its limit. */
static void
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

static void
fault_dns(struct run *r)
{
	say(r, "no name is found");
	sim_dns_dead(r->m->s, true);
	sim_run(r->m->s, (int64_t)draw(r, 10 * MONO_SEC));
	if (one_in(r, 2))
		fault_break(r);
	last(r, 10 * MONO_SEC, 2 * MONO_HOUR);
	sim_dns_dead(r->m->s, false);
	say(r, "names are found again");
}

static void
fault_signal(struct run *r)
{
	uint32_t loss = (uint32_t)draw(r, 400000), dup = (uint32_t)draw(r, 300000), late = (uint32_t)draw(r, 300000);

	say(r, "signal messages: %u ppm lost, %u told twice, %u late", loss, dup, late);
	mesh_bad_signal(r->m, loss, dup, late, 1 + (int64_t)draw(r, 3 * MONO_SEC));
	if (r->depth < 3)
		strike(r);	/* who says nothing loses nothing */
	last(r, 20 * MONO_SEC, MONO_HOUR);
	mesh_bad_signal(r->m, 0, 0, 0, 0);
	say(r, "signal messages arrive");
}

/* ---- processes --------------------------------------------------------------------- */

static void
agent_ends(struct run *r, struct mesh_node *n, unsigned how)
{
	if (n->env == NULL)
		return;
	if (how == 0 || (how == 1 && !sim_awake(n->env))) {
		mesh_kill_agent(r->m, n->i);
		return;
	}
	if (how == 1)
		sim_exit(n->env);
	else
		sim_power_cut(n->host);
	n->env = NULL;
	n->agent = NULL;
}

/* Who is away for minutes is not called connected. */
static void
look_at_dead(struct run *r, const struct addr *was, const struct mesh_node *n, int64_t since)
{
	if (was->family != ADDR_NONE && sim_now(r->m->s) - since > 5 * MONO_MIN && r->fail == NULL && n->env == NULL)
		r->fail = status_of_dead(r->m, was, n);
}

static void
fault_agent_dies(struct run *r)
{
	struct mesh_node *n = victim(r);
	unsigned how = (unsigned)draw(r, 3);
	struct addr was = sim_overlay_addr(n->host);
	int64_t since = sim_now(r->m->s);

	if (n->env == NULL)
		return;
	say(r, "agent%u: %s", n->i, how == 0 ? "killed" : how == 1 ? "ends" : "power cut");
	agent_ends(r, n, how);
	last(r, one_in(r, 2) ? 500 * MONO_MS : 60 * MONO_SEC, 8 * MONO_HOUR);
	look_at_dead(r, &was, n, since);
	if (how == 2)
		sim_power_on(n->host);
	say(r, "agent%u: starts", n->i);
	mesh_start_agent(r->m, n->i);
}

static void
server_ends(struct run *r)
{
	struct mesh *m = r->m;

	if (m->server_env == NULL)
		return;
	if (one_in(r, 2) || !sim_awake(m->server_env)) {
		mesh_kill_server(m);
		return;
	}
	sim_exit(m->server_env);
	m->server_env = NULL;
	m->server = NULL;
}

static void
fault_server_dies(struct run *r)
{
	the_server(r);
	say(r, "the server ends");
	server_ends(r);
	last(r, one_in(r, 2) ? 500 * MONO_MS : 60 * MONO_SEC, 3 * MONO_HOUR);
	say(r, "the server starts");
	if (r->m->server_env == NULL)
		mesh_start_server(r->m);
}

static void
fault_sleep(struct run *r)
{
	struct mesh_node *n = victim(r);

	say(r, "agent%u sleeps", n->i);
	sim_suspend(n->host);
	sim_run(r->m->s, 10 * MONO_SEC);
	last(r, one_in(r, 6) ? 12 * MONO_MIN : 2 * MONO_MIN, 8 * MONO_HOUR);
	sim_resume(n->host);
	say(r, "agent%u wakes", n->i);
}

/* A virtual machine that is moved elsewhere. */
static void
fault_server_sleeps(struct run *r)
{
	say(r, "the server's host sleeps");
	sim_suspend(the_server(r));
	last(r, 30 * MONO_SEC, 10 * MONO_MIN);
	sim_resume(r->m->server_host);
	say(r, "the server's host wakes");
}

static void
fault_freeze(struct run *r)
{
	struct mesh_node *n = victim(r);
	bool server = one_in(r, 3);
	struct env *e = server ? r->m->server_env : n->env;

	if (e == NULL)
		return;
	if (server)
		the_server(r);
	say(r, "%s stands still", server ? "the server" : "an agent");
	sim_freeze(e, true);
	last(r, 15 * MONO_SEC, 10 * MONO_MIN);
	if ((server ? r->m->server_env : n->env) == e)
		sim_freeze(e, false);
	say(r, "and goes on");
}

static void
fault_clock(struct run *r)
{
	struct mesh_node *n = victim(r);
	int64_t step = (int64_t)draw(r, 48 * MONO_HOUR) - 24 * MONO_HOUR;

	say(r, "agent%u: clock set by %lld s", n->i, (long long)(step / MONO_SEC));
	sim_wall_step(one_in(r, 5) ? the_server(r) : n->host, step);
}

static void
fault_disk(struct run *r)
{
	struct mesh_node *n = victim(r);
	struct sim_disk_faults f = { .delay = (int64_t)draw(r, MONO_SEC), .full = one_in(r, 2) };
	bool server = one_in(r, 2);
	struct sim_host *h = server ? the_server(r) : n->host;

	if (server)
		f.full = false;	/* a server that cannot store gives up, as it says */
	say(r, "%s: disk %s", server ? "server" : "an agent", f.full ? "full" : "slow");
	sim_disk(h, &f);
	last(r, 20 * MONO_SEC, 2 * MONO_HOUR);
	sim_disk(h, NULL);
}

static void
fault_slow_reader(struct run *r)
{
	struct sim_host *h = one_in(r, 4) ? the_server(r) : victim(r)->host;
	size_t most = 1 + (size_t)draw(r, 200);

	say(r, "%s reads %zu bytes at a time", h == r->m->server_host ? "the server" : "an agent", most);
	sim_slow_reader(h, most, (int64_t)draw(r, 200 * MONO_MS));
	last(r, 30 * MONO_SEC, MONO_HOUR);
	sim_slow_reader(h, 0, 0);
	say(r, "it reads again");
}

/* ---- people ------------------------------------------------------------------------- */

static void
go_down(void *agent)
{
	agent_down(agent);
}

static void
go_up(void *agent)
{
	agent_up(agent);
}

static void
fault_down(struct run *r)
{
	struct mesh_node *n = victim(r);

	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: down", n->i);
	sim_call(n->env, go_down, n->agent);
	last(r, one_in(r, 2) ? MONO_SEC : 40 * MONO_SEC, 3 * MONO_HOUR);
	n->down = true;		/* heal() says up again: a process may have died with the wish */
	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: up", n->i);
	sim_call(n->env, go_up, n->agent);
}

/* Whoever runs has its map without the one that left. */
static bool
left_behind(const struct mesh *m, const struct mesh_node *gone)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct mesh_node *n = &m->node[i];

		if (n != gone && n->agent != NULL && n->agent->engine != NULL && list_count(&n->agent->engine->remotes) != m->n - 2)
			return true;
	}
	return false;
}

static void
go_away(void *agent)
{
	agent_logout(agent);
}

static void
fault_logout(struct run *r)
{
	struct mesh_node *n = victim(r);

	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: deregisters", n->i);
	sim_call(n->env, go_away, n->agent);
	last(r, one_in(r, 2) ? 300 * MONO_MS : 20 * MONO_SEC, 10 * MONO_MIN);
	if (r->struck == 1 && r->lasted > 2 * MONO_SEC && r->fail == NULL && left_behind(r->m, n))
		r->fail = "a peer that left is still there";
	say(r, "agent%u: joins again", n->i);
	mesh_join_again(r->m, n->i);
	n->gone = true;
}

/* ---- all of them -------------------------------------------------------------------- */

#define S	MONO_SEC

const struct fault faults[] = {
	{ "cut", fault_cut, 3, 3 * S / 2, S, 2 * S },
	{ "rebind", fault_rebind, 2, 2 * S, 0, 5 * S },
	{ "mappings forgotten", fault_expiry, 2, 2 * S, 0, 5 * S },
	{ "link down", fault_link_down, 2, 2 * S, S, 2 * S },
	{ "another address", fault_address, 1, 2 * S, S, 2 * S },
	{ "bad link", fault_bad_link, 1, 2 * S, 2 * S, 2 * S },
	{ "loss bursts", fault_bursts, 1, 2 * S, 2 * S, 2 * S },
	{ "streams broken", fault_break, 2, S, S, S },
	{ "idle proxy", fault_idle_proxy, 1, S, S, S },
	{ "no names", fault_dns, 1, 6 * S, 8 * S, S },	/* who asked when the names were gone waits for 5 s */
	{ "signal messages lost", fault_signal, 2, 2 * S, 0, 0 },	/* never alone */
	{ "agent restarts", fault_agent_dies, 3, S / 2, S, 2 * S },
	{ "server restarts", fault_server_dies, 2, S, S, S },
	{ "agent sleeps", fault_sleep, 2, 2 * S, 2 * S, 2 * S },
	{ "server sleeps", fault_server_sleeps, 1, S, S, S },
	{ "process stopped", fault_freeze, 1, 2 * S, 2 * S, 2 * S },
	{ "clock set", fault_clock, 1, S, S, S },
	{ "disk", fault_disk, 1, S, S, S },
	{ "slow reader", fault_slow_reader, 1, 2 * S, 2 * S, 2 * S },
	{ "down and up", fault_down, 1, 2 * S, S, 2 * S },
	{ "logout and join", fault_logout, 1, 2 * S, 2 * S, 2 * S },
};

unsigned
faults_count(void)
{
	return sizeof faults / sizeof faults[0];
}

void
strike(struct run *r)
{
	unsigned all = 0, i = 0;
	uint64_t luck;

	for (unsigned k = 0; k < faults_count(); k++)
		all += faults[k].weight;
	luck = draw(r, all);
	while (luck >= faults[i].weight)
		luck -= faults[i++].weight;
	faults_struck[i]++;
	r->kind = r->struck++ == 0 ? (int)i : -1;
	r->depth++;
	faults[i].strike(r);
	r->depth--;
}

void
heal(struct run *r)
{
	struct sim_link good = { .delay = 2500, .jitter = 500 };

	while (r->ncut > 0)
		sim_uncut(r->cut[--r->ncut]);
	for (unsigned i = 0; i < r->m->n; i++) {
		struct mesh_node *n = &r->m->node[i];

		sim_if_link(n->iface, &good);
		sim_if_set_up(n->iface, true);
		sim_disk(n->host, NULL);
		sim_slow_reader(n->host, 0, 0);
		mesh_start_agent(r->m, i);
		if (n->down && !n->gone && n->env != NULL)
			sim_call(n->env, go_up, n->agent);
		n->down = false;
		if (n->gone)	/* the first try may have met a fault and a restart */
			mesh_join_again(r->m, i);
	}
	sim_disk(r->m->server_host, NULL);
	sim_slow_reader(r->m->server_host, 0, 0);
	say(r, "all is healed");
}
