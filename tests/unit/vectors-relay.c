/* SPDX-License-Identifier: ISC */
/*
 * vectors-relay.c -- vectors of the relay's messages, ids and tokens.
 */
#include <errno.h>
#include <sodium.h>
#include "tests/unit/vectors.h"
#include "wire/box.h"
#include "wire/relaymsg.h"

static void
check_ids(const char *name, const json_t *v, struct buf *made, const struct wire_relay_msg *m)
{
	json_t *ids = json_object_get(json_object_get(v, "inputs"), "ids");
	struct buf flat = { 0 };
	size_t i;
	json_t *id;

	json_array_foreach(ids, i, id) {
		struct buf one = bytes_of(vector(json_string_value(id)));

		buf_put(&flat, buf_bytes(&one), buf_len(&one));
		buf_free(&one);
	}
	is_int(m->nids, json_array_size(ids), "%s: ids", name);
	ok(memcmp(m->ids, buf_bytes(&flat), buf_len(&flat)) == 0, "%s: these ids", name);
	is_int(wire_relay_put_ids(made, m->type, buf_bytes(&flat), m->nids), 0, "%s: writes", name);
	buf_free(&flat);
}

void
check_relay_message(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	struct wire_relay_msg m;
	uint8_t header[WIRE_RELAY_HEADER];
	char url[300];

	is_int(wire_relay_parse(&m, buf_bytes(&want), buf_len(&want)), 0, "%s: parses", name);
	switch (m.type) {
	case WIRE_RELAY_TRANSPORT:
		wire_relay_transport_header(header, m.id);
		buf_put(&made, header, sizeof(header));
		buf_put(&made, m.body, m.len);
		break;
	case WIRE_RELAY_AUTH:
		wire_relay_put_auth(&made, m.id, m.body, m.len);
		break;
	case WIRE_RELAY_AUTH_RESPONSE:
		snprintf(url, sizeof(url), "%.*s", (int)m.len, (const char *)m.body);
		is_str(url, in(v, "instance_url"), "%s: URL", name);
		wire_relay_put_auth_response(&made, url);
		break;
	case WIRE_RELAY_CLOSE:
	case WIRE_RELAY_HEALTH:
		wire_relay_put_plain(&made, m.type);
		break;
	case WIRE_RELAY_SUBSCRIBE:
	case WIRE_RELAY_UNSUBSCRIBE:
	case WIRE_RELAY_ONLINE:
	case WIRE_RELAY_OFFLINE:
		check_ids(name, v, &made, &m);
		break;
	}
	ok(buf_is(&made, &want), "%s: same bytes", name);
	buf_free(&want);
	buf_free(&made);
}

void
check_relay_rest(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	uint8_t key[32], id[WIRE_RELAY_ID_LEN], sig[32];
	const char *secret = "relay-secret";
	int64_t expiry = 0;

	wire_relay_token_key(key, secret, strlen(secret));
	if (in(v, "wg_public_key_base64") != NULL) {
		ok(wire_key_parse(key, in(v, "wg_public_key_base64")) == 0, "%s: key", name);
		wire_relay_id(id, key);
		is_mem(id, buf_bytes(&want), sizeof(id), "%s", name);
	} else if (strcmp(name, "peer_id_healthcheck_agent") == 0) {
		memcpy(id, "sha-", 4);
		crypto_hash_sha256(id + 4, (const uint8_t *)in(v, "text"), strlen(in(v, "text")));
		is_mem(id, buf_bytes(&want), sizeof(id), "%s", name);
	} else if (strcmp(name, "auth_hmac_key") == 0) {
		is_mem(key, buf_bytes(&want), 32, "%s", name);
	} else if (strcmp(name, "auth_signature") == 0) {
		wire_relay_token_sign(sig, key, in(v, "payload_text"));
		is_mem(sig, buf_bytes(&want), 32, "%s", name);
		wire_b64_put(&made, sig, 32);
		is_str(buf_cstr(&made), in(v, "base64"), "%s: as management sends it", name);
	} else if (strcmp(name, "auth_token_binary") == 0) {
		is_int(wire_relay_token_put(&made, in(v, "payload_text"), in(vector("auth_signature"), "base64")), 0, "%s: made", name);
		ok(buf_is(&made, &want), "%s: same bytes", name);
		is_int(wire_relay_token_check(buf_bytes(&want), buf_len(&want), key, 4102444800, &expiry), 0, "%s: good to its last second", name);
		is_int(expiry, 4102444800, "%s: expiry", name);
		is_int(wire_relay_token_check(buf_bytes(&want), buf_len(&want), key, 4102444801, &expiry), -ETIMEDOUT, "%s: expires", name);
	} else if (strcmp(name, "peer_state_split_245_ids") == 0) {
		static uint8_t ids[245 * WIRE_RELAY_ID_LEN];

		is_int(wire_relay_put_ids(&made, WIRE_RELAY_SUBSCRIBE, ids, 245), -EMSGSIZE, "%s: 245 do not fit", name);
		wire_relay_put_ids(&made, WIRE_RELAY_SUBSCRIBE, ids, 244);
		is_int(buf_len(&made), 8786, "%s: 244 do", name);
	} else {
		ok(false, "%s: no check for it", name);
	}
	buf_free(&want);
	buf_free(&made);
}
