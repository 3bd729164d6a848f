/* SPDX-License-Identifier: ISC */
/*
 * relay_channel.c -- every row of relay-channel.fsm, fired with the real src/relay in
 * the world of relay-world.h: a peer met at a relay server.
 *
 * The last test asks the row counters: a row that nothing here fired fails it,
 * and so does a `never` row that something fired.
 */
#include "relay-world.h"
#include "tests/tap.h"

static void
test_channel_life(void)
{
	struct world w;
	uint8_t packet[100] = { 0 };
	struct env_pkt p = { .data = packet, .len = 90, .segment = 40 };
	struct way *way;

	world_make(&w, true);
	way = relay_channel_way(w.ch);
	way->ops->send(way, &p, 1);
	is_int(w.ch->dropped, 3, "before anything is open packets are dropped");
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	offer(&w, "", 0);
	ok(CHANNEL_IS(&w, IDLE), "an offer without a relay opens nothing");
	home(&w, HOME, NULL);
	offer(&w, "http://x", 0);
	ok(CHANNEL_IS(&w, IDLE), "nor one with something else");
	w.home.quiet = true;
	for (size_t i = 1; i <= 3; i++)
		say_packet(&w.home, packet, 40 + i);
	run(&w, 10 * MONO_MS);
	is_int(w.inputs, 0, "packets that come before any offer wait for it");
	offer(&w, OTHER, 1);
	ok(w.inputs == 3 && w.input_len == 41, "all three of them, in order");
	w.inputs = 0;
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "an offer asks for the peer's presence, at our home");
	say_packet(&w.home, packet, 50);
	run(&w, 10 * MONO_MS);
	ok(w.inputs == 1 && w.input_len == 50, "a packet that comes before the answer is not lost");
	offer(&w, "", 1);
	offer(&w, OTHER, 1);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "more offers ask nothing new");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	run(&w, 10 * MONO_MS);
	is_int(w.home.subs, 2, "told offline while asking: ask once more");
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	run(&w, 25 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 6 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 3, "not there for 30 s: asked again, at home");
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1, "there: the path is told");
	way->ops->send(way, &p, 1);
	run(&w, 10 * MONO_MS);
	ok(w.home.packets == 3, "a run of packets goes out one by one");
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	offer(&w, "", 1);
	offer(&w, OTHER, 1);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1 && w.downs == 0 && w.home.subs == 3, "a healthy channel is reused");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, OPEN) && w.downs == 0, "offline and online together: the peer reconnected, nothing is dropped");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, CHECKING) && w.downs == 0, "a newer generation: asked, nothing dropped");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	offer(&w, OTHER, 2);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, CHECKING), "the answer is awaited");
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1 && w.home.unsubs == 1, "none in 2 s: stale, told once, no interest left at the server");
	offer(&w, "", 2);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	ok(CHANNEL_IS(&w, STALE), "stale is left by a reopen only");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, REOPENING) && w.ups == 1, "an offer begins one");
	offer(&w, "", 2);
	offer(&w, OTHER, 2);
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	ok(CHANNEL_IS(&w, REOPENING), "which waits for the peer");
	run(&w, 12 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 20 * MONO_SEC);
	ok(CHANNEL_IS(&w, REOPENING), "at home for as long as it takes");
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, STALE), "unless it is closed");
	w.home.quiet = false;
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 2, "reopened");
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 2, "the watcher's word");
	offer(&w, OTHER, 2);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 3, "the owner's word");
	ok(world_end(&w), "nothing is left open");
}

static void
test_channel_without_link(void)
{
	struct world w;

	world_make(&w, true);
	w.home.listener = (env_listener_close(w.home.listener), NULL);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	offer(&w, OTHER, 0);
	offer(&w, "", 0);
	ok(CHANNEL_IS(&w, WAITING), "the link is down: the offer waits");
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, IDLE), "until it is closed");
	offer(&w, OTHER, 0);
	relayd_start(&w, &w.home, 1000, HOME);
	w.home.quiet = true;
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING), "the link comes up: it goes on from there");
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	ok(CHANNEL_IS(&w, WAITING), "the link goes while asking");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, IDLE), "closed while asking");
	w.home.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN), "open");
	w.home.quiet = true;
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1, "the link goes: stale");
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, STALE), "an offer meanwhile keeps it so");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, REOPENING), "back: both sides ask, without an offer");
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1, "gone again: nobody is told twice");
	ok(world_end(&w), "nothing is left open");
}

static void
test_channel_moves(void)
{
	struct world w;

	world_make(&w, false);
	home(&w, HOME, NULL);
	w.home.quiet = w.other.quiet = true;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.other.subs == 1, "at the peer's home");
	run(&w, 29 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, IDLE), "not there for 30 s: let go of a foreign server");
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, MONO_SEC);
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "its home is ours now");
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.other.subs == 2 && w.home.unsubs == 1, "and another again, while asking");
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, WAITING), "one whose link is down");
	w.other.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1, "one that is at hand, while waiting");
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, WAITING) && w.downs == 1, "open, and the peer moves where we cannot follow at once");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING), "then we can");
	w.home.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 2, "open there");
	offer(&w, HOME, 1);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 3 && w.downs == 2, "open, and the peer moves where we are");
	w.home.quiet = true;
	offer(&w, HOME, 2);
	ok(CHANNEL_IS(&w, CHECKING), "asked");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 4 && w.downs == 3, "moves while we ask");
	w.other.quiet = true;
	offer(&w, OTHER, 3);
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, WAITING) && w.downs == 4, "moves while we ask, where we cannot follow");
	w.other.quiet = false;
	offer(&w, OTHER, 3);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	w.other.quiet = true;
	offer(&w, OTHER, 3);
	ok(CHANNEL_IS(&w, REOPENING), "stale, reopening");
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, STALE), "moves where we cannot follow: still stale");
	offer(&w, OTHER, 3);
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	w.home.quiet = true;
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, REOPENING), "moves where we can");
	offer(&w, OTHER, 3);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 29 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, STALE), "not there for 30 s: stale, and the foreign server let go");
	ok(world_end(&w), "nothing is left open");
}

/* Several channels at one link: each hears of its loss (RF-3), and the end of one
 * takes nothing from another, not even of the same peer (EP-3). */
static void
test_channels_together(void)
{
	struct world w;
	struct relay_channel *second, *third;
	uint8_t key[32] = { 1, 2, 3 };
	struct wire_signal m = { 0 };
	int unsubs;

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	second = relay_channel_new(w.pool, key, "second", &world_hooks, &w);
	third = relay_channel_new(w.pool, w.peer, "the first one's successor", &world_hooks, &w);
	snprintf(m.relay_url, sizeof(m.relay_url), OTHER);
	relay_channel_post(second, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(&w, 100 * MONO_MS);
	if (second->link == w.ch->link)
		relay_channel_told(second, true);
	run(&w, 10 * MONO_MS);
	ok(w.ups == 2 && second->link == the_foreign(&w), "two peers are met at one foreign server");
	relayd_stop(&w.other);
	run(&w, 100 * MONO_MS);
	ok(w.downs == 2 && CHANNEL_IS(&w, STALE) && second->fsm.state == RELAY_CHANNEL_STALE, "its loss is told to both, once");

	relayd_start(&w, &w.other, 2000, OTHER);
	run(&w, 5 * MONO_SEC);
	relay_channel_post(third, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(&w, 100 * MONO_MS);
	unsubs = w.other.unsubs;
	w.inputs = 0;
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	relay_channel_free(w.ch);
	w.ch = third;
	say_packet(&w.other, "late", 4);
	run(&w, 10 * MONO_MS);
	ok(w.other.unsubs == unsubs && w.inputs == 1 && CHANNEL_IS(&w, OPEN), "the old channel of a peer takes nothing from the new one");
	relay_channel_free(second);
	ok(world_end(&w), "nothing is left open");
}

int
main(void)
{
	test_channel_life();
	test_channel_without_link();
	test_channel_moves();
	test_channels_together();
	is_int(channel_rows_not_fired(), 0, "relay-channel: every row was fired");
	is_int(nevers_fired(), 0, "relay-channel: no row that must never fire was, of either machine");
	return tap_done();
}
