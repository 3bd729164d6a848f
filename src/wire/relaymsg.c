/* SPDX-License-Identifier: ISC */
/*
 * relaymsg.c -- the relay's few messages.
 *
 * Byte 0 is the version (1), byte 1 the type; what follows depends on the type
 * and ends where the carrier's message ends.
 */
#include <errno.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "wire/keys.h"
#include "wire/relaymsg.h"

#define VERSION		1
#define AUTH_MAGIC	0x2112a442u
#define TOKEN_ALGO	1
#define TOKEN_PAYLOAD	10	/* shortest: ten decimal digits */

static int
parse_auth(struct wire_relay_msg *m, struct rd *r, size_t whole)
{
	if (whole > WIRE_RELAY_MAX_AUTH || rd_be32(r) != AUTH_MAGIC)
		return -EBADMSG;
	m->id = rd_bytes(r, WIRE_RELAY_ID_LEN);
	m->body = r->p;
	m->len = r->left;
	return r->bad ? -EBADMSG : 0;
}

int
wire_relay_parse(struct wire_relay_msg *m, const void *data, size_t len)
{
	struct rd r = rd_of(data, len);
	uint8_t version = rd_u8(&r), type = rd_u8(&r);

	memset(m, 0, sizeof(*m));
	if (r.bad || len > WIRE_RELAY_MAX)
		return -EBADMSG;
	if (version != VERSION || type < WIRE_RELAY_TRANSPORT || type > WIRE_RELAY_OFFLINE)
		return -EPROTO;
	m->type = type;
	switch (m->type) {
	case WIRE_RELAY_TRANSPORT:
		m->id = rd_bytes(&r, WIRE_RELAY_ID_LEN);
		m->body = r.p;
		m->len = r.left;
		return r.bad ? -EBADMSG : 0;
	case WIRE_RELAY_CLOSE:
	case WIRE_RELAY_HEALTH:
		return 0;	/* bytes behind are nobody's business */
	case WIRE_RELAY_AUTH:
		return parse_auth(m, &r, len);
	case WIRE_RELAY_AUTH_RESPONSE:
		m->body = r.p;
		m->len = r.left;
		return r.left == 0 || len > WIRE_RELAY_MAX_ANSWER ? -EBADMSG : 0;
	case WIRE_RELAY_SUBSCRIBE:
	case WIRE_RELAY_UNSUBSCRIBE:
	case WIRE_RELAY_ONLINE:
	case WIRE_RELAY_OFFLINE:
		if (r.left == 0 || r.left % WIRE_RELAY_ID_LEN != 0)
			return -EBADMSG;
		m->ids = r.p;
		m->nids = r.left / WIRE_RELAY_ID_LEN;
		return 0;
	}
	return -EPROTO;
}

const char *
wire_relay_type_name(int type)
{
	static const char *const name[] = {
		"transport", "close", "health", "auth", "auth-response",
		"subscribe", "unsubscribe", "online", "offline"
	};

	if (type < WIRE_RELAY_TRANSPORT || type > WIRE_RELAY_OFFLINE)
		return "type ?";
	return name[type - WIRE_RELAY_TRANSPORT];
}

static void
put_header(struct buf *out, enum wire_relay_type type)
{
	buf_put_u8(out, VERSION);
	buf_put_u8(out, (uint8_t)type);
}

void
wire_relay_put_plain(struct buf *out, enum wire_relay_type type)
{
	put_header(out, type);
}

void
wire_relay_put_auth(struct buf *out, const uint8_t id[WIRE_RELAY_ID_LEN], const void *token, size_t len)
{
	put_header(out, WIRE_RELAY_AUTH);
	buf_put_be32(out, AUTH_MAGIC);
	buf_put(out, id, WIRE_RELAY_ID_LEN);
	if (len > 0)
		buf_put(out, token, len);
}

void
wire_relay_put_auth_response(struct buf *out, const char *url)
{
	put_header(out, WIRE_RELAY_AUTH_RESPONSE);
	buf_put_str(out, url);
}

int
wire_relay_put_ids(struct buf *out, enum wire_relay_type type, const uint8_t *ids, size_t n)
{
	if (n == 0 || n > WIRE_RELAY_MAX_IDS)
		return -EMSGSIZE;
	put_header(out, type);
	buf_put(out, ids, n * WIRE_RELAY_ID_LEN);
	return 0;
}

void
wire_relay_transport_header(uint8_t out[WIRE_RELAY_HEADER], const uint8_t id[WIRE_RELAY_ID_LEN])
{
	out[0] = VERSION;
	out[1] = WIRE_RELAY_TRANSPORT;
	memcpy(out + 2, id, WIRE_RELAY_ID_LEN);
}

void
wire_relay_id(uint8_t out[WIRE_RELAY_ID_LEN], const uint8_t wg_key[32])
{
	char text[WIRE_KEY_TEXTLEN];

	wire_key_text(text, wg_key);
	memcpy(out, "sha-", 4);
	crypto_hash_sha256(out + 4, (const uint8_t *)text, WIRE_KEY_TEXTLEN - 1);
}

const char *
wire_relay_id_text(char out[WIRE_RELAY_ID_TEXTLEN], const uint8_t id[WIRE_RELAY_ID_LEN])
{
	memcpy(out, "sha-", 4);
	sodium_bin2base64(out + 4, WIRE_RELAY_ID_TEXTLEN - 4, id + 4, WIRE_RELAY_ID_LEN - 4,
	    sodium_base64_VARIANT_ORIGINAL);
	return out;
}

void
wire_relay_token_key(uint8_t out[32], const void *secret, size_t len)
{
	crypto_hash_sha256(out, secret, len);
}

void
wire_relay_token_sign(uint8_t sig[WIRE_RELAY_SIG_LEN], const uint8_t key[32], const char *payload)
{
	crypto_auth_hmacsha256(sig, (const uint8_t *)payload, strlen(payload), key);
}

int
wire_relay_token_put(struct buf *out, const char *payload, const char *signature_b64)
{
	struct buf sig = { 0 };
	int err = wire_b64_get(&sig, signature_b64);

	if (err == 0 && (buf_len(&sig) != WIRE_RELAY_SIG_LEN || strlen(payload) < TOKEN_PAYLOAD))
		err = -EINVAL;
	if (err == 0) {
		buf_put_u8(out, TOKEN_ALGO);
		buf_put(out, buf_bytes(&sig), buf_len(&sig));
		buf_put_str(out, payload);
	}
	buf_wipe(&sig);
	return err;
}

int
wire_relay_token_check(const void *token, size_t len, const uint8_t key[32], int64_t now_s, int64_t *expiry)
{
	const uint8_t *t = token, *digits = t + 1 + WIRE_RELAY_SIG_LEN;
	size_t n;
	int64_t when = 0;

	if (len < 1 + WIRE_RELAY_SIG_LEN + TOKEN_PAYLOAD || t[0] != TOKEN_ALGO)
		return -EBADMSG;
	n = len - 1 - WIRE_RELAY_SIG_LEN;
	if (crypto_auth_hmacsha256_verify(t + 1, digits, n, key) != 0)
		return -EACCES;
	for (size_t i = 0; i < n; i++) {
		if (digits[i] < '0' || digits[i] > '9' || when > INT64_MAX / 10 - 10)
			return -EBADMSG;
		when = when * 10 + (digits[i] - '0');
	}
	*expiry = when;
	return now_s <= when ? 0 : -ETIMEDOUT;
}
