/* SPDX-License-Identifier: ISC */
/*
 * wg-device.c -- two devices (wg-world.h): what a user notices when keys are
 * new, when an endpoint moves, and when one of the two starts again.
 */
#include "wg-world.h"
#include "tests/tap.h"

#define LIMIT	(60 * MONO_SEC)

static void
first_ping(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	ok(sim_until(sim, pinged, p, LIMIT), "ping gets an answer");
	ok(sim_ping_stats(p).sent == 1, "the first one is not lost, though bob knew no endpoint");
	ok(sim_ping_stats(p).last_rtt < 100 * MONO_MS, "and takes two round trips, not a retry: %lld us",
	    (long long)sim_ping_stats(p).last_rtt);
	is_int(end(), 0, "nothing is left behind");
}

/* alice --initiation--> x <--initiation-- bob, both on the way at once */
static void
crossing(void)
{
	struct sim_ping *a, *b;

	world();
	go();
	a = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	b = sim_ping(bob.host, &alice.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 20 * MONO_MS);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	sim_run(sim, MONO_SEC);
	ok(sim_ping_stats(a).longest_gap < 250 * MONO_MS && sim_ping_stats(b).longest_gap < 250 * MONO_MS,
	    "initiations that cross cost no retry: gaps %lld and %lld us", (long long)sim_ping_stats(a).longest_gap,
	    (long long)sim_ping_stats(b).longest_gap);
	is_int(end(), 0, "nothing is left behind");
}

static void
rekeys(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 500 * MONO_MS);
	sim_run(sim, 601 * MONO_SEC);
	ok(sim_ping_stats(p).got >= 1200, "ten minutes: %llu of %llu answered", (unsigned long long)sim_ping_stats(p).got,
	    (unsigned long long)sim_ping_stats(p).sent);
	is_int(sim_ping_stats(p).sent - sim_ping_stats(p).got <= 1, 1, "none lost");
	ok(alice.handshakes >= 5 && alice.handshakes <= 6, "a handshake every two minutes: %u", alice.handshakes);
	is_int(stats(&alice).refused + stats(&bob).refused, 0, "nothing refused");
	is_int(end(), 0, "nothing is left behind");
}

static void
over_a_way(void)
{
	struct sim_ping *p;
	struct wg_peer_stats s;

	world();
	go();
	in_turn(&alice, set_way);
	in_turn(&bob, set_way);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 2 * MONO_SEC);
	ok(sim_ping_stats(p).got >= 19, "ping over a way: %llu", (unsigned long long)sim_ping_stats(p).got);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	ok(sim_ping_stats(p).longest_gap < 150 * MONO_MS, "one end moves to UDP: no gap");
	s = stats(&bob);
	is_int(s.endpoint.kind, WG_ENDPOINT_WAY, "the other does not roam from a way to UDP");
	ok(bob.elsewhere >= 5 && bob.elsewhere <= 12, "it is told of it, at most ten times a second: %u", bob.elsewhere);
	in_turn(&bob, set_udp);
	sim_run(sim, MONO_SEC);
	bob.way.packets = alice.way.packets = 0;
	sim_run(sim, MONO_SEC);
	is_int(bob.way.packets + alice.way.packets, 0, "both on UDP: nothing over the way");
	ok(sim_ping_stats(p).longest_gap < 150 * MONO_MS, "and no gap over it all");
	is_int(end(), 0, "nothing is left behind");
}

static void
restart(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 2 * MONO_SEC);
	ok(alice.stamps == 1, "the timestamp is stored ahead, not with every handshake");
	sim_ping_stop(p);
	sim_kill(alice.env);
	sim_wall_step(alice.host, -3600 * MONO_SEC);
	sim_start(alice.host, &device_prog, &alice);
	sim_run(sim, 50 * MONO_MS);
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 500 * MONO_MS);
	ok(sim_ping_stats(p).got >= 4, "restarted with a clock an hour back: bob answers at once");
	sim_ping_stop(p);
	/* bob restarts; alice is told, as the path machine does */
	sim_kill(bob.env);
	sim_start(bob.host, &device_prog, &bob);
	sim_run(sim, 50 * MONO_MS);
	in_turn(&alice, forget);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 500 * MONO_MS);
	ok(sim_ping_stats(p).got >= 4 && sim_ping_stats(p).longest_gap < 250 * MONO_MS, "a peer that restarted gets new keys at once");
	is_int(end(), 0, "nothing is left behind");
}

static void
stun_passes(void)
{
	static uint8_t stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	uint8_t data[32] = { 4, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	struct env_pkt k;

	world();
	go();
	k = (struct env_pkt){ .data = stun, .len = sizeof stun, .peer = sim_if_addr(bob.nic) };
	k.peer.port = 51820;
	wg_device_send_raw(alice.dev, &k, 1);
	sim_run(sim, 100 * MONO_MS);
	is_int(bob.others, 1, "STUN on the shared socket goes to its hook");
	ok(wg_is_wireguard(data, 32) && !wg_is_wireguard(stun, 20), "a receiver index that looks like the cookie is WireGuard");
	is_int(end(), 0, "nothing is left behind");
}

static void
set_key(void *arg)
{
	static const uint8_t key[WG_KEY_LEN] = { 1, 2, 3, 4, 5 };

	wg_peer_set_psk(((struct node *)arg)->peer, key);
}

static void
set_other_key(void *arg)
{
	static const uint8_t key[WG_KEY_LEN] = { 5, 4, 3, 2, 1 };

	wg_peer_set_psk(((struct node *)arg)->peer, key);
}

/* PC-4: upstream takes the peer away to take its endpoint, and loses the rest. */
static void
without_endpoint(void)
{
	struct sim_ping *p;
	struct sim_ping_stats st;
	unsigned before;

	world();
	go();
	in_turn(&alice, set_key);
	in_turn(&bob, set_key);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	in_turn(&alice, interval_25);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 5 * MONO_SEC);
	ok(sim_ping_stats(p).got > 40, "a preshared key on both sides");
	in_turn(&alice, set_none);
	sim_run(sim, 10 * MONO_MIN);
	in_turn(&bob, set_none);
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	sim_ping_reset(p);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	sim_run(sim, 10 * MONO_SEC);
	st = sim_ping_stats(p);
	ok(alice.handshakes > before && st.got > 80, "an endpoint that goes and comes back takes neither key nor prefixes along (%u pings)", (unsigned)st.got);
	sim_ping_stop(p);
	before = alice.handshakes;
	sim_run(sim, 5 * MONO_MIN);
	ok(alice.handshakes > before, "nor the keepalive interval");
	in_turn(&bob, set_other_key);
	before = alice.handshakes;
	sim_run(sim, 5 * MONO_MIN);
	is_int(alice.handshakes, before, "with another key on one side there is no session");
	is_int(end(), 0, "nothing is left behind");
}

int
main(void)
{
	if (!wg_world_init())
		return 1;
	first_ping();
	crossing();
	rekeys();
	over_a_way();
	restart();
	stun_passes();
	without_endpoint();
	return tap_done();
}
