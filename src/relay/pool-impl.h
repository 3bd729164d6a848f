/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_POOL_IMPL_H
#define GODWIT_RELAY_POOL_IMPL_H
/*
 * pool-impl.h -- what links and channels see of their pool.
 */
#include "base/buf.h"
#include "relay/link.h"
#include "relay/pool.h"

struct relay_pool {
	struct env *env;
	struct fsm_loop *loop;
	uint8_t id[WIRE_RELAY_ID_LEN];	/* ours */
	uint8_t key[32];		/* our public key */
	struct relay_options opt;
	char *ca_file;			/* owned, what opt.ca_file points to */
	struct relay_pool_hooks hooks;
	void *arg;
	struct relay_link *home;	/* owned */
	bool configured;
	struct list links;		/* home first */
	struct list channels;
	struct buf token;		/* binary; wiped */
};

/* The longest packet that a channel takes: header, tag and padding of WireGuard (the
 * paper, 5.4.6) around one of the tunnel, as far as a relay message holds it. */
size_t relay_pool_longest(const struct relay_pool *);
/* The link that serves this server, or NULL. */
struct relay_link *relay_pool_find(const struct relay_pool *, const struct url *);
/* The same, made if it is not there; `hint` where the server was seen, or ADDR_NONE.  NULL: no memory. */
struct relay_link *relay_pool_foreign(struct relay_pool *, const struct url *, const struct addr *hint);
void relay_pool_home_moved(struct relay_pool *);	/* tells the agent */
#endif
