/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_PEER_H
#define GODWIT_SERVER_PEER_H
/*
 * peer.h -- the peers of the account, and what may happen to one.
 *
 * A peer that is being registered is `pending`: its key, address and label are
 * taken, but nobody sees it and it is in no list until it is on disk.  Whether
 * a peer is connected is not kept here: that is what its streams are for.
 */
#include <stdbool.h>
#include <stdint.h>
#include "server/store.h"

#define SERVER_WG_KEY	45	/* base64 of 32 bytes, with the NUL */
#define SERVER_LABEL	64	/* RFC 1035 section 2.3.4, with the NUL */

struct server_setupkey;

/* What an agent told of itself; `raw` is its PeerSystemMeta as sent. */
struct server_meta {
	uint8_t *raw;
	size_t raw_len;
	char *hostname, *version, *os, *kernel;	/* never NULL */
	bool source_prefixes;	/* capability 1 */
};

struct server_peer {
	char key[SERVER_WG_KEY];
	char id[SERVER_ID_LEN + 1];
	char *name;
	char label[SERVER_LABEL];	/* fqdn: label "." domain */
	uint32_t ip;			/* host order */
	char *ssh_key;			/* host key, one line; "" when none */
	struct server_meta meta;
	bool ephemeral;
	bool pending;
	bool leaving;			/* its removal is under way: to everybody but the store it is gone */
	bool connected;			/* has a Sync stream: written by the stream's registry only */
	struct mono away_since;		/* disconnected, registered or loaded: for ephemeral peers */
	int64_t created, last_login, last_seen;		/* microseconds since 1970 */
	char setup_key[SERVER_ID_LEN + 1];		/* id of the key that let it in */
	struct list all;
};

int server_peer_load(struct server_store *);
void server_peer_free_all(struct server_store *);

/* "web-1" from "Web 1.example.org": server.md 4.3. */
void server_peer_label(const char *hostname, char out[SERVER_LABEL]);

/* Registration.  Takes the address, a label and a use of the setup key now;
 * `done` comes when all of it is on disk (err 0), or was given back.  -EEXIST:
 * the key is registered or being registered; -ENOSPC: no free address. */
struct server_peer_spec {
	const char *key;		/* WireGuard public key, base64 */
	const char *ssh_key;		/* NULL: none */
	const uint8_t *meta;		/* PeerSystemMeta */
	size_t meta_len;
	struct server_setupkey *setup;
};
typedef void (*server_peer_fn)(void *arg, struct server_peer *, int err);
int server_peer_register(struct server_store *, const struct server_peer_spec *, server_peer_fn done, void *arg);

/* A known peer logged in: time and SSH key.  *changed: others must hear of it
 * (the serial was raised). `done` may be NULL. */
int server_peer_login(struct server_store *, struct server_peer *, const char *ssh_key, bool *changed,
	server_peer_fn done, void *arg);
/* Meta of Sync and SyncMeta.  True when it changed what others see of the peer;
 * the serial is raised then. */
bool server_peer_meta(struct server_store *, struct server_peer *, const uint8_t *meta, size_t len);
void server_peer_seen(struct server_store *, struct server_peer *);
int server_peer_rename(struct server_store *, struct server_peer *, const char *name, server_peer_fn done, void *arg);
/* `done` gets NULL: the peer is gone by then. */
int server_peer_remove(struct server_store *, struct server_peer *, server_peer_fn done, void *arg);
/* By WireGuard key, id, address, name or label; -ENOENT, -EEXIST: more than one. */
int server_peer_find(struct server_store *, const char *what, struct server_peer **);
struct server_peer *server_peer_by_key(struct server_store *, const char *key);	/* NULL too while pending */

/* For peer.c and peer_change.c. */
int server_meta_parse(struct server_meta *, const uint8_t *, size_t);
void server_meta_free(struct server_meta *);
int server_peer_index(struct server_store *, struct server_peer *);
void server_peer_unindex(struct server_store *, struct server_peer *);
void server_peer_free(struct server_peer *);
#endif
