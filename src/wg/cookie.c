/* SPDX-License-Identifier: ISC */
/*
 * cookie.c -- see cookie.h.  All comparisons of macs take constant time.
 */
#include "wg/cookie.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "wg/blake2s.h"

#define LABEL_MAC1	"mac1----"
#define LABEL_COOKIE	"cookie--"

enum { REPLY_RECEIVER = 4, REPLY_NONCE = 8, REPLY_COOKIE = 32 };

static void
label_key(uint8_t out[32], const char label[8], const uint8_t public[NOISE_KEY])
{
	struct blake2s s;

	blake2s_init(&s, 32, NULL, 0);
	blake2s_update(&s, label, 8);
	blake2s_update(&s, public, NOISE_KEY);
	blake2s_final(&s, out);
}

void
cookie_giver_init(struct cookie_giver *g, const uint8_t public[NOISE_KEY])
{
	memset(g, 0, sizeof *g);
	label_key(g->mac1_key, LABEL_MAC1, public);
	label_key(g->cookie_key, LABEL_COOKIE, public);
}

void
cookie_giver_wipe(struct cookie_giver *g)
{
	sodium_memzero(g, sizeof *g);
}

bool
cookie_giver_stale(const struct cookie_giver *g, struct mono now)
{
	return !mono_is_set(g->secret_born) || mono_diff(now, g->secret_born) >= COOKIE_LIFE;
}

void
cookie_giver_secret(struct cookie_giver *g, const uint8_t secret[32], struct mono now)
{
	memcpy(g->secret, secret, sizeof g->secret);
	g->secret_born = now;
}

static void
cookie_of(const struct cookie_giver *g, const void *from, size_t from_len, uint8_t out[COOKIE_LEN])
{
	blake2s(out, COOKIE_LEN, from, from_len, g->secret, sizeof g->secret);
}

enum cookie_verdict
cookie_check(const struct cookie_giver *g, const uint8_t *msg, size_t len, const void *from, size_t from_len,
    bool want_mac2)
{
	size_t mac1 = len - WG_MACS_LEN, mac2 = len - COOKIE_LEN;
	uint8_t mac[COOKIE_LEN], cookie[COOKIE_LEN];
	bool good;

	blake2s(mac, sizeof mac, msg, mac1, g->mac1_key, sizeof g->mac1_key);
	if (sodium_memcmp(mac, msg + mac1, sizeof mac) != 0)
		return COOKIE_BAD;
	if (!want_mac2)
		return COOKIE_MAC1;
	cookie_of(g, from, from_len, cookie);
	blake2s(mac, sizeof mac, msg, mac2, cookie, sizeof cookie);
	good = sodium_memcmp(mac, msg + mac2, sizeof mac) == 0;
	sodium_memzero(cookie, sizeof cookie);
	return good ? COOKIE_MAC2 : COOKIE_MAC1;
}

void
cookie_reply(const struct cookie_giver *g, const uint8_t *msg, size_t len, const void *from, size_t from_len,
    const uint8_t nonce[COOKIE_NONCE], uint8_t out[WG_COOKIE_LEN])
{
	uint8_t cookie[COOKIE_LEN];

	memset(out, 0, WG_COOKIE_LEN);
	out[0] = WG_MSG_COOKIE;
	memcpy(out + REPLY_RECEIVER, msg + 4, 4);	/* its sender index: in both messages at 4 */
	memcpy(out + REPLY_NONCE, nonce, COOKIE_NONCE);
	cookie_of(g, from, from_len, cookie);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + REPLY_COOKIE, NULL, cookie, sizeof cookie,
	    msg + len - WG_MACS_LEN, COOKIE_LEN, NULL, nonce, g->cookie_key);
	sodium_memzero(cookie, sizeof cookie);
}

void
cookie_taker_init(struct cookie_taker *t, const uint8_t remote[NOISE_KEY])
{
	memset(t, 0, sizeof *t);
	label_key(t->mac1_key, LABEL_MAC1, remote);
	label_key(t->cookie_key, LABEL_COOKIE, remote);
}

void
cookie_sign(struct cookie_taker *t, uint8_t *msg, size_t len, struct mono now)
{
	size_t mac1 = len - WG_MACS_LEN, mac2 = len - COOKIE_LEN;

	blake2s(msg + mac1, COOKIE_LEN, msg, mac1, t->mac1_key, sizeof t->mac1_key);
	memcpy(t->last_mac1, msg + mac1, COOKIE_LEN);
	t->sent = true;
	/* five seconds less than the giver's secret lives, for clocks and the way */
	if (mono_is_set(t->born) && mono_diff(now, t->born) < COOKIE_LIFE - 5 * MONO_SEC)
		blake2s(msg + mac2, COOKIE_LEN, msg, mac2, t->cookie, sizeof t->cookie);
	else
		memset(msg + mac2, 0, COOKIE_LEN);
}

int
cookie_take(struct cookie_taker *t, const uint8_t msg[WG_COOKIE_LEN], struct mono now)
{
	uint8_t cookie[COOKIE_LEN];

	if (!t->sent || crypto_aead_xchacha20poly1305_ietf_decrypt(cookie, NULL, NULL, msg + REPLY_COOKIE,
	    COOKIE_LEN + NOISE_TAG, t->last_mac1, COOKIE_LEN, msg + REPLY_NONCE, t->cookie_key) != 0)
		return -EBADMSG;
	memcpy(t->cookie, cookie, COOKIE_LEN);
	t->born = now;
	t->sent = false;	/* one reply a message */
	sodium_memzero(cookie, sizeof cookie);
	return 0;
}

void
rate_init(struct rate *r, const uint8_t key[16])
{
	memset(r, 0, sizeof *r);
	memcpy(r->key, key, sizeof r->key);
}

bool
rate_admit(struct rate *r, const struct addr *from, struct mono now)
{
	const int64_t cost = MONO_SEC / RATE_PER_SEC, full = RATE_BURST * cost;
	uint8_t net[8] = { 0 }, hash[8];
	struct rate_slot *s;

	memcpy(net, from->ip, from->family == ADDR_V4 ? 4 : 8);
	crypto_shorthash(hash, net, sizeof net, r->key);
	s = &r->slot[wg_le32(hash) % RATE_SLOTS];
	if (!mono_is_set(s->at) || memcmp(s->net, net, sizeof net) != 0) {
		memcpy(s->net, net, sizeof net);
		s->tokens = full;
	} else {
		s->tokens += mono_diff(now, s->at);
		if (s->tokens > full)
			s->tokens = full;
	}
	s->at = now;
	if (s->tokens < cost)
		return false;
	s->tokens -= cost;
	return true;
}
