/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_DEVICE_H
#define GODWIT_WG_DEVICE_H
/*
 * device.h -- WireGuard in this process: one TUN, one UDP socket a family, peers.
 *
 * Who calls it: src/agent, which knows peers by their 32-byte public keys, and
 * the tests.  What leaves it: packets (through env.h and struct way) and the
 * hooks below.  Keys are raw 32 bytes everywhere; base64 is the caller's.
 *
 * A peer's endpoint is one of three things: none, a UDP address, or a way (a
 * relay channel).  Packets for a peer that has no endpoint or no session are
 * kept, bounded, and sent when it has both; a handshake is begun by the first.
 * A peer whose endpoint is none or a UDP address may roam to the UDP address that
 * its last authenticated packet came from, if `roam` is set; it never moves between
 * UDP and a way by itself: only its owner does that (wg_peer_set_endpoint).
 *
 * Hooks are called from inside a turn (see env.h): they post and return, and
 * must not free the device or a peer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/mono.h"
#include "env/env.h"

struct fsm_loop;
struct way;
struct wg_device;
struct wg_peer;

#define WG_KEY_LEN	32
#define WG_TAI64N_LEN	12

/* The paper's constants, section 6.1; all in microseconds.  Zero in a field: the
 * paper's value.  Tests and the simulator shorten them. */
struct wg_times {
	int64_t rekey_after;		/* 120 s: the initiator asks for new keys */
	int64_t reject_after;		/* 180 s: no packet under these keys any more; x 3: keys are wiped */
	int64_t rekey_attempt;		/* 90 s: trying in vain ends */
	int64_t rekey_timeout;		/* 5 s (+ up to 333 ms): between two tries */
	int64_t keepalive;		/* 10 s: something received, nothing sent back */
	uint64_t rekey_after_messages;	/* 2^60 */
};

struct wg_hooks {
	/* A session is usable: we as initiator got the response, or as responder
	 * the first packet under the new keys.  Also on every rekey. */
	void (*handshake)(void *arg, struct wg_peer *);
	/* A UDP datagram that is not WireGuard (STUN): one at a time, `peer` and
	 * `local` filled in, borrowed until return. */
	void (*other)(void *arg, const struct env_pkt *);
	/* Store these 12 bytes where wg_config.tai64n comes from after a restart.
	 * They lie ahead of every timestamp sent until the next call. */
	void (*tai64n)(void *arg, const uint8_t stamp[WG_TAI64N_LEN]);
	/* The peer's UDP address changed because it roamed. */
	void (*roamed)(void *arg, struct wg_peer *, const struct addr *);
	/* An authenticated data packet came over something other than the endpoint's
	 * kind: over a way while it is UDP or none, or the reverse.  At most every
	 * 100 ms a peer. */
	void (*elsewhere)(void *arg, struct wg_peer *);
	/* The first data packet goes out, or comes in, after three seconds without one that way. */
	void (*woken)(void *arg, struct wg_peer *);
	/* A peer without endpoint has something to send (once until it gets one). */
	void (*no_endpoint)(void *arg, struct wg_peer *);
	/* Somebody deleted the interface: nothing passes any more. */
	void (*gone)(void *arg);
};

struct wg_config {
	struct env *env;
	struct fsm_loop *loop;		/* where the peers' machines live */
	const char *name;		/* interface, "wt0"; NULL: any */
	unsigned mtu;			/* 0: 1280 */
	uint16_t port;			/* 0 or taken: any free one, the same for both families if possible */
	const uint8_t *private_key;	/* WG_KEY_LEN, copied; the caller wipes his */
	const uint8_t *tai64n;		/* WG_TAI64N_LEN bytes last stored by the hook, or NULL */
	struct wg_times times;
	struct wg_hooks hooks;		/* each may be NULL */
	void *arg;			/* of the hooks */
};

/* Opens TUN and sockets.  NULL and *err (negative errno) on failure: -EPERM or
 * -ENOENT without a TUN.  The interface comes up without addresses. */
struct wg_device *wg_device_new(const struct wg_config *, int *err);
void wg_device_free(struct wg_device *);	/* peers too; keys wiped; fine with NULL */
const char *wg_device_ifname(const struct wg_device *);
uint16_t wg_device_port(const struct wg_device *);		/* IPv4 socket, or IPv6 when there is no other */
struct addr wg_device_local(const struct wg_device *, int family);	/* family ADDR_NONE when that socket is missing */
/* From now on IPv4 is sent from that port (0 or taken: any free one); for a second also
 * from the one before, which is heard until the next call.  Peers and their endpoints stay.  0, or -errno and
 * all is as before. */
int wg_device_rebind(struct wg_device *, uint16_t port);
const uint8_t *wg_device_public_key(const struct wg_device *);	/* WG_KEY_LEN */

/* Anything else on the shared sockets (STUN): the socket is picked by each
 * packet's peer.family.  Taken or dropped at once, as UDP may. */
void wg_device_send_raw(struct wg_device *, const struct env_pkt *, size_t n);
/* WireGuard packets that arrived over a way; copied, opened at the end of the turn. */
void wg_device_input(struct wg_device *, struct way *, struct env_pkt *, size_t n);
/* True if the datagram is for WireGuard, false for STUN and others: NetBird's
 * order of tests, client/iface/bind/ice_bind.go. */
bool wg_is_wireguard(const uint8_t *, size_t len);

/* A look at what passes inside the tunnels, for counting: `ip` is the first of
 * `packets` packets with the same headers, `len` its bytes at hand, `bytes` all
 * of theirs.  Called for every packet, so it must be quick.  NULL: off. */
typedef void (*wg_tap_fn)(void *arg, const uint8_t *ip, uint32_t len, bool out, uint32_t packets, uint32_t bytes);
void wg_device_set_tap(struct wg_device *, wg_tap_fn, void *arg);

/* ---- peers ---------------------------------------------------------------- */

enum wg_endpoint_kind { WG_ENDPOINT_NONE = 0, WG_ENDPOINT_UDP, WG_ENDPOINT_WAY };

struct wg_endpoint {
	enum wg_endpoint_kind kind;
	struct addr addr;	/* WG_ENDPOINT_UDP */
	bool roam;		/* UDP: may follow the peer's address; none: may learn it */
	struct way *way;	/* WG_ENDPOINT_WAY; borrowed: set another endpoint before it goes */
};

struct wg_peer_stats {
	uint64_t rx_bytes, tx_bytes;	/* whole UDP payloads, as wg(8) counts them */
	uint64_t rx_packets, tx_packets;	/* data packets, keepalives left out */
	struct mono last_handshake;	/* not set: never */
	int64_t last_handshake_wall;	/* microseconds since 1970, 0: never */
	struct mono last_received;	/* anything authenticated */
	struct mono last_elsewhere;	/* see wg_hooks.elsewhere */
	struct mono last_sent;		/* anything but cookies */
	struct mono last_data_sent;	/* or wanted to be, and kept; keepalives left out */
	unsigned keepalive;		/* seconds; 0: none is sent, so none is to be expected either */
	struct mono unanswered_since;	/* first data sent after the last packet received; not set: none */
	struct wg_endpoint endpoint;
	uint64_t kept;			/* packets waiting for endpoint or session now */
	uint64_t kept_dropped;		/* of those, pushed out since the start */
	uint64_t refused;		/* source not in allowed IPs, replayed or not authentic */
};

/* The peer of that key, made if it is not there; it begins with no endpoint, no
 * allowed IPs.  NULL: no memory, or the key is our own or yields no secret. */
struct wg_peer *wg_device_peer_add(struct wg_device *, const uint8_t key[WG_KEY_LEN]);
struct wg_peer *wg_device_peer(struct wg_device *, const uint8_t key[WG_KEY_LEN]);	/* or NULL */
void wg_device_peer_remove(struct wg_device *, struct wg_peer *);	/* keys wiped; fine with NULL */
/* In order of creation. */
void wg_device_each_peer(struct wg_device *, void (*fn)(void *arg, struct wg_peer *), void *arg);

const uint8_t *wg_peer_key(const struct wg_peer *);
void wg_peer_set_arg(struct wg_peer *, void *);		/* the owner's own pointer */
void *wg_peer_arg(const struct wg_peer *);
void wg_peer_set_psk(struct wg_peer *, const uint8_t *psk);	/* WG_KEY_LEN or NULL for none; for the next handshake */
/* Seconds, 0: off.  From off to on sends one at once, as NetBird's fork does. */
void wg_peer_set_keepalive(struct wg_peer *, unsigned seconds);
/* Replaces the list; a prefix that another peer had moves here.  0 or -ENOMEM. */
int wg_peer_set_allowed_ips(struct wg_peer *, const struct addr_prefix *, size_t n);
int wg_peer_add_allowed_ip(struct wg_peer *, const struct addr_prefix *);
void wg_peer_del_allowed_ip(struct wg_peer *, const struct addr_prefix *);
/* Sessions survive.  Kept packets go out at once.  Without a session younger than
 * 180 s a handshake begins at once, not waiting for the retry timer, if anything
 * asks for one: kept packets, a keepalive interval, an older session. */
void wg_peer_set_endpoint(struct wg_peer *, const struct wg_endpoint *);
/* Begin a handshake now, also when one is under way (the path's own probe); at
 * most one a second.  `forget`: the peer has restarted and has no keys, so send
 * nothing more under the present ones; packets are kept until there are new. */
void wg_peer_handshake(struct wg_peer *, bool forget);
void wg_peer_get_stats(const struct wg_peer *, struct wg_peer_stats *);
#endif
