/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_PB_H
#define GODWIT_WIRE_PB_H
/*
 * pb.h -- protobuf-c, the way everybody here uses it.
 *
 * Message structs are protobuf-c's, from proto/NAME.pb-c.h.  Fields with presence
 * are one-member oneofs: set `has_x_case` to the field's number, compare it with
 * 0.  A message built by hand borrows what it points to; one that came out of
 * wire_pb_get is freed whole by wire_pb_free.
 */
#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

struct buf;

/* protobuf-c's own initialisers of oneofs leave a brace out. */
#pragma GCC diagnostic ignored "-Wmissing-braces"

/* Appends the message.  0 or -ENOMEM. */
int wire_pb_put(struct buf *out, const ProtobufCMessage *);
/* NULL: cut, garbled, or no memory.  An empty input is an empty message. */
void *wire_pb_get(const ProtobufCMessageDescriptor *, const void *, size_t len);
void wire_pb_free(void *msg);			/* fine with NULL */
/* "" for a string that is NULL. */
const char *wire_pb_str(const char *);

#define WIRE_PB_PUT(out, msg)	wire_pb_put((out), &(msg)->base)
#endif
