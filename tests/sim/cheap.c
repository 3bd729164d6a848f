/* SPDX-License-Identifier: ISC */
/*
 * cheap.c -- Curve25519 and HMAC-SHA1 for long simulations.
 *
 * Half of a simulated hour was multiplication on the curve, and a third of the
 * rest STUN's message integrity.  A world that asks for it (sim_cheap_crypto) gets
 * stand-ins with the properties that protocols build on and none of the secrecy:
 * a public key follows from its secret, what two ends compute from one's secret
 * and the other's public key is the same for them and different for everybody
 * else, and a sum differs when a key or a byte does.  All other worlds get the
 * real ones, from libsodium and libre.
 *
 * libsodium's own callers (crypto_box) and libre's (STUN) must reach these
 * definitions too; whether they do depends on how those were linked.  For the
 * first it is tried, and where they do not the curve stays the real one.
 */
#define _GNU_SOURCE	/* RTLD_NEXT */
#include <dlfcn.h>
#include <sodium.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

static bool cheap;

static void
cheap_public(uint8_t q[32], const uint8_t n[32])
{
	crypto_generichash(q, 32, n, 32, (const uint8_t *)"public", 6);
}

static int
cheap_shared(uint8_t q[32], const uint8_t n[32], const uint8_t p[32])
{
	uint8_t both[64];
	int own = 0;

	if (sodium_is_zero(p, 32))
		return -1;	/* as for the points of small order */
	cheap_public(both, n);
	if (memcmp(both, p, 32) > 0) {
		memcpy(both + 32, both, 32);
		own = 32;
	}
	memcpy(both + 32 - own, p, 32);
	return crypto_generichash(q, 32, both, 64, (const uint8_t *)"shared", 6);
}

/* The functions behind ours; a data pointer becomes a function's as POSIX has it. */
static void *
real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		fatal("sim", "no %s in any library", name);
	return f;
}

int
crypto_scalarmult_curve25519_base(unsigned char *q, const unsigned char *n)
{
	static int (*other)(unsigned char *, const unsigned char *);

	if (cheap) {
		cheap_public(q, n);
		return 0;
	}
	if (other == NULL)
		*(void **)&other = real("crypto_scalarmult_curve25519_base");
	return other(q, n);
}

int
crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	static int (*other)(unsigned char *, const unsigned char *, const unsigned char *);

	if (cheap)
		return cheap_shared(q, n, p);
	if (other == NULL)
		*(void **)&other = real("crypto_scalarmult_curve25519");
	return other(q, n, p);
}

/* libre's, for STUN. */
void hmac_sha1(const uint8_t *k, size_t kl, const uint8_t *d, size_t dl, uint8_t *out, size_t outlen);

void
hmac_sha1(const uint8_t *k, size_t kl, const uint8_t *d, size_t dl, uint8_t *out, size_t outlen)
{
	static void (*other)(const uint8_t *, size_t, const uint8_t *, size_t, uint8_t *, size_t);
	uint8_t key[crypto_shorthash_KEYBYTES] = { 0 }, sum[24] = { 0 };

	if (!cheap) {
		if (other == NULL)
			*(void **)&other = real("hmac_sha1");
		other(k, kl, d, dl, out, outlen);
		return;
	}
	crypto_shorthash(key, k, kl, key);
	crypto_shorthash(sum, d, dl, key);
	memcpy(sum + 8, sum, 8);
	memcpy(out, sum, outlen < sizeof sum ? outlen : sizeof sum);
}

static bool
boxes_agree(void)
{
	uint8_t sa[32] = { 1 }, sb[32] = { 2 }, pa[32], pb[32], ka[32], kb[32];

	cheap_public(pa, sa);
	cheap_public(pb, sb);
	return crypto_box_beforenm(ka, pb, sa) == 0 && crypto_box_beforenm(kb, pa, sb) == 0 && memcmp(ka, kb, 32) == 0;
}

void
sim_cheap_crypto(struct sim *s, bool on)
{
	cheap = on;
	if (on && !boxes_agree())
		cheap = false;
	s->cheap_crypto = cheap;
}

void
cheap_reset(void)
{
	cheap = false;
}
