/* SPDX-License-Identifier: ISC */
/*
 * chapoly.c -- RFC 8439 for many packets side by side, in AVX-512 with IFMA.
 *
 * ChaCha20: one register a word of the state, one lane a block; the lanes are
 * blocks of any of the packets, block 0 of each gives its Poly1305 key.
 *
 * Poly1305: one lane a packet, eight to a register, two registers a limb.  The
 * sum has three limbs of 44, 44 and 42 bits; vpmadd52 multiplies 52 bits by 52,
 * so there is room to leave carries for the end of a step.  2^132 is 20 modulo
 * 2^130 - 5, which is where the factor 20 comes from.
 */
#include "wg/chapoly.h"

#include <sodium.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define WIDE		__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")))
#define LIMB44		((UINT64_C(1) << 44) - 1)
#define LIMB42		((UINT64_C(1) << 42) - 1)

/* ---- ChaCha20, 16 blocks ------------------------------------------------------ */

struct lane {
	uint64_t nonce;
	uint32_t block;
	uint8_t *at;		/* 64 bytes, or fewer, to be changed in place */
	uint32_t len;		/* 1..64 */
};

#define QUARTER(a, b, c, d) do {						\
	a = _mm512_add_epi32(a, b); d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 16);	\
	c = _mm512_add_epi32(c, d); b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 12);	\
	a = _mm512_add_epi32(a, b); d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 8);	\
	c = _mm512_add_epi32(c, d); b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 7);	\
} while (0)

/* 16 registers of one word each to 16 registers of one block each. */
WIDE static inline void
transpose(__m512i x[16])
{
	__m512i t[16];

	for (int i = 0; i < 4; i++) {
		__m512i a = _mm512_unpacklo_epi32(x[4 * i], x[4 * i + 1]), b = _mm512_unpackhi_epi32(x[4 * i], x[4 * i + 1]);
		__m512i c = _mm512_unpacklo_epi32(x[4 * i + 2], x[4 * i + 3]), d = _mm512_unpackhi_epi32(x[4 * i + 2], x[4 * i + 3]);

		/* t[4i + k]: words 4i..4i+3 of blocks k, k+4, k+8, k+12 */
		t[4 * i] = _mm512_unpacklo_epi64(a, c);
		t[4 * i + 1] = _mm512_unpackhi_epi64(a, c);
		t[4 * i + 2] = _mm512_unpacklo_epi64(b, d);
		t[4 * i + 3] = _mm512_unpackhi_epi64(b, d);
	}
	for (int k = 0; k < 4; k++) {
		__m512i a = _mm512_shuffle_i32x4(t[k], t[4 + k], 0x44), b = _mm512_shuffle_i32x4(t[k], t[4 + k], 0xee);
		__m512i c = _mm512_shuffle_i32x4(t[8 + k], t[12 + k], 0x44), d = _mm512_shuffle_i32x4(t[8 + k], t[12 + k], 0xee);

		x[k] = _mm512_shuffle_i32x4(a, c, 0x88);
		x[k + 4] = _mm512_shuffle_i32x4(a, c, 0xdd);
		x[k + 8] = _mm512_shuffle_i32x4(b, d, 0x88);
		x[k + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
	}
}

WIDE static void
chacha16(const uint32_t key[8], const struct lane *lane)
{
	uint32_t block[16], low[16], high[16];
	__m512i x[16], first[16];

	for (int i = 0; i < 16; i++) {
		block[i] = lane[i].block;
		low[i] = (uint32_t)lane[i].nonce;
		high[i] = (uint32_t)(lane[i].nonce >> 32);
	}
	first[0] = _mm512_set1_epi32(0x61707865);
	first[1] = _mm512_set1_epi32(0x3320646e);
	first[2] = _mm512_set1_epi32(0x79622d32);
	first[3] = _mm512_set1_epi32(0x6b206574);
	for (int i = 0; i < 8; i++)
		first[4 + i] = _mm512_set1_epi32((int)key[i]);
	first[12] = _mm512_loadu_si512(block);
	first[13] = _mm512_setzero_si512();
	first[14] = _mm512_loadu_si512(low);
	first[15] = _mm512_loadu_si512(high);
	for (int i = 0; i < 16; i++)
		x[i] = first[i];
	for (int round = 0; round < 10; round++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (int i = 0; i < 16; i++)
		x[i] = _mm512_add_epi32(x[i], first[i]);
	transpose(x);
	for (int i = 0; i < 16; i++) {
		__mmask64 m = ~UINT64_C(0) >> (64 - lane[i].len);

		_mm512_mask_storeu_epi8(lane[i].at, m,
		    _mm512_xor_si512(x[i], _mm512_maskz_loadu_epi8(m, lane[i].at)));
	}
}

/* Blocks from..to-1 of every packet; `base` says where block `from` lies, one
 * packet `stride` behind the other, or in the packets when it is NULL. */
WIDE static void
chacha(const uint32_t key[8], const struct chapoly *p, size_t n, uint32_t from, uint32_t to, uint8_t *base, uint32_t len)
{
	uint8_t waste[64];
	struct lane lane[16];
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		for (uint32_t b = from; b < to; b++) {
			uint32_t off = (b - from) * 64;

			lane[used].nonce = p[i].counter;
			lane[used].block = b;
			lane[used].at = base != NULL ? base + i * 64 : p[i].data + off;
			lane[used].len = base != NULL || len - off > 64 ? 64 : len - off;
			if (++used == 16) {
				chacha16(key, lane);
				used = 0;
			}
		}
	}
	if (used == 0)
		return;
	for (; used < 16; used++)
		lane[used] = (struct lane){ 0, 0, waste, 64 };
	chacha16(key, lane);
	sodium_memzero(waste, sizeof waste);
}

/* ---- Poly1305, 16 sums ----------------------------------------------------------- */

struct sums {
	__m512i h[3], r[3], s1, s2;	/* s: 20 times r */
};

/* h = (h + m) * r; the block's 16 bytes as two words a lane. */
WIDE static inline void
step(struct sums *s, __m512i lo, __m512i hi)
{
	const __m512i m44 = _mm512_set1_epi64((long long)LIMB44), m42 = _mm512_set1_epi64((long long)LIMB42);
	const __m512i zero = _mm512_setzero_si512();
	__m512i h0, h1, h2, l0, l1, l2, u0, u1, u2, c;

	h0 = _mm512_add_epi64(s->h[0], _mm512_and_si512(lo, m44));
	h1 = _mm512_add_epi64(s->h[1], _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(lo, 44), _mm512_slli_epi64(hi, 20)), m44));
	h2 = _mm512_add_epi64(s->h[2], _mm512_or_si512(_mm512_srli_epi64(hi, 24), _mm512_set1_epi64(INT64_C(1) << 40)));

	l0 = _mm512_madd52lo_epu64(zero, h0, s->r[0]);
	u0 = _mm512_madd52hi_epu64(zero, h0, s->r[0]);
	l1 = _mm512_madd52lo_epu64(zero, h0, s->r[1]);
	u1 = _mm512_madd52hi_epu64(zero, h0, s->r[1]);
	l2 = _mm512_madd52lo_epu64(zero, h0, s->r[2]);
	u2 = _mm512_madd52hi_epu64(zero, h0, s->r[2]);
	l0 = _mm512_madd52lo_epu64(l0, h1, s->s2);
	u0 = _mm512_madd52hi_epu64(u0, h1, s->s2);
	l1 = _mm512_madd52lo_epu64(l1, h1, s->r[0]);
	u1 = _mm512_madd52hi_epu64(u1, h1, s->r[0]);
	l2 = _mm512_madd52lo_epu64(l2, h1, s->r[1]);
	u2 = _mm512_madd52hi_epu64(u2, h1, s->r[1]);
	l0 = _mm512_madd52lo_epu64(l0, h2, s->s1);
	u0 = _mm512_madd52hi_epu64(u0, h2, s->s1);
	l1 = _mm512_madd52lo_epu64(l1, h2, s->s2);
	u1 = _mm512_madd52hi_epu64(u1, h2, s->s2);
	l2 = _mm512_madd52lo_epu64(l2, h2, s->r[0]);
	u2 = _mm512_madd52hi_epu64(u2, h2, s->r[0]);

	c = _mm512_add_epi64(_mm512_srli_epi64(l0, 44), _mm512_slli_epi64(u0, 8));
	h0 = _mm512_and_si512(l0, m44);
	l1 = _mm512_add_epi64(l1, c);
	c = _mm512_add_epi64(_mm512_srli_epi64(l1, 44), _mm512_slli_epi64(u1, 8));
	h1 = _mm512_and_si512(l1, m44);
	l2 = _mm512_add_epi64(l2, c);
	c = _mm512_add_epi64(_mm512_srli_epi64(l2, 42), _mm512_slli_epi64(u2, 10));
	h2 = _mm512_and_si512(l2, m42);
	h0 = _mm512_add_epi64(h0, _mm512_add_epi64(c, _mm512_slli_epi64(c, 2)));
	s->h[1] = _mm512_add_epi64(h1, _mm512_srli_epi64(h0, 44));
	s->h[0] = _mm512_and_si512(h0, m44);
	s->h[2] = h2;
}

WIDE static void
sums_begin(struct sums *s, const uint8_t keys[8][64])
{
	uint64_t r[3][8];

	for (int i = 0; i < 8; i++) {
		uint64_t lo, hi;

		memcpy(&lo, keys[i], 8);
		memcpy(&hi, keys[i] + 8, 8);
		lo &= UINT64_C(0x0ffffffc0fffffff);
		hi &= UINT64_C(0x0ffffffc0ffffffc);
		r[0][i] = lo & LIMB44;
		r[1][i] = (lo >> 44 | hi << 20) & LIMB44;
		r[2][i] = hi >> 24;
	}
	for (int i = 0; i < 3; i++) {
		s->h[i] = _mm512_setzero_si512();
		s->r[i] = _mm512_loadu_si512(r[i]);
	}
	s->s1 = _mm512_mullo_epi64(s->r[1], _mm512_set1_epi64(20));
	s->s2 = _mm512_mullo_epi64(s->r[2], _mm512_set1_epi64(20));
	sodium_memzero(r, sizeof r);
}

/* 64 bytes of each of eight packets: eight words each, four blocks. */
WIDE static inline void
step4(struct sums *s, uint8_t *const at[8], uint32_t off)
{
	__m512i x[8], t[8];

	for (int i = 0; i < 8; i++)
		x[i] = _mm512_loadu_si512(at[i] + off);
	for (int i = 0; i < 4; i++) {
		t[2 * i] = _mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
		t[2 * i + 1] = _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
	}
	for (int i = 0; i < 2; i++) {	/* word i of each block; lanes 0..7 in order */
		__m512i a = _mm512_shuffle_i64x2(t[i], t[2 + i], 0x44), b = _mm512_shuffle_i64x2(t[i], t[2 + i], 0xee);
		__m512i c = _mm512_shuffle_i64x2(t[4 + i], t[6 + i], 0x44), d = _mm512_shuffle_i64x2(t[4 + i], t[6 + i], 0xee);

		x[i] = _mm512_shuffle_i64x2(a, c, 0x88);
		x[2 + i] = _mm512_shuffle_i64x2(a, c, 0xdd);
		x[4 + i] = _mm512_shuffle_i64x2(b, d, 0x88);
		x[6 + i] = _mm512_shuffle_i64x2(b, d, 0xdd);
	}
	for (int i = 0; i < 4; i++)
		step(s, x[2 * i], x[2 * i + 1]);
}

/* One block, of which `len` bytes are there; zeroes fill it up. */
WIDE static inline void
step1(struct sums *s, uint8_t *const at[8], uint32_t off, uint32_t len)
{
	uint64_t lo[8], hi[8], block[2] = { 0, 0 };

	for (int i = 0; i < 8; i++) {
		memcpy(block, at[i] + off, len < 16 ? len : 16);
		lo[i] = block[0];
		hi[i] = block[1];
	}
	step(s, _mm512_loadu_si512(lo), _mm512_loadu_si512(hi));
}

/* Full reduction, plus the second half of the key: 16 bytes a packet. */
WIDE static void
sums_end(struct sums *s, const uint8_t keys[8][64], uint8_t tag[8][16])
{
	uint64_t h[3][8];

	for (int i = 0; i < 3; i++)
		_mm512_storeu_si512(h[i], s->h[i]);
	for (int i = 0; i < 8; i++) {
		uint64_t a = h[0][i], b = h[1][i], c = h[2][i], g0, g1, g2, k0, k1, pick, lo, hi;

		for (int twice = 0; twice < 2; twice++) {
			b += a >> 44, a &= LIMB44;
			c += b >> 44, b &= LIMB44;
			a += 5 * (c >> 42), c &= LIMB42;
		}
		b += a >> 44, a &= LIMB44;
		g0 = a + 5, g1 = b + (g0 >> 44), g0 &= LIMB44;	/* minus 2^130 - 5, if that is not negative */
		g2 = c + (g1 >> 44) - (UINT64_C(1) << 42), g1 &= LIMB44;
		pick = (g2 >> 63) - 1;
		a = (a & ~pick) | (g0 & pick);
		b = (b & ~pick) | (g1 & pick);
		c = (c & ~pick) | (g2 & pick);
		memcpy(&k0, keys[i] + 16, 8);
		memcpy(&k1, keys[i] + 24, 8);
		lo = a | b << 44;
		hi = b >> 20 | c << 24;
		lo += k0;
		hi += k1 + (lo < k0);
		memcpy(tag[i], &lo, 8);
		memcpy(tag[i] + 8, &hi, 8);
	}
	sodium_memzero(h, sizeof h);
}

/* Tags of n packets; the lanes that are left over repeat the last packet. */
WIDE static void
poly(const struct chapoly *p, size_t n, uint32_t len, const uint8_t keys[CHAPOLY_MANY][64], uint8_t tag[CHAPOLY_MANY][16])
{
	uint8_t *at[CHAPOLY_MANY];
	struct sums a, b;
	uint32_t off = 0;
	__m512i last = _mm512_set1_epi64(len), zero = _mm512_setzero_si512();

	for (size_t i = 0; i < CHAPOLY_MANY; i++)
		at[i] = p[i < n ? i : n - 1].data;
	sums_begin(&a, keys);
	sums_begin(&b, keys + 8);
	for (; off + 64 <= len; off += 64) {
		step4(&a, at, off);
		if (n > 8)
			step4(&b, at + 8, off);
	}
	for (; off < len; off += 16) {
		step1(&a, at, off, len - off);
		step1(&b, at + 8, off, len - off);
	}
	step(&a, zero, last);	/* length of the additional data, length of the bytes */
	step(&b, zero, last);
	sums_end(&a, keys, tag);
	sums_end(&b, keys + 8, tag + 8);
	sodium_memzero(&a, sizeof a);
	sodium_memzero(&b, sizeof b);
}

/* ---- both ------------------------------------------------------------------------- */

static void
run(const uint8_t key[32], struct chapoly *p, size_t n, uint32_t len, bool open)
{
	uint8_t keys[CHAPOLY_MANY][64] = { { 0 } }, tag[CHAPOLY_MANY][16];
	uint32_t k[8], blocks = 1 + (len + 63) / 64;
	struct chapoly good[CHAPOLY_MANY];
	size_t ngood = 0;

	memcpy(k, key, sizeof k);
	chacha(k, p, n, 0, 1, keys[0], 64);
	if (open) {
		poly(p, n, len, keys, tag);
		for (size_t i = 0; i < n; i++)
			if ((p[i].good = sodium_memcmp(tag[i], p[i].data + len, 16) == 0))
				good[ngood++] = p[i];
		if (ngood > 0)
			chacha(k, good, ngood, 1, blocks, NULL, len);
	} else {
		chacha(k, p, n, 1, blocks, NULL, len);
		poly(p, n, len, keys, tag);
		for (size_t i = 0; i < n; i++) {
			memcpy(p[i].data + len, tag[i], 16);
			p[i].good = true;
		}
	}
	sodium_memzero(keys, sizeof keys);
	sodium_memzero(k, sizeof k);
}

static bool
has_wide(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
}

#else

static void
run(const uint8_t key[32], struct chapoly *p, size_t n, uint32_t len, bool open)
{
	(void)key, (void)len, (void)open;
	for (size_t i = 0; i < n; i++)
		p[i].good = false;
}

static bool
has_wide(void)
{
	return false;
}

#endif

void
chapoly_many_seal(const uint8_t key[32], struct chapoly *p, size_t n, uint32_t len)
{
	run(key, p, n, len, false);
}

void
chapoly_many_open(const uint8_t key[32], struct chapoly *p, size_t n, uint32_t len)
{
	run(key, p, n, len, true);
}

/* Three packets of a length that ends within a block, sealed and opened. */
bool
chapoly_many_works(void)
{
	enum { N = 3, LEN = 215 };
	uint8_t room[N][LEN + 16], plain[LEN], want[LEN + 16], nonce[12] = { 0 }, key[32];
	struct chapoly p[N];
	bool good = true;

	if (!has_wide())
		return false;
	memset(key, 0xa5, sizeof key);
	memset(plain, 0xff, sizeof plain);
	for (int i = 0; i < N; i++) {
		memcpy(room[i], plain, LEN);
		p[i] = (struct chapoly){ .data = room[i], .counter = UINT64_C(0xfffffffffffffff0) + (uint64_t)i };
	}
	chapoly_many_seal(key, p, N, LEN);
	for (int i = 0; i < N; i++) {
		memcpy(nonce + 4, &p[i].counter, 8);
		crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, plain, LEN, NULL, 0, NULL, nonce, key);
		good &= memcmp(want, room[i], sizeof want) == 0;
	}
	room[1][5] ^= 1;
	chapoly_many_open(key, p, N, LEN);
	return good && p[0].good && !p[1].good && p[2].good && memcmp(room[2], plain, LEN) == 0;
}
