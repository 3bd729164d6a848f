/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_ICE_H
#define GODWIT_ICE_ICE_H
/*
 * ice.h -- the hub: what all peers' ICE sessions share.
 *
 * One a process.  It knows the shared WireGuard socket only through struct
 * ice_io; it tells the sessions apart by the user name of a request and by the
 * transaction id of an answer, and it asks the STUN servers (gather.h).
 *
 * Who calls it: src/agent (makes it, hands it every datagram that is not
 * WireGuard), session.c, pair.c, gather.c.  Standard: RFC 8445 with NetBird's
 * habits (shared candidates without per-address sockets, attribute 0x8100,
 * credentials that outlive sessions).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "ice/filter.h"
#include "base/list.h"
#include "base/mono.h"
#include "wire/stun.h"

struct env;
struct env_pkt;
struct fsm_loop;
struct ice;
struct ice_gather;
struct ice_pair;
struct ice_probe;
struct ice_session;

struct ice_io {
	/* One datagram from the shared socket of the address' family; may be lost. */
	void (*send)(void *arg, const struct addr *to, const void *, size_t len);
	/* The shared socket's port for ADDR_V4 or ADDR_V6; 0: there is none. */
	uint16_t (*port)(void *arg, int family);
	/* The shared IPv4 socket moves to that port (0 or taken: any other); returns the
	 * one that it has now.  NULL: it cannot. */
	uint16_t (*another_port)(void *arg, uint16_t want);
	/* Our addresses on the underlay (ports ignored), at most max; returns how
	 * many.  NULL: net_host_addrs() of net/hostaddrs.h. */
	size_t (*locals)(void *arg, struct addr *out, size_t max);
	/* False for addresses inside the overlay: neither STUN nor candidates go
	 * there or come from there (pitfall 87).  NULL: all are allowed. */
	bool (*allowed)(void *arg, const struct addr *);
	void *arg;
};

/* NULL: out of memory. */
struct ice *ice_new(struct env *, struct fsm_loop *, const struct ice_io *);
void ice_free(struct ice *);		/* sessions must be gone; fine with NULL */

/* The STUN servers: "stun:host:port" (TURN URLs serve as well, as upstream).
 * Replaces the list; servers that stay keep what they know. */
int ice_set_servers(struct ice *, const char *const *urls, size_t n);	/* 0 or -ENOMEM */
/* Ask them now, so that the first session need not wait. */
void ice_gather_now(struct ice *);

/* A datagram from the shared socket that is not WireGuard; dropped unless it is
 * STUN for one of us.  Posts events, sends answers; call it inside a turn. */
void ice_input(struct ice *, const struct env_pkt *);

/* Resolver of agent.wire: ice-session !gather -> ice-gather want all. */
void ice_each_gather(struct ice *, void (*fn)(struct ice_gather *, void *arg), void *arg);
/* Resolver of agent.wire: netwatch !changed -> ice-probe. */
struct ice_probe *ice_prober(struct ice *);
/* Resolver of agent.wire: ... -> ice-session mapped, net-change all. */
void ice_each_session(struct ice *, void (*fn)(struct ice_session *, void *arg), void *arg);

/* What the router in front of us does with IPv4, by what STUN servers and peers
 * saw of us, and what it let in (ice/filter.h). */
enum ice_mapping { ICE_MAPPING_UNKNOWN, ICE_MAPPING_ENDPOINT_INDEPENDENT, ICE_MAPPING_ADDRESS_DEPENDENT };

struct ice_nat {
	bool known;			/* somebody told us our address */
	bool none;			/* it is our own: no router translates */
	enum ice_mapping mapping;	/* UNKNOWN until two observers were asked */
	enum ice_filtering filtering;	/* UNKNOWN until measured, or something came uncalled for */
	bool filtering_measured;
	bool port_preserved;
	struct addr mapped[2];		/* IPv4, IPv6, as the first server saw them; family NONE: unknown */
	unsigned observers;		/* of IPv4 */
};
void ice_nat_get(const struct ice *, struct ice_nat *);

struct ice_counters {
	uint64_t requests, answers, refused;	/* received; refused: not authentic, unknown or forbidden */
};
const struct ice_counters *ice_counters(const struct ice *);
#endif
