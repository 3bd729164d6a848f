/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_GRPC_WORLD_H
#define GODWIT_TESTS_GRPC_WORLD_H
/*
 * grpc-world.h -- a gRPC client and a gRPC server of src/net over pipes
 * (net_pipes.h), cut into pieces of `cut` bytes, and everything they are told.
 *
 * The server has /t.T/Echo, Deny (a status with a text), Hold (the test answers),
 * Small (echoes 10 bytes at most) and Stream (answers what is short; wants an id).
 */
#include "net_pipes.h"
#include "net/grpc.h"
#include "net/http1.h"

#define PORT	443

struct world {
	struct env *env;
	struct grpc_server *server;
	struct env_listener *listener;
	struct http1_front *front;
	struct grpc_channel *ch;
	bool done;			/* what the step waits for */
	/* client */
	int ready, doubt, goaway, gone, dones, code, messages, headers, writable;
	bool remote;
	char text[300], answer[300], md[100];
	size_t answer_len;
	uint32_t gen;
	struct grpc_call *call;
	bool close_in_note, cancel_in_message;
	/* server */
	struct grpc_call *held;
	int server_dones, server_code, server_messages, server_half;
	size_t server_bytes;
};

extern const struct grpc_ops client_ops;	/* count into the world, as does: */
void on_answer(void *world, const struct grpc_status *, const uint8_t *answer, size_t len);

void world_make(struct world *, size_t cut);	/* with a channel that is ready */
void world_dial(struct world *);		/* a channel; waits for its first note */
bool world_end(struct world *);			/* whether nothing was left open */

void wait_done(struct world *);			/* until the client is told something; a minute at most */
struct grpc_call *unary(struct world *, const char *path, const void *body, size_t len, int64_t timeout_us);
void stream(struct world *, bool with_id);	/* into call; waits for its headers or its end */
#endif
