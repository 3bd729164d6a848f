/* SPDX-License-Identifier: ISC */
/* Any bytes as a gRPC stream, in pieces that the first byte chooses; as one piece it must say the same. */
#include <stdlib.h>
#include "wire/grpcframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
run(const uint8_t *data, size_t size, size_t piece, size_t *bytes)
{
	struct wire_grpcframe f;
	const uint8_t *msg;
	size_t len, n = 0;

	wire_grpcframe_init(&f, 300);
	*bytes = 0;
	for (size_t at = 0; at < size; at += piece) {
		wire_grpcframe_feed(&f, data + at, size - at < piece ? size - at : piece);
		while (wire_grpcframe_next(&f, &msg, &len) == 1) {
			n++;
			for (size_t i = 0; i < len; i++)
				*bytes += msg[i];
		}
	}
	wire_grpcframe_free(&f);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t a, b;

	if (size < 1)
		return 0;
	if (run(data + 1, size - 1, 1 + data[0] % 7, &a) != run(data + 1, size - 1, size, &b) || a != b)
		abort();
	return 0;
}
