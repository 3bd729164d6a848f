/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the head of a request and of a response.  What is whole stays so
 * when more follows, and every string of it can be read.
 * fuzz-needs: src/net/h2*.c src/net/grpc-*.c src/net/http1.c src/net/ws*.c tests/unit/net_pipes*.c tests/unit/fake-clock.c
 */
#include <stdlib.h>
#include <string.h>
#include "net/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
look(const struct http1_head *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nheader; i++)
		n += strlen(h->header[i].name) + strlen(h->header[i].value);
	http1_has_token(h, "connection", "upgrade");
	if (h->target != NULL)
		n += (size_t)http1_path_is(h, "/relay");
	return n;
}

static void
whole(int (*parse)(struct http1_head *, const uint8_t *, size_t), const uint8_t *data, size_t size)
{
	struct http1_head h, again;
	int n;

	memset(&h, 0, sizeof(h));
	memset(&again, 0, sizeof(again));
	n = parse(&h, data, size);
	if (n <= 0)
		return;
	if ((size_t)n > size || parse(&again, data, (size_t)n) != n || look(&h) != look(&again))
		abort();
	http1_head_free(&h);
	http1_head_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	http1_tell(data, size);
	whole(http1_parse_request, data, size);
	whole(http1_parse_response, data, size);
	return 0;
}
