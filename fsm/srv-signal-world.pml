/* SPDX-License-Identifier: ISC
 * srv-signal-world.pml -- one signal stream of one peer; a client that may stop
 * reading; a later stream with the same id.
 * keep KEEP_BUG_STAYS ends
 * entry: 0 nobody's, 1 ours, 2 a successor's */
#include "head.pml"
bool retired, said, told, replaces, heads, dropped;	/* in this step */
byte was;
bool call = true, asked, roomy = true;
byte entry;
#define srv_signal_if_room(a, arg) roomy
bool deaf;
#define srv_signal_if_deaf(a, arg) deaf
#include "srv-signal.pml"
inline srv_signal_close_call(a)			{ call = false }
inline srv_signal_do_register(a, arg)		{ assert(entry == 0 && call); entry = 1 }
inline srv_signal_do_unregister(a, arg)		{ if :: entry == 1 -> entry = 0 :: else fi }
inline srv_signal_do_send_headers(a, arg)	{ assert(entry == 0); heads = true }	/* no letter may come before them */
inline srv_signal_do_deliver(a, arg)		{ assert(call && roomy); told = true }
inline srv_signal_do_send_beat(a, arg)		{ assert(call && roomy); told = true }
inline srv_signal_do_retire(a, arg)		{ assert(entry != 1); retired = true }
bool hello, restarted;
inline srv_signal_restart_beat(a)		{ restarted = true }
inline srv_signal_do_say_hello(a, arg)		{ hello = true }
#define BUSY (!asked)
#define FAST NEWS(!asked, opened, asked = true)
#define FAULTY BAD(asked, call, gone, skip) LUCK(!deaf, deaf = true) LUCK(roomy, roomy = false) :: atomic { !roomy -> roomy = true }
#define ROLES ROLE(entry == 1, letter, skip) ROLE(asked, stop, skip) ROLE(entry == 1, replaced, entry = 2)
inline srv_signal_send_replace(a, arg) { replaces = true }
inline srv_signal_do_say_deaf(a, arg) { said = true; assert(deaf) }
inline srv_signal_do_say_slow(a, arg) { said = true }
inline srv_signal_do_say_again(a, arg) { said = true }
inline srv_signal_do_say_stop(a, arg) { said = true }
inline srv_signal_do_count_drop(a, arg) { dropped = true }
#define M_before was = M_state
#define became(x) (IS(x) && was != srv_signal_##x)
inline settle() {
	assert(!(ev == EV(look) && IS(choked)) || !roomy);
	assert(!(ev == EV(letter) && roomy && was == srv_signal_live) || told);
	assert(retired == became(ended));
	assert(!became(ended) || said || ev == EV(gone));
	assert(!(ev == EV(opened) && was == srv_signal_fresh) || (IS(live) && hello));	/* nginx keeps the headers until a first message */
	assert(!(ev == EV(letter) && was == srv_signal_live) || (roomy -> IS(live) : IS(choked)));
	assert(!(told && was == srv_signal_live) || restarted);	/* what was sent restarts the interval, and the next beat */
	hello = false; restarted = false;
	assert(!(became(live) && was == srv_signal_fresh) || (heads && replaces && entry == 1));
	assert(ev != EV(letter) || IS(ended) || told || dropped);	/* delivered, or counted */
	assert(!(ev == EV(beat) && IS(live)) || told);
	assert(!(ev == EV(listen) && deaf) || !IS(live));	/* the dead are let go */
	retired = false; said = false; told = false; replaces = false; heads = false; dropped = false; was = 0;
	assert(call == HOLDS(call));
	assert(!IS(ended) || entry != 1);
	assert(!IS(fresh) || entry == 0)
}
#include "alone.pml"
ltl ends { <>[] (entry == 2 -> IS(ended)) }
ltl unchokes { <>[] !IS(choked) }
