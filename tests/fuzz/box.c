/* SPDX-License-Identifier: ISC */
/* Any bytes as a sealed body: opened or refused, nothing else. */
#include "base/buf.h"
#include "wire/box.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t priv[32] = { 8, 1, [31] = 64 }, pub[32] = { 9 };
	struct buf out = { 0 };

	wire_box_open(&out, data, size, pub, priv);
	buf_free(&out);
	return 0;
}
