/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_POOL_H
#define GODWIT_RELAY_POOL_H
/*
 * pool.h -- the relay servers an agent uses, and its channels to peers.
 *
 * One home link (to one of the servers that management names; its address goes
 * into our offers) and as many foreign links as peers' offers need.  Links and
 * channels are machines (fsm/relay-link.fsm, fsm/relay-channel.fsm); the pool is
 * what they share: identity, token, options, and who is where.
 *
 * Made and wired by src/agent.  The resolvers of fsm/agent.wire between links
 * and channels are in this folder.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/list.h"

struct env;
struct fsm_loop;
struct relay_link;
struct relay_pool;
struct relay_channel;

/* 0 or less: the default. */
struct relay_options {
	/* 1280; clamped to 1280..65535: the tunnel's.  What is longer than its packets
	 * can become under WireGuard (47 bytes) does not leave over a relay: upstream
	 * sizes and chooses its transports by it, and there is one here. */
	int mtu;
	int64_t cleanup_us;		/* 60 s: how often unused foreign links are looked for */
	int64_t unused_us;		/* 5 s: how long one must have been unused */
	const char *ca_file;		/* PEM; NULL: the system's roots */
	bool insecure;			/* tests only */
};

struct relay_pool_hooks {
	/* The home link came up or went down (also to another server): offers
	 * built from now on differ.  Called from an action: only note it or post. */
	void (*home_changed)(void *arg);
};

/* `public_key`: our WireGuard key, by which relays know us.  NULL: no memory. */
struct relay_pool *relay_pool_new(struct env *, struct fsm_loop *, const uint8_t public_key[32],
    const struct relay_options *, const struct relay_pool_hooks *, void *arg);
void relay_pool_free(struct relay_pool *);	/* channels first; fine with NULL */

/* Management's list: the link in use stays if its URL is still there, else
 * another is dialled.  Empty: no relay is used.  Strings are copied; a URL that
 * does not parse is logged and left out. */
int relay_pool_set_home(struct relay_pool *, const char *const *urls, size_t n);
/* Management's token texts, used from the next connection on.  0, or -EINVAL
 * (not base64: the old token stays). */
int relay_pool_set_token(struct relay_pool *, const char *payload, const char *signature_b64);

bool relay_pool_configured(const struct relay_pool *);		/* management gave us servers */
/* For our offers: the home server's own name for itself and where it was
 * reached; NULL while the home link is not up.  Borrowed until the next event. */
const char *relay_pool_home_url(const struct relay_pool *);
struct addr relay_pool_home_ip(const struct relay_pool *);	/* port 0; family ADDR_NONE while down */

/* All links, home first: netwatch's resolver, status.  fn may not free. */
void relay_pool_each_link(struct relay_pool *, void (*fn)(struct relay_link *, void *arg), void *arg);
#endif
