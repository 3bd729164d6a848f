/* SPDX-License-Identifier: ISC
 * srv-relay-peer-world.pml -- one connection to the relay service; a later one of
 * the same peer; a client that falls silent.
 * keep KEEP_BUG_CLEANUP order
 * keep KEEP_BUG_SILENT ends
 * entry: 0 nobody's, 1 ours, 2 a successor's; online: what subscribers were told */
#include "head.pml"
#define MAY_auth_timeout true
#define MAY_beat true
#define MAY_echo_timeout silent
#define MAY(t) MAY_##t
bool retired, bye, answered, replaces, beat, add, drop;	/* in this step */
byte was;
bool taken, conn = true, asked, silent, pend, online;
byte entry;
#include "srv-relay-peer.pml"
inline srv_relay_peer_close_conn(a)		{ conn = false; pend = false }
inline srv_relay_peer_do_take_entry(a, arg)	{ assert(entry == 0 && answered);	/* the answer first: a packet before it looks like a failed handshake */
	 entry = 1; online = true }
inline srv_relay_peer_do_give_entry(a, arg)	{ if :: entry == 1 -> entry = 0; online = false :: else fi }
inline srv_relay_peer_do_remove_entry(a, arg)	{ entry = 0; online = false }
inline srv_relay_peer_do_drop_all_interest(a, arg) { assert(entry == 2); drop = true }
inline srv_relay_peer_do_send_beat(a, arg)	{ assert(conn); pend = !silent; beat = true }
inline srv_relay_peer_do_tell_online(a, arg)	{ assert(conn); drop = true }
inline srv_relay_peer_do_retire(a, arg)		{ assert(entry != 1); retired = true }
bool restarted;
inline srv_relay_peer_restart_echo_timeout(a)	{ restarted = true }
#define BUSY ((conn && !asked) || pend)
#define FAST FAR(!asked, conn, auth_ok, asked = true) FAR(pend, conn, health, pend = false)
#define FAULTY \
	BAD(true, conn, gone, asked = true) BAD(true, conn, bye, asked = true) BAD(true, conn, bad, asked = true) \
	BAD(true, conn, choked, asked = true) BAD(true, conn, health, skip) BAD(asked, conn, auth_ok, skip) \
	LUCK(true, silent = true; asked = true; pend = false)
#define ROLES \
	ROLE(HOLDS(conn), stop, skip) ROLE(entry == 1, replaced, entry = 2; taken = true) \
	:: atomic { asks > 0 && room && HOLDS(conn) && !silent -> asks--; q!EV(subscribe),GEN(conn),0 } \
	:: atomic { asks > 0 && room && HOLDS(conn) && !silent -> asks--; q!EV(unsubscribe),GEN(conn),0 }
inline srv_relay_peer_do_send_bye(a, arg) { bye = true }
inline srv_relay_peer_do_send_answer(a, arg) { answered = true }
inline srv_relay_peer_send_replace(a, arg) { replaces = true }
inline srv_relay_peer_do_add_interest(a, arg) { add = true }
inline srv_relay_peer_do_drop_interest(a, arg) { drop = true }
#define M_before was = M_state
#define became(x) (IS(x) && was != srv_relay_peer_##x)
inline settle() {
	assert(retired == became(ended));
	assert(!(ev == EV(health) && was == srv_relay_peer_live) || restarted);	/* who echoes is alive for another 45 s */
	restarted = false;
	assert(!became(live) || (entry == 1 && replaces));
	assert(!(ev == EV(stop) && was == srv_relay_peer_live) || bye);
	assert(!(ev == EV(beat) && IS(live)) || beat);
	assert(!(ev == EV(subscribe) && IS(live)) || (add && drop));	/* those already here are told at once */
	assert(!(ev == EV(unsubscribe) && IS(live)) || drop);
	assert(!(ev == EV(replaced) && became(ended)) || drop);
	retired = false; bye = false; answered = false; replaces = false; beat = false; add = false; drop = false; was = 0;
	assert(conn == HOLDS(conn));
	assert(!IS(live) || entry != 0);
	assert(!taken || (entry == 2 && online))		/* the old one's clean-up never takes the successor away */
}
#include "alone.pml"
ltl order { [] (taken -> online) }
ltl ends { <>[] ((silent || entry == 2) -> IS(ended)) }
