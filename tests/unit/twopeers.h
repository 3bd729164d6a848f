/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_UNIT_TWOPEERS_H
#define GODWIT_TESTS_UNIT_TWOPEERS_H
/*
 * twopeers.h -- two agents' peer machines and ICE over a small fake network:
 * hosts, routers with port-restricted filters, a STUN server, signal, a relay
 * that is a flag.  Time is fakeenv's.
 *
 *	a 10.1.0.2 -- router 203.0.113.1 --+-- 198.51.100.9:3478 STUN
 *	b 10.2.0.2 -- router 203.0.113.2 --+   signal
 */
#include "ice/gather.h"
#include "ice/pair.h"
#include "ice/session.h"
#include "net/way.h"
#include "peer/peer.h"

enum nat_kind { NAT_NONE, NAT_PORT_RESTRICTED, NAT_SYMMETRIC };

struct side {
	const char *name;
	struct world *w;
	struct side *other;
	struct env *env;
	struct fsm_loop *loop;
	struct ice *ice;
	struct ice_session *session;
	struct peer *peer;
	struct addr host;		/* with its port */
	/* the router */
	enum nat_kind nat;
	struct addr outside;		/* its address; port of the one mapping (not symmetric) */
	uint16_t next_port;
	struct { struct addr to, out; } map[64];	/* symmetric: a port a destination */
	struct addr sent_to[128];	/* the filter: who may send in */
	unsigned nmap, nsent;
	bool via_lan;			/* what is being answered came to the host's own address */
	/* signal towards this side */
	int64_t signal_delay;
	bool signal_cut;
	int drop_candidates;		/* 1: candidates of ours are lost */
	bool candidates_first;		/* the other's candidates overtake its ANSWER */
	/* what happened */
	struct peer_endpoint endpoint;
	struct peer_endpoint was;
	unsigned endpoints, shakes, checks, ups, downs, offers, answers, cands, cands_before_answer;
	bool answered;
	bool mute_reset;		/* its path tells the guard of no loss */
	bool relays;
	struct way way;			/* the relay channel */
	uint32_t generation;
};

struct world {
	struct side a, b;
	struct addr stun;
	bool lan;			/* hosts are reached at their own addresses as well */
	bool udp_cut;			/* between the routers */
	int64_t delay;			/* one way */
	unsigned loss, garbled;		/* per mille; garbled: one byte changed, or the end cut off */
};

void world_new(struct world *, enum nat_kind a, enum nat_kind b);
void world_start(struct world *, bool a, bool b);	/* make the peers: offers leave */
void world_stands(struct world *, enum nat_kind a, enum nat_kind b, bool relay);	/* new, started, direct */
void world_doubt(struct world *);	/* the watchers of both doubt the pair */
void world_free(struct world *);
void world_relay(struct world *, bool up);	/* relay channels of both come up or go down */
void side_restart(struct side *);		/* a new process at the same address */
bool side_direct(const struct side *);		/* WireGuard points at the other's right address */
bool world_direct(const struct world *);		/* both are */
int world_until_direct(struct world *, int ms);	/* runs until both are; the time it took in ms, or -1 */
void side_rebind(struct side *, uint32_t outside_ip);	/* the router got another address, mappings gone */
#endif
