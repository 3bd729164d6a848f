/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_HUB_H
#define GODWIT_ICE_HUB_H
/*
 * hub.h -- the hub's inside, for the files of this folder only.
 */
#include "ice/ice.h"

struct map;

#define ICE_TX_LIFE	(4 * MONO_SEC)	/* as upstream: an answer later than that is none */
#define ICE_TX_MAX	4096		/* outstanding checks of all sessions */

/* A request of ours that may still be answered. */
struct ice_tx {
	struct list by_time;
	uint8_t tid[WIRE_STUN_TID];
	struct ice_pair *pair;		/* or */
	struct ice_gather *gather;	/* or */
	struct ice_probe *probe;	/* one of the three */
	struct addr to;			/* where the answer comes from */
	struct mono at;
	bool nominate, controlling;
};

/* Where on this host the STUN servers' answers came in, and the port that was ours
 * then: see ice_moved. */
struct ice_base {
	struct addr addr;		/* IPv4; family ADDR_NONE: none */
	uint16_t port;
};

#define ICE_BASES	8

struct ice {
	struct env *env;
	struct fsm_loop *loop;
	struct ice_io io;
	struct list sessions, gathers;
	struct map *by_ufrag;		/* our ufrag -> session */
	struct map *by_tid;		/* transaction -> struct ice_tx */
	struct list txs;		/* oldest first, owned */
	unsigned ntx;
	struct ice_counters count;
	struct ice_filter filter;
	struct ice_probe *probe;	/* owned */
	struct ice_base base[ICE_BASES];	/* the present one first, then where we were before */
	struct mono since;		/* our network or our port changed last; not set: never */
	bool behind;			/* a router translates the present one */
};

/* A new transaction with a random id, or NULL. */
struct ice_tx *ice_tx_new(struct ice *, const struct addr *to);
void ice_tx_free(struct ice *, struct ice_tx *);
void ice_tx_drop_pair(struct ice *, const struct ice_pair *);
void ice_tx_drop_gather(struct ice *, const struct ice_gather *);
void ice_tx_drop_probe(struct ice *, const struct ice_probe *);
void ice_send(struct ice *, const struct addr *to, const struct wire_stun *, const char *password);
/* A STUN server saw us as `mapped`, and its answer came in on our address `local`. */
void ice_seen(struct ice *, const struct addr *local, const struct addr *mapped);
/* Does a STUN server see us as that now? */
bool ice_is_mapped(const struct ice *, const struct addr *);
/* Is that the address of our router, as a STUN server sees it? */
bool ice_is_mapped_ip(const struct ice *, const struct addr *);
/* We were behind a router, and have no more the address that we had there, but another. */
bool ice_moved(const struct ice *);
/* Moves the socket to the port that was ours at an address that we have again, or
 * else to a new one. */
void ice_another_port(struct ice *);
bool ice_allowed(const struct ice *, const struct addr *);
size_t ice_locals(const struct ice *, struct addr *out, size_t max);	/* ports set */
void ice_letters(struct ice *, char *out, size_t n);	/* n letters and a NUL */
#endif
