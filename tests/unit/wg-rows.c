/* SPDX-License-Identifier: ISC */
/*
 * wg-rows.c -- every row of wg-peer.fsm and wg-keepalive.fsm is fired by
 * two devices (wg-world.h): what WireGuard promises about time, and odd moments.
 */
#include "wg-world.h"
#include "tests/tap.h"

static void
kept_until_endpoint(void)
{
	struct sim_ping *p;

	world();
	go();
	p = sim_ping(alice.host, &bob.overlay_addr, 200 * MONO_MS);
	sim_run(sim, 1100 * MONO_MS);
	is_int(alice.told, 1, "the owner is told once that an endpoint is missed");
	is_int(stats(&alice).kept, 6, "packets are kept");
	in_turn(&alice, set_udp);
	sim_run(sim, 100 * MONO_MS);
	is_int(sim_ping_stats(p).got, 6, "and all of them answered when there is one");
	sim_ping_stop(p);
	in_turn(&alice, set_none);
	alice.peer->cur->spent = true;
	for (int i = 0; i < 100; i++)
		one_packet(&alice);
	sim_run(sim, MONO_SEC);
	is_int(stats(&alice).kept, WG_KEEP_PACKETS, "no more than so many");
	is_int(stats(&alice).kept_dropped, 100 - WG_KEEP_PACKETS, "the rest is counted");
	is_int(end(), 0, "nothing is left behind");
}

static void
keepalives(void)
{
	uint64_t before;

	world();
	go();
	in_turn(&alice, set_udp);
	one_packet(&alice);
	sim_run(sim, MONO_SEC);
	before = stats(&bob).tx_bytes;
	sim_run(sim, 8 * MONO_SEC);
	is_int(stats(&bob).tx_bytes - before, 0, "bob has nothing to say for 10 s");
	sim_run(sim, 2 * MONO_SEC);
	is_int(stats(&bob).tx_bytes - before, 32, "then one keepalive answers");
	before = stats(&alice).tx_bytes;
	sim_run(sim, 100 * MONO_SEC);
	is_int(stats(&bob).tx_bytes + stats(&alice).tx_bytes - before, 92 + 32, "and there is silence again");
	sim_run(sim, 500 * MONO_SEC);
	ok(alice.peer->cur == NULL && bob.peer->cur == NULL, "keys are wiped after three times 180 s");
	is_int(alice.handshakes, 1, "without another handshake");
	before = stats(&alice).tx_bytes;
	in_turn(&alice, interval_25);
	sim_run(sim, 251 * MONO_SEC);
	is_int(alice.handshakes >= 2 && alice.handshakes <= 4, 1, "an interval of 25 s brings a session: %u", alice.handshakes);
	ok(stats(&alice).tx_bytes - before >= 148 + 10 * 32, "and keepalives: %llu bytes",
	    (unsigned long long)(stats(&alice).tx_bytes - before));
	is_int(end(), 0, "nothing is left behind");
}

static void
silence(void)
{
	struct sim_cut *cut;
	struct sim_ping *p;
	uint64_t sent;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	sim_run(sim, 5 * MONO_SEC);
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	sim_run(sim, 14 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_REST, "14 s without an answer: patience");
	sim_run(sim, 3 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_ASKING, "15 s: a new handshake");
	sim_uncut(cut);
	sim_run(sim, 6 * MONO_SEC);
	is_int(alice.handshakes, 2, "which succeeds when the way is free again");
	sim_ping_stop(p);
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	in_turn(&alice, forget);
	one_packet(&alice);
	sim_run(sim, 85 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_ASKING && stats(&alice).kept == 1, "it tries for 90 s");
	sim_run(sim, 15 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_REST && stats(&alice).kept == 0, "and then gives up, and what waited with it");
	sent = stats(&alice).tx_bytes;
	sim_run(sim, 100 * MONO_SEC);
	is_int(stats(&alice).tx_bytes, sent, "and is silent");
	is_int(end(), 0, "nothing is left behind");
}

/* ---- moments that no story comes by ---- */

static void
spend(void *arg)
{
	((struct node *)arg)->peer->cur->spent = true;
}

static void
insist_and_leave(void *arg)
{
	insist(arg);
	set_none(arg);
}

static void
say_what_is_known(void *arg)
{
	wg_peer_post(((struct node *)arg)->peer, WG_PEER_EV_NO_ENDPOINT, NULL);
	wg_keepalive_post(&((struct node *)arg)->peer->keep, WG_KEEPALIVE_EV_SENT, NULL);
}

static void
corners(void)
{
	struct sim_cut *cut;
	struct sim_ping *p;
	unsigned before;

	world();
	go();
	in_turn(&bob, say_what_is_known);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	one_packet(&alice);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, spend);
	one_packet(&alice);
	sim_run(sim, 3 * MONO_SEC);
	is_int(alice.handshakes, 1, "no second initiation within five seconds");
	sim_run(sim, 2 * MONO_SEC);
	is_int(alice.handshakes, 2, "but then at once, without another packet");
	in_turn(&alice, insist);
	in_turn(&alice, insist);
	sim_run(sim, 200 * MONO_MS);
	is_int(alice.handshakes, 3, "asked to insist twice in a moment, one handshake");
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	in_turn(&alice, spend);
	in_turn(&bob, set_way);
	in_turn(&alice, set_way);
	sim_run(sim, 100 * MONO_MS);
	is_int(alice.handshakes, before + 1, "a new endpoint and no good session: a handshake at once");
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	in_turn(&alice, set_way);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, set_way);
	sim_run(sim, 100 * MONO_MS);
	ok(alice.handshakes > before + 1 && alice.peer->fsm.state == WG_PEER_REST, "the endpoint moves while it asks: it asks there");
	sim_uncut(cut);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	in_turn(&alice, insist_and_leave);
	sim_run(sim, MONO_SEC);
	is_int(alice.peer->fsm.state, WG_PEER_AWAY, "the endpoint goes while an initiation is under way");
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	in_turn(&alice, interval_25);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	sim_run(sim, 60 * MONO_SEC);
	ok(sim_ping_stats(p).got > 50, "traffic does in place of persistent keepalives");
	is_int(end(), 0, "nothing is left behind");

	world();
	go();
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	in_turn(&alice, set_udp);
	in_turn(&alice, interval_25);
	sim_run(sim, 300 * MONO_SEC);
	is_int(alice.handshakes, 0, "cut off for five minutes");
	sim_uncut(cut);
	sim_run(sim, 32 * MONO_SEC);
	is_int(alice.handshakes, 1, "a keepalive interval alone brings the session back");
	is_int(end(), 0, "nothing is left behind");
}

/* The response comes when the endpoint has just gone. */
static void
late_answer(void)
{
	world();
	go();
	in_turn(&alice, set_udp);
	in_turn(&alice, insist);
	sim_run(sim, 2 * MONO_MS);
	in_turn(&alice, set_none);
	sim_run(sim, 100 * MONO_MS);
	is_int(alice.handshakes, 1, "an answer is taken although the endpoint is gone");
	is_int(end(), 0, "nothing is left behind");
}

int
main(void)
{
	if (!wg_world_init())
		return 1;
	kept_until_endpoint();
	keepalives();
	silence();
	corners();
	late_answer();
	is_int(peer_rows_not_fired(), 0, "every row of wg-peer has fired");
	is_int(keepalive_rows_not_fired(), 0, "every row of wg-keepalive has fired");
	return tap_done();
}
