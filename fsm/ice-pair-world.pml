/* SPDX-License-Identifier: ISC
 * ice-pair-world.pml -- checks that are answered, or lost.
 * keep KEEP_BUG_NOMINATION obeys */
#include "head.pml"
#define COINS 1
bool pend, npend, used, picked;
#define ice_pair_if_pointless(a, arg) COIN(0)
#define ice_pair_if_doubted(a, arg) COIN(0)
#include "ice-pair.pml"
inline ice_pair_do_send_check(a, arg)		{ pend = true }
inline ice_pair_do_send_nominate(a, arg)	{ npend = true }
inline ice_pair_do_pick(a, arg)			{ picked = true; used = false }
inline ice_pair_send_pair_good(a, arg)		{ assert(ev == EV(answered) || ev == EV(nominated_answer)) }
inline ice_pair_send_selected(a, arg)		{ assert(picked) }
#define BUSY (pend || npend)
#define FAST NEWS(pend, answered, pend = false) NEWS(npend, nominated_answer, npend = false)
#define FAULTY LUCK(pend, pend = false) LUCK(npend, npend = false) BADNEWS(true, answered, skip)
#define ROLES ROLE(true, go, skip) ROLE(true, trigger, skip) ROLE(true, use, skip) ROLE(true, nominate, skip)
inline settle() {
	if :: ev == EV(use) && !picked && !IS(nominating) -> used = true :: else fi;
	if :: IS(failed) || IS(nominating) -> used = false :: else fi;
	assert(!IS(good) || !used)		/* a nomination that came early is obeyed when the pair works */
}
#include "alone.pml"
ltl decides { <>[] !(IS(checking) || IS(wanted) || IS(nominating)) }
ltl obeys { <>[] !used }
