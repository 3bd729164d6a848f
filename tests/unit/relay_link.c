/* SPDX-License-Identifier: ISC */
/*
 * relay_link.c -- every row of relay-link.fsm, fired with the real src/relay in
 * the world of relay-world.h: the connection to a relay server.
 *
 * The last test asks the row counters: a row that nothing here fired fails it,
 * and so does a `never` row that something fired.
 */
#include "relay-world.h"
#include "tests/tap.h"

static void
test_link_up_and_down(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE), "stopping what never ran is harmless");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	post_link(&w, l, RELAY_LINK_EV_DOUBT);
	post_link(&w, l, RELAY_LINK_EV_NUDGE);
	home(&w, HOME, NULL);
	ok(LINK_IS(l, UP) && w.home_ups == 1 && w.home.auths == 1, "the home link comes up");
	is_str(relay_pool_home_url(w.pool), HOME, "under the name that the server gave itself");
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(w.home.conns == 1, "a second start does not dial");
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_MS);
	is_int(w.home.healths, 1, "a health check is answered");
	say_auth_ok(&w.home);
	run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, UP), "a second answer changes nothing");
	run(&w, 20 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 20 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "40 s with a beat every 20: up");
	run(&w, 16 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "36 s without: asked, and the answer satisfies");
	w.home.listener = (env_listener_close(w.home.listener), NULL);
	w.env->hole = true;
	run(&w, 24 * MONO_SEC);
	ok(!LINK_IS(l, UP) && w.home.conns == 1 && relay_pool_home_url(w.pool) == NULL, "neither beat nor answer: down in a second, and no address for offers");
	w.env->hole = false;
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE), "stopped while waiting or dialling");
	relayd_start(&w, &w.home, 1000, HOME);
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(LINK_IS(l, UP), "started again");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE) && w.home.closes == 1, "a goodbye when it is stopped");
	ok(world_end(&w), "nothing is left open");
}

static void
test_link_dialling(void)
{
	struct world w;
	struct relay_link *l;
	int64_t t0;

	world_make(&w, true);
	l = the_home(&w);
	home(&w, "rel://nobody:7", HOME);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "the second address when the first refuses");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	w.env->hole = true;
	post_link(&w, l, RELAY_LINK_EV_START);
	run(&w, 11 * MONO_SEC);
	ok(LINK_IS(l, BACKOFF) || LINK_IS(l, DIALING), "a black hole: given up and tried again");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DIALING), "a new network dials at once");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DIALING), "and again when it changes under the dial");
	run(&w, 40 * MONO_SEC);
	w.env->hole = false;
	t0 = w.env->clock.now;
	for (int i = 0; i < 300 && !LINK_IS(l, UP); i++)
		run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, UP) && w.env->clock.now - t0 <= 3500 * MONO_MS, "after a hole of 50 s it is up in %d ms", (int)((w.env->clock.now - t0) / MONO_MS));
	ok(world_end(&w), "nothing is left open");

	world_make(&w, true);
	l = the_home(&w);
	home(&w, "rel://nobody:7", NULL);
	ok(LINK_IS(l, BACKOFF), "nobody there: waiting");
	for (int i = 0; i < 200 && !LINK_IS(l, BACKOFF); i++)
		run(&w, 10 * MONO_MS);
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	run(&w, 300 * MONO_SEC);
	ok(l->wait > 5 * MONO_SEC && l->wait <= 90 * MONO_SEC, "after minutes the waits are long (%d s)", (int)(l->wait / MONO_SEC));
	relay_link_post(l, RELAY_LINK_EV_NUDGE, NULL);
	fsm_drain(w.loop);
	ok(LINK_IS(l, DIALING), "another stream reached the server: dialled at once");
	ok(world_end(&w), "nothing is left open");
}

static void
test_link_handshake(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	w.home.early_health = true;
	home(&w, HOME, NULL);
	ok(LINK_IS(l, UP), "a health check before the answer disturbs nothing");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	w.home.mute = true;
	w.home.early_health = false;
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(LINK_IS(l, HANDSHAKING), "the answer is awaited");
	l->want_alive = true;	/* what a ping of a former state would leave */
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, HANDSHAKING), "nothing but the answer ends that");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(w.home.conns == 3, "a network change dials anew");
	run(&w, 9 * MONO_SEC);
	ok(w.home.conns >= 4, "no answer in 8 s: the next try");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(world_end(&w), "nothing is left open");
}

/* RH-5: management names another server while the old one is being dialled. */
static void
test_link_list_changes(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	w.other.mute = true;
	home(&w, OTHER, NULL);
	ok(LINK_IS(l, HANDSHAKING) && w.other.auths == 1, "asked, and not answered yet");
	home(&w, HOME, NULL);
	say_auth_ok(&w.other);
	run(&w, 100 * MONO_MS);
	ok(LINK_IS(l, UP) && w.other.lost == 1, "another server meanwhile: the old one is let go");
	is_str(relay_pool_home_url(w.pool), HOME, "and the new one is our home");
	home(&w, OTHER, HOME);
	ok(LINK_IS(l, UP) && w.home.conns == 1 && l->at == 1, "a list in which it stays, elsewhere: nothing moves");
	home(&w, HOME, OTHER);
	ok(LINK_IS(l, UP) && w.home.conns == 1 && l->at == 0, "and back");
	ok(world_end(&w), "nothing is left open");
}

static void
test_link_doubt(void)
{
	struct world w;
	struct relay_link *l;
	uint8_t packet[100] = { 0 };
	struct env_pkt p = { .data = packet, .len = sizeof(packet) };
	struct way *way;

	world_make(&w, true);
	l = the_home(&w);
	way = relay_channel_way(w.ch);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN), "a channel");
	run(&w, 5 * MONO_SEC);
	way->ops->send(way, &p, 1);
	run(&w, 9 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.packets == 1, "packets out and none back: a ping asks, its answer satisfies");
	way->ops->send(way, &p, 1);
	w.env->hole = true;
	for (int i = 0; i < 1000 && !LINK_IS(l, DOUBTED); i++)
		run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, DOUBTED), "in a hole: doubted within 8 s");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DOUBTED), "already asking");
	w.env->hole = false;
	run(&w, 100 * MONO_MS);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "the hole ends in time: the same connection");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "a network change asks, too");
	w.env->hole = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	ok(LINK_IS(l, DOUBTED), "doubted");
	relay_link_post_gen(l, RELAY_LINK_EV_HEALTH, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
	run(&w, 0);
	ok(LINK_IS(l, UP), "the server's beat is an answer");
	relay_link_post_gen(l, RELAY_LINK_EV_ALIVE, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
	run(&w, 0);
	ok(LINK_IS(l, UP), "and the pong that comes after it disturbs nothing");
	w.downs = 0;
	relay_link_post(l, RELAY_LINK_EV_DOUBT, NULL);
	run(&w, 0);
	ok(LINK_IS(l, DOUBTED), "somebody's doubt asks as well");
	relay_link_post(l, RELAY_LINK_EV_DOUBT, NULL);
	run(&w, 5 * MONO_SEC);
	ok(w.downs == 1 && CHANNEL_IS(&w, STALE), "no answer: the link is lost, the channel hears it once");
	w.env->hole = false;
	run(&w, 4 * MONO_SEC);
	ok(LINK_IS(l, UP) && CHANNEL_IS(&w, OPEN) && w.ups == 2, "and both come back by themselves");
	w.env->local_gone = true;
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(w.downs == 2 && w.home.conns == 3 && LINK_IS(l, UP), "our address went: a new connection within a tenth of a second");
	w.env->local_gone = false;
	w.env->hole = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	w.env->local_gone = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	ok(LINK_IS(l, BACKOFF), "the same while doubted");
	run(&w, 700 * MONO_MS);
	ok(LINK_IS(l, DIALING), "and dialled soon");
	w.env->hole = false;
	ok(world_end(&w), "nothing is left open");
}

/* The peer's side of the rule: it chooses its home, we go there. */
static void
test_link_foreign(void)
{
	struct world w;
	struct relay_link *f;

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	f = the_foreign(&w);
	ok(f != NULL && LINK_IS(f, UP) && CHANNEL_IS(&w, OPEN) && w.home_ups == 1, "a foreign link for the address of the offer");
	run(&w, 61 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	ok(f == the_foreign(&w), "a used one is kept");
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	for (int i = 0; i < 5 && LINK_IS(f, UP); i++) {
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
	}
	ok(LINK_IS(f, IDLE) && w.other.closes == 1, "an unused one is closed at the next sweep");
	relayd_stop(&w.other);
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, STALE) && !LINK_IS(f, IDLE), "an offer wants it again; it is dialled");
	relay_channel_free(w.ch);
	w.ch = relay_channel_new(w.pool, w.peer, "peer", NULL, &w);
	run(&w, 60 * MONO_SEC);
	ok(LINK_IS(f, IDLE), "nobody waits for it any more: no more tries");
	ok(world_end(&w), "nothing is left open");

	world_make(&w, false);
	{
		struct wire_signal m = { .relay_ip = { .family = ADDR_V4, .ip = { 192, 0, 2, 9 } } };

		snprintf(m.relay_url, sizeof(m.relay_url), OTHER);
		home(&w, HOME, NULL);
		relay_channel_post(w.ch, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
		run(&w, 100 * MONO_MS);
		ok(CHANNEL_IS(&w, OPEN), "with a hint");
	}
	ok(world_end(&w), "nothing is left open");
}

/* Management calls our home by another name than it calls itself, and while it is
 * down a peer names it so.  One id, one server: the newer connection evicts the
 * older, so two links to it would do that to each other for ever. */
static void
test_link_twins(void)
{
	struct world w;
	int conns;

	world_make(&w, false);
	relayd_stop(&w.home);
	home(&w, "rel://alias:1000", NULL);
	offer(&w, HOME, 0);
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 10 * MONO_SEC);
	conns = w.home.conns;
	ok(LINK_IS(the_home(&w), UP) && CHANNEL_IS(&w, OPEN), "our home under two names: up, and the peer is met there");
	ok(w.ch->link == the_home(&w) && (the_foreign(&w) == NULL || LINK_IS(the_foreign(&w), IDLE)), "by one link");
	run(&w, 20 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_SEC);
	ok(w.home.conns == conns && conns <= 4, "and neither name evicts the other (%d connections)", w.home.conns);
	offer(&w, "rel://other-alias:1000", 0);
	run(&w, 5 * MONO_SEC);
	offer(&w, "rel://other-alias:1000", 0);
	run(&w, 5 * MONO_SEC);
	ok(LINK_IS(the_home(&w), UP) && CHANNEL_IS(&w, OPEN) && w.ch->link == the_home(&w), "a third name is learnt, and costs one connection");
	is_int(w.home.conns, conns + 2, "and ours back");
	w.other.url = HOME;
	offer(&w, OTHER, 0);
	run(&w, MONO_SEC);
	ok(w.other.conns == 1 && LINK_IS(the_home(&w), UP) && w.ch->link == the_home(&w), "told at once that it is our home: given up at once");
	ok(world_end(&w), "nothing is left open");

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	relayd_stop(&w.other);
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	relayd_start(&w, &w.home, 1000, OTHER);		/* our home moved to where the peer's is */
	run(&w, 5 * MONO_SEC);
	ok(w.ch->link == the_home(&w) && CHANNEL_IS(&w, OPEN) && LINK_IS(the_foreign(&w), IDLE), "our home has become the peer's while we waited for that: met there");
	ok(world_end(&w), "nothing is left open");
}

/* Story 3: options of the instance; zero or less keeps the default. */
static void
test_options(void)
{
	static const struct { int mtu; size_t longest; } mtu[] = {
		{ 0, 1327 }, { -1, 1327 }, { 576, 1327 }, { 1280, 1327 }, { 1400, 1447 }, { 8600, 8647 },
		{ 65535, WIRE_RELAY_MAX - WIRE_RELAY_HEADER }, { 2000000000, WIRE_RELAY_MAX - WIRE_RELAY_HEADER }
	};
	struct relay_options quick = { .cleanup_us = 2 * MONO_SEC, .unused_us = MONO_SEC }, usual = { .cleanup_us = -1, .unused_us = 0 };
	static uint8_t packet[WIRE_RELAY_MAX];
	struct world w;

	for (size_t i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		struct relay_options opt = { .mtu = mtu[i].mtu };
		size_t longest = mtu[i].longest;

		world_make_with(&w, true, &opt);
		home(&w, HOME, NULL);
		ok(relay_link_send(w.pool->home, w.ch->id, packet, longest) == 0 &&
		    relay_link_send(w.pool->home, w.ch->id, packet, longest + 1) == -EMSGSIZE && w.pool->home->dropped == 1,
		    "MTU %d: packets of up to %zu bytes leave", mtu[i].mtu, longest);
		ok(world_end(&w), "nothing is left open");
	}
	for (int i = 0; i < 2; i++) {
		struct relay_link *f;

		world_make_with(&w, false, i == 0 ? &quick : &usual);
		home(&w, HOME, NULL);
		offer(&w, OTHER, 0);
		f = the_foreign(&w);
		post(&w, RELAY_CHANNEL_EV_CLOSE);
		run(&w, 5 * MONO_SEC);
		ok(LINK_IS(f, IDLE) == (i == 0), i == 0 ? "clean-up every 2 s: an unused server is left within 5" :
		    "zero and less keep the default: it is not");
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
		run(&w, 20 * MONO_SEC);
		ok(LINK_IS(f, IDLE), "but after a minute it is");
		ok(world_end(&w), "nothing is left open");
	}
}

int
main(void)
{
	test_link_up_and_down();
	test_link_dialling();
	test_link_handshake();
	test_link_list_changes();
	test_link_doubt();
	test_link_foreign();
	test_link_twins();
	test_options();
	is_int(link_rows_not_fired(), 0, "relay-link: every row was fired");
	is_int(nevers_fired(), 0, "relay-link: no row that must never fire was, of either machine");
	return tap_done();
}
