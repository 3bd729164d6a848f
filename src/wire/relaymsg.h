/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_RELAYMSG_H
#define GODWIT_WIRE_RELAYMSG_H
/*
 * relaymsg.h -- the relay's messages: version, type, body; the length is the
 * carrier's (one WebSocket message).  Lists of peer ids, tokens, and the frames
 * that carry WireGuard packets.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define WIRE_RELAY_ID_LEN	36	/* "sha-" and a SHA-256 */
#define WIRE_RELAY_ID_TEXTLEN	49	/* "sha-", 44 characters, NUL */
#define WIRE_RELAY_HEADER	38	/* of a transport message: version, type, id */
#define WIRE_RELAY_MAX		8820	/* longest message, header included */
#define WIRE_RELAY_MAX_AUTH	212
#define WIRE_RELAY_MAX_ANSWER	8192	/* auth response */
#define WIRE_RELAY_MAX_IDS	244	/* ids in one list message */

enum wire_relay_type {
	WIRE_RELAY_TRANSPORT = 3,
	WIRE_RELAY_CLOSE,
	WIRE_RELAY_HEALTH,
	WIRE_RELAY_AUTH,
	WIRE_RELAY_AUTH_RESPONSE,
	WIRE_RELAY_SUBSCRIBE,
	WIRE_RELAY_UNSUBSCRIBE,
	WIRE_RELAY_ONLINE,
	WIRE_RELAY_OFFLINE
};

/* A parsed message; pointers are borrowed from the input. */
struct wire_relay_msg {
	enum wire_relay_type type;
	const uint8_t *id;	/* TRANSPORT: destination or source; AUTH: who it is */
	const uint8_t *body;	/* TRANSPORT: packet; AUTH: token; AUTH_RESPONSE: URL, no NUL */
	size_t len;
	const uint8_t *ids;	/* lists: nids times WIRE_RELAY_ID_LEN */
	size_t nids;
};

/* 0; -EBADMSG: cut, too long or inconsistent; -EPROTO: another version or type. */
int wire_relay_parse(struct wire_relay_msg *out, const void *, size_t len);
const char *wire_relay_type_name(int type);	/* for the log; "type ?" if unknown */

/* Writers append one whole message. */
void wire_relay_put_plain(struct buf *, enum wire_relay_type);	/* CLOSE, HEALTH */
void wire_relay_put_auth(struct buf *, const uint8_t id[WIRE_RELAY_ID_LEN], const void *token, size_t len);
void wire_relay_put_auth_response(struct buf *, const char *url);
/* At most WIRE_RELAY_MAX_IDS ids, which lie one behind the other; -EMSGSIZE for more. */
int wire_relay_put_ids(struct buf *, enum wire_relay_type, const uint8_t *ids, size_t n);
/* The header of a transport message: goes right before the packet. */
void wire_relay_transport_header(uint8_t out[WIRE_RELAY_HEADER], const uint8_t id[WIRE_RELAY_ID_LEN]);

/* The peer's id: hash of the base64 text of its WireGuard key (not of the bytes). */
void wire_relay_id(uint8_t out[WIRE_RELAY_ID_LEN], const uint8_t wg_key[32]);
const char *wire_relay_id_text(char out[WIRE_RELAY_ID_TEXTLEN], const uint8_t id[WIRE_RELAY_ID_LEN]);

/* Tokens: algorithm 1, HMAC-SHA256, decimal expiry.  The key is the hash of the
 * configured secret. */
#define WIRE_RELAY_SIG_LEN	32
void wire_relay_token_key(uint8_t out[32], const void *secret, size_t len);
/* Payload (decimal text) and signature, as management hands them out. */
void wire_relay_token_sign(uint8_t sig[WIRE_RELAY_SIG_LEN], const uint8_t key[32], const char *payload);
/* Appends the binary token from management's two texts.  0 or -EINVAL (bad base64 or length). */
int wire_relay_token_put(struct buf *out, const char *payload, const char *signature_b64);
/* 0 and *expiry; -EBADMSG: malformed; -EACCES: wrong signature; -ETIMEDOUT: expired. */
int wire_relay_token_check(const void *token, size_t len, const uint8_t key[32], int64_t now_s, int64_t *expiry);
#endif
