/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_COOKIE_H
#define GODWIT_WG_COOKIE_H
/*
 * cookie.h -- mac1, mac2 and cookies: the paper, section 5.4.4 to 5.4.7.
 *
 * mac1 shows that the sender knows our public key; without it we stay silent.
 * Under load we also want mac2, which shows that the sender can receive at the
 * address it claims: a handshake without it is answered with a cookie, and those
 * with it are limited per address.  No I/O and no clock here: times are given.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/mono.h"
#include "wg/noise.h"

#define COOKIE_LEN	16
#define COOKIE_NONCE	24
#define COOKIE_LIFE	(120 * MONO_SEC)	/* of the secret at the giver, of the cookie at the taker */

/* ---- the side that is asked ------------------------------------------------ */

struct cookie_giver {
	uint8_t mac1_key[32], cookie_key[32];
	uint8_t secret[32];		/* changed every two minutes */
	struct mono secret_born;
};

enum cookie_verdict { COOKIE_BAD, COOKIE_MAC1, COOKIE_MAC2 };

void cookie_giver_init(struct cookie_giver *, const uint8_t public[NOISE_KEY]);
void cookie_giver_wipe(struct cookie_giver *);
/* True when cookie_giver_secret must be called before the next two. */
bool cookie_giver_stale(const struct cookie_giver *, struct mono now);
void cookie_giver_secret(struct cookie_giver *, const uint8_t secret[32], struct mono now);
/* `from` is what stands for the sender's address. */
enum cookie_verdict cookie_check(const struct cookie_giver *, const uint8_t *msg, size_t len,
    const void *from, size_t from_len, bool want_mac2);
void cookie_reply(const struct cookie_giver *, const uint8_t *msg, size_t len, const void *from, size_t from_len,
    const uint8_t nonce[COOKIE_NONCE], uint8_t out[WG_COOKIE_LEN]);

/* ---- the side that asks ------------------------------------------------------ */

struct cookie_taker {
	uint8_t mac1_key[32], cookie_key[32];
	uint8_t cookie[COOKIE_LEN];
	struct mono born;		/* of the cookie; not set: none */
	uint8_t last_mac1[COOKIE_LEN];	/* of the message sent last: a reply is bound to it */
	bool sent;
};

void cookie_taker_init(struct cookie_taker *, const uint8_t remote[NOISE_KEY]);
void cookie_sign(struct cookie_taker *, uint8_t *msg, size_t len, struct mono now);	/* writes both macs */
int cookie_take(struct cookie_taker *, const uint8_t msg[WG_COOKIE_LEN], struct mono now);	/* 0 or -EBADMSG */

/* ---- how many handshakes an address may have ----------------------------------- */

#define RATE_SLOTS	1024
#define RATE_PER_SEC	20
#define RATE_BURST	5

struct rate {
	uint8_t key[16];	/* of the slot hash, so that nobody can aim at a slot */
	struct rate_slot {
		uint8_t net[8];	/* IPv4 address, or the /64 of an IPv6 one */
		int64_t tokens;	/* in microseconds of refill */
		struct mono at;
	} slot[RATE_SLOTS];
};

void rate_init(struct rate *, const uint8_t key[16]);
/* An address shares its slot with others by chance only; the newest takes it. */
bool rate_admit(struct rate *, const struct addr *, struct mono now);
#endif
