/* SPDX-License-Identifier: ISC */
/*
 * peer_rows.c -- two agents' machines (twopeers.h), and what seldom comes: a remote
 * that does ICE no more, answers that are late by seconds, a session that is closed
 * in the turn in which it is answered, a channel that was replaced.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/tap.h"
#include "fakeenv.h"
#include "ice/hub.h"
#include "net/notes.h"
#include "twopeers-impl.h"

static struct world w;

static void
post_session(struct side *s, enum ice_session_event e)
{
	ice_session_post(s->session, e, NULL);
	fsm_drain(s->loop);
}

/* Its guard asks anew, as after a change of network. */
static void
offer_again(struct side *s)
{
	guard_post(&s->peer->guard, GUARD_EV_NET_CHANGE, NULL);
	fsm_drain(s->loop);
}

static struct ice_pair *
first_pair(const struct side *s)
{
	return list_empty(&s->session->pairs) ? NULL : LIST_OF(s->session->pairs.next, struct ice_pair, in_session);
}

/* ---- ICE that is not wanted ----------------------------------------------------------- */

static void
no_ice(void)
{
	uint8_t id[WIRE_SIGNAL_SESSION];

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	world_start(&w, true, true);
	ice_session_enable(w.b.session, false);
	world_relay(&w, true);
	fake_run(20 * MONO_SEC);
	ok(w.a.offers + w.b.offers >= 2 && w.a.session->fsm.state == ICE_SESSION_NONE && w.a.session->npair == 0,
	    "a remote that does no ICE: no agent, nothing is checked");
	ok(w.a.endpoint.kind == PATH_TO_RELAY && w.b.endpoint.kind == PATH_TO_RELAY && w.a.ups + w.b.ups == 0, "the relay carries");
	w.udp_cut = true;
	ice_session_enable(w.b.session, true);
	offer_again(&w.b);
	fake_run(500 * MONO_MS);
	is_int(w.a.session->fsm.state, ICE_SESSION_CHECKING, "it does ICE after all: its addresses are checked");
	memcpy(id, w.a.session->id, sizeof(id));
	ice_session_enable(w.b.session, false);
	offer_again(&w.a);
	fake_run(500 * MONO_MS);
	ok(w.a.session->fsm.state == ICE_SESSION_NONE && !w.a.session->remote_known, "and no more, as its answer says: given up at once");
	ok(memcmp(id, w.a.session->id, sizeof(id)) != 0, "the next agent has another id");
	w.udp_cut = false;
	ice_session_enable(w.b.session, true);
	offer_again(&w.b);
	ok(world_until_direct(&w, 5000) >= 0, "it does, and the way is free: direct");
	world_free(&w);
}

/* Closed, and then the remote does ICE no more: what it said is worth nothing. */
static void
closed_and_no_ice(void)
{
	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	w.b.signal_cut = true;
	post_session(&w.a, ICE_SESSION_EV_CLOSE);
	ok(w.a.session->fsm.state == ICE_SESSION_NONE && w.a.session->remote_known, "closed, and the remote is known");
	ice_session_enable(w.b.session, false);
	w.b.signal_cut = false;
	offer_again(&w.a);
	fake_run(500 * MONO_MS);
	ok(w.a.session->fsm.state == ICE_SESSION_NONE && !w.a.session->remote_known && w.a.session->nremote == 0,
	    "it answers without ICE: its addresses and password are forgotten");
	world_free(&w);
}

static void
closed_while_checking(void)
{
	uint8_t id[WIRE_SIGNAL_SESSION];
	struct ice_pair *p;

	world_new(&w, NAT_NONE, NAT_NONE);
	w.udp_cut = true;
	world_start(&w, true, true);
	fake_run(500 * MONO_MS);
	memcpy(id, w.a.session->id, sizeof(id));
	post_session(&w.a, ICE_SESSION_EV_ANSWERED);
	ok(w.a.session->fsm.state == ICE_SESSION_CHECKING && w.a.ups == 0, "an answer of a former agent proves nothing");
	post_session(&w.a, ICE_SESSION_EV_CLOSE);
	ok(w.a.session->fsm.state == ICE_SESSION_NONE && memcmp(id, w.a.session->id, sizeof(id)) != 0,
	    "closed while it checks: the id is another");
	w.udp_cut = false;
	offer_again(&w.a);
	ok(world_until_direct(&w, 3000) >= 0, "so that the remote heeds the next offer");
	world_free(&w);

	/* the answer and the closing in one turn: what the pair says comes last */
	world_new(&w, NAT_NONE, NAT_NONE);
	w.udp_cut = true;
	world_start(&w, true, true);
	fake_run(300 * MONO_MS);
	p = first_pair(&w.b);
	ok(p != NULL && p->fsm.state == ICE_PAIR_CHECKING, "a pair is being checked");
	ice_pair_post(p, ICE_PAIR_EV_ANSWERED, NULL);
	post_session(&w.b, ICE_SESSION_EV_CLOSE);
	ok(w.b.session->fsm.state == ICE_SESSION_NONE && w.b.ups == 0 && w.b.endpoint.kind == PATH_TO_NONE,
	    "answered in the turn that closes it: nothing is taken up");
	w.udp_cut = false;
	offer_again(&w.b);
	ok(world_until_direct(&w, 3000) >= 0, "and the next session is");
	world_free(&w);
}

/* ---- answers that are late ------------------------------------------------------------- */

static struct held {
	bool on;
	unsigned n;
	struct addr to;
	size_t len;
	uint8_t bytes[600];	/* the first */
} held;

/* As twopeers_send, but for answers, of which the first is kept and the others are lost. */
static void
send_without_answers(void *side, const struct addr *to, const void *bytes, size_t len)
{
	struct wire_stun m;

	if (!held.on || wire_stun_parse(&m, bytes, len) != 0 || m.cls != WIRE_STUN_SUCCESS) {
		twopeers_send(side, to, bytes, len);
		return;
	}
	if (held.n++ > 0)
		return;
	held.to = *to;
	held.len = len;
	memcpy(held.bytes, bytes, len);
}

/* b controls. */
static void
late_world(struct side *silent)
{
	memset(&held, 0, sizeof(held));
	world_new(&w, NAT_NONE, NAT_NONE);
	silent->ice->io.send = send_without_answers;
	world_start(&w, true, true);
}

static void
nominated_before_answered(void)
{
	struct ice_pair *p;
	unsigned checks;

	late_world(&w.b);
	held.on = true;
	fake_run(300 * MONO_MS);
	p = first_pair(&w.a);
	ok(p != NULL && p->fsm.state == ICE_PAIR_WANTED && w.a.ups == 0, "the remote nominated what did not answer us yet");
	checks = p->checks;
	fake_run(MONO_SEC);
	ok(p->checks >= checks + 4 && p->fsm.state == ICE_PAIR_WANTED, "it is checked on, every 200 ms");
	held.on = false;
	fake_run(250 * MONO_MS);
	ok(w.a.ups == 1 && world_direct(&w), "and taken up with the first answer");
	world_free(&w);
}

/* The nominations of b are answered when it no longer believes in them. */
static struct ice_pair *
tired(void)
{
	struct ice_pair *p;
	unsigned checks;

	late_world(&w.a);
	for (int t = 0; t < 1000 && (w.b.session->chosen == NULL || w.b.session->chosen->fsm.state != ICE_PAIR_NOMINATING); t++)
		fake_run(MONO_MS);
	held.on = true;
	p = w.b.session->chosen;
	ok(p != NULL && w.b.session->fsm.state == ICE_SESSION_CHECKING, "b nominates");
	if (p == NULL)
		return NULL;
	fake_run(MONO_SEC);
	ice_pair_post(p, ICE_PAIR_EV_NOMINATE, NULL);
	fsm_drain(w.b.loop);
	fake_run(900 * MONO_MS);
	ok(p->fsm.state == ICE_PAIR_NOMINATING && held.n >= 8, "with eight checks and more in two seconds");
	fake_run(150 * MONO_MS);
	ok(p->fsm.state == ICE_PAIR_FAILED, "a second nomination gives it no more time");
	checks = w.b.checks;
	ice_pair_post(p, ICE_PAIR_EV_NOMINATE, NULL);
	fsm_drain(w.b.loop);
	ok(p->fsm.state == ICE_PAIR_FAILED && w.b.checks == checks, "and one that failed is not nominated");
	ok(w.a.session->fsm.state == ICE_SESSION_CONNECTED && w.b.ups == 0, "a has taken it up, b has not");
	return p;
}

static void
release(void)
{
	held.on = false;
	twopeers_send(&w.a, &held.to, held.bytes, held.len);
	fake_run(6 * MONO_MS);
}

static void
late_nominations(void)
{
	struct ice_pair *p = tired();

	post_session(&w.a, ICE_SESSION_EV_DOUBT);
	fake_run(6 * MONO_MS);
	ok(p->fsm.state == ICE_PAIR_CHECKING, "a asks, which revives it");
	release();
	ok(p->fsm.state == ICE_PAIR_NOMINATING && w.b.ups == 0, "the late answer says that it works: it is nominated anew");
	ok(world_until_direct(&w, 100) >= 0 && w.b.ups == 1, "which is answered: direct");
	world_free(&w);

	p = tired();
	w.b.session->controlling = false;	/* a conflict of roles, settled meanwhile */
	w.a.session->controlling = true;
	w.b.session->chosen = NULL;
	post_session(&w.a, ICE_SESSION_EV_DOUBT);
	fake_run(6 * MONO_MS);
	ok(p->fsm.state == ICE_PAIR_WANTED, "roles were switched, and a nominates it");
	release();
	ok(ice_pair_is_good(p) && w.b.ups == 1 && w.b.session->selected == p, "the late answer is all that was missing");
	ok(world_until_direct(&w, 1000) >= 0, "direct");
	world_free(&w);
}

/* ---- handshake, guard, path ---------------------------------------------------------------- */

static void
reborn_while_busy(void)
{
	struct wire_signal old = { .type = WIRE_SIGNAL_OFFER }, new = { .type = WIRE_SIGNAL_OFFER },
	    idle = { .type = WIRE_SIGNAL_GO_IDLE };
	unsigned shakes, answers, endpoints;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	endpoints = w.a.endpoints;
	peer_signal(w.a.peer, &idle);
	fake_run(MONO_SEC);
	ok(w.a.endpoints == endpoints && world_direct(&w), "a peer that goes idle is left as it is");
	ice_session_describe(w.b.session, &old);
	w.b.signal_cut = true;
	side_restart(&w.b);
	ice_session_describe(w.b.session, &new);
	shakes = w.a.shakes;
	answers = w.a.answers;
	peer_signal(w.a.peer, &old);
	peer_signal(w.a.peer, &new);
	fsm_drain(w.a.loop);
	is_int(w.a.shakes, shakes + 1, "an offer of the old process, one of the new behind it: hands are shaken anew");
	ok(w.a.answers > answers && strcmp(w.a.session->rufrag, w.b.session->ufrag) == 0, "and the new one is answered");
	w.b.signal_cut = false;
	offer_again(&w.b);
	ok(world_until_direct(&w, 5000) >= 0, "direct again");
	world_free(&w);
}

static bool
nobody_uses_it(void *arg, const struct peer *p)
{
	(void)arg;
	(void)p;
	return true;
}

static void
forlorn(void)
{
	struct peer_hooks hooks;
	unsigned n;

	world_new(&w, NAT_NONE, NAT_NONE);
	world_start(&w, true, false);
	fake_run(MONO_HOUR);
	n = w.a.offers;
	fake_run(MONO_HOUR);
	ok(w.a.offers - n >= 79 && w.a.offers - n <= 120, "a peer that is switched off and in use is asked every 30 to 45 s: %u an hour", w.a.offers - n);
	hooks = *w.a.peer->hooks;
	hooks.unused = nobody_uses_it;
	w.a.peer->hooks = &hooks;
	fake_run(10 * MONO_MIN);
	n = w.a.offers;
	fake_run(MONO_HOUR);
	ok(w.a.offers - n >= 9 && w.a.offers - n <= 16, "one that nobody uses, every four to six minutes: %u an hour", w.a.offers - n);
	world_start(&w, false, true);
	ok(world_until_direct(&w, 1000) >= 0, "and found at once when it is back");
	world_free(&w);
}

static void
lost_without_a_word(void)
{
	unsigned n;

	world_new(&w, NAT_SYMMETRIC, NAT_PORT_RESTRICTED);
	world_start(&w, true, true);
	world_relay(&w, true);
	for (int i = 0; i < 600 && w.a.peer->guard.fsm.state != GUARD_SLOW; i++)
		fake_run(MONO_SEC);
	is_int(w.a.peer->guard.fsm.state, GUARD_SLOW, "relayed: a better path is sought every few minutes");
	w.a.mute_reset = true;
	w.b.signal_cut = true;
	world_relay(&w, false);
	n = w.a.offers;
	fake_run(181 * MONO_SEC);
	ok(w.a.endpoint.kind == PATH_TO_NONE && w.a.offers > n && w.a.peer->guard.fsm.state == GUARD_SEEKING,
	    "the relay goes too, without a word: noticed with the next of these");
	n = w.a.offers;
	fake_run(MONO_MIN);
	ok(w.a.offers >= n + 1, "and from there on it is sought in earnest: %u in a minute", w.a.offers - n);
	world_free(&w);
}

static void
post_way(struct side *s, enum path_event e, struct way *way)
{
	struct note_way *n = note_way_new(way);

	path_post(&s->peer->path, e, &n->data);
	fsm_drain(s->loop);
}

static void
replaced_channel(void)
{
	struct way newer = w.a.way;
	unsigned n;

	world_new(&w, NAT_SYMMETRIC, NAT_SYMMETRIC);
	world_start(&w, true, true);
	path_post(&w.a.peer->path, PATH_EV_WG_TIMEOUT, NULL);
	path_post(&w.a.peer->path, PATH_EV_RELAY_DOWN, NULL);
	path_post(&w.a.peer->path, PATH_EV_ICE_DOWN, NULL);
	fsm_drain(w.a.loop);
	is_int(w.a.endpoints, 0, "losses before there was a path: nothing");
	world_relay(&w, true);
	n = w.a.endpoints;
	path_post(&w.a.peer->path, PATH_EV_ICE_DOWN, NULL);
	fsm_drain(w.a.loop);
	ok(w.a.endpoint.way == &w.a.way && w.a.endpoints == n && path_has_relay(&w.a.peer->path), "a direct pair lost before it was taken: the relay's endpoint is not touched");
	post_way(&w.a, PATH_EV_RELAY_UP, &newer);
	ok(w.a.endpoint.way == &newer && w.a.endpoints == n + 1, "a newer channel replaces the one in use");
	post_way(&w.a, PATH_EV_RELAY_DOWN, &w.a.way);
	ok(w.a.endpoint.way == &newer && w.a.endpoints == n + 1, "whose goodbye comes late, and changes nothing");
	post_way(&w.a, PATH_EV_RELAY_DOWN, &newer);
	ok(w.a.endpoint.kind == PATH_TO_NONE, "its own does");
	world_free(&w);

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, false);
	n = w.a.endpoints;
	post_way(&w.a, PATH_EV_RELAY_DOWN, &newer);
	ok(world_direct(&w) && w.a.endpoints == n && path_kind(&w.a.peer->path) == PATH_TO_ICE, "a channel that never was goes down: the pair carries on");
	world_free(&w);
}

int
main(void)
{
	if (getenv("TEST_DEBUG") != NULL)
		log_set_level(LOG_LV_TRACE);
	no_ice();
	closed_and_no_ice();
	closed_while_checking();
	nominated_before_answered();
	late_nominations();
	reborn_while_busy();
	forlorn();
	lost_without_a_word();
	replaced_channel();
	return tap_done();
}
