/* SPDX-License-Identifier: ISC
 * ice-pair-world.pml -- checks that are answered, or lost.
 * keep KEEP_BUG_NOMINATION obeys */
#include "head.pml"
#define COINS 1
bool check, good, pick, sel, nom, entered;	/* in this step */
byte was;
bool pend, npend, used, picked;
#define ice_pair_if_pointless(a, arg) COIN(0)
#define ice_pair_if_doubted(a, arg) COIN(0)
#include "ice-pair.pml"
inline ice_pair_do_send_check(a, arg)		{ pend = true; check = true }
inline ice_pair_do_send_nominate(a, arg)	{ npend = true; nom = true }
inline ice_pair_entered(a)			{ entered = true }
inline ice_pair_do_send_probe(a, arg)		{ pend = true; check = true }
inline ice_pair_do_pick(a, arg)			{ picked = true; used = false; pick = true }
inline ice_pair_send_pair_good(a, arg)		{ good = true; assert(ev == EV(answered) || ev == EV(nominated_answer)) }
inline ice_pair_send_selected(a, arg)		{ sel = true; assert(picked) }
#define BUSY (pend || npend)
#define FAST NEWS(pend, answered, pend = false) NEWS(npend, nominated_answer, npend = false)
#define FAULTY LUCK(pend, pend = false) LUCK(npend, npend = false) BADNEWS(true, answered, skip)
#define ROLES ROLE(true, go, skip) ROLE(true, trigger, skip) ROLE(true, use, skip) ROLE(true, nominate, skip)
#define M_before was = M_state
#define became(x) (IS(x) && was != ice_pair_##x)
inline settle() {
	assert(!(became(checking) || became(wanted)) || check);
	assert(!became(nominating) || (nom && ev == EV(nominate) && was == ice_pair_good));
	assert(!(ev == EV(trigger) && (was == ice_pair_checking || was == ice_pair_wanted)) || check);	/* its router is open now */
	assert(!((ev == EV(resend) || ev == EV(trigger) || ev == EV(go)) && (was == ice_pair_checking || was == ice_pair_wanted)) || M_state == was || IS(failed));
	assert(!(ev == EV(resend) && was == ice_pair_checking) || (COIN(0) == IS(failed)));	/* another pair is up: no more noise */
	assert(!((ev == EV(give_up) || ev == EV(tire)) && was != ice_pair_good && was != ice_pair_waiting) || IS(failed));
	assert(!(ev == EV(nominated_answer) && was == ice_pair_nominating) || (IS(good) && pick));
	assert(!became(failed) || ev == EV(give_up) || ev == EV(tire) || (ev == EV(resend) && was == ice_pair_checking));
	assert(!entered || M_state != was);		/* nothing that repeats puts off the giving up */	/* who waits for an answer has asked */
	assert(ev != EV(resend) || IS(failed) || (was == ice_pair_nominating -> nom : check));
	assert(!(ev == EV(trigger) && was == ice_pair_good && COIN(0)) || check);
	assert(pick == sel);					/* what is picked is told */
	assert(good == (became(good) && was != ice_pair_nominating));	/* and so is what works, once */
	assert(!(ev == EV(answered) || ev == EV(nominated_answer)) || IS(good) || IS(nominating));
	check = false; pick = false; sel = false; good = false; nom = false; entered = false; was = 0;
	if :: ev == EV(use) && !picked && !IS(nominating) -> used = true :: else fi;
	if :: IS(failed) || IS(nominating) -> used = false :: else fi;
	assert(!IS(good) || !used)		/* a nomination that came early is obeyed when the pair works */
}
#include "alone.pml"
ltl decides { <>[] !(IS(checking) || IS(wanted) || IS(nominating)) }
ltl obeys { <>[] !used }
