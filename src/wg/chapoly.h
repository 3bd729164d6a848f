/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_CHAPOLY_H
#define GODWIT_WG_CHAPOLY_H
/*
 * chapoly.h -- ChaCha20-Poly1305 of many packets at once.
 *
 * libcrypto does one packet at a time and spends as long on getting ready as on
 * the bytes of a full packet.  Packets of one key and one length, as bulk
 * transfer yields them, can go side by side through wide registers instead: 16
 * ChaCha blocks and 16 Poly1305 sums a step.  Only where the processor has
 * AVX-512 with IFMA; everything else goes through libcrypto (keypair.c).
 *
 * No branch and no address depends on a secret.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAPOLY_MANY	16	/* packets a call, at most */
#define CHAPOLY_FEW	4	/* fewer are not worth it */

/* One packet, in place: `len` plain bytes at `data`, the tag behind them. */
struct chapoly {
	uint8_t *data;
	uint64_t counter;	/* last eight bytes of the nonce, the first four are zero */
	bool good;		/* opened: the tag is right; otherwise the bytes are as they were */
};

/* Also tries the code against RFC 8439's construction by libsodium, once. */
bool chapoly_many_works(void);
/* 1..CHAPOLY_MANY packets of one length, which is not 0; no additional data. */
void chapoly_many_seal(const uint8_t key[32], struct chapoly *, size_t n, uint32_t len);
void chapoly_many_open(const uint8_t key[32], struct chapoly *, size_t n, uint32_t len);
#endif
