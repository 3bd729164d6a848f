/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_NOISE_H
#define GODWIT_WG_NOISE_H
/*
 * noise.h -- Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, the two handshake messages.
 *
 * Bytes in, structs out: no I/O, no clock, no randomness of its own (ephemeral
 * keys and timestamps are given).  Numbers in names follow the WireGuard paper,
 * section 5.4.  Every function leaves its structs unchanged when it fails, so a
 * forged message costs time and nothing else.
 *
 * mac1 and mac2 at the end of both messages are the business of cookie.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY	32
#define NOISE_HASH	32
#define NOISE_TAG	16
#define NOISE_STAMP	12

enum wg_message {
	WG_MSG_INITIATION = 1,
	WG_MSG_RESPONSE = 2,
	WG_MSG_COOKIE = 3,
	WG_MSG_DATA = 4
};

#define WG_INITIATION_LEN	148
#define WG_RESPONSE_LEN		92
#define WG_COOKIE_LEN		64
#define WG_DATA_HEAD		16	/* type, receiver index, counter */
#define WG_DATA_MIN		32	/* a keepalive */
#define WG_MACS_LEN		32	/* mac1, mac2: the last bytes of both messages */

/* Our static key.  Secret: wiped by noise_self_wipe. */
struct noise_self {
	uint8_t secret[NOISE_KEY];
	uint8_t public[NOISE_KEY];
};

/* What one peer's handshake needs.  Secret: wiped by noise_peer_wipe. */
struct noise_peer {
	uint8_t remote[NOISE_KEY];	/* static public key */
	uint8_t shared[NOISE_KEY];	/* static-static, once it was needed: a map may name a thousand peers */
	bool have_shared;
	uint8_t psk[NOISE_KEY];		/* zeroes: none */
	uint8_t last_stamp[NOISE_STAMP];	/* greatest received: replays are older */
	/* Our initiation under way.  Answering the other's leaves it alone, so two
	 * initiations that cross both succeed (the kernel's module drops both). */
	bool asked;
	uint32_t local_index;
	uint8_t ephemeral[NOISE_KEY];	/* secret half */
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH];
};

/* Transport keys, from the end of a handshake.  Secret. */
struct noise_keys {
	uint8_t send[NOISE_KEY], recv[NOISE_KEY];
	uint32_t local_index, remote_index;
	bool initiator;
};

/* Derives the public key. */
void noise_self_init(struct noise_self *, const uint8_t secret[NOISE_KEY]);
void noise_self_wipe(struct noise_self *);
/* A key that yields no secret (a point of low order) is found by its first handshake. */
void noise_peer_init(struct noise_peer *, const uint8_t remote[NOISE_KEY]);
void noise_peer_forget(struct noise_peer *);	/* drops a handshake under way, keeps keys and last_stamp */

/* Writes all but the macs.  `index` is ours for what this handshake yields.  -EBADMSG:
 * the peer's key is a point of low order. */
int noise_write_initiation(struct noise_peer *, const struct noise_self *, const uint8_t ephemeral[NOISE_KEY],
    const uint8_t stamp[NOISE_STAMP], uint32_t index, uint8_t out[WG_INITIATION_LEN]);

/* An initiation opened as far as "who is it": 0 and the static key, or -EBADMSG.
 * Secret: wiped by noise_write_response, or by the caller on failure. */
struct noise_opened {
	uint8_t remote[NOISE_KEY];
	uint8_t remote_ephemeral[NOISE_KEY];
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH];
	uint32_t remote_index;
};
int noise_open_initiation(const struct noise_self *, const uint8_t in[WG_INITIATION_LEN], struct noise_opened *);
/* The rest, once the peer is known: -EBADMSG, or -EALREADY for a replay. */
int noise_read_initiation(struct noise_peer *, const struct noise_self *, struct noise_opened *,
    const uint8_t in[WG_INITIATION_LEN]);
/* After noise_read_initiation: writes the response and yields the keys. */
int noise_write_response(const struct noise_peer *, struct noise_opened *, const uint8_t ephemeral[NOISE_KEY], uint32_t index,
    uint8_t out[WG_RESPONSE_LEN], struct noise_keys *);
/* The answer to our initiation: -EBADMSG, or -EINVAL when none is under way. */
int noise_read_response(struct noise_peer *, const struct noise_self *, const uint8_t in[WG_RESPONSE_LEN],
    struct noise_keys *);

uint32_t wg_le32(const uint8_t *);
uint64_t wg_le64(const uint8_t *);
void wg_put_le32(uint8_t *, uint32_t);
void wg_put_le64(uint8_t *, uint64_t);
#endif
