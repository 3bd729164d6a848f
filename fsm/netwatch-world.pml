/* SPDX-License-Identifier: ISC
 * netwatch-world.pml -- addresses that change in bursts, and noise.
 * keep KEEP_BUG_BURST is_told */
#include "head.pml"
bool addr, told, tell;
#define netwatch_if_same(a, arg) (addr == told)
#include "netwatch.pml"
inline netwatch_do_remember(a, arg)	{ told = addr }
inline netwatch_send_changed(a, arg)	{ tell = true }
#define BUSY false
#define ROLES ROLE(true, host_change, addr = !addr) ROLE(true, host_change, skip) ROLE(true, resume, skip)
inline settle() {
	assert(ev != EV(resume) || tell);			/* whoever slept tells */
	assert(!(IS(steady) && len(q) == 0) || told == addr);	/* what is steady has been told */
	tell = false
}
#include "alone.pml"
ltl is_told { <>[] (told == addr) }
ltl is_calm { <>[] IS(steady) }
