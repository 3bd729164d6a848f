/* SPDX-License-Identifier: ISC */
/*
 * prng.c -- chance: xoshiro256** by Blackman and Vigna, seeded by splitmix64.
 */
#include <string.h>
#include "tests/sim/impl.h"

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
prng_seed(struct prng *p, uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b * UINT64_C(0xd1342543de82ef95));

	for (int i = 0; i < 4; i++)
		p->s[i] = splitmix(&x);
}

static uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t
prng_next(struct prng *p)
{
	uint64_t *s = p->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t
prng_below(struct prng *p, uint64_t bound)
{
	uint64_t limit, x;

	if (bound <= 1)
		return 0;
	limit = UINT64_MAX - UINT64_MAX % bound;
	do
		x = prng_next(p);
	while (x >= limit);
	return x % bound;
}

bool
prng_ppm(struct prng *p, uint32_t ppm)
{
	return ppm != 0 && prng_below(p, 1000000) < ppm;
}

void
prng_fill(struct prng *p, void *out, size_t len)
{
	uint8_t *o = out;

	while (len > 0) {
		uint64_t x = prng_next(p);
		size_t n = len < 8 ? len : 8;

		/* byte by byte: the same on either byte order */
		for (size_t i = 0; i < n; i++)
			o[i] = (uint8_t)(x >> (8 * i));
		o += n;
		len -= n;
	}
}
