/* SPDX-License-Identifier: ISC */
/*
 * blake2s.c -- RFC 7693, section 3, straight from the text.
 */
#include "wg/blake2s.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

static const uint32_t iv[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t sigma[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint32_t
load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void
mix(uint32_t *v, int a, int b, int c, int d, uint32_t x, uint32_t y)
{
	v[a] += v[b] + x;
	v[d] = ror(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = ror(v[b] ^ v[c], 12);
	v[a] += v[b] + y;
	v[d] = ror(v[d] ^ v[a], 8);
	v[c] += v[d];
	v[b] = ror(v[b] ^ v[c], 7);
}

static void
compress(struct blake2s *s, bool last)
{
	uint32_t v[16], m[16];

	for (int i = 0; i < 16; i++)
		m[i] = load32(s->block + 4 * i);
	memcpy(v, s->h, sizeof s->h);
	memcpy(v + 8, iv, sizeof iv);
	v[12] ^= (uint32_t)s->count;
	v[13] ^= (uint32_t)(s->count >> 32);
	if (last)
		v[14] = ~v[14];
	for (int r = 0; r < 10; r++) {
		const uint8_t *z = sigma[r];

		mix(v, 0, 4, 8, 12, m[z[0]], m[z[1]]);
		mix(v, 1, 5, 9, 13, m[z[2]], m[z[3]]);
		mix(v, 2, 6, 10, 14, m[z[4]], m[z[5]]);
		mix(v, 3, 7, 11, 15, m[z[6]], m[z[7]]);
		mix(v, 0, 5, 10, 15, m[z[8]], m[z[9]]);
		mix(v, 1, 6, 11, 12, m[z[10]], m[z[11]]);
		mix(v, 2, 7, 8, 13, m[z[12]], m[z[13]]);
		mix(v, 3, 4, 9, 14, m[z[14]], m[z[15]]);
	}
	for (int i = 0; i < 8; i++)
		s->h[i] ^= v[i] ^ v[i + 8];
	sodium_memzero(m, sizeof m);
	sodium_memzero(v, sizeof v);
}

void
blake2s_init(struct blake2s *s, size_t outlen, const void *key, size_t keylen)
{
	memset(s, 0, sizeof *s);
	memcpy(s->h, iv, sizeof iv);
	s->h[0] ^= 0x01010000 ^ (uint32_t)keylen << 8 ^ (uint32_t)outlen;
	s->outlen = outlen;
	if (keylen > 0) {
		memcpy(s->block, key, keylen);
		s->used = BLAKE2S_BLOCK;
	}
}

void
blake2s_update(struct blake2s *s, const void *in, size_t len)
{
	const uint8_t *p = in;

	while (len > 0) {
		size_t n = BLAKE2S_BLOCK - s->used;

		if (n == 0) {	/* the last block must wait for final */
			s->count += BLAKE2S_BLOCK;
			compress(s, false);
			s->used = 0;
			n = BLAKE2S_BLOCK;
		}
		if (n > len)
			n = len;
		memcpy(s->block + s->used, p, n);
		s->used += n;
		p += n;
		len -= n;
	}
}

void
blake2s_final(struct blake2s *s, void *out)
{
	uint8_t full[BLAKE2S_LEN];

	s->count += s->used;
	memset(s->block + s->used, 0, BLAKE2S_BLOCK - s->used);
	compress(s, true);
	for (int i = 0; i < 8; i++) {
		full[4 * i] = (uint8_t)s->h[i];
		full[4 * i + 1] = (uint8_t)(s->h[i] >> 8);
		full[4 * i + 2] = (uint8_t)(s->h[i] >> 16);
		full[4 * i + 3] = (uint8_t)(s->h[i] >> 24);
	}
	memcpy(out, full, s->outlen);
	sodium_memzero(full, sizeof full);
	sodium_memzero(s, sizeof *s);
}

void
blake2s(void *out, size_t outlen, const void *in, size_t len, const void *key, size_t keylen)
{
	struct blake2s s;

	blake2s_init(&s, outlen, key, keylen);
	blake2s_update(&s, in, len);
	blake2s_final(&s, out);
}

void
blake2s_hmac(uint8_t out[BLAKE2S_LEN], const void *key, size_t keylen, const void *in, size_t len)
{
	uint8_t k[BLAKE2S_BLOCK] = { 0 }, inner[BLAKE2S_LEN];
	struct blake2s s;

	if (keylen > sizeof k)
		blake2s(k, BLAKE2S_LEN, key, keylen, NULL, 0);
	else
		memcpy(k, key, keylen);
	for (size_t i = 0; i < sizeof k; i++)
		k[i] ^= 0x36;
	blake2s_init(&s, BLAKE2S_LEN, NULL, 0);
	blake2s_update(&s, k, sizeof k);
	blake2s_update(&s, in, len);
	blake2s_final(&s, inner);
	for (size_t i = 0; i < sizeof k; i++)
		k[i] ^= 0x36 ^ 0x5c;
	blake2s_init(&s, BLAKE2S_LEN, NULL, 0);
	blake2s_update(&s, k, sizeof k);
	blake2s_update(&s, inner, sizeof inner);
	blake2s_final(&s, out);
	sodium_memzero(k, sizeof k);
	sodium_memzero(inner, sizeof inner);
}
