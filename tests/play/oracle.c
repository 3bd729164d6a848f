/* SPDX-License-Identifier: ISC */
/*
 * oracle.c -- what must hold in a mesh: after every event, and once it is settled.
 *
 * Nothing here knows what was done to the mesh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/ctlsrv.h"
#include "agent/impl.h"
#include "base/map.h"
#include "fsm/fsm.h"
#include "fsm/wg-peer.h"
#include "relay/link.h"
#include "relay/pool-impl.h"
#include "server/inside.h"
#include "server/relay.h"
#include "server/server.h"
#include "tests/play/play.h"

#define LOOK_AT_ALL	128	/* every so many events: it costs more than a microsecond */

/* ---- after every event -------------------------------------------------------------- */

__attribute__((noreturn)) static void
broken(const struct mesh_node *n, const struct remote *r, const char *what)
{
	printf("# at %.6f: agent%u, peer %s: %s\n", (double)sim_now(n->mesh->s) / 1e6, n->i, r->key_text, what);
	fflush(stdout);
	abort();
}

/* What src/peer's path says, WireGuard does; who has no path has no watcher; and
 * nothing is sent into a relay channel that is not open. */
static void
check_remote(const struct mesh_node *n, const struct remote *r)
{
	enum path_state path = (enum path_state)r->peer->path.fsm.state;
	enum relay_channel_state channel = (enum relay_channel_state)r->channel->fsm.state;
	struct wg_peer_stats st;
	const char *wrong;

	wg_peer_get_stats(r->wg, &st);
	if ((path == PATH_NONE) != (st.endpoint.kind == WG_ENDPOINT_NONE))
		broken(n, r, "no path, but an endpoint; or the reverse");
	if ((path == PATH_RELAY) != (st.endpoint.kind == WG_ENDPOINT_WAY))
		broken(n, r, "the relay is the path, but not the endpoint; or the reverse");
	if (st.endpoint.kind == WG_ENDPOINT_WAY && st.endpoint.way != &r->channel->way)
		broken(n, r, "the endpoint is another peer's way");
	if ((path == PATH_RELAY || path == PATH_BOTH) && channel != RELAY_CHANNEL_OPEN && channel != RELAY_CHANNEL_CHECKING)
		broken(n, r, "the path counts on a relay channel that is not open");
	if ((path == PATH_ICE || path == PATH_BOTH) && r->ice->selected == NULL)
		broken(n, r, "the path is a direct pair, and there is none");
	if ((path == PATH_NONE) != (r->watch->fsm.state == WG_WATCH_OFF))
		broken(n, r, "a watcher without a path; or a path without");
	if (st.kept > 4096)
		broken(n, r, "packets pile up");
	if ((wrong = peer_wrong(r)) != NULL)
		broken(n, r, wrong);
}

static void
check_agent(const struct mesh_node *n)
{
	const struct agent *a = n->agent;

	if (a == NULL || a->engine == NULL)
		return;
	LIST_EACH(l, &a->engine->remotes) {
		const struct remote *r = LIST_OF(l, struct remote, all);

		if (r->wg != NULL && r->channel != NULL && r->watch != NULL && r->peer != NULL && r->ice != NULL)
			check_remote(n, r);
	}
}

static void
check_machines(const struct mesh *m, struct fsm_loop *loop)
{
	char who[160];
	const char *wrong = machines_wrong(loop, who, sizeof who);

	if (wrong == NULL)
		return;
	printf("# at %.6f: %s: %s\n", (double)sim_now(m->s) / 1e6, who, wrong);
	fflush(stdout);
	abort();
}

void
invariants(void *arg)
{
	struct mesh *m = arg;
	struct env *ran = sim_ran(m->s);
	bool all = sim_events(m->s) % LOOK_AT_ALL == 0;

	if (ran != NULL && ran == m->server_env && m->server != NULL && all)
		check_machines(m, server_loop(m->server));
	for (unsigned i = 0; i < m->n && ran != NULL; i++)
		if (m->node[i].env == ran) {
			check_agent(&m->node[i]);
			if (all && m->node[i].agent != NULL)
				check_machines(m, agent_loop(m->node[i].agent));
		}
}

/* ---- how long a mesh that is well again may still be silent ------------------------------ */

/* What a `$wait` can be at most after one more failure. */
static int64_t
next_wait(const struct backoff *b)
{
	int64_t base = b->base != 0 ? b->base : b->first;

	return base + base * b->spread / 100;
}

static const struct backoff *
backoff_of(const struct fsm *f)
{
	if (f->def == &session_fsm)
		return &((const struct session *)(const void *)f)->backoff;
	if (f->def == &mgmt_stream_fsm)
		return &((const struct mgmt_stream *)(const void *)f)->backoff;
	if (f->def == &signal_stream_fsm)
		return &((const struct signal_stream *)(const void *)f)->backoff;
	if (f->def == &relay_link_fsm)
		return &((const struct relay_link *)(const void *)f)->backoff;
	return NULL;
}

static int64_t
longest_timer(const struct fsm *f)
{
	int64_t most = 0;

	for (int i = 0; i < f->def->ntimer; i++)
		if ((f->def->state_timer[f->state] & 1u << i) != 0 && !f->def->timer[i].every && f->timer[i].us > most)
			most = f->timer[i].us;
	return most;
}

/* A machine that waits for its next try waits for as long as its timer says.  One
 * that has begun something while the mesh was ill may see it fail once more: its
 * timeout, then one wait.  What is up and does not know better yet is seen by TCP. */
static void
wait_of(void *arg, struct fsm *f)
{
	int64_t *most = arg, wait = 0;
	const struct backoff *b = backoff_of(f);
	const char *state = f->def->state_name[f->state];

	if (f->def == &guard_fsm) {
		struct guard *g = (struct guard *)(void *)f;

		if (path_kind(&g->peer->path) == PATH_TO_NONE)
			wait = longest_timer(f);
	} else if (f->def == &wg_peer_fsm && f->state == WG_PEER_ASKING) {
		wait = longest_timer(f);
	} else if (b != NULL && strcmp(state, "backoff") == 0) {
		wait = longest_timer(f);
	} else if (b != NULL && f->def->state_res[f->state] != 0 && strcmp(state, "live") != 0 && strcmp(state, "proven") != 0 &&
	    strcmp(state, "up") != 0) {
		wait = longest_timer(f) + next_wait(b);
	}
	if (wait > *most)
		*most = wait;
}

int64_t
longest_wait(struct mesh *m)
{
	int64_t most = sim_tcp_patience(m->server_host), tcp;

	for (unsigned i = 0; i < m->n; i++) {
		if ((tcp = sim_tcp_patience(m->node[i].host)) > most)
			most = tcp;
		if (m->node[i].agent != NULL)
			fsm_each(agent_loop(m->node[i].agent), wait_of, &most);
	}
	return most;
}

/* ---- once all is settled --------------------------------------------------------------------- */

static void
count_machine(void *arg, struct fsm *f)
{
	unsigned *n = arg;

	if (strncmp(f->def->name, "srv-", 4) == 0)
		++*n;
}

/* What agents have joined at relay servers, and what the server has noted of it. */
static bool
interests_balance(struct mesh *m, bool talk)
{
	size_t held = 0, noted = 0;

	for (unsigned i = 0; i < m->n; i++)
		LIST_EACH(l, &m->node[i].agent->engine->pool->links)
			held += map_count(LIST_OF(l, struct relay_link, all)->entries);
	LIST_EACH(l, &m->server->relay->all)
		noted += map_count(LIST_OF(l, struct srv_relay_peer, all)->interests);
	if (held != noted && talk)
		printf("# agents hold %zu relay entries, the server %zu\n", held, noted);
	return held == noted;
}

/* Each agent has its four connections at the server, and nothing else is left
 * there or here. */
const char *
server_tidy(struct mesh *m, bool talk)
{
	struct server_counts c = server_counts(m->server);
	unsigned machines = 0;

	fsm_each(server_loop(m->server), count_machine, &machines);
	if (c.sync != m->n || c.job != m->n || c.signal != m->n || c.relay != m->n) {
		if (talk)
			printf("# sync %u, job %u, signal %u, relay %u of %u\n", c.sync, c.job, c.signal, c.relay, m->n);
		return "the server does not have one stream of each kind for each agent";
	}
	if (machines != 4 * m->n) {
		if (talk)
			printf("# %u machines, not %u\n", machines, 4 * m->n);
		return "connections of former lives stay at the server";
	}
	if (sim_streams(m->server_env) != 4 * m->n) {
		if (talk)
			printf("# %zu connections, not %u\n", sim_streams(m->server_env), 4 * m->n);
		return "the server holds connections that nobody knows";
	}
	for (unsigned i = 0; i < m->n; i++) {
		if (m->node[i].agent == NULL || m->node[i].agent->engine == NULL)
			return "an agent has no engine";
		if (sim_streams(m->node[i].env) != 4) {
			if (talk)
				printf("# agent%u holds %zu connections, not 4\n", i, sim_streams(m->node[i].env));
			return "an agent holds connections beyond its four";
		}
	}
	if (!interests_balance(m, talk))
		return "relay entries of agents and server differ";
	return NULL;
}

static const struct agent_peer *
peer_of(const struct agent_status *s, const struct addr *overlay)
{
	char text[ADDR_STRLEN];

	addr_str(overlay, text);
	for (size_t i = 0; i < s->npeers; i++)
		if (strcmp(s->peers[i].ip, text) == 0)
			return &s->peers[i];
	return NULL;
}

/* All talk: so says everybody's status. */
const char *
status_true(struct mesh *m, bool talk)
{
	const char *wrong = NULL;

	for (unsigned i = 0; i < m->n && wrong == NULL; i++) {
		struct agent_status s = { 0 };

		if (m->node[i].agent == NULL)
			return "an agent does not run";
		status_fill(m->node[i].agent, &s);
		if (strcmp(s.state, "Connected") != 0 || !s.management.connected || !s.signal.connected)
			wrong = "status does not know of management or signal";
		for (unsigned j = 0; j < m->n && wrong == NULL; j++) {
			struct addr to = sim_overlay_addr(m->node[j].host);
			const struct agent_peer *p = i != j ? peer_of(&s, &to) : NULL;

			if (i != j && (p == NULL || p->state != AGENT_PEER_CONNECTED)) {
				if (talk)
					printf("# agent%u does not call agent%u connected\n", i, j);
				wrong = "a peer answers, and status does not call it connected";
			} else if (i != j && p->relayed != (mesh_direct(m, i, j) == 0))
				wrong = "status has the wrong path";
		}
		agent_status_free(&s);
	}
	return wrong;
}

const char *
status_of_dead(struct mesh *m, const struct addr *was, const struct mesh_node *dead)
{
	const char *wrong = NULL;

	for (unsigned i = 0; i < m->n && wrong == NULL; i++) {
		struct agent_status s = { 0 };
		const struct agent_peer *p;

		if (&m->node[i] == dead || m->node[i].agent == NULL || !sim_awake(m->node[i].env))
			continue;
		status_fill(m->node[i].agent, &s);
		p = peer_of(&s, was);
		if (p != NULL && p->state == AGENT_PEER_CONNECTED)
			wrong = "a peer that has been dead for minutes is called connected";
		agent_status_free(&s);
	}
	return wrong;
}

/* ---- direct paths ----------------------------------------------------------------------------- */

/* By what routers do.  Not asked of pairs that need luck: symmetric mapping on
 * one side and a filter by ports on the other. */
static bool
could_be_direct(const struct mesh *m, const struct mesh_node *a, const struct mesh_node *b)
{
	if (a->nat == b->nat)
		return true;		/* on one network: the same home, or the internet */
	if (a->no_udp || b->no_udp)
		return false;
	if (m->conf.v6)
		return true;		/* filtered, not translated */
	if (a->symmetric)
		return !b->symmetric && (b->nat == NULL || !b->ports);
	return !b->symmetric || a->nat == NULL || !a->ports;
}

static bool
is_direct(struct mesh *m, unsigned i, unsigned j)
{
	return i == j || mesh_direct(m, i, j) == 1 || !could_be_direct(m, &m->node[i], &m->node[j]);
}

bool
all_direct(void *arg)
{
	struct mesh *m = arg;

	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (!is_direct(m, i, j))
				return false;
	return true;
}

void
report_indirect(struct mesh *m)
{
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (!is_direct(m, i, j))
				printf("# agent%u to agent%u could be direct\n", i, j);
}
