/* SPDX-License-Identifier: ISC
 * wg-keepalive-world.pml -- packets that want an answer, silence, and keys that grow old.
 * keep KEEP_BUG_KEEPALIVE answers
 * t_...: the timer runs; f_...: what was reckoned for its next start.
 * owes, out: 1 since the timer was started, 2 later: then the timer is too early */
#include "head.pml"
#define COINS 1
#define MAY_persistent t_persistent
#define MAY_keepalive t_keepalive
#define MAY_silence t_silence
#define MAY_zero t_zero
#define MAY(t) MAY_##t
bool t_persistent, t_keepalive, t_silence, t_zero, f_persistent, f_keepalive, f_silence, f_zero, keys, fixed;
bool asks_keys, kept, must_want, must_keep, new_k, new_s, new_p;	/* in this step; new: reckoned */
byte owes, out;
#define wg_keepalive_if_owes(a, arg) (owes == 1)
#define wg_keepalive_if_unanswered(a, arg) (out == 1)
#define wg_keepalive_if_due(a, arg) COIN(0)
#include "wg-keepalive.pml"
#define now1(x) if :: x == 2 -> x = 1 :: else fi
inline reckon_k()					{ new_k = true; f_keepalive = (owes != 0); now1(owes) }
inline reckon_s()					{ new_s = true; f_silence = (out != 0); now1(out) }
inline wg_keepalive_do_reckon(a, arg)			{ keys = true; reckon_k(); reckon_s(); f_persistent = fixed; new_p = true; f_zero = true }
inline wg_keepalive_do_reckon_keepalive(a, arg)		{ reckon_k() }
inline wg_keepalive_do_reckon_silence(a, arg)		{ reckon_s() }
inline wg_keepalive_do_reckon_persistent(a, arg)	{ f_persistent = fixed; new_p = true }
inline wg_keepalive_do_send_keepalive(a, arg)		{ assert(keys); owes = 0; kept = true }
inline wg_keepalive_do_note_silence(a, arg)		{ out = 0 }
inline wg_keepalive_do_wipe_keys(a, arg)		{ keys = false; owes = 0; out = 0 }
inline wg_keepalive_send_want(a, arg)			{ asks_keys = true }
/* a wait is reckoned from now when it begins: an old figure is too long or too short */
inline wg_keepalive_restart_keepalive(a)		{ assert(new_k); t_keepalive = f_keepalive }
inline wg_keepalive_restart_silence(a)			{ assert(new_s); t_silence = f_silence }
inline wg_keepalive_restart_persistent(a)		{ assert(new_p); t_persistent = f_persistent }
inline wg_keepalive_entered(a) {
	assert(new_p);
	t_persistent = f_persistent;
	t_keepalive = IS(on) && f_keepalive; t_silence = IS(on) && f_silence; t_zero = IS(on) && f_zero
}
#define BUSY false
/* a packet while the timer of an older one still runs leaves only its time behind */
#define ROLES ROLE(true, derived, skip) ROLE(true, received, skip) ROLE(true, sent, skip) \
	ROLE(true, interval, fixed = true) ROLE(true, interval, fixed = false) \
	:: atomic { asks > 0 && IS(on) && t_keepalive && owes == 0 -> asks--; owes = 2 } \
	:: atomic { asks > 0 && IS(on) && t_silence && out == 0 -> asks--; out = 2 } \
	:: atomic { owes != 0 -> owes = 0 } \
	:: atomic { out != 0 -> out = 0 }
/* a timer that expired does not run until it is started again */
#define M_before if \
	:: ev == EV(persistent) -> t_persistent = false; must_keep = IS(on) && COIN(0); must_want = IS(off) && COIN(0) \
	:: ev == EV(keepalive) -> t_keepalive = false; must_keep = (owes == 1) \
	:: ev == EV(silence) -> t_silence = false; must_want = (out == 1) \
	:: ev == EV(zero) -> t_zero = false \
	:: ev == EV(received) && IS(on) -> owes = 1; out = 0 :: ev == EV(sent) && IS(on) -> out = 1; owes = 0 :: else fi
inline settle() {
	assert(keys == IS(on));
	assert(owes == 0 || t_keepalive);	/* what is owed has a timer */
	assert(out == 0 || t_silence);
	assert(!keys || t_zero);
	assert(len(q) > 0 || t_persistent == fixed);	/* an interval that is set is kept, with keys and without */
	assert(kept == must_keep);		/* a keepalive when one is due, and only then */
	assert(asks_keys == must_want);		/* the alarm when nothing came back; an interval without keys asks for them */
	kept = false; asks_keys = false; must_want = false; must_keep = false; new_k = false; new_s = false; new_p = false
}
#include "alone.pml"
ltl answers { <>[] (owes == 0) }
ltl wipes { <>[] !keys }
