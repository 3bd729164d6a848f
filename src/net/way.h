/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_WAY_H
#define GODWIT_NET_WAY_H
/*
 * way.h -- a way to reach a peer that is not a plain UDP address (a relay
 * channel).  WireGuard sends through it without knowing what it is; whoever
 * owns it delivers what arrives with wg_device_input() naming the same way.
 *
 * Lifetime: the owner takes the way out of every WireGuard endpoint (the path
 * machine's doing) before it goes.
 */
#include <stddef.h>

struct env_pkt;
struct way;

struct way_ops {
	/* Packets to the peer; taken or dropped at once, as UDP may.  The bytes
	 * stay the caller's; `headroom` before them may be overwritten. */
	void (*send)(struct way *, struct env_pkt *, size_t n);
	/* For people: "relay rel://host:443". */
	const char *(*name)(const struct way *);
};

struct way {
	const struct way_ops *ops;
};
#endif
