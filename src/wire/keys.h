/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_KEYS_H
#define GODWIT_WIRE_KEYS_H
/*
 * keys.h -- WireGuard keys as bytes and as text; base64 and hex.
 *
 * Text is standard base64 with padding.  Parsing is strict: 44 characters, no
 * blanks, no bits left over, so that one key has one spelling (relay ids are
 * hashes of the spelling).  libsodium does the work, in constant time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define WIRE_KEY_LEN		32
#define WIRE_KEY_TEXTLEN	45	/* 44 characters and the NUL */

int wire_key_parse(uint8_t out[WIRE_KEY_LEN], const char *text);	/* 0 or -EINVAL */
/* Into `out`, which is returned. */
const char *wire_key_text(char out[WIRE_KEY_TEXTLEN], const uint8_t key[WIRE_KEY_LEN]);
/* 32 random bytes become a private key (RFC 7748 section 5). */
void wire_key_clamp(uint8_t key[WIRE_KEY_LEN]);
void wire_key_public(uint8_t out[WIRE_KEY_LEN], const uint8_t private_key[WIRE_KEY_LEN]);
bool wire_key_equal(const uint8_t a[WIRE_KEY_LEN], const uint8_t b[WIRE_KEY_LEN]);
/* Who is controlling (ICE), initiator (WireGuard) and chooser of the relay: the
 * larger base64 text, bytewise.  >0: a is larger. */
int wire_key_cmp_text(const uint8_t a[WIRE_KEY_LEN], const uint8_t b[WIRE_KEY_LEN]);

void wire_b64_put(struct buf *out, const void *, size_t);	/* appends text, no NUL */
int wire_b64_get(struct buf *out, const char *text);		/* appends bytes; 0 or -EINVAL */
void wire_hex_put(struct buf *out, const void *, size_t);
int wire_hex_get(struct buf *out, const char *text);		/* 0 or -EINVAL */
#endif
