/* SPDX-License-Identifier: ISC */
/*
 * machines.c -- what every machine of a process keeps, whatever happens to the mesh.
 *
 * After every event: what stands in a peer's machines belongs together.  Now and
 * then, because it looks at all machines: the timers that run are those of the
 * state, as long as the table says; nobody waits longer than design.md allows;
 * a session of WireGuard that is too old is renewed.
 */
#include <string.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "base/map.h"
#include "env/env.h"
#include "relay/pool-impl.h"
#include "tests/play/play.h"
#include "wg/impl.h"

/* The paper, 6.1: the initiator asks for new keys after 120 s. */
#define RENEW_AFTER	(120 * MONO_SEC)
/* Base 10 s, randomised by factor 1 (mgmt-stream.fsm); relay links: a minute and 40 %. */
#define STREAM_WAIT	(20 * MONO_SEC)
#define LINK_WAIT	(84 * MONO_SEC)
/* src/peer/guard.c: 45 s while nothing works, 6 minutes when nobody wants it or all but the best works. */
#define GUARD_WAIT	(45 * MONO_SEC)
#define GUARD_RARE	(360 * MONO_SEC)
#define GUARD_FORLORN	14

/* ---- one machine ---------------------------------------------------------------------- */

static const char *
timers_wrong(const struct fsm *f)
{
	const struct fsm_def *d = f->def;

	for (int i = 0; i < d->ntimer; i++) {
		const struct fsm_timer *t = &f->timer[i];
		bool runs = (d->state_timer[f->state] & 1u << i) != 0;
		bool pending = t->timer != NULL && env_timer_pending(t->timer);

		if (!runs && pending)
			return "the timer of another state runs";
		if (runs && d->timer[i].every && t->us >= 0 && !pending)
			return "a timer that fires again and again has stopped";
		if (runs && d->timer[i].field < 0 && (t->us < d->timer[i].lo || t->us > d->timer[i].hi))
			return "a timer is not as long as its table says";
	}
	return NULL;
}

static const char *
waits_too_long(const struct fsm *f)
{
	const char *name = f->def->name;
	int64_t most = 0;

	for (int i = 0; i < f->def->ntimer; i++)
		if ((f->def->state_timer[f->state] & 1u << i) != 0 && !f->def->timer[i].every && f->timer[i].us > most)
			most = f->timer[i].us;
	if (f->def == &guard_fsm) {
		const struct guard *g = (const struct guard *)(const void *)f;

		if (most > GUARD_RARE || (f->state == GUARD_SEEKING && g->asked <= GUARD_FORLORN && most > GUARD_WAIT))
			return "a guard waits too long";
	} else if (strcmp(f->def->state_name[f->state], "backoff") == 0 &&
	    most > (strcmp(name, "relay-link") == 0 ? LINK_WAIT : STREAM_WAIT))
		return "the next try is too far away";
	return NULL;
}

struct look {
	const struct mesh_node *node;
	const char *wrong;
	const struct fsm *at;
};

static void
look_at(void *arg, struct fsm *f)
{
	struct look *l = arg;
	const char *wrong = timers_wrong(f);

	if (wrong == NULL)
		wrong = waits_too_long(f);
	if (wrong != NULL && l->wrong == NULL) {
		l->wrong = wrong;
		l->at = f;
	}
}

const char *
machines_wrong(struct fsm_loop *loop, char *who, size_t len)
{
	struct look l = { 0 };

	fsm_each(loop, look_at, &l);
	if (l.wrong != NULL)
		snprintf(who, len, "%s %s in %s", l.at->def->name, l.at->subject != NULL ? l.at->subject : "-", fsm_state_name(l.at));
	return l.wrong;
}

/* ---- one peer --------------------------------------------------------------------------- */

/* Data left under keys that are too old, and nobody asks for new ones. */
static bool
session_forgotten(const struct wg_peer *p)
{
	const struct wg_keypair *k = p->cur;
	struct mono now = env_now(p->dev->env), sent = p->stats.last_data_sent;

	return k != NULL && k->initiator && p->fsm.state == WG_PEER_REST && mono_is_set(sent) &&
	    mono_diff(sent, k->born) > RENEW_AFTER + MONO_SEC && mono_diff(now, sent) < 60 * MONO_SEC;
}

const char *
peer_wrong(const struct remote *r)
{
	const struct handshake *h = &r->peer->handshake;
	const struct relay_channel *c = r->channel;
	bool entry = c->fsm.def->state_res[c->fsm.state] != 0;

	if (h->fsm.state == HANDSHAKE_READY && (h->kept != NULL || h->nheld > 0))
		return "something waits for an answer that is not owed";
	if (entry != c->joined)
		return "a relay channel and its entry differ";
	if (c->joined && (c->link == NULL || map_get(c->link->entries, c->id, sizeof(c->id)) != c))
		return "a relay channel has joined, and its link does not know it";
	if ((r->ice->fsm.state == ICE_SESSION_CONNECTED || r->ice->fsm.state == ICE_SESSION_DOUBTFUL) && r->ice->selected == NULL)
		return "a direct session without its pair";
	if (path_has_relay(&r->peer->path) && r->peer->path.way != &c->way)
		return "the path holds another way than its channel's";
	if (session_forgotten(r->wg))
		return "a session is too old, and nobody renews it";
	return NULL;
}
