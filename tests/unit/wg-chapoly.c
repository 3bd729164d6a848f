/* SPDX-License-Identifier: ISC */
/*
 * Packets side by side against libsodium, one at a time: any number, any length,
 * bytes that make every carry, tags that are wrong; then through keypair.c.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "wg/chapoly.h"
#include "wg/keypair.h"

static uint64_t rnd = 88172645463325252u;
static uint8_t buf[CHAPOLY_MANY][1600], plain[CHAPOLY_MANY][1600];

static uint32_t
any(uint32_t below)
{
	rnd ^= rnd << 13, rnd ^= rnd >> 7, rnd ^= rnd << 17;
	return (uint32_t)(rnd >> 20) % below;
}

static void
reference(const uint8_t key[32], uint64_t counter, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t nonce[12] = { 0 };

	wg_put_le64(nonce + 4, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, NULL, 0, NULL, nonce, key);
}

static void
side_by_side(void)
{
	struct chapoly p[CHAPOLY_MANY];
	uint8_t key[32], want[1600];
	int sealed = 0, opened = 0, after = 0;

	for (int round = 0; round < 4000; round++) {
		size_t n = 1 + any(CHAPOLY_MANY), wrong;
		uint32_t len = round < 1500 ? 1 + (uint32_t)round : 1 + any(1500);

		for (int i = 0; i < 32; i++)
			key[i] = (uint8_t)any(256);
		for (size_t i = 0; i < n; i++) {
			for (uint32_t j = 0; j < len; j++)
				plain[i][j] = round % 3 == 0 ? 0xff : (uint8_t)any(256);
			memcpy(buf[i], plain[i], len);
			buf[i][len + 16] = 0x5a;
			p[i] = (struct chapoly){ .data = buf[i], .counter = (uint64_t)any(1 << 30) << (round % 40) };
		}
		chapoly_many_seal(key, p, n, len);
		for (size_t i = 0; i < n; i++) {
			reference(key, p[i].counter, plain[i], len, want);
			sealed += memcmp(want, buf[i], len + 16) != 0;
			after += buf[i][len + 16] != 0x5a;
		}
		wrong = any((uint32_t)n);
		buf[wrong][any(len + 16)] ^= (uint8_t)(1 << any(8));
		chapoly_many_open(key, p, n, len);
		for (size_t i = 0; i < n; i++)
			opened += p[i].good != (i != wrong) || (i != wrong && memcmp(buf[i], plain[i], len) != 0);
	}
	is_int(sealed, 0, "4000 batches sealed as libsodium seals");
	is_int(opened, 0, "opened again, and the one with a changed bit refused");
	is_int(after, 0, "nothing written behind the tag");
}

/* Batches as the device has them: lengths mixed, two sessions. */
static void
through_keypairs(void)
{
	static uint8_t room[200][WG_DATA_HEAD + 1600];
	struct noise_keys k[2] = { { .local_index = 1, .remote_index = 2 }, { .local_index = 3, .remote_index = 4 } };
	struct wg_keypair *pair[2];
	struct wg_crypt job[200];
	uint8_t want[1600];
	int bad = 0;

	memset(k[0].send, 1, 32), memset(k[0].recv, 1, 32);
	memset(k[1].send, 9, 32), memset(k[1].recv, 9, 32);
	pair[0] = wg_keypair_new(&k[0], (struct mono){ 1 }, NULL);
	pair[1] = wg_keypair_new(&k[1], (struct mono){ 1 }, NULL);
	for (int i = 0; i < 200; i++) {
		int which = i / 37 % 2;

		memset(room[i], i, sizeof room[i]);
		job[i] = (struct wg_crypt){ .keys = pair[which], .data = room[i], .counter = (uint64_t)i,
		    .len = i % 50 < 40 ? 1280 : i % 50 < 45 ? 0 : (uint32_t)i };
	}
	wg_crypt_seal(job, 200);
	for (int i = 0; i < 200; i++) {
		uint8_t in[1600];

		memset(in, i, sizeof in);
		reference(job[i].keys->raw->send, (uint64_t)i, in, job[i].len, want);
		bad += !job[i].good || memcmp(want, room[i] + WG_DATA_HEAD, job[i].len + 16) != 0 ||
		    wg_le32(room[i] + 4) != job[i].keys->remote_index || wg_le64(room[i] + 8) != (uint64_t)i;
		job[i].len += NOISE_TAG;
		job[i].good = false;
	}
	is_int(bad, 0, "200 packets of two sessions and mixed lengths are sealed right");
	wg_crypt_open(job, 200);
	for (int i = 0; i < 200; i++)
		bad += !job[i].good || room[i][WG_DATA_HEAD] != (job[i].len > 16 ? (uint8_t)i : room[i][WG_DATA_HEAD]);
	is_int(bad, 0, "and opened");
	wg_keypair_free(pair[0]);
	wg_keypair_free(pair[1]);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (chapoly_many_works())
		side_by_side();
	else
		printf("# no AVX-512 IFMA here: packets go one by one\n");
	through_keypairs();
	return tap_done();
}
