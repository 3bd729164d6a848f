/* SPDX-License-Identifier: ISC
 * ice-gather-world.pml -- a resolver, and a STUN server asked on two families.
 * keep KEEP_BUG_OLD_NET answered
 * keep KEEP_BUG_SAME_PORT answered */
#include "head.pml"
#define COINS 1
bool said, knew, had, sent, noted, carried, entered;	/* in this step */
byte was;
bool lookup, finding, addresses, known, owed;
bool moving;			/* our address is another one, our port is not */
byte pend;			/* answers that are on their way */
#define ice_gather_if_addresses(a, arg) addresses
#define ice_gather_if_known(a, arg) known
#define ice_gather_if_moved(a, arg) moving
#define ice_gather_if_young(a, arg) COIN(0)
#include "ice-gather.pml"
inline ice_gather_close_lookup(a)		{ lookup = false; finding = false }
inline ice_gather_do_look_up(a, arg)		{ assert(!lookup); OPEN(lookup); lookup = true; finding = true }
inline ice_gather_do_ask(a, arg)		{ assert(addresses || ev == EV(resolved)); addresses = true; pend = 2; sent = true }
inline ice_gather_do_note_mapped(a, arg)	{ known = true; noted = true }
inline ice_gather_do_carry_known(a, arg)	{ assert(known); carried = true }
inline ice_gather_do_forget(a, arg)		{ known = false; addresses = false; pend = 0 }
inline ice_gather_do_another_port(a, arg)	{ assert(moving); moving = false }
inline ice_gather_send_mapped(a, arg)		{ assert(known && (carried || noted)); owed = false; said = true }
inline ice_gather_entered(a)			{ entered = true }
#define BUSY (finding || pend > 0)
#define FAST \
	FAR(finding, lookup, resolved, finding = false) \
	NEWS(pend == 2, mapped, pend = 1) \
	NEWS(pend == 1, all_mapped, pend = 0)
#define FAULTY \
	BAD(finding, lookup, unresolved, finding = false) \
	LUCK(finding, finding = false) \
	LUCK(pend > 0, pend = 0) \
	BADNEWS(known, mapped, skip)
#define ROLES ROLE(true, want, skip) ROLE(true, net_change, skip) ROLE(true, net_change, moving = true)
#define M_before was = M_state; had = addresses; knew = known && !IS(idle) && !IS(resolving)
inline settle() {
	assert(ev != EV(want) || !knew || said);	/* what is known is told at once */
	assert(!(ev == EV(mapped) || ev == EV(all_mapped)) || said || IS(resolving));	/* what is learned is told on */
	assert(!(IS(asking) && was != ice_gather_asking) || sent);
	assert(!sent || IS(asking));			/* who asked waits for the answer */
	assert(ev != EV(resend) || sent);
	assert(!((ev == EV(want) || ev == EV(mapped)) && was == ice_gather_asking) || (IS(asking) && !entered));	/* the other family may follow; nobody puts the limit off */
	assert(!((ev == EV(mapped) || ev == EV(all_mapped)) && was != ice_gather_asking) || (M_state == was && !entered));	/* a late answer is an answer, and no more */
	assert(!(ev == EV(limit) && was == ice_gather_asking && !knew) || (IS(idle) && !addresses));	/* silent on both: looked up anew */
	assert(!(ev == EV(want) && had) || !IS(resolving) || was == ice_gather_resolving);	/* a name is looked up once */
	assert(!((ev == EV(mapped) || ev == EV(all_mapped)) && !IS(resolving)) || noted);
	assert(!(was == ice_gather_asking && (ev == EV(all_mapped) || (ev == EV(limit) && knew))) || IS(fresh));
	assert(ev != EV(stale) || !IS(fresh));
	said = false; knew = false; had = false; sent = false; noted = false; carried = false; entered = false; was = 0;
	if :: ev == EV(want) && (IS(resolving) || IS(asking)) && !known -> owed = true
	:: IS(idle) -> owed = false		/* given up: the next session tries again */
	:: else fi;
	assert(ev != EV(net_change) || !known);	/* what an old network said is worth nothing */
	assert(ev != EV(net_change) || !moving);	/* what is told from there is not of a port whose mappings are another's */
	assert(lookup == HOLDS(lookup));
	assert(!IS(fresh) || (known && !owed))
}
#include "alone.pml"
ltl answered { <>[] !owed }
ltl rests { <>[] (IS(idle) || IS(fresh)) }
