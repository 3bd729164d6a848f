/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_MGMT_H
#define GODWIT_SERVER_MGMT_H
/*
 * mgmt.h -- management's unary calls (server.md sections 3 and 4).
 */
#include <stddef.h>
#include <stdint.h>
#include "server/inside.h"
#include "wire/mgmt.h"

/* The message for a request that did not open: INVALID_ARGUMENT with these words. */
void server_mgmt_fault(enum wire_mgmt_fault, const uint8_t *envelope, size_t len, char *out, size_t outlen);
/* Opens a request: the inner message and its sender, or NULL: then the call was refused. */
void *server_mgmt_open(struct server *, struct grpc_call *, const ProtobufCMessageDescriptor *, const uint8_t *bytes,
	size_t len, uint8_t raw[32], char key[SERVER_WG_KEY]);
void server_mgmt_answer(struct server *, struct grpc_call *, const ProtobufCMessage *, const uint8_t to[32]);
/* The call waits from now on; NULL: it was refused.  Freed by whoever answers it. */
struct server_waiter *server_waiter_new(struct server *, struct grpc_call *, const uint8_t raw[32], const char *key);
void server_mgmt_login(void *arg, struct grpc_call *, const uint8_t *, size_t);	/* arg: &server->nobody */
#endif
