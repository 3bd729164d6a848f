/* SPDX-License-Identifier: ISC */
/*
 * agree.c -- in a mesh at rest both ends know the same of each other, the server
 * knows the same of both, and nothing of what is over is left.
 */
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "base/map.h"
#include "env/env.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "relay/pool-impl.h"
#include "server/account.h"
#include "server/inside.h"
#include "server/relay.h"
#include "tests/play/play.h"
#include "wg/impl.h"

/* A message or a beat of the server has come by then. */
#define PROVED	(40 * MONO_SEC)

/* ---- a pair ----------------------------------------------------------------------------- */

static struct remote *
remote_of(const struct mesh_node *n, const struct mesh_node *other)
{
	return engine_remote(n->agent->engine, wg_device_public_key(other->agent->engine->device));
}

/* Some session of WireGuard that this end sends with is one that the far end opens. */
static bool
sessions_agree(const struct wg_peer *a, const struct wg_peer *b)
{
	const struct wg_keypair *opens[] = { b->old, b->prev, b->cur, b->next };

	if (a->cur == NULL)
		return false;
	for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++)
		if (opens[i] != NULL && opens[i]->local_index == a->cur->remote_index)
			return true;
	return false;
}

static bool
is_direct_path(const struct remote *r)
{
	return path_kind(&r->peer->path) == PATH_TO_ICE;
}

static const char *
allowed_wrong(const struct remote *r, const struct mesh_node *to)
{
	struct addr overlay = sim_overlay_addr(to->host);

	for (unsigned i = 0; i < r->nallowed; i++)
		if (addr_same_ip(&r->allowed[i].addr, &overlay))
			return NULL;
	return "a peer's overlay address is not among those allowed";
}

/* What i knows of j, and what j is. */
static const char *
end_wrong(const struct mesh_node *i, const struct mesh_node *j, const struct remote *a, const struct remote *b, bool never_struck)
{
	const struct handshake *h = &a->peer->handshake;

	if (allowed_wrong(a, j) != NULL)
		return allowed_wrong(a, j);
	if (strcmp(h->ufrag, b->ice->ufrag) != 0)
		return "one end holds the credentials of a former life of the other";
	if (peer_has_news(a->peer))
		return "one end was never told the other's relay";
	if (is_direct_path(a) != is_direct_path(b))
		return "one end sends directly, the other over the relay";
	/* Later an offer or answer may have been lost, and the old pair come back as it was. */
	if (is_direct_path(a) && never_struck && (!a->ice->has_rsession || memcmp(a->ice->rsession, b->ice->id, sizeof b->ice->id) != 0))
		return "both are direct, and their session ids differ";
	if (is_direct_path(a) && a->ice->controlling == b->ice->controlling)
		return "both ends control the session, or neither";
	/* who heard last that the other has no relay, and lost the word that it has, waits for the next */
	if (i->mesh->signals_lost == 0 && (a->channel->fsm.state == RELAY_CHANNEL_OPEN) != (b->channel->fsm.state == RELAY_CHANNEL_OPEN))
		return "the relay channel is open at one end";
	if (i->mesh->signals_lost == 0 && a->channel->fsm.state != RELAY_CHANNEL_OPEN)
		return "the relay channel does not stand by";
	if (a->peer->path.fsm.state == PATH_BOTH && a->peer->guard.fsm.state == GUARD_SEEKING)
		return "all is up, and the guard is not at rest";
	if (a->wg->nkept > 0)
		return "packets wait";
	if (!sessions_agree(a->wg, b->wg))
		return "an end sends under keys that the other does not have";
	return NULL;
}

/* ---- an agent ------------------------------------------------------------------------------ */

/* States that a look at what is well goes through and comes back from: who speaks
 * last over a quiet path asks once a silence (src/wg/watch.c). */
static bool
is_a_look(const char *state)
{
	static const char *const looks[] = { "up", "doubted", "connected", "doubtful", "good", "quiet", "probing", "seeking" };

	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
		if (strcmp(state, looks[i]) == 0)
			return true;
	return false;
}

static bool
machine_is_calm(const struct fsm *f)
{
	const struct fsm_past *oldest = &f->past[f->npast % FSM_RING];
	bool looks = true;

	if (f->npast < FSM_RING || mono_diff(env_now(fsm_env(f)), oldest->at) > 5 * MONO_SEC)
		return true;
	for (unsigned i = 0; i < FSM_RING; i++)
		looks = looks && is_a_look(f->def->state_name[f->past[i].to]);
	return looks;
}

struct flapping {
	const char *wrong;
	bool talk;
};

static void
look_for_flapping(void *arg, struct fsm *f)
{
	struct flapping *l = arg;

	if (machine_is_calm(f))
		return;
	l->wrong = "a machine goes round and round";
	for (unsigned i = 0; l->talk && i < FSM_RING; i++) {
		const struct fsm_past *p = &f->past[(f->npast + i) % FSM_RING];

		printf("# %s %s: %s on %s\n", f->def->name, f->subject != NULL ? f->subject : "-", f->def->state_name[p->from],
		    f->def->event_name[p->event]);
	}
	l->talk = false;
}

/* What the agent's own candidates say is where it can be met. */
static const char *
mapped_wrong(const struct mesh_node *n)
{
	struct addr own = n->nat == NULL ? sim_if_addr(n->iface) : sim_nat_addr(n->nat);

	if (n->carrier || n->no_udp)
		return NULL;
	LIST_EACH(l, &n->agent->engine->ice->gathers) {
		const struct ice_gather *g = LIST_OF(l, struct ice_gather, all);

		if (g->fsm.state == ICE_GATHER_FRESH && g->mapped[0].family != ADDR_NONE && !addr_same_ip(&g->mapped[0], &own))
			return "an agent tells an address that its router does not have";
	}
	return NULL;
}

static struct mono
last_change(const struct netwatch *w)
{
	struct mono at = { 0 };

	for (unsigned i = 0; i < FSM_RING && i < w->fsm.npast; i++)
		if (w->fsm.past[i].to == NETWATCH_SETTLING && mono_before(at, w->fsm.past[i].at))
			at = w->fsm.past[i].at;
	return at;
}

/* A session that began after the last change offers no address of the network before. */
static const char *
locals_wrong(const struct agent *a, const struct ice_session *s)
{
	struct addr now[ICE_LOCALS];
	size_t n = ice_locals(a->engine->ice, now, ICE_LOCALS);

	if ((s->fsm.state != ICE_SESSION_CHECKING && s->fsm.state != ICE_SESSION_CONNECTED) ||
	    !mono_before(last_change(a->netwatch), s->started))
		return NULL;
	for (unsigned i = 0; i < s->nlocal; i++) {
		bool found = s->local[i].type != WIRE_CAND_HOST;

		for (size_t k = 0; k < n && !found; k++)
			found = addr_same_ip(&s->local[i].addr, &now[k]);
		if (!found)
			return "an address that is gone is a candidate";
	}
	return NULL;
}

static size_t
joined_on(const struct relay_link *l)
{
	size_t n = 0;

	LIST_EACH(it, &l->channels)
		n += LIST_OF(it, struct relay_channel, on_link)->joined;
	return n;
}

/* A stream that serves owes nothing to the failures before it (mgmt-stream.fsm). */
static bool
failures_kept(const struct fsm *f, const char *state, const struct backoff *b)
{
	return strcmp(fsm_state_name(f), state) == 0 && mono_diff(env_now(fsm_env(f)), f->since) > PROVED && b->base != 0;
}

static const char *
agent_wrong(const struct mesh *m, const struct mesh_node *n, bool talk)
{
	const struct agent *a = n->agent;
	const struct engine *e = a->engine;
	const char *wrong = NULL;
	struct flapping flapping = { .talk = talk };
	size_t slots = map_count(e->device->by_index);

	if (e->serial != m->server->store->account->serial) {
		if (talk)
			printf("# agent%u has map %llu, the server %llu\n", n->i, (unsigned long long)e->serial,
			    (unsigned long long)m->server->store->account->serial);
		return "an agent's map is not the server's";
	}
	if (list_count(&e->remotes) != m->n - 1 || map_count(e->by_key) != m->n - 1)
		return "an agent has peers beyond those of its map";
	if (failures_kept(&a->sync->fsm, "proven", &a->sync->backoff) || failures_kept(&a->job->fsm, "proven", &a->job->backoff) ||
	    failures_kept(&a->signal->fsm, "up", &a->signal->backoff))
		return "a stream serves, and its failures are not forgotten";
	if (a->signal->queued > 0)
		return "messages wait though signal is up";
	LIST_EACH(l, &e->pool->links) {
		const struct relay_link *link = LIST_OF(l, struct relay_link, all);

		if (map_count(link->entries) != joined_on(link))
			return "a relay link has entries that no channel holds";
	}
	if (map_count(e->ice->by_tid) != list_count(&e->ice->txs) || map_count(e->ice->by_ufrag) != m->n - 1)
		return "ICE remembers what is over";
	if (slots > 5 * (m->n - 1))
		return "WireGuard remembers sessions that are over";
	if ((wrong = mapped_wrong(n)) != NULL)
		return wrong;
	LIST_EACH(l, &e->remotes)
		if ((wrong = locals_wrong(a, LIST_OF(l, struct remote, all)->ice)) != NULL)
			return wrong;
	fsm_each(agent_loop(n->agent), look_for_flapping, &flapping);
	return flapping.wrong;
}

/* ---- the server -------------------------------------------------------------------------------- */

/* Of peers that left as well. */
const char *
server_remembers(const struct mesh *m)
{
	const struct server *s = m->server;

	for (struct map_it i = map_first(s->relay->topics); i.value != NULL; i = map_next(i))
		if (list_empty(&((struct server_topic *)i.value)->watchers))
			return "the relay remembers what nobody watches";
	return NULL;
}

static const char *
server_wrong(struct mesh *m)
{
	const struct server *s = m->server;
	size_t noted = 0, watched = 0;

	LIST_EACH(l, &s->relay->all)
		noted += map_count(LIST_OF(l, struct srv_relay_peer, all)->interests);
	for (struct map_it i = map_first(s->relay->topics); i.value != NULL; i = map_next(i))
		watched += list_count(&((struct server_topic *)i.value)->watchers);
	if (noted != watched)
		return "the relay tells connections that are gone";
	if (map_count(s->relay->by_id) != m->n || list_count(&s->relay->all) != m->n)
		return "the relay knows connections that are gone";
	if (!list_empty(&s->graves) || !list_empty(&s->push))
		return "the server has not finished";
	return server_remembers(m);
}

/* NULL when all agree. */
const char *
ends_agree(struct mesh *m, bool never_struck, bool talk)
{
	const char *wrong = server_wrong(m);

	for (unsigned i = 0; i < m->n && wrong == NULL; i++) {
		char who[160];

		wrong = agent_wrong(m, &m->node[i], talk);
		if (wrong == NULL)
			wrong = machines_wrong(agent_loop(m->node[i].agent), who, sizeof who);
		if (wrong != NULL && talk)
			printf("# agent%u\n", i);
		for (unsigned j = 0; j < m->n && wrong == NULL; j++) {
			const struct remote *a, *b;

			if (i == j)
				continue;
			a = remote_of(&m->node[i], &m->node[j]);
			b = remote_of(&m->node[j], &m->node[i]);
			wrong = a == NULL || b == NULL ? "a peer of the map is unknown" : end_wrong(&m->node[i], &m->node[j], a, b, never_struck);
			if (wrong != NULL && talk)
				printf("# agent%u and agent%u\n", i, j);
		}
	}
	return wrong;
}
