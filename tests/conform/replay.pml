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
byte within;			/* who takes several things in one turn, and is not at the last of them */

#define MUST(name, cond) if :: (cond) -> skip :: else -> off = true; c_code { instead(now.pos, 9, now.act, #name); } fi
#define STALE(a, e) off = true
#define STATE_OF(m) now.m##_state[Pagent->a]
#define STATES STATE_OF(handshake), STATE_OF(ice_session), STATE_OF(relay_channel), STATE_OF(path), STATE_OF(wg_watch), STATE_OF(guard)
#define ROW(a, text) c_code { if (!now.stale) replay_row(text, (unsigned char[]){ STATES }); }
#define MAXTRY 4
#define PATIENCE 14
#define LUCKY (now.luck < replay_most && now.spent < replay_all && now.within == 0)
/* the acts that agent a may try now, a bit each */
#define MAYS replay_turns[now.pos].may[Pagent->a][LUCKY][now.lives[Pagent->a] < replay_turns[now.pos].next_life[Pagent->a]]
#define MAY(n) c_expr { (MAYS >> n) & 1 }
#define FAST_ACT(n, cond) :: MAY(n) && (cond) -> act = n
#define SLOW_ACT(n, bit, cond, rests) :: MAY(n) && (cond) -> act = n
#define LUCK(n, cond) :: MAY(n) && (cond) -> act = n
#define FAULT(cond) c_expr { LUCKY } && (cond) -> luck++; spent++
#define MENDED !dir_up && SEEN	/* what went comes back */
#define PAY skip
/* what nobody looks at may as well happen later */
#define SEEN c_expr { replay_turns[now.pos].acts & LOOKS }
#define SAID c_expr { replay_turns[now.pos].acts & SAYS }
#define TOLD c_expr { replay_turns[now.pos].acts & (LOOKS | TELLS) }
#define REPEATS(a) IS(ice_session, checking, a)
#define BEHIND(a) (HAS(a) && sig[(a) * SIG + 1] != 0 && c_expr { replay_turns[now.pos].joined })
#define MATTERS(a) (MAY(1) || sig[(a) * SIG + SIG - 1] != 0)
#define RUNNING provided (!off && c_expr { now.pos < replay_n } && (within == 0 || within == _pid))
#define BEGIN(a) c_code { replay_begin(); }; if :: act == 34 || act == 35 -> lives[a]++ :: else fi
/* several things of one turn: all are posted, then the queue is drained, as the runtime does */
#define FIRST c_expr { MAYS }; more:
#define MORE(a) if :: c_expr { replay_turns[now.pos].joined && replay_turns[now.pos].agent == Pagent->a && (now.within || ((replay_turns[now.pos].acts >> now.act) & 1)) } -> pos++; within = _pid; goto more :: else fi;
#define NOTHING :: c_expr { now.within && replay_turns[now.pos].idle && replay_turns[now.pos].agent == Pagent->a } -> act = 0
#define HIDDEN
#define Q now.q
/* 1: the turn of the tape; 2: not what happened; 0: nothing was seen of it (what went came back: no bad luck) */
#define END(a) c_code { memset(now.q, 0, sizeof now.q); k = replay_turn(Pagent->a, now.pos, now.act, now.within); }; span = 0; within = 0; fired[a] = 0; \
	if :: k == 1 -> pos++; luck = 0; if :: act == 29 -> spent++ :: else fi \
	:: k == 2 -> off = true \
	:: k == 0 && (act == 8 || act == 17) -> skip \
	:: else -> luck++; spent++ fi

#else
/* at the end of the world */
/* what the model takes together with another turn, or what did nothing in it */
proctype skipper() RUNNING {
end:	do :: d_step { c_expr { replay_turns[now.pos].idle && replay_turns[now.pos].n == 0 } -> pos++ } od
}
proctype judge() { c_expr { now.pos > replay_n - 1 } -> assert(false) }
/* the first tried is the last made: a turn of the tape before what befalls */
init { atomic {
	if :: link[0] = false :: skip fi; if :: link[1] = false :: skip fi; if :: dir_up = false :: skip fi;
	run outside(); run skipper(); run agent(0); run agent(1); run judge() } }
#endif
