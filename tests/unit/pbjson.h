/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PBJSON_H
#define GODWIT_TESTS_PBJSON_H
/*
 * pbjson.h -- protobuf messages from and against JSON, by their descriptors, for
 * tests that have expected messages in JSON.
 *
 * Names match when they are equal without case, '_' and '-': so NetBird's mixed
 * spellings meet our snake case.  Fields that JSON leaves out must be at their
 * default.  DECODED: bytes are text, CIDR or hex as netmap-examples.json has them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

enum pbjson_bytes { PBJSON_BASE64, PBJSON_DECODED };

/* NULL with `why` filled.  Free with wire_pb_free. */
void *pbjson_make(const ProtobufCMessageDescriptor *, const json_t *, enum pbjson_bytes, char *why, size_t cap);
bool pbjson_same(const ProtobufCMessage *, const json_t *, enum pbjson_bytes, char *why, size_t cap);
#endif
