/* SPDX-License-Identifier: ISC */
/*
 * two_peers_later.c -- offers, ICE and path of two agents (twopeers.h), by story:
 * what happens to a path that stood.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/tap.h"
#include "fakeenv.h"
#include "twopeers.h"

static struct world w;

static void
cut_and_restored(void)
{
	int t;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	world_start(&w, true, true);
	world_relay(&w, true);
	ok(w.a.endpoint.kind == PATH_TO_RELAY, "the relay is there first and carries");
	ok(world_until_direct(&w, 5000) >= 0, "direct takes over");
	w.udp_cut = true;
	fake_run(100 * MONO_MS);
	/* what the WireGuard watcher says when packets are unanswered */
	world_doubt(&w);
	fake_run(400 * MONO_MS);
	ok(w.a.endpoint.kind == PATH_TO_RELAY && w.b.endpoint.kind == PATH_TO_RELAY, "cut and doubted: on the relay within 400 ms");
	fake_run(20 * MONO_SEC);
	w.udp_cut = false;
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 1500, "restored after 20 s: direct after %d ms", t);
	w.udp_cut = true;
	fake_run(100 * MONO_MS);
	world_doubt(&w);
	fake_run(300 * MONO_SEC);
	w.udp_cut = false;
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 2000, "restored after five minutes: direct after %d ms", t);
	fake_run(10 * MONO_SEC);
	ok(world_direct(&w), "and it stays");
	world_free(&w);
}

/* Found by the model (KEEP_BUG_NAMELESS): a session that lurked for long had its id
 * renewed, so the offers that follow the loss of a relay tore down a pair that had
 * come back long ago. */
static void
comes_back_for_good(void)
{
	uint8_t id[sizeof(w.a.session->id)];
	uint64_t downs;
	unsigned offers, calm = 0;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	w.udp_cut = true;
	world_doubt(&w);
	for (int t = 0; t < 600 && calm < 15; t++) {
		fake_run(MONO_SEC);
		calm = w.a.session->fsm.state == ICE_SESSION_LURKING && w.b.session->fsm.state == ICE_SESSION_LURKING ? calm + 1 : 0;
	}
	is_int(calm, 15, "both lurk for longer than a session may");
	w.a.session->id_worn = true;
	memcpy(id, w.a.session->id, sizeof(id));
	peer_has_news(w.a.peer);
	is_mem(w.a.session->id, id, sizeof(id), "what the guard asks spends no session id: only an OFFER that leaves does");
	w.udp_cut = false;
	ok(world_until_direct(&w, 2000) >= 0, "the path is back, and used");
	downs = w.a.session->downs + w.b.session->downs;
	offers = w.a.offers + w.b.offers;
	world_relay(&w, false);
	fake_run(5 * MONO_SEC);
	ok(w.a.offers + w.b.offers > offers, "the relay goes: offers leave");
	is_int(w.a.session->downs + w.b.session->downs, downs, "and the direct pair stands");
	world_free(&w);
}

static void
idle(void)
{
	unsigned before;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	fake_run(20 * MONO_SEC);
	before = w.a.checks + w.b.checks;
	fake_run(3600 * MONO_SEC);
	is_int(w.a.checks + w.b.checks - before, 2 * 3600 / 25, "an hour of silence between our own kind costs a sign of life every 25 s each, no check");
	ok(world_direct(&w), "and the path stands");
	world_free(&w);
}

static void
false_alarm(void)
{
	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	w.a.endpoints = 0;
	ice_session_post(w.a.session, ICE_SESSION_EV_DOUBT, NULL);
	fsm_drain(w.a.loop);
	fake_run(MONO_SEC);
	is_int(w.a.endpoints, 0, "doubt on a healthy pair moves nothing");
	is_int(w.a.session->fsm.state, ICE_SESSION_CONNECTED, "and ends a round trip later");
	world_free(&w);
}

static void
restart(void)
{
	int t;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, false);
	side_restart(&w.b);
	t = world_until_direct(&w, 5000);
	ok(t >= 0 && t < 500, "b restarted: direct after %d ms", t);
	is_int(w.a.shakes, 1, "a was told to shake hands anew");
	fake_run(5 * MONO_SEC);
	ok(world_direct(&w), "and stays");
	world_free(&w);
}

static void
rebind(void)
{
	int t;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	side_rebind(&w.b, 0xcb007109u);
	world_doubt(&w);
	for (t = 0; t < 600 && w.a.endpoint.kind != PATH_TO_RELAY; t++)
		fake_run(MONO_MS);
	ok(w.a.endpoint.kind == PATH_TO_RELAY, "router of b changed its address: the relay carries after %d ms", t);
	t = world_until_direct(&w, 30000);
	ok(t >= 0 && t < 5000, "direct to the new address after %d ms", t);
	world_free(&w);
}

static void
network_changed(struct ice_gather *g, void *arg)
{
	(void)arg;
	ice_gather_post(g, ICE_GATHER_EV_NET_CHANGE, NULL);
}

static void
change_of_network(void)
{
	int t;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	side_rebind(&w.b, 0xcb00710au);
	w.b.host = addr_v4((10u << 24) + (3 << 16) + 7, 51820);
	fake_env_set_addrs(w.b.env, &w.b.host, 1);
	w.b.generation++;
	/* what netwatch's send becomes */
	ice_each_gather(w.b.ice, network_changed, NULL);
	ice_session_post(w.b.session, ICE_SESSION_EV_NET_CHANGE, NULL);
	guard_post(&w.b.peer->guard, GUARD_EV_NET_CHANGE, NULL);
	fsm_drain(w.b.loop);
	t = world_until_direct(&w, 30000);
	ok(t >= 0 && t < 2000, "b moved to another network: direct after %d ms", t);
	world_free(&w);
}

static void
lossy(void)
{
	int t;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.loss = 300;
	world_start(&w, true, true);
	t = world_until_direct(&w, 20000);
	ok(t >= 0 && t < 5000, "three packets in ten lost: direct after %d ms", t);
	world_free(&w);
}

static void
garbled(void)
{
	unsigned refused;
	int t;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.garbled = 400;
	w.a.generation = w.b.generation = 0;	/* keepalives, so that much is garbled */
	world_start(&w, true, true);
	t = world_until_direct(&w, 30000);
	ok(t >= 0, "four packets in ten garbled or cut: direct after %d ms", t);
	fake_run(600 * MONO_SEC);
	refused = (unsigned)(ice_counters(w.a.ice)->refused + ice_counters(w.b.ice)->refused);
	ok(refused > 100, "%u of them refused", refused);
	w.garbled = 0;
	t = world_until_direct(&w, 60000);
	ok(t >= 0, "and direct when they are whole again (%d ms)", t);
	world_free(&w);
}

int
main(void)
{
	if (getenv("TEST_DEBUG") != NULL)
		log_set_level(LOG_LV_TRACE);
	cut_and_restored();
	comes_back_for_good();
	idle();
	false_alarm();
	restart();
	rebind();
	change_of_network();
	lossy();
	garbled();
	return tap_done();
}
