/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SERVER_WORLD_H
#define GODWIT_TESTS_SERVER_WORLD_H
/*
 * server-world.h -- a godwit-server in the simulated world, and a probe beside
 * it: a program that makes gRPC calls, WebSockets and datagrams by hand.
 */
#include "base/buf.h"
#include "env/env.h"
#include "net/grpc.h"
#include "server/inside.h"
#include "server/server.h"
#include "tests/sim/sim.h"
#include "wire/mgmt.h"

struct world {
	struct sim *sim;
	struct sim_net *net;
	struct sim_host *server_host, *probe_host;
	struct env *server_env, *probe;		/* server_env NULL: not running */
	struct server *server;
	struct server_conf conf;
	char join[700], key[40];		/* the join line and its setup key; "" until told */
	uint8_t server_public[32];
	struct grpc_channel *channel;
	bool ready, gone;
};

/* One agent's keys. */
struct ident {
	uint8_t secret[32], public_key[32];
	char text[45];
};

/* What a unary call gave. */
struct result {
	bool over;
	int code;
	char text[300];
	struct buf body;
};

void world_open(struct world *, uint64_t seed);
void world_start(struct world *);	/* the server; waits for its join line on a fresh disk */
void world_stop(struct world *, bool kill);
void world_close(struct world *);
void world_dial(struct world *);	/* a fresh channel */
void ident_new(struct world *, struct ident *);

/* Calls and waits; result's buffer is the caller's. */
void world_call(struct world *, const char *method, const void *body, size_t len, struct result *);
void world_begin(struct world *, const char *method, const void *body, size_t len, struct result *);
bool world_wait(struct world *, struct result *);
/* The same with a sealed message. */
void world_sealed(struct world *, const struct ident *, const char *method, const ProtobufCMessage *, struct result *);
/* Opens a sealed answer; wire_pb_free. */
void *world_unseal(struct world *, const struct ident *, const ProtobufCMessageDescriptor *, const void *, size_t);
void world_seal(struct world *, const struct ident *, const ProtobufCMessage *, struct buf *out);
/* Login with a setup key (NULL: none); the code. */
int world_login(struct world *, const struct ident *, const char *key, const char *hostname, struct result *);

/* A Sync stream and the last message it got. */
struct sync {
	struct world *w;
	const struct ident *id;
	struct grpc_call *call;
	Management__SyncResponse *last;		/* NULL: none */
	unsigned count, maps, beats;
	bool over;
	int code;
	char text[200];
};
void sync_open(struct world *, struct sync *, const struct ident *);
void sync_close(struct sync *);
/* Waits until pred-like: the last map has n remote peers; false after 5 s. */
bool sync_has_peers(struct sync *, size_t n);
bool sync_over(void *sync);	/* for sim_until */
/* Two results, or one when text is NULL; frees the result's buffer. */
void is_status(struct result *, int code, const char *text, const char *what);
#endif
