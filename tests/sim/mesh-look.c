/* SPDX-License-Identifier: ISC */
/*
 * mesh-look.c -- who hears whom: the pings of the mesh and what is known of them.
 */
#include <stdio.h>
#include "tests/sim/mesh-impl.h"

#define LOOK_SELDOM	MONO_SEC	/* for agents that joined anew */

static void
look(struct mesh *m)
{
	m->answered = m->pairs = 0;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++) {
			struct addr to;

			if (i == j)
				continue;
			m->pairs++;
			to = sim_overlay_addr(m->node[j].host);
			if (m->node[i].ping[j] != NULL) {
				struct addr dst = sim_ping_dst(m->node[i].ping[j]);

				if (to.family == ADDR_NONE || addr_same_ip(&to, &dst)) {
					m->answered += sim_ping_stats(m->node[i].ping[j]).got > 0;
					continue;
				}
				sim_ping_stop(m->node[i].ping[j]);	/* it has joined anew, with another address */
				m->node[i].ping[j] = NULL;
			}
			if (!m->conf.no_ping && to.family != ADDR_NONE && sim_overlay_addr(m->node[i].host).family != ADDR_NONE)
				m->node[i].ping[j] = sim_ping(m->node[i].host, &to,
				    m->conf.ping_every > 0 ? m->conf.ping_every : 200 * MONO_MS);
		}
	m->all = m->conf.no_ping || m->answered == m->pairs;
}

static void
look_often(void *arg)
{
	struct mesh *m = arg;

	look(m);
	m->looking = !m->all;
	if (m->looking)
		sim_after(m->s, LOOK_EVERY, look_often, m);
}

void
mesh_look_seldom(void *arg)
{
	struct mesh *m = arg;

	if (!m->looking)
		look_often(m);
	sim_after(m->s, LOOK_SELDOM, mesh_look_seldom, m);
}

static bool
is_all(void *arg)
{
	return ((struct mesh *)arg)->all;
}

bool
mesh_until_all(struct mesh *m, int64_t limit)
{
	return sim_until(m->s, is_all, m, limit);
}

void
mesh_reset(struct mesh *m)
{
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL)
				sim_ping_reset(m->node[i].ping[j]);
	m->all = false;
	if (!m->looking) {
		m->looking = true;
		sim_after(m->s, LOOK_EVERY, look_often, m);
	}
}

void
mesh_ping_every(struct mesh *m, int64_t interval)
{
	m->conf.ping_every = interval;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL)
				sim_ping_every(m->node[i].ping[j], interval);
}

void
mesh_no_pings(struct mesh *m)
{
	m->conf.no_ping = true;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL) {
				sim_ping_stop(m->node[i].ping[j]);
				m->node[i].ping[j] = NULL;
			}
}

int
mesh_direct(struct mesh *m, unsigned i, unsigned to)
{
	struct agent *a = m->node[i].agent;
	struct addr want = sim_overlay_addr(m->node[to].host);

	if (a == NULL || a->engine == NULL)
		return -1;
	LIST_EACH(l, &a->engine->remotes) {
		struct remote *r = LIST_OF(l, struct remote, all);
		struct wg_peer_stats st;

		if (r->nallowed == 0 || !addr_same_ip(&r->allowed[0].addr, &want) || r->wg == NULL)
			continue;
		wg_peer_get_stats(r->wg, &st);
		return st.endpoint.kind == WG_ENDPOINT_UDP ? 1 : st.endpoint.kind == WG_ENDPOINT_WAY ? 0 : -1;
	}
	return -1;
}

void
mesh_report(struct mesh *m)
{
	char a[ADDR_STRLEN];

	for (unsigned i = 0; i < m->n; i++) {
		struct addr own = sim_overlay_addr(m->node[i].host);

		fprintf(stderr, "# agent%u %s %s:", i, own.family ? addr_str(&own, a) : "(no address)",
		    m->node[i].agent != NULL ? agent_state_name(agent_state(m->node[i].agent)) : "not running");
		for (unsigned j = 0; j < m->n; j++)
			if (i != j && (m->node[i].ping[j] == NULL || sim_ping_stats(m->node[i].ping[j]).got == 0))
				fprintf(stderr, " !%u", j);
			else if (i != j)
				fprintf(stderr, " %u%s", j, mesh_direct(m, i, j) == 1 ? "d" : mesh_direct(m, i, j) == 0 ? "r" : "?");
		fprintf(stderr, "%s%s\n", m->node[i].agent != NULL && agent_why(m->node[i].agent)[0] ? ", " : "",
		    m->node[i].agent != NULL ? agent_why(m->node[i].agent) : "");
	}
}
