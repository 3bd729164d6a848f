/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_PEER_PEER_H
#define GODWIT_PEER_PEER_H
/*
 * peer.h -- one remote peer: the three machines that say with whom we talk how.
 *
 *	handshake	offers, answers, candidates
 *	path		relay or direct; sets WireGuard's endpoint
 *	guard		when an offer is due
 *
 * Its ICE session, its WireGuard watcher and its relay channels are concerns of
 * their own; src/agent keeps them beside this (peer->owner) and joins them by
 * fsm/agent.wire.  A peer is made when the network map names it and begins to
 * ask at once; it is freed when the map no longer does.
 */
#include <stdbool.h>
#include <stdint.h>
#include "peer/guard.h"
#include "peer/handshake.h"
#include "peer/path.h"
#include "wire/signal.h"

struct env;
struct fsm_loop;
struct peer;

/* Where WireGuard shall send: exactly one of the three. */
struct peer_endpoint {
	enum path_kind kind;
	struct addr addr;	/* PATH_TO_ICE: UDP; may roam (our own peers move faster than signal) */
	struct way *way;	/* PATH_TO_RELAY */
};

/* All are called from actions: they do their work and return, and free nothing. */
struct peer_hooks {
	/* Sends one message through the signal server, in order per peer.  0, or
	 * -ENOTCONN when signal is down: then the guard asks again when it is up. */
	int (*send)(void *arg, struct peer *, const struct wire_signal *);
	/* An OFFER is about to be described (ice_session_offering); not while signal is
	 * down: what nobody hears spends no session id. */
	void (*offering)(void *arg, struct peer *);
	/* Fills what an OFFER or ANSWER says of us: wg_port, version, relay_url and
	 * relay_ip (only while the home relay is connected), generation (changes of
	 * our network so far, plus 1), and ICE's part (ice_session_describe). */
	void (*describe)(void *arg, struct peer *, struct wire_signal *out);
	/* The relay_url that describe would fill in, borrowed until the next call; NULL: none. */
	const char *(*our_relay)(void *arg, const struct peer *);
	void (*endpoint)(void *arg, struct peer *, const struct peer_endpoint *);
	/* The peer's process is a new one: drop the keys we send with, shake hands now. */
	void (*shake_hands)(void *arg, struct peer *);
	/* For the guard.  ice_busy: checks are under way. */
	bool (*ice_busy)(void *arg, const struct peer *);
	/* For the guard as well: nothing was sent through the tunnel for minutes.  NULL: it is in use. */
	bool (*unused)(void *arg, const struct peer *);
	bool (*we_do_ice)(void *arg, const struct peer *);	/* not forced to the relay */
	bool (*we_do_relay)(void *arg, const struct peer *);	/* management named relays */
};

struct peer_config {
	struct env *env;
	struct fsm_loop *loop;
	const char *key;		/* WireGuard public key, base64 text */
	const char *self_key;		/* ours, the same way */
	const char *subject;		/* first word of its log lines; NULL: the key */
	const struct peer_hooks *hooks;	/* borrowed, lives as long as the peer */
	void *arg;			/* of the hooks */
};

struct peer {
	struct handshake handshake;
	struct path path;
	struct guard guard;
	struct env *env;
	char key[45];
	bool controller;		/* our key text is the greater (peer-connection.md section 1) */
	const struct peer_hooks *hooks;
	void *arg;			/* of the hooks; wiring.c finds its record here */
};

/* NULL: out of memory. */
struct peer *peer_new(const struct peer_config *);
void peer_free(struct peer *);		/* without a word to the remote; fine with NULL */
/* A message of this peer out of its box; HEARTBEAT and MODE are dropped. */
void peer_signal(struct peer *, const struct wire_signal *);
/* What could be up: by what both sides can do. */
bool peer_wants_ice(const struct peer *);
bool peer_wants_relay(const struct peer *);
/* Our relay is another one than the remote was last told, or was there none then. */
bool peer_has_news(const struct peer *);
#endif
