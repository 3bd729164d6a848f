/* SPDX-License-Identifier: ISC */
/*
 * watches.c -- the WireGuard watcher over counters set by hand, and netwatch
 * over addresses set by hand; time is fakeenv's.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "tests/tape.h"
#include "fakeenv.h"
#include "netwatch/netwatch.h"
#include "wg/device.h"
#include "wg/watch.h"

/* ---- the device's part ---- */

struct wg_peer {
	struct wg_peer_stats stats;
	unsigned knocks;
};

void
wg_peer_get_stats(const struct wg_peer *p, struct wg_peer_stats *out)
{
	*out = p->stats;
}

void
wg_peer_handshake(struct wg_peer *p, bool forget)
{
	(void)forget;
	p->knocks++;
	p->stats.last_sent.us = fake_now();
}

static struct env *env;
static struct fsm_loop *loop;
static struct wg_peer peer;
static struct wg_watch *watch;
static unsigned doubts, stuck, timeouts, changes;
static int64_t last_data;	/* received */

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg;
	(void)data;
	if (from->def == &wg_watch_fsm && send == WG_WATCH_SEND_DOUBT)
		doubts++;
	else if (from->def == &wg_watch_fsm && send == WG_WATCH_SEND_STUCK)
		stuck++;
	else if (from->def == &wg_watch_fsm)
		timeouts++;
	else
		changes++;
}

static void
sent(void)
{
	peer.stats.tx_packets++;
	if (fake_now() - peer.stats.last_data_sent.us > 3 * MONO_SEC)
		wg_watch_post(watch, WG_WATCH_EV_WOKEN, NULL);
	peer.stats.last_sent.us = peer.stats.last_data_sent.us = fake_now();
	if (!mono_is_set(peer.stats.unanswered_since))
		peer.stats.unanswered_since.us = fake_now();
	fsm_drain(loop);
}

static void
received(bool data)
{
	if (data && fake_now() - last_data > 3 * MONO_SEC)
		wg_watch_post(watch, WG_WATCH_EV_WOKEN, NULL);
	if (data)
		last_data = fake_now();
	peer.stats.rx_packets += data;
	peer.stats.last_received.us = peer.stats.last_handshake.us = fake_now();
	peer.stats.unanswered_since.us = 0;
}

static void
post(enum wg_watch_event e)
{
	wg_watch_post(watch, e, NULL);
	fsm_drain(loop);
}

/* Ping every 50 ms; answered or not. */
static void
ping_for(int ms, bool answered)
{
	for (int t = 0; t < ms; t += 50) {
		sent();
		fake_run(5 * MONO_MS);
		if (answered)
			received(true);
		fake_run(45 * MONO_MS);
	}
}

/* Another one sends to us; we answer each. */
static void
pinged_for(int ms)
{
	for (int t = 0; t < ms; t += 50) {
		received(true);
		sent();
		received(false);
		fake_run(50 * MONO_MS);
	}
}

static void
watch_path(void)
{
	watch = wg_watch_new(loop, &peer, "p", NULL);
	is_int(watch->fsm.state, WG_WATCH_OFF, "no path: off");
	post(WG_WATCH_EV_PATH_ON);
	is_int(peer.knocks, 1, "a path: a handshake is begun");
	fake_run(300 * MONO_MS);
	received(false);
	fake_run(300 * MONO_MS);
	ok(wg_watch_is_good(watch), "an answer: good");
	fake_run(5 * MONO_SEC);
	is_int(watch->fsm.state, WG_WATCH_QUIET, "silence: quiet");
	doubts = 0;
	ping_for(3000, true);
	is_int(watch->fsm.state, WG_WATCH_GOOD, "the first packet wakes it");
	is_int(doubts, 0, "answered pings raise no doubt");
	ping_for(450, false);
	is_int(doubts, 1, "unanswered for 0.45 s: doubted, once");
	ping_for(1000, true);
	ping_for(450, false);
	is_int(doubts, 2, "a second silence is a second doubt");
	is_int(timeouts, 0, "and no timeout");
	/* the device reckons anew after 15 s; the watcher does not */
	ping_for(14000, false);
	peer.stats.unanswered_since.us = 0;
	ping_for(4000, false);
	is_int(timeouts, 1, "nothing for 17 s though data is out: the path has failed");
	received(false);
	fake_run(MONO_SEC);
}

/* One packet of ours is the last word; its silence is asked about, and means nothing.
 * Five seconds later we say more, over a path that has died in between. */
static void
watch_last_word(void)
{
	ping_for(1000, true);
	sent();
	doubts = timeouts = 0;
	fake_run(5 * MONO_SEC);
	is_int(doubts, 2, "the last word is not answered, the flow has stopped: doubted for each");
	ping_for(450, false);
	is_int(doubts, 3, "more goes out and none comes back: doubted again, not left to the 17 s");
	ping_for(3000, false);
	is_int(doubts, 6, "and every second while it goes on");
	is_int(timeouts, 0, "which is no timeout yet");
	received(true);
	fake_run(MONO_SEC);
}

/* Over the relay: the peer is asked over signal for what more than the last word lost. */
static void
watch_relayed(void)
{
	peer.stats.endpoint.kind = WG_ENDPOINT_WAY;
	stuck = 0;
	for (int i = 0; i < 10; i++) {
		received(true);
		sent();
		fake_run(9 * MONO_SEC);
		received(false);	/* its keepalive */
		fake_run(MONO_MIN);
	}
	is_int(stuck, 0, "one exchange a minute, and no answer to its last word: nobody is asked");
	ping_for(1000, false);
	is_int(stuck, 0, "out and none back for a second over the relay: nobody is asked yet");
	ping_for(3000, false);
	is_int(stuck, 1, "and longer: the peer is asked, once");
	received(true);
	fake_run(MONO_SEC);
	peer.stats.endpoint.kind = WG_ENDPOINT_NONE;
}

/* Once a second somebody asks us, and we answer. */
static void
watch_slow_flow(void)
{
	for (int i = 0; i < 8; i++) {
		received(true);
		fake_run(MONO_SEC);
	}
	doubts = 0;
	fake_run(1200 * MONO_MS);
	is_int(doubts, 1, "once a second, and then nothing: doubted when the next is overdue");
	fake_run(20 * MONO_SEC);
	is_int(doubts, 1, "once");
	for (int i = 0; i < 8; i++) {
		received(true);
		fake_run(i % 2 == 0 ? 400 * MONO_MS : 1600 * MONO_MS);
	}
	is_int(doubts, 1, "what comes now and then is no flow that stops");
	fake_run(20 * MONO_SEC);
}

static void
watch_one_way(void)
{
	ping_for(1000, true);
	doubts = timeouts = 0;
	pinged_for(3000);
	is_int(doubts, 0, "being pinged raises no doubt");
	fake_run(1500 * MONO_MS);
	is_int(doubts, 1, "a flow that stops is doubted, once");
	fake_run(60 * MONO_SEC);
	is_int(doubts, 1, "the rest is silence");
	is_int(watch->fsm.state, WG_WATCH_QUIET, "and quiet");
	fake_run(40 * MONO_SEC);
	is_int(doubts, 1, "our own kind sends no keepalives, so none is missed");
	peer.stats.keepalive = 25;
	fake_run(40 * MONO_SEC);
	ok(doubts >= 2, "a stock peer without even keepalives is doubted again");
	is_int(timeouts, 0, "but nothing was owed");
	post(WG_WATCH_EV_ELSEWHERE);
	ok(doubts >= 3, "the peer uses the other path: doubted");
	post(WG_WATCH_EV_PATH_OFF);
	fake_run(60 * MONO_SEC);
	is_int(timeouts, 0, "no path, no timeout");
	wg_watch_free(watch);
}

static void
watch_deaf(void)
{
	memset(&peer, 0, sizeof(peer));
	doubts = timeouts = 0;
	watch = wg_watch_new(loop, &peer, "q", NULL);
	fake_run(MONO_SEC);
	post(WG_WATCH_EV_PATH_ON);
	/* the handshake is repeated by WireGuard */
	fake_run(5 * MONO_SEC);
	peer.stats.last_sent.us = fake_now();
	fake_run(6 * MONO_SEC);
	is_int(timeouts, 1, "knocked and nobody opened for 10 s: a timeout");
	is_int(watch->fsm.state, WG_WATCH_ARMED, "and the watch goes on (WW-1)");
	/* a new path, and a packet that waits for its session */
	post(WG_WATCH_EV_PATH_ON);
	peer.knocks = 0;
	peer.stats.kept = 1;
	sent();
	fake_run(3500 * MONO_MS);
	is_int(peer.knocks, 3, "a packet waits: knocked every second");
	is_int(watch->fsm.state, WG_WATCH_ARMED, "nothing has come over it yet");
	peer.stats.kept = 0;
	fake_run(2 * MONO_SEC);
	is_int(peer.knocks, 3, "nothing waits: no more");
	wg_watch_free(watch);
}

/* What seldom comes: no path twice, a device that says nothing, packets that wait for
 * a session, a handshake of long ago. */
static void
watch_seldom(void)
{
	unsigned knocks;

	memset(&peer, 0, sizeof(peer));
	doubts = timeouts = 0;
	watch = wg_watch_new(loop, &peer, "r", NULL);
	fake_run(MONO_SEC);
	post(WG_WATCH_EV_PATH_OFF);
	fake_run(MONO_MIN);
	ok(watch->fsm.state == WG_WATCH_OFF && peer.knocks == 0, "no path, told again: nothing");
	post(WG_WATCH_EV_PATH_ON);
	fake_run(9 * MONO_SEC);
	is_int(watch->fsm.state, WG_WATCH_ARMED, "a path over which nothing went");
	fake_run(2 * MONO_SEC);
	ok(wg_watch_is_good(watch) && timeouts == 0, "owes nothing after ten seconds");
	received(true);
	peer.stats.kept = 3;
	sent();
	knocks = peer.knocks;
	fake_run(4100 * MONO_MS);
	is_int(peer.knocks, knocks + 4, "packets that wait for a session: it is asked for every second");
	peer.stats.kept = 0;
	received(true);
	fake_run(10 * MONO_SEC);
	is_int(watch->fsm.state, WG_WATCH_QUIET, "it is there, and nobody says anything");
	peer.stats.keepalive = 25;
	knocks = peer.knocks;
	for (int i = 0; i < 8; i++) {
		peer.stats.last_received.us = fake_now();	/* keepalives come, handshakes do not */
		fake_run(25 * MONO_SEC);
	}
	ok(watch->fsm.state == WG_WATCH_QUIET && peer.knocks == knocks, "no handshake for 200 s: it may be late");
	for (int i = 0; i < 40 && watch->fsm.state == WG_WATCH_QUIET; i++) {
		peer.stats.last_received.us = fake_now();
		fake_run(MONO_SEC);
	}
	ok(watch->fsm.state == WG_WATCH_ARMED && peer.knocks == knocks + 1 && timeouts == 0, "nor for 210: we ask for one before we judge");
	fake_run(MONO_SEC);
	received(false);
	fake_run(MONO_SEC);
	ok(wg_watch_is_good(watch) && timeouts == 0, "which comes");
	wg_watch_free(watch);
}

static void
network(void)
{
	struct addr one[2] = { addr_v4(0x0a010002, 0), addr_v4(0x0a010003, 0) }, two[2] = { one[1], one[0] };
	struct netwatch *n;

	fake_env_set_addrs(env, one, 2);
	n = netwatch_new(env, loop);
	changes = 0;
	fake_env_set_addrs(env, two, 2);
	fake_run(MONO_SEC);
	is_int(changes, 0, "the same addresses in another order: nothing");
	fake_env_set_addrs(env, one, 1);
	is_int(changes, 1, "one went: told at once");
	fake_env_set_addrs(env, one, 2);
	is_int(changes, 1, "back within the half second: not yet");
	fake_run(MONO_SEC);
	is_int(changes, 2, "told when it is calm");
	fake_run(MONO_SEC);
	is_int(n->fsm.state, NETWATCH_STEADY, "steady again");
	fake_env_reroute(env, 0);
	is_int(changes, 2, "the same default route, said again: nothing");
	fake_env_reroute(env, 7);
	is_int(changes, 3, "another default route with the same addresses: told at once");
	fake_env_reroute(env, 8);
	fake_run(200 * MONO_MS);
	fake_env_reroute(env, 7);
	fake_run(MONO_SEC);
	is_int(changes, 3, "there and back within the half second: what was told still holds");
	fake_env_resume(env, 600 * MONO_SEC);
	is_int(changes, 4, "the host slept: told");
	is_int(n->changes, 4, "our generation counts them");
	fake_run(MONO_SEC);
	netwatch_free(n);
}

int
main(void)
{
	env = fake_env_new(1);
	loop = fsm_loop_new(env, route, NULL);
	test_tape(loop);
	fsm_loop_strict(loop);
	watch_path();
	watch_last_word();
	watch_relayed();
	watch_slow_flow();
	watch_one_way();
	watch_deaf();
	watch_seldom();
	network();
	fsm_loop_free(loop);
	free(env);
	return tap_done();
}
