/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SUM_H
#define GODWIT_TESTS_SUM_H
/*
 * sum.h -- a sum of bytes that comes in pieces; it sees their order, too.
 */
#include <stddef.h>
#include <stdint.h>

/* 0, then what the last call gave. */
static inline uint32_t
sum_add(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + p[i];
	return sum;
}
#endif
