/* SPDX-License-Identifier: ISC */
/*
 * box.c -- nonce and crypto_box, one behind the other.
 */
#include <errno.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "wire/box.h"

int
wire_box_seal(struct buf *out, const uint8_t nonce[WIRE_BOX_NONCE], const void *msg, size_t len,
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t from_private[WIRE_KEY_LEN])
{
	static const uint8_t none[1];
	uint8_t *p = buf_grow(out, WIRE_BOX_OVERHEAD + len);

	if (p == NULL)
		return -ENOMEM;
	memcpy(p, nonce, WIRE_BOX_NONCE);
	if (crypto_box_easy(p + WIRE_BOX_NONCE, len ? msg : none, len, nonce, to_public, from_private) != 0) {
		out->len -= WIRE_BOX_OVERHEAD + len;
		return -EINVAL;
	}
	return 0;
}

int
wire_box_open(struct buf *out, const void *body, size_t len, const uint8_t from_public[WIRE_KEY_LEN],
    const uint8_t to_private[WIRE_KEY_LEN])
{
	const uint8_t *b = body;
	uint8_t none[1], *p;

	if (len < WIRE_BOX_OVERHEAD)
		return -EBADMSG;
	p = len == WIRE_BOX_OVERHEAD ? none : buf_grow(out, len - WIRE_BOX_OVERHEAD);
	if (p == NULL)
		return -ENOMEM;
	if (crypto_box_open_easy(p, b + WIRE_BOX_NONCE, len - WIRE_BOX_NONCE, b, from_public, to_private) != 0) {
		out->len -= len - WIRE_BOX_OVERHEAD;
		return -EBADMSG;
	}
	return 0;
}
