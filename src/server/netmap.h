/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_NETMAP_H
#define GODWIT_SERVER_NETMAP_H
/*
 * netmap.h -- what each peer may see: the messages of management, built from
 * the store (netmap.md).  Everything returned lives in the arena.
 */
#include <stdbool.h>
#include <stdint.h>
#include "proto/management.pb-c.h"
#include "server/arena.h"
#include "server/peer.h"
#include "server/store.h"

/* Where the services are, as agents are told. */
struct server_announce {
	char signal[300];	/* "host:port" */
	char relay[300];	/* "rel://host:port" */
	char stun[300];		/* "stun:host:port", "" for none */
	bool tls;
	int64_t token_ttl_us;
	int64_t flows_us;	/* agents report their flows this often; 0: not at all */
};

/* Answer to Login. */
Management__LoginResponse *server_netmap_login(struct server_arena *, struct server_store *,
	const struct server_announce *, const struct server_peer *);
/* A whole map.  with_config: the first message of a stream; later ones must not
 * carry half a configuration (server.md 5.3). */
Management__SyncResponse *server_netmap_sync(struct server_arena *, struct server_store *,
	const struct server_announce *, const struct server_peer *, bool with_config);
/* A new relay token and nothing else (server.md section 6). */
Management__SyncResponse *server_netmap_token(struct server_arena *, struct server_store *,
	const struct server_announce *);
/* The last message to a peer that was removed (server.md 5.6). */
Management__SyncResponse *server_netmap_farewell(struct server_arena *, struct server_store *);
#endif
