/* SPDX-License-Identifier: ISC */
/* Any text as key, base64, hex and compact prefix. */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "wire/keys.h"
#include "wire/mgmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = { 0 }, text = { 0 };
	struct addr_prefix p;
	char *s = calloc(1, size + 1), key_text[WIRE_KEY_TEXTLEN];
	uint8_t key[32];

	memcpy(s, data, size);
	if (wire_key_parse(key, s) == 0 && strcmp(wire_key_text(key_text, key), s) != 0)
		abort();	/* one key, one spelling */
	if (wire_b64_get(&bytes, s) == 0) {
		wire_b64_put(&text, buf_bytes(&bytes), buf_len(&bytes));
		if (strcmp(buf_cstr(&text), s) != 0)
			abort();
	}
	buf_clear(&bytes);
	wire_hex_get(&bytes, s);
	if (wire_prefix_get(&p, data, size) == 0) {
		buf_clear(&bytes);
		wire_prefix_put(&bytes, &p);
		if (buf_len(&bytes) != size || memcmp(buf_bytes(&bytes), data, size) != 0)
			abort();
	}
	buf_free(&bytes);
	buf_free(&text);
	free(s);
	return 0;
}
