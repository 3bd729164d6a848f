/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_MGMT_LINK_H
#define GODWIT_MGMT_LINK_H
/*
 * link.h -- one connection to management, for the three machines that have one.
 *
 * It decides nothing: it dials, asks for the server's key, seals and opens, and
 * posts to its machine what happened, with the generation of the machine's
 * resource.  Facts: NetBird's management.ManagementService, envelope of section
 * 3 of its protocol (EncryptedMessage, crypto_box under WireGuard keys).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/grpc.h"
#include "wire/mgmt.h"

struct env;
struct fsm;

/* What all connections to management share; the agent's, it outlives the machines. */
struct mgmt_conf {
	char *url;			/* owned by the agent; NULL before the first login */
	uint8_t private_key[WIRE_KEY_LEN];
	uint8_t public_key[WIRE_KEY_LEN];
	bool pinned;
	uint8_t pin[WIRE_KEY_LEN];	/* the only server key to believe */
	const char *ca_file;		/* NULL: the system's */
	const char *version;		/* what we call ourselves towards management */
	/* What login tells about this host; hostname NULL: the host's own. */
	const char *hostname;
	bool disable_ipv6, disable_dns, disable_firewall, block_inbound,
	    disable_client_routes, disable_server_routes, rosenpass;
};

/* The machine's events, by number, that a link posts. */
struct mgmt_link_events {
	int res;			/* its resource */
	int connected, gone, key_ok, key_bad, ended;
};

struct mgmt_link {
	struct env *env;
	const struct mgmt_conf *conf;
	struct fsm *machine;
	struct mgmt_link_events ev;
	uint32_t gen;
	struct grpc_channel *channel;
	struct grpc_call *call;		/* the one under way */
	uint8_t server_key[WIRE_KEY_LEN];
	char why[256];			/* the last thing that went wrong, for people */
	void (*unary_done)(void *arg, const struct grpc_status *, const uint8_t *, size_t);
	void *unary_arg;
};

void mgmt_link_init(struct mgmt_link *, struct env *, const struct mgmt_conf *, struct fsm *, const struct mgmt_link_events *);
/* Closes what was open and dials with a new generation; posts connected or gone. */
void mgmt_link_dial(struct mgmt_link *);
void mgmt_link_close(struct mgmt_link *);
/* Posts key-ok, key-bad (not the pinned one) or ended. */
void mgmt_link_ask_key(struct mgmt_link *);
/* One sealed call; `done` gets the sealed answer.  0 or -errno (nothing will come). */
int mgmt_link_unary(struct mgmt_link *, const char *path, const ProtobufCMessage *,
    void (*done)(void *arg, const struct grpc_status *, const uint8_t *, size_t), void *arg);
/* A stream; -> link->call.  Says that we beat if the server wants it (net/beat.h). */
int mgmt_link_open(struct mgmt_link *, const char *path, const struct grpc_ops *, void *arg);
int mgmt_link_send(struct mgmt_link *, const ProtobufCMessage *);
/* Opens an envelope from the server; NULL: it does not decrypt, or is not that message. */
void *mgmt_link_unseal(struct mgmt_link *, const ProtobufCMessageDescriptor *, const uint8_t *, size_t);
void mgmt_link_note(struct mgmt_link *, const struct grpc_status *);	/* keeps it in `why` */

/* The meta that Login and Sync carry, and its release. */
Management__PeerSystemMeta *mgmt_meta_new(struct env *, const struct mgmt_conf *);
void mgmt_meta_free(Management__PeerSystemMeta *);
#endif
