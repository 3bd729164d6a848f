/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_VECTORS_H
#define GODWIT_TESTS_VECTORS_H
/*
 * vectors.h -- tests/data/vectors.json and its checks, one a kind of vector.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <jansson.h>
#include "base/buf.h"
#include "tests/tap.h"

extern json_t *vectors_all;

json_t *vector(const char *name);			/* NULL: none of that name */
const char *in(const json_t *v, const char *key);	/* of its inputs */
struct buf bytes_of(const json_t *v);			/* its golden bytes; buf_free */
bool buf_is(const struct buf *, const struct buf *);
/* A party by name ("client") or public key: both keys. */
bool party(const char *who, uint8_t pub[32], uint8_t priv[32]);

/* vectors-messages.c: protobuf messages and their envelopes */
void check_message(const char *name, const json_t *v, const char *type);
void check_mgmt_envelope(const char *name, const json_t *v);
void check_signal_envelope(const char *name, const json_t *v);
void check_session(const char *name, const json_t *v);
void check_initiator(const char *name, const json_t *v);
/* vectors-bytes.c: keys, boxes, frames, STUN, candidates */
void check_keypair(const char *name, const json_t *v);
void check_box(const char *name, const json_t *v);
void check_frame(const char *name, const json_t *v);
void check_prefix(const char *name, const json_t *v);
void check_stun(const char *name, const json_t *v);
void check_candidate(const char *name, const char *line);
void check_foundation(const char *name, const json_t *v);
void check_rest(const char *name, const json_t *v);
/* vectors-relay.c */
void check_relay_message(const char *name, const json_t *v);
void check_relay_rest(const char *name, const json_t *v);
#endif
