/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_SESSION_H
#define GODWIT_ICE_SESSION_H
/*
 * session.h -- the direct path to one peer; the machine of fsm/ice-session.fsm.
 *
 * Credentials (ufrag, password) live as long as the object; the session id names
 * one agent and is renewed when that agent is given up.  Events from others:
 * offer, answer, candidate (struct note_signal), mapped (struct note_mapped),
 * close, doubt, net-change, pair-good, selected.  Sends: see fsm/agent.wire;
 * ice-up carries a struct note_pair, local-candidate a struct note_cands.
 */
#include "ice/ice.h"
#include "fsm/fsm.h"
#include "fsm/ice-session.h"
#include "wire/candidate.h"
#include "wire/signal.h"

#define ICE_UFRAG	16
#define ICE_PWD		32
#define ICE_CID		32
#define ICE_LOCALS	16
#define ICE_REMOTES	32
#define ICE_PAIRS	32

/* What became of one pair: for `godwit why`. */
struct ice_outcome {
	struct addr remote;
	enum wire_cand_type remote_type, local_type;
	struct addr mapped;		/* ours, as the remote saw it; family NONE: it never answered */
	const char *state;		/* of fsm/ice-pair.fsm, or "lost": it carried us and answers no more */
	bool selected;
	int64_t rtt_us;			/* of the last answer */
	unsigned checks, answers;
};

#define ICE_OUTCOMES	16

struct ice_remote {
	struct wire_cand cand;
	struct mono at;			/* when it was signalled */
};

struct ice_session {
	struct fsm fsm;
	struct ice *ice;		/* borrowed */
	void *owner;			/* the agent's record of this peer, for wiring.c */
	struct list all;		/* the hub's */

	bool enabled;			/* false: relay forced, no ICE for this peer */
	bool controller;		/* our key text is the greater one: we begin as controlling */
	char ufrag[ICE_UFRAG + 1], pwd[ICE_PWD + 1];
	uint8_t id[WIRE_SIGNAL_SESSION];
	bool id_used;			/* an agent was made under it */
	bool id_worn;			/* the next offer of ours draws a new one */

	/* what the remote said last */
	bool remote_known, has_rsession;
	bool rstock;			/* a stock NetBird agent */
	char rufrag[257], rpwd[257];
	uint8_t rsession[WIRE_SIGNAL_SESSION];
	uint32_t rgeneration;
	struct ice_remote remote[ICE_REMOTES];
	unsigned nremote;

	/* the agent */
	bool controlling;		/* the role now; a conflict may switch it */
	uint64_t tie;
	struct wire_cand local[ICE_LOCALS];
	unsigned nlocal;
	unsigned again;			/* beats of the timer that repeats them */
	struct list pairs;		/* of struct ice_pair, owned */
	unsigned npair;
	struct ice_pair *chosen;	/* we nominate it */
	struct ice_pair *picked;	/* nominated by either side, about to be selected */
	struct ice_pair *selected;	/* carries the tunnel, or did */
	struct mono started;

	struct wire_cand was;		/* the remote candidate that was selected last; family NONE: never */
	char was_rufrag[257];
	int64_t verdict;		/* how long doubt lasts, us */
	int64_t keepalive, silent;	/* us */
	int64_t rtt_us;			/* of the selected pair's last answer */
	struct mono answered_at;
	uint64_t ups, downs;
	struct ice_outcome last[ICE_OUTCOMES];	/* of the agent that was given up last */
	unsigned nlast;
};

/* `subject` begins its log lines.  NULL: out of memory. */
struct ice_session *ice_session_new(struct ice *, const char *subject, bool controller, void *owner);
void ice_session_free(struct ice_session *);	/* without telling anybody; fine with NULL */
/* False: relay only.  Takes effect with the next offer. */
void ice_session_enable(struct ice_session *, bool);
/* Fills ufrag, pwd and session of an OFFER or ANSWER; leaves them empty when not enabled. */
void ice_session_describe(const struct ice_session *, struct wire_signal *out);
/* An OFFER is about to leave: an id that has expired is replaced by a new one. */
void ice_session_offering(struct ice_session *);
/* Checks are under way (the guard need not ask). */
bool ice_session_busy(const struct ice_session *);
/* Resolver of agent.wire: ice-session !nominate -> ice-pair.  NULL: none. */
struct ice_pair *ice_session_chosen(struct ice_session *);

/* For status: the candidate types and addresses of the selected pair; false when
 * no pair carries the tunnel now. */
struct note_pair;
bool ice_session_pair(const struct ice_session *, struct note_pair *out);

/* Every pair of the agent, or of the last one when there is none now; at most
 * max; returns how many were written. */
size_t ice_session_outcomes(const struct ice_session *, struct ice_outcome *out, size_t max);

/* ---- for ice.c and pair.c ---- */

/* The pair to that remote address, made (peer-reflexive, or of `cand`) if it is
 * not there; NULL: no room, or no socket of that family. */
struct ice_pair *ice_session_pair_to(struct ice_session *, const struct addr *, const struct wire_cand *cand);
/* The id of our host candidate of that family, "" when there is none. */
const char *ice_session_cid(const struct ice_session *, int family);
#endif
