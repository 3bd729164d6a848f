/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_CHANNEL_H
#define GODWIT_RELAY_CHANNEL_H
/*
 * channel.h -- one peer over the relay server that the pair meets at
 * (fsm/relay-channel.fsm).
 *
 * The channel is the struct way that WireGuard sends through.  The way may be
 * called at any time in the channel's life; it drops what cannot go.
 *
 * Where a pair meets: the side whose public key's base64 text is larger uses its
 * own home server, the other goes to the address in the offer (relay.md
 * section 9).
 */
#include "base/addr.h"
#include "base/list.h"
#include "base/url.h"
#include "fsm/fsm.h"
#include "fsm/relay-channel.h"
#include "net/way.h"
#include "wire/relaymsg.h"

struct env_pkt;
struct relay_link;
struct relay_pool;

struct relay_channel_hooks {
	/* Packets from the peer; the bytes may be overwritten.  Give them to
	 * wg_device_input() naming this way. */
	void (*input)(void *arg, struct way *, struct env_pkt *, size_t n);
};

struct relay_channel {
	struct fsm fsm;
	struct way way;
	struct relay_pool *pool;	/* borrowed */
	struct relay_link *link;	/* borrowed; NULL: no server chosen */
	struct list on_link;		/* of link->channels */
	struct list all;		/* of the pool */
	bool joined;			/* resource entry: registered at the link */
	uint8_t id[WIRE_RELAY_ID_LEN];	/* the peer's */
	bool choose_own;		/* our key is larger: we meet at our home */
	char name[300];			/* for people */
	char remote_url[256];		/* from the last offer that named one */
	struct addr remote_ip;
	uint32_t generation;		/* of the peer's network, from its offers */
	struct relay_channel_hooks hooks;
	void *arg;
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, dropped;
};

/* subject: first word of its log lines (the peer's name), copied. */
struct relay_channel *relay_channel_new(struct relay_pool *, const uint8_t peer_key[32], const char *subject,
    const struct relay_channel_hooks *, void *arg);
/* Leaves its server.  The way must be in no endpoint any more.  Fine with NULL. */
void relay_channel_free(struct relay_channel *);
struct way *relay_channel_way(struct relay_channel *);
bool relay_channel_is_open(const struct relay_channel *);
const char *relay_channel_server(const struct relay_channel *);	/* URL or "" */
#endif
