/* SPDX-License-Identifier: ISC
 * wg-keepalive-world.pml -- packets that want an answer, silence, and keys that grow old.
 * keep KEEP_BUG_KEEPALIVE answers
 * A timer runs only when it was reckoned: t_... */
#include "head.pml"
#define COINS 1
#define MAY_persistent t_persistent
#define MAY_keepalive t_keepalive
#define MAY_silence t_silence
#define MAY_zero t_zero
#define MAY(t) MAY_##t
bool t_persistent, t_keepalive, t_silence, t_zero, owes, out, keys, fixed;
#define wg_keepalive_if_owes(a, arg) owes
#define wg_keepalive_if_unanswered(a, arg) out
#define wg_keepalive_if_due(a, arg) COIN(0)
#include "wg-keepalive.pml"
inline wg_keepalive_do_reckon(a, arg)			{ keys = true; t_zero = true; t_keepalive = owes; t_silence = out; t_persistent = fixed }
inline wg_keepalive_do_reckon_keepalive(a, arg)		{ t_keepalive = owes }
inline wg_keepalive_do_reckon_silence(a, arg)		{ t_silence = out }
inline wg_keepalive_do_reckon_persistent(a, arg)	{ t_persistent = fixed }
inline wg_keepalive_do_send_keepalive(a, arg)		{ assert(keys); owes = false }
inline wg_keepalive_do_note_silence(a, arg)		{ out = false }
inline wg_keepalive_do_wipe_keys(a, arg)		{ keys = false; owes = false; out = false }
inline wg_keepalive_send_want(a, arg)			{ skip }
#define BUSY false
#define ROLES ROLE(true, derived, skip) ROLE(true, received, skip) ROLE(true, sent, skip) \
	ROLE(true, interval, fixed = true) ROLE(true, interval, fixed = false)
/* a timer that expired does not run until it is started again */
#define M_before if :: ev == EV(persistent) -> t_persistent = false :: ev == EV(keepalive) -> t_keepalive = false \
	:: ev == EV(silence) -> t_silence = false :: ev == EV(zero) -> t_zero = false \
	:: ev == EV(received) && IS(on) -> owes = true; out = false :: ev == EV(sent) && IS(on) -> out = true :: else fi
inline settle() {
	assert(keys == IS(on));
	assert(!owes || t_keepalive);		/* what is owed has a timer */
	assert(!out || t_silence);
	assert(!keys || t_zero)
}
#include "alone.pml"
ltl answers { <>[] !owes }
ltl wipes { <>[] !keys }
