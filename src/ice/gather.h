/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_GATHER_H
#define GODWIT_ICE_GATHER_H
/*
 * gather.h -- one STUN server and what it says our address is; the machine of
 * fsm/ice-gather.fsm.  Owned by the hub, shared by all sessions.
 */
#include "ice/ice.h"
#include "fsm/fsm.h"
#include "fsm/ice-gather.h"

struct env_lookup;

struct ice_gather {
	struct fsm fsm;
	struct ice *ice;		/* owner */
	struct list all;
	char host[256];
	uint16_t port;
	struct env_lookup *lookup;
	struct addr server[2];		/* IPv4, IPv6; family ADDR_NONE: none */
	struct addr mapped[2];		/* what it said */
	bool waiting[2];		/* a request is out and unanswered */
	struct mono told;		/* when it last said so */
};

struct ice_gather *ice_gather_new(struct ice *, const char *host, uint16_t port);
void ice_gather_free(struct ice_gather *);	/* fine with NULL */
/* An answer to one of ours came (ice.c). */
void ice_gather_input(struct ice_gather *, const struct addr *from, const struct addr *mapped);
#endif
