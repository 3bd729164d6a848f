/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_SESSION_IMPL_H
#define GODWIT_ICE_SESSION_IMPL_H
/*
 * session-impl.h -- what session.c (the machine) has of session-pairs.c.
 */
#include "ice/session.h"

struct note_cands;

/* A pair to a remote candidate, and its first check.  NULL `cand`: learnt from a packet. */
void ice_session_pair_and_go(struct ice_session *, const struct addr *remote, const struct wire_cand *cand);
/* A remote candidate, and the second one that NetBird's receivers add: the same
 * address with the port that the remote listens on, for routers that keep ports. */
void ice_session_apply(struct ice_session *, const struct wire_cand *);
/* Pairs as they are now, for people; how many were written. */
size_t ice_session_outcomes_now(const struct ice_session *, struct ice_outcome *out, size_t max);

/* The best pair that answered, no longer ago than `age`, other than `not`; NULL: none. */
struct ice_pair *ice_session_best(const struct ice_session *, int64_t age, const struct ice_pair *not);
/* How long a better one is waited for before this one is nominated. */
int64_t ice_session_patience(const struct ice_pair *);

bool ice_session_has_local(const struct ice_session *, const struct addr *);
/* Adds one of ours, and its line to the note (which may be NULL: out of memory). */
void ice_session_add_local(struct ice_session *, enum wire_cand_type, const struct addr *, struct note_cands *);
void ice_session_add_hosts(struct ice_session *);	/* and the event carries their lines */
#endif
