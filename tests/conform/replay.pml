/* SPDX-License-Identifier: ISC */
/*
 * replay.pml -- read by fsm/peers-world.pml instead of its bookkeeping, when the
 * question is not "does it hold?" but "can this have happened?".
 *
 * The tape says what came from outside (which act, at which agent, in which order);
 * the model and its world say what the guards answer, which rows are taken and what
 * is sent.  What no tape shows (a message is lost, a path is cut, a router forgets)
 * may happen between any two turns, as often as the luck lasts.
 */
#ifndef MAY
c_decl {
\#include "replay.h"
};
bool off;			/* this is not what happened: the end of this branch */
byte luck, spent;		/* what befell since the last turn that was seen, and in all */
short pos;			/* turns of the tape behind us */
byte lives[AGENTS] = 1;

#define MUST(name, cond) if :: (cond) -> skip :: else -> off = true; c_code { instead(now.pos, 9, now.act, #name); } fi
#define STALE(a, e) off = true
#define ROW(a, text) c_code { if (!now.stale) replay_row(text, (unsigned char[]){ now.handshake_state[Pagent->a], now.ice_session_state[Pagent->a], now.relay_channel_state[Pagent->a], now.path_state[Pagent->a], now.wg_watch_state[Pagent->a], now.guard_state[Pagent->a] }); }
#define MAXTRY 4
#define PATIENCE 14
#define LUCKY (now.luck < replay_most && now.spent < replay_all)
#define MAY(n) c_expr { (replay_turns[now.pos].may[Pagent->a][LUCKY][now.lives[Pagent->a] < replay_turns[now.pos].next_life[Pagent->a]] >> n) & 1 }
#define FAST_ACT(n, cond) :: MAY(n) && (cond) -> act = n
#define SLOW_ACT(n, bit, cond, rests) :: MAY(n) && (cond) -> act = n
#define LUCK(n, cond) :: MAY(n) && (cond) -> act = n
#define FAULT(cond) c_expr { LUCKY } && (cond) -> luck++; spent++
#define MENDED FAULT(!dir_up && SEEN)
#define PAY skip
/* what nobody looks at may as well happen later */
#define SEEN c_expr { replay_turns[now.pos].looks }
#define MATTERS(a) (MAY(1) || sig[(a) * SIG + SIG - 1] != 0)
#define RUNNING provided (!off && c_expr { now.pos < replay_n })
#define BEGIN(a) c_code { replay_begin(); }; if :: act == 34 || act == 35 -> lives[a]++ :: else fi
#define END(a) c_code { k = replay_turn(Pagent->a, now.pos, now.act); }; \
	if :: k == 1 -> pos++; luck = 0 :: k == 2 -> off = true :: else -> luck++; spent++ fi; fired[a] = 0

#else
/* at the end of the world */
/* what the model takes together with another turn, or what did nothing in it */
proctype skipper() RUNNING {
end:	do :: d_step { c_expr { replay_turns[now.pos].idle } -> pos++ } od
}
proctype judge() { c_expr { now.pos > replay_n - 1 } -> assert(false) }
/* the first tried is the last made: a turn of the tape before what befalls */
init { atomic {
	if :: link[0] = false :: skip fi; if :: link[1] = false :: skip fi; if :: dir_up = false :: skip fi;
	run outside(); run skipper(); run agent(0); run agent(1); run judge() } }
#endif
