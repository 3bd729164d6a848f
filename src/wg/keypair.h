/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_KEYPAIR_H
#define GODWIT_WG_KEYPAIR_H
/*
 * keypair.h -- one session's transport keys: sealing and opening in batches.
 *
 * The cipher contexts are set up once a session; a packet only changes the
 * nonce.  OpenSSL wipes its copies of the keys when a context goes, ours are in
 * locked memory.  Runs of packets of one length go through chapoly.h where the
 * processor has what that needs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mono.h"
#include "wg/noise.h"
#include "wg/replay.h"

/* Counters are refused near the end of their 64 bits (the paper's constant). */
#define WG_REJECT_AFTER_MESSAGES	(UINT64_MAX - (UINT64_C(1) << 13))

struct wg_cipher;

struct wg_raw_keys {
	uint8_t send[NOISE_KEY], recv[NOISE_KEY];
};

struct wg_keypair {
	void *owner;			/* the peer; borrowed */
	struct wg_cipher *seal, *open;	/* owned */
	bool many;			/* chapoly.h works here */
	struct wg_raw_keys *raw;	/* owned, locked */
	uint32_t local_index, remote_index;
	bool initiator;
	struct mono born;
	uint64_t counter;		/* of the next packet we send */
	struct mono heard;		/* an authentic packet came under it last */
	bool spent;			/* not for sending any more: the peer has lost it */
	struct replay replay;
	struct wg_keypair *next_dead;	/* the owner's list of those to be freed */
};

/* Takes what it needs of `keys`; the caller wipes them.  NULL: no memory. */
struct wg_keypair *wg_keypair_new(const struct noise_keys *, struct mono born, void *owner);
void wg_keypair_free(struct wg_keypair *);	/* fine with NULL */

/* One packet to seal or to open in place: `data` is the 16-byte head, `len` the
 * plain or sealed bytes behind it.  Sealing appends NOISE_TAG bytes and fills in
 * the head; opening checks them. */
struct wg_crypt {
	struct wg_keypair *keys;
	uint8_t *data;
	uint32_t len;
	uint64_t counter;
	bool good;			/* opened: authentic */
};

void wg_crypt_seal(struct wg_crypt *, size_t n);
void wg_crypt_open(struct wg_crypt *, size_t n);
#endif
