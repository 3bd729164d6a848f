/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_BOX_H
#define GODWIT_WIRE_BOX_H
/*
 * box.h -- the sealed body of management and signal messages.
 *
 * NaCl crypto_box between two WireGuard keys: nonce[24], tag[16], ciphertext.
 * The nonce is the caller's (randomness belongs to the env) and must never
 * repeat for one pair of keys.
 */
#include <stddef.h>
#include <stdint.h>
#include "wire/keys.h"

#define WIRE_BOX_NONCE		24
#define WIRE_BOX_OVERHEAD	40	/* nonce and tag */

/* Appends nonce and box to `out`.  0, -ENOMEM, or -EINVAL for a key of low order. */
int wire_box_seal(struct buf *out, const uint8_t nonce[WIRE_BOX_NONCE], const void *msg, size_t len,
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t from_private[WIRE_KEY_LEN]);
/* Appends the plaintext.  0; -EBADMSG when cut, garbled or sealed by another key. */
int wire_box_open(struct buf *out, const void *body, size_t len,
    const uint8_t from_public[WIRE_KEY_LEN], const uint8_t to_private[WIRE_KEY_LEN]);
#endif
