/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_GRPCFRAME_H
#define GODWIT_WIRE_GRPCFRAME_H
/*
 * grpcframe.h -- gRPC's length-prefixed messages put together from DATA frames:
 * compressed flag, four bytes of length, message.  Nothing is ever compressed
 * here, and a length above the limit fails before its bytes are waited for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define WIRE_GRPC_PREFIX	5

struct wire_grpcframe {
	struct buf in;
	size_t max;		/* longest message taken */
	size_t given;		/* bytes of the message last given out, dropped by the next call */
	int err;		/* sticky */
};

void wire_grpcframe_init(struct wire_grpcframe *, size_t max);
void wire_grpcframe_free(struct wire_grpcframe *);
int wire_grpcframe_feed(struct wire_grpcframe *, const void *, size_t);	/* 0 or -ENOMEM */
/* 1: a message (borrowed until the next call); 0: more bytes are needed;
 * -EMSGSIZE: longer than max; -EPROTO: compressed, or a flag that is neither.
 * Errors stay. */
int wire_grpcframe_next(struct wire_grpcframe *, const uint8_t **msg, size_t *len);
/* Bytes of a message begun and not finished: at the end of a stream this must be false. */
bool wire_grpcframe_partial(const struct wire_grpcframe *);
void wire_grpcframe_prefix(uint8_t out[WIRE_GRPC_PREFIX], uint32_t len);
void wire_grpcframe_put(struct buf *out, const void *msg, size_t len);	/* prefix and message */
#endif
