/* SPDX-License-Identifier: ISC
 * relay-channel-world.pml -- a link that comes and goes, a server that says who
 * is there when it is asked or when it changes, a guard that offers again.
 * keep KEEP_BUG_B1 comes_back
 * bounds 2 2
 * full 2 3 */
#include "head.pml"
#define COINS 2
bool chosen, joined, said, wants, again, left, let, noted, entered, had;	/* in this step */
byte was;
bool entry, told, link = true, wanted, there = true, asked, was_stale;
#define no_relay (arg != 3 && COIN(0) && COIN(1))
#define relay_channel_if_no_relay(a, arg) no_relay
#define relay_channel_if_link_ready(a, arg) link
#define relay_channel_if_at_home(a, arg) COIN(0)
#define relay_channel_if_same_place(a, arg) (arg == 3 || COIN(0))
#define relay_channel_if_elsewhere_ready(a, arg) (arg != 3 && COIN(1) && !COIN(0) && link)
#define relay_channel_if_elsewhere(a, arg) (arg != 3 && COIN(1) && !COIN(0))
#define relay_channel_if_renewed(a, arg) COIN(0)
#include "relay-channel.pml"
inline relay_channel_close_entry(a)		{ entry = false; asked = false }
inline relay_channel_do_choose(a, arg)		{ chosen = true }
inline relay_channel_do_let_go(a, arg)		{ let = true }
inline relay_channel_do_note_generation(a, arg)	{ noted = true }
inline relay_channel_entered(a)			{ entered = true }
inline relay_channel_do_leave(a, arg)		{ left = true; entry = false; asked = false }
inline relay_channel_do_join(a, arg)		{ assert(!entry); joined = true; OPEN(entry); entry = true; asked = true }
inline relay_channel_do_subscribe(a, arg)	{ again = true; assert(entry); asked = true }
inline relay_channel_do_announce(a, arg)	{ said = true }
inline relay_channel_send_want_link(a, arg)	{ wants = true; wanted = true }
inline relay_channel_send_relay_up(a, arg)	{ assert(!told && said && ev == EV(online)); told = true }
inline relay_channel_send_relay_down(a, arg)	{ assert(told && said); told = false }
#define BUSY ((wanted && !link) || (asked && there && HOLDS(entry) && link))
#define FAST \
	FAR(asked && there && link, entry, online, asked = false) \
	NEWS(wanted && !link, link_up, link = true; wanted = false) \
	:: atomic { wanted && link -> wanted = false } \
	:: atomic { !there && room -> there = true; if :: HOLDS(entry) && link -> asked = false; q!EV(online),GEN(entry),0 :: else fi } \
	:: atomic { QUIET && !told && !HOLDS(entry) && !IS(waiting) -> q!EV(offer),0,3 }	/* the guard's doing */
#define FAULTY \
	BADNEWS(link, link_lost, link = false; wanted = true; asked = false) \
	BAD(there && link, entry, offline, there = false; asked = false) \
	BAD(there && link, entry, offline, asked = true)	/* replaced: offline, then online */ \
	LUCK(there, there = false; asked = false)		/* gone, and nobody was told */
#define ROLES ROLE(true, offer, skip) ROLE(true, mark_stale, skip) ROLE(true, close, skip) ROLE(link, link_up, skip)
#define M_before was = M_state; had = entry
#define was_in(x) (was == relay_channel_##x)
#define became(x) (IS(x) && was != relay_channel_##x)
inline settle() {
	assert(!(ev == EV(offer) && no_relay) || (M_state == was && !entered && !chosen));	/* one of us has no relay: nothing moves */
	assert(!(ev == EV(offer) && (was_in(opening) || was_in(reopening)) && (arg == 3 || COIN(0))) || (M_state == was && !chosen));	/* already asking there */
	assert(!wants || (!link && (IS(waiting) || IS(stale))));		/* who misses the link waits for it, who has it goes on */
	assert(!(had && chosen) || left);				/* who goes elsewhere says goodbye */
	assert(!(ev == EV(presence) && (was_in(opening) || was_in(reopening))) || (COIN(0) -> (M_state == was && entered && again) : let));	/* waiting at our own home costs nothing */
	assert(!let || (was_in(opening) -> IS(idle) : (was_in(reopening) && IS(stale))));
	assert(!(ev == EV(link_lost) && was_in(opening)) || IS(waiting));
	assert(!(ev == EV(offline) && was_in(open)) || IS(checking));	/* a peer that only came back loses nothing */
	assert(!(ev == EV(offer) && (was_in(open) || was_in(checking)) && arg != 3 && COIN(1) && !COIN(0)) || (chosen && left));	/* its home is another one now */
	assert(!(ev == EV(offer) && was_in(open) && !no_relay && COIN(0)) || (noted && again && IS(checking)));	/* its network changed: asked, nothing dropped */
	assert(!(ev == EV(offer) && was_in(open) && (arg == 3 || !COIN(1)) && !COIN(0)) || (IS(open) && !entered));	/* a healthy channel is reused */
	assert(!joined || entered);				/* asked at a new place: its whole time to answer */
	left = false; let = false; noted = false; entered = false; had = false;
	assert(ev != EV(offer) || chosen == (joined || wants));	/* an offer says where, and we go there */
	assert(!became(waiting) || wants || ev == EV(link_lost));
	assert(ev != EV(offline) || !HOLDS(entry) || again || was == relay_channel_checking);
	assert(ev != EV(online) || !HOLDS(entry) || IS(open));
	assert(!became(reopening) || joined);
	assert(!(was == relay_channel_stale || was == relay_channel_reopening) || IS(stale) || IS(reopening) || (IS(open) && ev == EV(online)));	/* only a reopen that succeeded leads out */
	assert(ev != EV(close) || IS(idle) || IS(stale));
	assert(!((was == relay_channel_open || was == relay_channel_checking) && (ev == EV(mark_stale) || ev == EV(link_lost))) || IS(stale));
	chosen = false; joined = false; said = false; wants = false; again = false; was = 0;
	assert(entry == HOLDS(entry));
	assert(told == (IS(open) || IS(checking)));
	assert(!was_stale || !IS(open) || ev == EV(online));	/* the only way out of stale */
	was_stale = IS(stale) || IS(reopening)
}
#include "alone.pml"
ltl comes_back { <>[] there -> []<> told }
ltl is_true { <>[] (told -> entry) }
