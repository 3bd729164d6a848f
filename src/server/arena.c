/* SPDX-License-Identifier: ISC */
/*
 * arena.c -- blocks of 16 KiB, handed out from the front.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "server/arena.h"

#define BLOCK	((size_t)16 * 1024)

struct server_arena_block {
	struct server_arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) uint8_t bytes[];
};

void *
server_arena_get(struct server_arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct server_arena_block *b = a->first;
	void *p;

	n = (n + align - 1) / align * align;
	if (b == NULL || b->size - b->used < n) {
		size_t size = n > BLOCK ? n : BLOCK;

		if ((b = calloc(1, sizeof(*b) + size)) == NULL)
			fatal("server", "no memory for a message of %zu bytes", size);
		b->size = size;
		b->next = a->first;
		a->first = b;
	}
	p = b->bytes + b->used;
	b->used += n;
	return p;
}

char *
server_arena_printf(struct server_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = server_arena_get(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
server_arena_free(struct server_arena *a)
{
	while (a->first != NULL) {
		struct server_arena_block *b = a->first;

		a->first = b->next;
		free(b);
	}
}
