/* SPDX-License-Identifier: ISC */
/*
 * two_peers.c -- offers, ICE and path of two agents (twopeers.h), by story: how
 * they find each other.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/tap.h"
#include "fakeenv.h"
#include "twopeers.h"

static struct world w;

static void
plain(void)
{
	int t;

	world_new(&w, NAT_NONE, NAT_NONE);
	world_start(&w, true, true);
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 100, "no routers: direct after %d ms", t);
	ok(w.a.endpoint.kind == PATH_TO_ICE, "a points at b");
	is_int(w.a.offers + w.b.offers, 2, "glare: both offer once");
	is_int(w.a.ups + w.b.ups, 2, "and each is up once: two offers make one session");
	fake_run(30 * MONO_SEC);
	ok(world_direct(&w) && w.a.downs + w.b.downs == 0, "thirty quiet seconds later nothing moved");
	is_int(w.a.offers + w.b.offers, 2, "and the guards are silent");
	world_free(&w);
}

static void
routers(void)
{
	int t;

	for (int first = 0; first < 2; first++) {
		world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
		world_start(&w, first == 0, first == 1);
		fake_run(50 * MONO_MS);
		world_start(&w, first == 1, first == 0);
		t = world_until_direct(&w, 10000);
		ok(t >= 0 && t < 400, "two port-restricted routers, %c first: direct after %d ms", first ? 'b' : 'a', t);
		world_free(&w);
	}
	world_new(&w, NAT_SYMMETRIC, NAT_PORT_RESTRICTED);
	world_start(&w, true, true);
	world_relay(&w, true);
	fake_run(60 * MONO_SEC);
	ok(w.a.endpoint.kind == PATH_TO_RELAY && w.b.endpoint.kind == PATH_TO_RELAY, "symmetric and port-restricted: the relay carries");
	is_int(w.a.ups + w.b.ups, 0, "no direct pair was ever claimed");
	world_free(&w);
}

static void
unruly_signal(void)
{
	int t;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.a.candidates_first = w.b.candidates_first = true;
	world_start(&w, true, true);
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 400, "candidates overtake answers: direct after %d ms", t);
	world_free(&w);

	world_new(&w, NAT_NONE, NAT_PORT_RESTRICTED);
	w.b.drop_candidates = 1;
	w.a.host = addr_v4(0xcb0071feu, 51820);
	fake_env_set_addrs(w.a.env, &w.a.host, 1);
	world_start(&w, true, true);
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 1000, "all candidates of b lost: found by its checks after %d ms", t);
	world_free(&w);

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.a.signal_cut = w.b.signal_cut = true;
	world_start(&w, true, true);
	fake_run(3 * MONO_SEC);
	ok(w.a.offers == 0 && w.a.peer->handshake.unsent > 0, "signal down: nothing leaves");
	w.a.signal_cut = w.b.signal_cut = false;
	guard_post(&w.a.peer->guard, GUARD_EV_SIGNAL_UP, NULL);
	fsm_drain(w.a.loop);
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 500, "signal up: asked at once, direct after %d ms", t);
	world_free(&w);
}

static void
order(void)
{
	struct wire_signal m, old;
	uint64_t late;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, false);
	/* b's first session, to be delivered again later */
	memset(&old, 0, sizeof(old));
	ice_session_describe(w.b.session, &old);
	old.type = WIRE_SIGNAL_OFFER;
	ice_session_post(w.b.session, ICE_SESSION_EV_CLOSE, NULL);
	fsm_drain(w.b.loop);
	memset(&m, 0, sizeof(m));
	ice_session_describe(w.b.session, &m);
	ok(memcmp(m.session, old.session, 5) != 0, "closed from above: the session id is another");
	ok(w.b.endpoint.kind == PATH_TO_NONE, "and the endpoint is taken back");
	fake_run(100 * MONO_MS);
	ok(world_until_direct(&w, 5000) >= 0, "the next offer makes a new session");
	late = w.a.peer->handshake.late;
	peer_signal(w.a.peer, &old);
	fsm_drain(w.a.loop);
	is_int(w.a.peer->handshake.late, late + 1, "a late copy of the old offer is known for what it is");
	fake_run(2 * MONO_SEC);
	ok(world_direct(&w), "and changes nothing");
	world_free(&w);
}

static void
two_offers_in_one_turn(void)
{
	struct wire_signal m;
	unsigned answers;

	world_stands(&w, NAT_NONE, NAT_NONE, false);
	answers = w.a.answers;
	memset(&m, 0, sizeof(m));
	m.type = WIRE_SIGNAL_OFFER;
	strcpy(m.ufrag, w.b.session->ufrag);
	strcpy(m.pwd, w.b.session->pwd);
	m.has_session = true;
	memcpy(m.session, "11111", 5);
	peer_signal(w.a.peer, &m);
	memcpy(m.session, "22222", 5);
	peer_signal(w.a.peer, &m);
	fsm_drain(w.a.loop);
	is_int(w.a.answers, answers + 1, "two offers in one turn: one answer");
	is_mem(w.a.session->rsession, "22222", 5, "the latest wins");
	world_free(&w);
}

/* As a stock peer: no generations, so consent by STUN. */
static void
stock_like(void)
{
	int t;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.a.generation = w.b.generation = 0;
	world_start(&w, true, true);
	world_relay(&w, true);
	world_until_direct(&w, 5000);
	fake_run(20 * MONO_SEC);
	ok(world_direct(&w) && w.a.session->answered_at.us > fake_now() - 3 * MONO_SEC, "stock: asked every two seconds");
	w.udp_cut = true;
	fake_run(8 * MONO_SEC);
	ok(w.a.endpoint.kind == PATH_TO_RELAY && w.b.endpoint.kind == PATH_TO_RELAY, "stock: cut in silence, noticed within 8 s");
	w.udp_cut = false;
	t = world_until_direct(&w, 20000);
	ok(t >= 0 && t < 2000, "stock: restored, direct after %d ms", t);
	world_free(&w);
}

static void
roles(void)
{
	int t;

	world_new(&w, NAT_NONE, NAT_NONE);
	world_start(&w, true, true);
	w.a.session->controller = true;		/* both think they control */
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 1000, "both controlling: settled, direct after %d ms", t);
	ok(w.a.session->controlling != w.b.session->controlling, "one of them gave in");
	world_free(&w);
	world_new(&w, NAT_NONE, NAT_NONE);
	world_start(&w, true, true);
	w.b.session->controller = false;	/* neither does */
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 1000, "both controlled: settled, direct after %d ms", t);
	world_free(&w);
}

static void
relay_only(void)
{
	world_stands(&w, NAT_NONE, NAT_NONE, true);
	ice_session_enable(w.b.session, false);
	handshake_post(&w.b.peer->handshake, HANDSHAKE_EV_ASK, NULL);
	fsm_drain(w.b.loop);
	fake_run(2 * MONO_SEC);
	ok(w.a.endpoint.kind == PATH_TO_RELAY, "b gave up ICE: a uses the relay");
	ice_session_enable(w.b.session, true);
	handshake_post(&w.b.peer->handshake, HANDSHAKE_EV_ASK, NULL);
	fsm_drain(w.b.loop);
	ok(world_until_direct(&w, 5000) >= 0, "and direct again when b does ICE again");
	world_free(&w);
}

/* What a router lets in is told by what comes uncalled for, and by that only. */
static void
filtering(void)
{
	static struct ice_filter f;
	struct addr a = addr_v4(0xcb007101, 1000), b = addr_v4(0xcb007101, 2000), c = addr_v4(0xcb007102, 1000), d = addr_v4(0x0a000001, 1);
	struct ice_nat n;

	ice_filter_sent(&f, &a);
	ice_filter_came(&f, &a);
	ice_filter_came(&f, &d);
	is_int(f.seen, ICE_FILTERING_UNKNOWN, "an answer, and somebody within our network, prove nothing of the filter");
	ice_filter_came(&f, &b);
	is_int(f.seen, ICE_FILTERING_ADDRESS_OR_NONE, "another port of an address that was asked: ports are not looked at");
	ice_filter_came(&f, &c);
	is_int(f.seen, ICE_FILTERING_ENDPOINT_INDEPENDENT, "an address that was not asked: nothing is");
	ice_filter_came(&f, &b);
	is_int(f.seen, ICE_FILTERING_ENDPOINT_INDEPENDENT, "which stays known");
	ice_filter_forget(&f);
	for (uint16_t i = 0; i <= ICE_FILTER_SENT; i++) {
		c.port = i;
		ice_filter_sent(&f, &c);
	}
	c.port = 0;
	ice_filter_came(&f, &c);
	is_int(f.seen, ICE_FILTERING_UNKNOWN, "an address that was asked and forgotten is not mistaken for one that was not");
	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, false);
	fake_run(20 * MONO_SEC);
	for (int i = 0; i < 2; i++) {
		ice_nat_get(i == 0 ? w.a.ice : w.b.ice, &n);
		is_int(n.filtering, ICE_FILTERING_UNKNOWN, "behind port-restricted routers nothing comes uncalled for");
	}
	world_free(&w);
}

int
main(void)
{
	if (getenv("TEST_DEBUG") != NULL)
		log_set_level(LOG_LV_TRACE);
	plain();
	routers();
	unruly_signal();
	order();
	two_offers_in_one_turn();
	stock_like();
	roles();
	relay_only();
	filtering();
	return tap_done();
}
