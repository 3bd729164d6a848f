/* SPDX-License-Identifier: ISC */
/* Any bytes as a signal body and as its envelope; what parses must be writable and mean the same again. */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "wire/signal.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t priv[32] = { 8, 1, [31] = 64 };
	struct wire_signal s, again;
	struct buf b = { 0 };
	uint8_t sender[32];
	char to[64];

	wire_signal_open(&s, sender, data, size, priv);
	wire_signal_addressee(to, sizeof(to), data, size);
	if (wire_signal_parse(&s, data, size) != 0)
		return 0;
	s.rosenpass = false;	/* not written */
	if (wire_signal_write(&b, &s) != 0 || wire_signal_parse(&again, buf_bytes(&b), buf_len(&b)) != 0)
		abort();
	if (memcmp(&s, &again, sizeof(s)) != 0)
		abort();
	buf_free(&b);
	return 0;
}
