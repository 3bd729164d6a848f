/* SPDX-License-Identifier: ISC */
/*
 * keys.c -- key text and other people's base64.
 *
 * Everything here is libsodium, because its codecs do not branch on secrets;
 * what this file adds is the strictness that keys.h promises.
 */
#include <errno.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "wire/keys.h"

/* libsodium 1.0.18 takes some bytes above 127 for '/': found by tests/fuzz/texts. */
static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 127)
			return false;
	return true;
}

int
wire_key_parse(uint8_t out[WIRE_KEY_LEN], const char *text)
{
	size_t n = 0;
	const char *end = NULL;

	if (text == NULL || strlen(text) != WIRE_KEY_TEXTLEN - 1 || !is_ascii(text))
		return -EINVAL;
	if (sodium_base642bin(out, WIRE_KEY_LEN, text, WIRE_KEY_TEXTLEN - 1, NULL, &n, &end,
	    sodium_base64_VARIANT_ORIGINAL) != 0 || n != WIRE_KEY_LEN || *end != '\0')
		return -EINVAL;
	return 0;
}

const char *
wire_key_text(char out[WIRE_KEY_TEXTLEN], const uint8_t key[WIRE_KEY_LEN])
{
	return sodium_bin2base64(out, WIRE_KEY_TEXTLEN, key, WIRE_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
}

void
wire_key_clamp(uint8_t key[WIRE_KEY_LEN])
{
	key[0] &= 248;
	key[31] = (uint8_t)((key[31] & 127) | 64);
}

void
wire_key_public(uint8_t out[WIRE_KEY_LEN], const uint8_t private_key[WIRE_KEY_LEN])
{
	crypto_scalarmult_curve25519_base(out, private_key);
}

bool
wire_key_equal(const uint8_t a[WIRE_KEY_LEN], const uint8_t b[WIRE_KEY_LEN])
{
	return sodium_memcmp(a, b, WIRE_KEY_LEN) == 0;
}

int
wire_key_cmp_text(const uint8_t a[WIRE_KEY_LEN], const uint8_t b[WIRE_KEY_LEN])
{
	char ta[WIRE_KEY_TEXTLEN], tb[WIRE_KEY_TEXTLEN];

	return strcmp(wire_key_text(ta, a), wire_key_text(tb, b));
}

void
wire_b64_put(struct buf *out, const void *data, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
	uint8_t *p = buf_grow(out, room);

	if (p == NULL)
		return;
	sodium_bin2base64((char *)p, room, data, len, sodium_base64_VARIANT_ORIGINAL);
	out->len--;	/* the NUL that libsodium always writes */
}

int
wire_b64_get(struct buf *out, const char *text)
{
	size_t len = strlen(text), room = len / 4 * 3 + 3, n = 0;
	const char *end = NULL;
	uint8_t *p;

	if (!is_ascii(text))
		return -EINVAL;
	p = buf_grow(out, room);
	if (p == NULL)
		return -ENOMEM;
	if (sodium_base642bin(p, room, text, len, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    end != text + len) {
		out->len -= room;
		return -EINVAL;
	}
	out->len -= room - n;
	return 0;
}

void
wire_hex_put(struct buf *out, const void *data, size_t len)
{
	uint8_t *p = buf_grow(out, len * 2 + 1);

	if (p == NULL)
		return;
	sodium_bin2hex((char *)p, len * 2 + 1, data, len);
	out->len--;
}

int
wire_hex_get(struct buf *out, const char *text)
{
	size_t len = strlen(text), n = 0;
	const char *end = NULL;
	uint8_t *p = buf_grow(out, len / 2 + 1);

	if (p == NULL)
		return -ENOMEM;
	if (sodium_hex2bin(p, len / 2 + 1, text, len, NULL, &n, &end) != 0 || end != text + len || n * 2 != len) {
		out->len -= len / 2 + 1;
		return -EINVAL;
	}
	out->len -= len / 2 + 1 - n;
	return 0;
}
