/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_BLAKE2S_H
#define GODWIT_WG_BLAKE2S_H
/*
 * blake2s.h -- BLAKE2s (RFC 7693), keyed and not, and HMAC over it.
 *
 * WireGuard's hash; libsodium has only BLAKE2b, and OpenSSL's has no key.  Used
 * for handshakes only, so it is written to be read, not to be fast.
 */
#include <stddef.h>
#include <stdint.h>

#define BLAKE2S_LEN	32	/* largest output, and WireGuard's hash */
#define BLAKE2S_BLOCK	64

struct blake2s {
	uint32_t h[8];
	uint64_t count;			/* bytes compressed so far */
	uint8_t block[BLAKE2S_BLOCK];
	size_t used;			/* bytes in block */
	size_t outlen;
};

/* outlen 1..32, keylen 0..32. */
void blake2s_init(struct blake2s *, size_t outlen, const void *key, size_t keylen);
void blake2s_update(struct blake2s *, const void *, size_t);
void blake2s_final(struct blake2s *, void *out);	/* wipes the state */
void blake2s(void *out, size_t outlen, const void *in, size_t len, const void *key, size_t keylen);
/* RFC 2104 with a 64-byte block; out has 32 bytes and may be the key. */
void blake2s_hmac(uint8_t out[BLAKE2S_LEN], const void *key, size_t keylen, const void *in, size_t len);
#endif
