/* SPDX-License-Identifier: ISC
 * alone.pml -- the main loop of a world of one machine: one thing at a time, the
 * queue and the world in any order.  A timer fires when the queue is empty and
 * nothing that is under way would come first, each once a round; sooner at the
 * price of a fault. */
#ifndef MAY
#define MAY(t) true
#endif
#ifndef FAST
#define FAST
#endif
#ifndef FAULTY
#define FAULTY
#endif
#ifndef ROLES
#define ROLES
#endif
#ifndef COINS
#define COINS 0
#endif
#ifndef M_before
#define M_before skip
#endif
inline flip() {
#ifdef MAYBE	/* guards that the world does not speak of: either way */
	if :: maybe = 0 :: maybe = 1 fi;
#endif
	if :: COINS > 0 -> select (coin : 0 .. ((1 << COINS) - 1)) :: else fi
}

init {
end:	do
	:: atomic { q?ev,g,arg ->
		if
		:: M_fresh(ev, g) -> flip(); M_before; M_step(ev, arg); settle()
		:: else		/* of a former life: the runtime drops and counts it */
		fi;
		ev = 0; g = 0; arg = 0; coin = 0; maybe = 0;
		if :: !(M_due) -> fired = 0 :: else fi }
	FAST
	FAULTY
	ROLES
	M_TIMERS
	M_EARLY
	od
}
