/* SPDX-License-Identifier: ISC
 * ice-probe-world.pml -- a router, a server that answers from elsewhere, lost packets.
 * keep KEEP_BUG_OPENED ends */
#include "head.pml"
bool lets_near, lets_far, two = true;	/* the router; the server has two addresses */
bool reach = true;		/* packets do pass between that other address and the router */
bool opened;			/* something of ours went there through the present mapping */
bool moving;			/* a change of network that the machine has not heard of */
bool answer;			/* is on its way */
bool far, near, back, k_far, k_near;	/* noted; as kept for this mapping */
bool said_two;			/* noted: the server has two */
bool knew;			/* tried before this step */
bool tried;			/* another port, lately */
bool told;			/* in this step: that we moved */
byte sent;			/* in this step: which question */
bool entered, noted, recalled;	/* in this step */
byte was;
#define ice_probe_if_still_open(a, arg) opened
#define ice_probe_if_two_addresses(a, arg) two
#define ice_probe_if_may_move(a, arg) (!tried)
#include "ice-probe.pml"
#define ask(which, passes) sent = which; answer = reach && (passes)
inline ice_probe_close_question(a)		{ answer = false }
inline ice_probe_do_note_two(a, arg)		{ said_two = true }
inline ice_probe_do_recall(a, arg)		{ far = k_far; near = k_near; recalled = true }
inline ice_probe_do_ask_far(a, arg) {
	if :: was != ice_probe_far -> OPEN(question) :: else fi;
	ask(ice_probe_far, opened || lets_far)
}
inline ice_probe_do_ask_near(a, arg) {
	if :: was != ice_probe_near -> OPEN(question) :: else fi;
	ask(ice_probe_near, opened || lets_near)
}
inline ice_probe_do_ask_back(a, arg) {
	if :: was != ice_probe_back -> OPEN(question) :: else fi;
	ask(ice_probe_back, true);
	opened = opened || !moving	/* what leaves in the moment of the change is not looked at */
}
inline ice_probe_do_note_came(a, arg) {
	noted = true;
	far = far || was == ice_probe_far; near = near || was == ice_probe_near;
	k_far = far; k_near = near
}
inline ice_probe_do_note_back(a, arg)		{ back = true; noted = true }
inline ice_probe_do_forget(a, arg)		{ far = false; near = false; back = false; said_two = false }
inline ice_probe_do_another_port(a, arg) {	/* another mapping */
	tried = true; told = false; opened = false; k_far = false; k_near = false
}
inline ice_probe_send_moved(a, arg)		{ told = true }
inline ice_probe_entered(a)			{ entered = true }
inline move() {
	moving = true;
	if
	:: skip			/* the same router, the same mapping */
	:: opened = false; k_far = false; k_near = false;
	   if :: lets_far = true; lets_near = true :: lets_far = false; lets_near = true :: lets_far = false; lets_near = false fi;
	   if :: two = true :: two = false fi;
	   if :: reach = true :: reach = false fi
	fi
}
#define BUSY answer
#define FAST FAR(answer, question, came, answer = false)
#define FAULTY LUCK(answer, answer = false) BAD(answer, question, refused, answer = false)
#define ROLES ROLE(true, able, skip) ROLE(!moving, net_change, move()) ROLE(true, crowded, skip)
#define M_before was = M_state; knew = tried
#define asking (was == ice_probe_far || was == ice_probe_near || was == ice_probe_back)
inline settle() {
	if :: ev == EV(net_change) -> moving = false :: else fi;
	assert(moving || !far || lets_far);		/* what is said to be open is open */
	assert(moving || !near || lets_near);
	assert(moving || !(IS(far) || IS(near)) || !opened);	/* nothing went there before the question */
	assert(ev != EV(net_change) || (IS(idle) && !far && !near && !back && !said_two));	/* of the old network */
	assert(!(ev == EV(able) && was == ice_probe_idle) || !IS(idle));
	assert(!(ev == EV(able) && was == ice_probe_idle && IS(known)) || recalled);
	assert(!IS(far) || said_two);
	assert(ev != EV(able) || was == ice_probe_idle || !entered);	/* said again, nothing is asked again */
	assert(moving || !IS(far) || two);
	assert(!(ev == EV(able) && was == ice_probe_idle && IS(near)) || !two || moving);	/* the better question first */
	assert(!(ev == EV(limit) && was == ice_probe_far) || IS(near));
	assert(!(ev == EV(limit) && was == ice_probe_near) || IS(back));
	assert(!(ev == EV(came) && (was == ice_probe_far || was == ice_probe_near)) || IS(back));
	assert(noted == (ev == EV(came) && asking));	/* what comes is kept */
	assert(!(ev == EV(came) && was == ice_probe_back) || IS(known));
	assert(!(ev == EV(refused) && asking) || IS(known));
	assert(!(ev == EV(limit) && was == ice_probe_back) || IS(known));
	assert(!entered || !(IS(far) || IS(near) || IS(back)) || sent == M_state);	/* who waits has asked that */
	assert(ev != EV(resend) || (sent == M_state && M_state == was && !entered));	/* nothing puts the limit off */
	assert(IS(known) || IS(idle) || HOLDS(question));
	assert(told == (ev == EV(crowded) && !knew));	/* once; and who has another port tells it */
	assert(tried == (knew || told));
	assert(!told || (IS(idle) && !far && !near && !back && !said_two));	/* of the other port */
	assert(ev != EV(crowded) || told || (M_state == was && !entered));
	told = false; knew = false;
	sent = 0; entered = false; noted = false; recalled = false; was = 0
}
#include "alone.pml"
ltl ends { <>[] (IS(idle) || IS(known)) }
