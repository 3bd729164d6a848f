/* SPDX-License-Identifier: ISC */
/*
 * guard.c -- when to ask; see fsm/guard.fsm.
 *
 * It reads what the peer's path stands at (a settled value: queues are drained
 * between turns) and what both sides can do.
 */
#include "base/mono.h"
#include "env/env.h"
#include "peer/peer.h"
#include "fsm/guard.inc"

#define FIRST_WAIT	(800 * MONO_MS)		/* after a loss, as upstream */
#define SHORT_WAIT	(500 * MONO_MS)
#define LONGEST_LO	(30 * MONO_SEC)		/* upstream: 30 to 45 s, drawn per peer */
#define LONGEST_SPREAD	(15 * MONO_SEC)
#define SLOW_LO		(120 * MONO_SEC)	/* upstream: an hour */
#define SLOW_SPREAD	(60 * MONO_SEC)
#define ENOUGH		4	/* upstream: 3 */
#define FORLORN		14	/* asked: six minutes */
#define RARE_LO		(240 * MONO_SEC)
#define RARE_SPREAD	(120 * MONO_SEC)

static int64_t
jitter(struct guard *g, int64_t lo, int64_t spread)
{
	return lo + (int64_t)env_random_below(fsm_env(&g->fsm), (uint64_t)spread + 1);
}

/* ---- guards ---- */

static bool
guard_if_all_up(const struct guard *g)
{
	const struct peer *p = g->peer;
	bool direct = path_kind(&p->path) == PATH_TO_ICE, relay = path_has_relay(&p->path);

	if (!direct && !relay)
		return false;
	if (peer_has_news(g->peer))
		return false;
	return (direct || !peer_wants_ice(p)) && (relay || !peer_wants_relay(p));
}

static bool
guard_if_under_way(const struct guard *g)
{
	const struct peer *p = g->peer;

	/* Only while nothing but ICE is missing (a relay needs the offer), and not
	 * when it would tell something new: our relay's address after home-up. */
	return !g->news && p->hooks->ice_busy(p->arg, p) && (path_has_relay(&p->path) || !peer_wants_relay(p));
}

/* A better path can wait for minutes.  A standby cannot: a direct pair without its
 * relay would be cut off by the next thing that happens to it. */
static bool
guard_if_enough(const struct guard *g)
{
	const struct peer *p = g->peer;
	bool relay = path_has_relay(&p->path) || !peer_wants_relay(p);

	return g->asked >= (relay ? ENOUGH : FORLORN) && path_kind(&p->path) != PATH_TO_NONE;
}

static bool
guard_if_cut_off(const struct guard *g)
{
	return path_kind(&g->peer->path) == PATH_TO_NONE;
}

static bool
guard_if_unused(const struct guard *g)
{
	const struct peer *p = g->peer;

	return p->hooks->unused != NULL && p->hooks->unused(p->arg, p);
}

static bool
guard_if_forlorn(const struct guard *g)
{
	return g->asked >= FORLORN && path_kind(&g->peer->path) == PATH_TO_NONE && guard_if_unused(g);
}

/* ---- actions: they choose the wait that the next state reads ---- */

static void
guard_do_wait_none(struct guard *g)
{
	g->wait = 0;
}

static void
guard_do_wait_shortly(struct guard *g)
{
	g->wait = SHORT_WAIT;
}

/* The other side lost it too: one of the two is a little sooner. */
static void
guard_do_wait_little(struct guard *g)
{
	g->wait = jitter(g, 20 * MONO_MS, 60 * MONO_MS);
}

static void
guard_do_wait_jitter(struct guard *g)
{
	g->wait = jitter(g, 0, 100 * MONO_MS);
}

static void
guard_do_wait_long(struct guard *g)
{
	g->asked++;
	g->asked_ever++;
	g->news = false;
	g->wait = jitter(g, SLOW_LO, SLOW_SPREAD);
}

static void
guard_do_wait_rare(struct guard *g)
{
	guard_do_wait_long(g);
	g->wait = jitter(g, RARE_LO, RARE_SPREAD);
}

static void
guard_do_back_off(struct guard *g)
{
	int64_t longest = jitter(g, LONGEST_LO, LONGEST_SPREAD);
	int64_t base = FIRST_WAIT << (g->asked < 7 ? g->asked : 7);

	g->asked++;
	g->asked_ever++;
	g->news = false;
	g->wait = jitter(g, base - base / 10, base / 5);
	if (g->wait > longest)
		g->wait = longest;
}

static void
guard_do_forget_count(struct guard *g)
{
	g->asked = 0;
	g->news = true;
}

/* ---- life ---- */

void
guard_init(struct guard *g, struct peer *peer, struct fsm_loop *loop, const char *subject)
{
	g->peer = peer;
	g->wait = 0;		/* the first offer leaves at once */
	guard_fsm_init(g, loop, subject);
}

void
guard_fini(struct guard *g)
{
	guard_fsm_fini(g);
}
