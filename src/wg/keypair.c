/* SPDX-License-Identifier: ISC */
/*
 * keypair.c -- see keypair.h.  ChaCha20-Poly1305 by OpenSSL's libcrypto, whose
 * assembler is three times as fast as libsodium's C for full packets.
 */
#include "wg/keypair.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "wg/chapoly.h"

/* Cipher code of our own is used only where the builder asked for it: a kept
 * library, even a slower one, is the default (configure --enable-wide-chacha). */
#ifdef GODWIT_WIDE_CHACHA
#define WIDE_CHACHA	true
#else
#define WIDE_CHACHA	false
#endif

static struct wg_cipher *
cipher_new(const uint8_t key[NOISE_KEY], int sealing)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c != NULL && EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key, NULL, sealing) != 1) {
		EVP_CIPHER_CTX_free(c);
		c = NULL;
	}
	return (struct wg_cipher *)(void *)c;
}

static EVP_CIPHER_CTX *
ctx(struct wg_cipher *c)
{
	return (EVP_CIPHER_CTX *)(void *)c;
}

struct wg_keypair *
wg_keypair_new(const struct noise_keys *k, struct mono born, void *owner)
{
	struct wg_keypair *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->owner = owner;
	p->local_index = k->local_index;
	p->remote_index = k->remote_index;
	p->initiator = k->initiator;
	p->born = born;
	p->many = WIDE_CHACHA && chapoly_many_works();
	if ((p->raw = sodium_malloc(sizeof *p->raw)) != NULL) {
		memcpy(p->raw->send, k->send, NOISE_KEY);
		memcpy(p->raw->recv, k->recv, NOISE_KEY);
	}
	p->seal = cipher_new(k->send, 1);
	p->open = cipher_new(k->recv, 0);
	if (p->raw == NULL || p->seal == NULL || p->open == NULL) {
		wg_keypair_free(p);
		return NULL;
	}
	return p;
}

void
wg_keypair_free(struct wg_keypair *p)
{
	if (p == NULL)
		return;
	EVP_CIPHER_CTX_free(ctx(p->seal));
	EVP_CIPHER_CTX_free(ctx(p->open));
	sodium_free(p->raw);		/* wipes */
	free(p);
}

/* Jobs from `j` on that can go side by side: one session, one length. */
static size_t
alike(const struct wg_crypt *j, size_t left)
{
	size_t n = 1;

	if (!j->keys->many || j->len == 0)
		return 1;
	while (n < left && n < CHAPOLY_MANY && j[n].keys == j->keys && j[n].len == j->len)
		n++;
	return n;
}

static void
fill(const struct wg_crypt *j, size_t n, struct chapoly *p)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (struct chapoly){ .data = j[i].data + WG_DATA_HEAD, .counter = j[i].counter };
}

static void
seal_one(struct wg_crypt *j)
{
	EVP_CIPHER_CTX *c = ctx(j->keys->seal);
	uint8_t *body = j->data + WG_DATA_HEAD, nonce[12] = { 0 };
	int got;

	wg_put_le64(nonce + 4, j->counter);
	j->good = EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
	    (j->len == 0 || EVP_EncryptUpdate(c, body, &got, body, (int)j->len) == 1) &&
	    EVP_EncryptFinal_ex(c, body + j->len, &got) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG, body + j->len) == 1;
	if (!j->good)	/* never let clear text out */
		memset(body, 0, j->len + NOISE_TAG);
}

void
wg_crypt_seal(struct wg_crypt *job, size_t left)
{
	struct chapoly p[CHAPOLY_MANY];

	for (size_t i = 0; i < left; i++) {
		wg_put_le32(job[i].data, WG_MSG_DATA);
		wg_put_le32(job[i].data + 4, job[i].keys->remote_index);
		wg_put_le64(job[i].data + 8, job[i].counter);
	}
	while (left > 0) {
		size_t n = alike(job, left);

		if (n >= CHAPOLY_FEW) {
			fill(job, n, p);
			chapoly_many_seal(job->keys->raw->send, p, n, job->len);
			for (size_t i = 0; i < n; i++)
				job[i].good = true;
		} else {
			for (size_t i = 0; i < n; i++)
				seal_one(&job[i]);
		}
		job += n;
		left -= n;
	}
}

static void
open_one(struct wg_crypt *j)
{
	EVP_CIPHER_CTX *c = ctx(j->keys->open);
	uint8_t *body = j->data + WG_DATA_HEAD, nonce[12] = { 0 }, none[1];
	uint32_t len = j->len - NOISE_TAG;
	int got;

	j->good = false;
	if (j->len < NOISE_TAG)
		return;
	wg_put_le64(nonce + 4, j->counter);
	j->good = EVP_DecryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG, body + len) == 1 &&
	    (len == 0 || EVP_DecryptUpdate(c, body, &got, body, (int)len) == 1) &&
	    EVP_DecryptFinal_ex(c, len > 0 ? body + len : none, &got) == 1;
}

void
wg_crypt_open(struct wg_crypt *job, size_t left)
{
	struct chapoly p[CHAPOLY_MANY];

	while (left > 0) {
		size_t n = alike(job, left);

		if (n >= CHAPOLY_FEW && job->len > NOISE_TAG) {
			fill(job, n, p);
			chapoly_many_open(job->keys->raw->recv, p, n, job->len - NOISE_TAG);
			for (size_t i = 0; i < n; i++)
				job[i].good = p[i].good;
		} else {
			for (size_t i = 0; i < n; i++)
				open_one(&job[i]);
		}
		job += n;
		left -= n;
	}
}
