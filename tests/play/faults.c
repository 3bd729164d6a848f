/* SPDX-License-Identifier: ISC */
/*
 * faults.c -- what may happen to a mesh.
 *
 * Every fault strikes somebody at random, lasts for a while and is undone; in
 * one of six another strikes meanwhile.  Nothing here looks at what the agents
 * make of it.
 */
#include "tests/play/faults.h"

uint64_t faults_struck[32];

uint64_t
draw(struct run *r, uint64_t n)
{
	return sim_chance(r->m->s, n);
}

bool
one_in(struct run *r, unsigned n)
{
	return draw(r, n) == 0;
}

int64_t
some_time(struct run *r, int64_t most)
{
	int64_t span = 100 * MONO_MS;

	while (span < most && !one_in(r, 4))
		span *= 3;
	return (int64_t)draw(r, (uint64_t)(span < most ? span : most));
}

void
lasts(struct run *r, int64_t most, int64_t most_of_days)
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

struct mesh_node *
victim(struct run *r)
{
	struct mesh_node *n = &r->m->node[draw(r, r->m->n)];

	for (unsigned i = 0; i < r->m->n; i++)
		if (&r->m->node[i] == n || (n->nat != NULL && r->m->node[i].nat == n->nat))
			r->hit |= UINT64_C(1) << i;
	return n;
}

struct sim_host *
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

/* ---- all of them -------------------------------------------------------------------- */

#define S	MONO_SEC

const struct fault faults[] = {
	{ "cut", fault_cut, 3, 3 * S / 2, 3 * S, 2 * S },	/* a half dead signal stream is asked for 3 s */
	{ "rebind", fault_rebind, 2, 2 * S, 0, 5 * S },
	{ "mappings forgotten", fault_expiry, 2, 2 * S, 0, 5 * S },
	{ "link down", fault_link_down, 2, 2 * S, S, 2 * S },
	{ "another address", fault_address, 1, 2 * S, S, 2 * S },
	{ "bad link", fault_bad_link, 1, 2 * S, 3 * S, 2 * S },
	{ "loss bursts", fault_bursts, 1, 2 * S, 3 * S, 2 * S },
	{ "streams broken", fault_break, 2, S, S, S },
	{ "idle proxy", fault_idle_proxy, 1, S, S, S },
	{ "no names", fault_dns, 1, 6 * S, 8 * S, S },	/* who asked when the names were gone waits for 5 s */
	{ "signal messages lost", fault_signal, 2, 2 * S, 0, 0 },	/* never alone */
	{ "agent restarts", fault_agent_dies, 3, S / 2, S, 2 * S },
	{ "server restarts", fault_server_dies, 2, S, S, S },
	{ "agent sleeps", fault_sleep, 2, 2 * S, 2 * S, 2 * S },
	{ "server sleeps", fault_server_sleeps, 1, S, S, S },
	{ "process stopped", fault_freeze, 1, 2 * S, 3 * S, 2 * S },
	{ "clock set", fault_clock, 1, S, S, S },
	{ "disk", fault_disk, 1, S, S, S },
	{ "slow reader", fault_slow_reader, 1, 2 * S, 3 * S, 2 * S },
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
