/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_PAIR_H
#define GODWIT_ICE_PAIR_H
/*
 * pair.h -- our socket of one family and one remote candidate; the machine of
 * fsm/ice-pair.fsm.  Owned by its session, freed with the session's agent.
 *
 * There is one base a family (the shared socket), so host and server-reflexive
 * candidates of ours form no pairs of their own (RFC 8445 section 6.1.2.4).
 */
#include "ice/ice.h"
#include "fsm/fsm.h"
#include "fsm/ice-pair.h"
#include "wire/candidate.h"

struct ice_pair {
	struct fsm fsm;
	struct ice_session *session;	/* owner */
	struct list in_session;
	struct wire_cand remote;
	struct addr mapped;		/* our address as the remote saw it, last answer */
	struct mono made, last_ok;
	int64_t rtt_us;
	unsigned checks, answers;
};

struct ice_pair *ice_pair_new(struct ice_session *, const struct wire_cand *remote);	/* NULL: no memory */
void ice_pair_free(struct ice_pair *);		/* fine with NULL */
/* A check goes out now; `nominate` adds USE-CANDIDATE. */
void ice_pair_check(struct ice_pair *, bool nominate);
/* RFC 8445 section 6.1.2.3, with the role of now. */
uint64_t ice_pair_priority(const struct ice_pair *);
enum wire_cand_type ice_pair_local_type(const struct ice_pair *);
bool ice_pair_is_good(const struct ice_pair *);
#endif
