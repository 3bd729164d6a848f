/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_CTL_CALL_H
#define GODWIT_CTL_CALL_H
/*
 * call.h -- asking the daemon.
 *
 * A daemon that is down, or stopped, must not hold a verb: connecting and the
 * first answer take a second at most, then there is one line and a status of 1.
 */
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>
#include "ctl/opt.h"
#include "net/grpc.h"

struct call;

#define CALL_PATIENCE	INT64_C(1000000)	/* microseconds: for what a living daemon answers at once */

/* Connects.  NULL: no daemon answers; the line is written. */
struct call *call_open(const struct opts *);
void call_close(struct call *);		/* fine with NULL */

/* A unary call within `limit_us`.  The answer (wire_pb_free) or NULL with
 * call_code() and call_text(); no answer in time is GRPC_DEADLINE_EXCEEDED. */
void *call_unary(struct call *, const char *path, const ProtobufCMessage *, const ProtobufCMessageDescriptor *, int64_t limit_us);
int call_code(const struct call *);
const char *call_text(const struct call *);

/* The same while `tick` is called every second, until it returns false. */
void *call_slow(struct call *, const char *path, const ProtobufCMessage *, const ProtobufCMessageDescriptor *,
    int64_t limit_us, bool (*tick)(void *arg, struct call *), void *arg);

/* A stream: each message goes to fn.  Returns when the daemon ends it; the gRPC code. */
int call_stream(struct call *, const char *path, const ProtobufCMessage *,
    void (*fn)(void *arg, const uint8_t *, size_t), void *arg);

/* The line for a daemon that did not answer, or what it said.  Returns 1. */
int call_complain(const struct call *);
#endif
