/* SPDX-License-Identifier: ISC */
/*
 * keypair.c -- see keypair.h.  ChaCha20-Poly1305 by OpenSSL's libcrypto, whose
 * assembler is three times as fast as libsodium's C for full packets.
 */
#include "wg/keypair.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

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
	p->seal = cipher_new(k->send, 1);
	p->open = cipher_new(k->recv, 0);
	if (p->seal == NULL || p->open == NULL) {
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
	free(p);
}

void
wg_crypt_seal(struct wg_crypt *job, size_t n)
{
	uint8_t nonce[12] = { 0 };
	int got;

	for (struct wg_crypt *j = job; j < job + n; j++) {
		EVP_CIPHER_CTX *c = ctx(j->keys->seal);
		uint8_t *body = j->data + WG_DATA_HEAD;

		wg_put_le32(j->data, WG_MSG_DATA);
		wg_put_le32(j->data + 4, j->keys->remote_index);
		wg_put_le64(j->data + 8, j->counter);
		wg_put_le64(nonce + 4, j->counter);
		j->good = EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
		    (j->len == 0 || EVP_EncryptUpdate(c, body, &got, body, (int)j->len) == 1) &&
		    EVP_EncryptFinal_ex(c, body + j->len, &got) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG, body + j->len) == 1;
		if (!j->good)	/* never let clear text out */
			memset(body, 0, j->len + NOISE_TAG);
	}
}

void
wg_crypt_open(struct wg_crypt *job, size_t n)
{
	uint8_t nonce[12] = { 0 }, none[1];
	int got;

	for (struct wg_crypt *j = job; j < job + n; j++) {
		EVP_CIPHER_CTX *c = ctx(j->keys->open);
		uint8_t *body = j->data + WG_DATA_HEAD;
		uint32_t len = j->len - NOISE_TAG;

		j->good = false;
		if (j->len < NOISE_TAG)
			continue;
		wg_put_le64(nonce + 4, j->counter);
		j->good = EVP_DecryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG, body + len) == 1 &&
		    (len == 0 || EVP_DecryptUpdate(c, body, &got, body, (int)len) == 1) &&
		    EVP_DecryptFinal_ex(c, len > 0 ? body + len : none, &got) == 1;
	}
}
