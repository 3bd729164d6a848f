/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_INSIDE_H
#define GODWIT_SERVER_INSIDE_H
/*
 * inside.h -- the server's insides, for the files of this folder only.
 *
 * One struct that knows the store and the services.  The services do not
 * include each other: management reaches streams by server_map_changed and
 * server_peer_gone below, and so does the admin socket.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "server/beat.h"
#include "server/netmap.h"
#include "server/server.h"
#include "server/store.h"

struct grpc_call;
struct grpc_server;
struct http1_front;
struct map;
struct server_admin;
struct server_flows;
struct server_relay;
struct server_stun;

/* A machine that has ended waits here until the turn is over: its last event may
 * still be on the stack, its successor may still look at it. */
struct server_grave {
	struct list list;
	void (*free)(struct server_grave *);
};

/* A unary call that waits for the disk. */
struct server_waiter {
	struct server *server;
	struct grpc_call *call;		/* NULL: the client left */
	uint8_t key_raw[32];
	char key[SERVER_WG_KEY];
};

struct server {
	struct env *env;
	struct fsm_loop *loop;
	struct server_store *store;
	struct server_announce announce;
	char *url;
	struct server_beat beat;
	struct grpc_server *grpc;
	struct server_waiter nobody;	/* first argument of methods whose calls may wait */
	struct http1_front *front;
	struct env_listener *listener;
	struct server_stun *stun;
	struct server_relay *relay;
	struct server_admin *admin;
	struct server_flows *flows;	/* NULL without --flows */
	struct list streams;		/* struct srv_stream, all of them */
	struct map *sync_by_key, *job_by_key;	/* the newest of each peer */
	struct list signals;		/* struct srv_signal, all of them */
	struct map *signal_by_id;
	uint64_t letters_dropped;
	struct env_timer *sweep;	/* ephemeral peers */
	struct env_timer *pusher;	/* what is left of a push goes on in the next turn */
	struct list push;		/* struct srv_stream that have yet to hear of a change */
	struct list graves;
	void (*on_join)(void *arg, const char *line);
	void (*on_fatal)(void *arg, const char *why);
	void *arg;
};

void server_bury(struct server *, struct server_grave *, void (*free)(struct server_grave *));

/* What others see has changed: every Sync stream gets a new map, some in this
 * turn and the rest in the next ones, so that a large mesh does not hold the loop. */
void server_map_changed(struct server *);
/* Its removal is on disk: its streams say so and end; the others get new maps. */
void server_peer_gone(struct server *, const char *key);
bool server_peer_connected(const struct server *, const char *key);

/* Seals a message for a peer into an envelope of management. 0 or -errno. */
struct buf;
int server_seal(struct server *, struct buf *out, const ProtobufCMessage *, const uint8_t to[32]);

/* listen.c.  On failure one line in `why` that names the thing. */
int server_listen(struct server *, const struct server_conf *, char *why, unsigned len);
/* Writes "what: text of err" and returns err. */
int server_because(int err, char *why, unsigned len, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int server_mgmt_start(struct server *);		/* adds its methods to s->grpc; 0 or -errno */
int server_signal_start(struct server *);
void server_signal_free_all(struct server *);
int server_relay_start(struct server *);	/* fills s->relay */
/* Posts stop to every connection, which sends Close; relay_free frees what is left. */
void server_relay_stop(struct server *);
void server_relay_free(struct server *);
size_t server_relay_count(const struct server *);
struct env_stream;
struct http1_head;
/* A request for /relay; takes the stream over. */
void server_relay_accept(struct server *, struct env_stream *, const struct http1_head *, const uint8_t *rest, size_t len);
struct addr;
int server_stun_start(struct server *, const struct server_conf *);	/* fills s->stun */
void server_stun_free(struct server_stun *);
int server_admin_start(struct server *, const char *dir);				/* fills s->admin */
void server_admin_free(struct server_admin *);
#endif
