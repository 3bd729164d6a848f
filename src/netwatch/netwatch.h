/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NETWATCH_NETWATCH_H
#define GODWIT_NETWATCH_NETWATCH_H
/*
 * netwatch.h -- the host slept, moved, or changed its addresses; the machine of
 * fsm/netwatch.fsm, one an agent.  It listens to the env itself; what it says
 * (changed) goes to everybody by fsm/agent.wire.
 */
#include "base/addr.h"
#include "fsm/fsm.h"
#include "fsm/netwatch.h"

#define NETWATCH_ADDRS	64

struct netwatch {
	struct fsm fsm;
	struct addr known[NETWATCH_ADDRS];	/* as last told, sorted */
	size_t nknown;
	uint64_t ways;				/* the default routes, as last told */
	uint32_t changes;			/* told so far: our generation in offers is this plus 1 */
};

/* One for the life of the env: its callbacks cannot be taken back. */
struct netwatch *netwatch_new(struct env *, struct fsm_loop *);	/* NULL: no memory */
void netwatch_free(struct netwatch *);		/* the env must not run again */
#endif
