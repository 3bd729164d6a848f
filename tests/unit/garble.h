/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_GARBLE_H
#define GODWIT_TESTS_GARBLE_H
/*
 * garble.h -- a good message cut at every byte and garbled at every byte.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

/* How many of all cuts, and of all copies garbled in their first `upto` bytes,
 * does `accepts` take?  Each is said. */
static inline size_t
count_accepted(const struct buf *good, bool (*accepts)(const uint8_t *, size_t, const struct buf *), size_t upto)
{
	static const uint8_t flips[] = { 0x01, 0x10, 0x80, 0xff };
	size_t n = 0, len = buf_len(good);
	uint8_t *copy = malloc(len);

	for (size_t cut = 0; cut < len; cut++) {
		memcpy(copy, buf_bytes(good), len);
		if (accepts(copy, cut, good)) {
			printf("# cut to %zu of %zu is taken\n", cut, len);
			n++;
		}
	}
	for (size_t at = 0; at < upto; at++)
		for (size_t f = 0; f < sizeof(flips); f++) {
			memcpy(copy, buf_bytes(good), len);
			copy[at] ^= flips[f];
			if (accepts(copy, len, good)) {
				printf("# byte %zu ^ %02x is taken\n", at, flips[f]);
				n++;
			}
		}
	free(copy);
	return n;
}
#endif
