/* SPDX-License-Identifier: ISC */
/*
 * watch.c -- are packets answered?  See fsm/wg-watch.fsm.
 *
 * WireGuard promises an answer: who receives data sends something within 10 s,
 * and who hears nothing for 15 s shakes hands anew.  So data out and silence for
 * 17 s is a dead path, whatever it is made of.  Long before that, silence while
 * data flows is a reason to let ICE ask its pair: that costs three small packets.
 */
#include <stdlib.h>
#include "base/log.h"
#include "env/env.h"
#include "wg/device.h"
#include "wg/watch.h"
#include "fsm/wg-watch.inc"

#define STUCK_AFTER	(1200 * MONO_MS)
#define STUCK_AGAIN	(5 * MONO_MIN)	/* who only receives answers every 10 s: no reason to flood */
#define KNOCK_AGAIN	MONO_SEC
#define ASK_AFTER	(150 * MONO_MS)
#define ASK_AGAIN	MONO_SEC
#define DEAD_AFTER	(17 * MONO_SEC)
#define FLOW_LOOKS	5	/* looks with packets make a flow */
#define HUSH_LEAST	(600 * MONO_MS)	/* without a packet, after a flow, is a silence */
#define FLOW_GAP	(2 * MONO_SEC)	/* more seldom than this is no flow */
#define IDLE_AFTER	(3 * MONO_SEC)
#define STALE_AFTER	(65 * MONO_SEC)		/* two keepalives of 25 s lost, and some grace */
#define HANDSHAKE_OLD	(210 * MONO_SEC)	/* upstream's limit: 180 s and 30 s of grace */

static struct mono
now(const struct wg_watch *w)
{
	return env_now(fsm_env(&w->fsm));
}

/* ---- guards ---- */

static bool
wg_watch_if_heard(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return mono_is_set(s.last_received) && mono_before(w->taken, s.last_received);
}

/* Something is owed at all: data or a handshake of ours went out after the path
 * was taken, and nothing came since. */
static bool
wg_watch_if_owed(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return mono_is_set(s.last_sent) && mono_before(w->taken, s.last_sent) &&
	    !mono_before(w->taken, s.last_received);
}

/* Since when data is out with nothing back.  WireGuard's own reckoning begins
 * anew with each handshake it tries; ours goes on until something comes. */
static struct mono
waiting_since(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	if (mono_is_set(w->waiting_since) && mono_before(s.last_received, w->waiting_since))
		return w->waiting_since;
	return s.unanswered_since;
}

/* Of this path only: what an older one lost is not its debt. */
static int64_t
waited(const struct wg_watch *w)
{
	struct mono since = waiting_since(w);

	if (!mono_is_set(since))
		return 0;
	return mono_diff(now(w), mono_before(since, w->taken) ? w->taken : since);
}

static bool
wg_watch_if_unanswered(const struct wg_watch *w)
{
	return !mono_is_set(w->asked) && waited(w) >= ASK_AFTER;
}

/* The silence that was asked about may have been of a peer with nothing to say, for
 * as long as ten seconds.  More data went out since: what is silent now may be dead. */
static bool
wg_watch_if_still(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return mono_is_set(w->asked) && waited(w) >= ASK_AFTER && mono_before(w->asked, s.last_data_sent) &&
	    mono_diff(now(w), w->asked) >= ASK_AGAIN;
}

static bool
wg_watch_if_dead(const struct wg_watch *w)
{
	return waited(w) >= DEAD_AFTER;
}

static bool
wg_watch_if_unopened(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return s.kept > 0 && waited(w) >= KNOCK_AGAIN && mono_diff(now(w), w->knocked) >= KNOCK_AGAIN;
}

/* The relay link has been asked by now, and would be gone if it were ours that died;
 * more went out since, or it may be that the peer has nothing to say. */
static bool
wg_watch_if_stuck(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return s.endpoint.kind == WG_ENDPOINT_WAY && mono_is_set(w->asked) && mono_before(w->asked, s.last_data_sent) &&
	    waited(w) >= STUCK_AFTER &&
	    (!mono_is_set(w->stuck) || mono_diff(now(w), w->stuck) >= STUCK_AGAIN);
}

/* How long a flow may pause: its usual gap, half of that, and a look or two. */
static int64_t
pause_of(const struct wg_watch *w)
{
	int64_t most = w->gap + w->gap / 2 + 300 * MONO_MS;

	return w->flowing == 1 ? FLOW_GAP : most < HUSH_LEAST ? HUSH_LEAST : most;
}

/* Said once: see forgets the flow. */
static bool
wg_watch_if_hushed(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return s.rx_packets == w->rx_seen && w->flowing >= FLOW_LOOKS && mono_diff(now(w), w->heard) >= pause_of(w);
}

static bool
wg_watch_if_idle(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return !mono_is_set(waiting_since(w)) && w->flowing == 0 && mono_diff(now(w), s.last_data_sent) > IDLE_AFTER;
}

static bool
wg_watch_if_old_handshake(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return s.keepalive != 0 && (!mono_is_set(s.last_handshake) || mono_diff(now(w), s.last_handshake) > HANDSHAKE_OLD);
}

static bool
wg_watch_if_stale(const struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	return s.keepalive != 0 && mono_diff(now(w), s.last_received) > STALE_AFTER;
}

/* ---- actions ---- */

static void
wg_watch_do_baseline(struct wg_watch *w)
{
	w->taken = now(w);
	w->waiting_since = (struct mono){ 0 };
	w->asked = (struct mono){ 0 };
}

/* Ask the peer's WireGuard for a sign of life. */
static void
wg_watch_do_knock(struct wg_watch *w)
{
	w->knocked = now(w);
	wg_peer_handshake(w->peer, false);
}

static void
wg_watch_do_note_good(struct wg_watch *w)
{
	w->waiting_since = (struct mono){ 0 };
	w->asked = (struct mono){ 0 };
}

static void
wg_watch_do_note_doubt(struct wg_watch *w)
{
	w->asked = now(w);
	w->doubts++;
}

static void
wg_watch_do_note_stuck(struct wg_watch *w)
{
	w->stuck = now(w);
}

static void
wg_watch_do_count(struct wg_watch *w)
{
	w->timeouts++;
	log_info("wg-watch", "%s: packets go out and none come back", w->fsm.subject);
}

/* A flow is heard again; its gaps are smoothed. */
static void
note_heard(struct wg_watch *w)
{
	int64_t gap = mono_diff(now(w), w->heard);

	if (w->flowing > 0 && gap > pause_of(w))
		w->flowing = 0;
	if (w->flowing == 1)
		w->gap = gap;
	else if (w->flowing > 1)
		w->gap += (gap - w->gap) / 4;
	w->flowing++;
	w->heard = now(w);
}

/* What every look sees: do packets flow, since when does data wait. */
static void
wg_watch_do_see(struct wg_watch *w)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(w->peer, &s);
	if (s.rx_packets != w->rx_seen) {
		note_heard(w);
		w->rx_seen = s.rx_packets;
	} else if (w->flowing > 0 && mono_diff(now(w), w->heard) >= pause_of(w))
		w->flowing = 0;
	w->waiting_since = waiting_since(w);
	if (!mono_is_set(w->waiting_since))
		w->asked = (struct mono){ 0 };
}

/* ---- life ---- */

struct wg_watch *
wg_watch_new(struct fsm_loop *loop, struct wg_peer *peer, const char *subject, void *owner)
{
	struct wg_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->peer = peer;
	w->owner = owner;
	wg_watch_fsm_init(w, loop, subject);
	return w;
}

void
wg_watch_free(struct wg_watch *w)
{
	if (w == NULL)
		return;
	wg_watch_fsm_fini(w);
	free(w);
}

bool
wg_watch_is_good(const struct wg_watch *w)
{
	return w->fsm.state == WG_WATCH_GOOD || w->fsm.state == WG_WATCH_QUIET;
}
