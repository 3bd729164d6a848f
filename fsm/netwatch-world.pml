/* SPDX-License-Identifier: ISC
 * netwatch-world.pml -- addresses that change in bursts, and noise.
 * keep KEEP_BUG_BURST is_told */
#include "head.pml"
bool addr, told;		/* addresses and default routes, as they are and as they were told */
bool tell, noted, news, entered;
#define netwatch_if_same(a, arg) (addr == told)
#include "netwatch.pml"
inline netwatch_do_remember(a, arg)	{ told = addr; noted = true }
inline netwatch_send_changed(a, arg)	{ tell = true }
inline netwatch_entered(a)		{ entered = true }
#define BUSY false
#define ROLES ROLE(true, host_change, addr = !addr) ROLE(true, host_change, skip) ROLE(true, resume, skip)
#define M_before news = (IS(steady) && told != addr)
inline settle() {
	assert(tell == noted);					/* what is remembered is told, and the reverse */
	assert(!news || ev != EV(host_change) || tell);		/* the first of a burst is told at once */
	assert(ev != EV(resume) || tell);			/* whoever slept tells */
	assert(!(IS(steady) && len(q) == 0) || told == addr);	/* what is steady has been told */
	assert(!tell || (entered && IS(settling)));		/* more may follow: half a second from here */
	assert(ev != EV(host_change) || tell || !entered);	/* noise puts off neither the end of a burst nor calm */
	assert(ev != EV(host_change) || !tell || news);		/* noise is not told, and a burst once */
	tell = false; noted = false; news = false; entered = false
}
#include "alone.pml"
ltl is_told { <>[] (told == addr) }
ltl is_calm { <>[] IS(steady) }
