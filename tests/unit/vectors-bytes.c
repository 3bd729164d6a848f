/* SPDX-License-Identifier: ISC */
/*
 * vectors-bytes.c -- vectors of keys, boxes, frames, prefixes, STUN, candidates.
 */
#include <errno.h>
#include <sodium.h>
#include "base/addr.h"
#include "proto/management.pb-c.h"
#include "tests/unit/vectors.h"
#include "wire/box.h"
#include "wire/candidate.h"
#include "wire/grpcframe.h"
#include "wire/mgmt.h"
#include "wire/stun.h"

void
check_keypair(const char *name, const json_t *v)
{
	uint8_t pub[32], priv[32], made[32];
	char text[WIRE_KEY_TEXTLEN];
	struct buf want = bytes_of(v);

	ok(wire_key_parse(priv, in(v, "private_base64")) == 0 && wire_key_parse(pub, in(v, "public_base64")) == 0,
	    "%s: texts parse", name);
	wire_key_public(made, priv);
	ok(memcmp(made, pub, 32) == 0 && memcmp(made, buf_bytes(&want), 32) == 0, "%s: public key", name);
	is_str(wire_key_text(text, made), in(v, "public_base64"), "%s: text", name);
	buf_free(&want);
}

void
check_box(const char *name, const json_t *v)
{
	uint8_t spub[32], spriv[32], rpub[32], rpriv[32];
	const char *plain_vec = in(v, "plaintext_vector"), *text = in(v, "plaintext_text"), *nonce_hex = in(v, "nonce_hex");
	const char *from = in(v, "sender") ? in(v, "sender") : in(v, "sender_public");
	const char *to = in(v, "receiver") ? in(v, "receiver") : in(v, "receiver_public");
	struct buf plain = { 0 }, nonce = { 0 }, made = { 0 }, opened = { 0 }, want = bytes_of(v);

	if (plain_vec != NULL)
		plain = bytes_of(vector(plain_vec));
	else if (text != NULL)
		buf_put_str(&plain, text);
	ok(party(from, spub, spriv) && party(to, rpub, rpriv) && wire_hex_get(&nonce, nonce_hex) == 0, "%s: inputs", name);
	is_int(wire_box_seal(&made, buf_bytes(&nonce), buf_bytes(&plain), buf_len(&plain), rpub, spriv), 0, "%s: seals", name);
	ok(buf_is(&made, &want), "%s: same bytes", name);
	is_int(wire_box_open(&opened, buf_bytes(&want), buf_len(&want), spub, rpriv), 0, "%s: opens", name);
	ok(buf_is(&opened, &plain), "%s: same plaintext", name);
	buf_free(&plain);
	buf_free(&nonce);
	buf_free(&made);
	buf_free(&opened);
	buf_free(&want);
}

void
check_frame(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	struct wire_grpcframe f;
	const uint8_t *msg = NULL;
	size_t len = 0;

	wire_grpcframe_init(&f, 1 << 20);
	for (size_t i = 0; i + 1 < buf_len(&want); i++) {
		wire_grpcframe_feed(&f, buf_bytes(&want) + i, 1);
		if (wire_grpcframe_next(&f, &msg, &len) != 0) {
			ok(false, "%s: a message before its last byte", name);
			break;
		}
	}
	wire_grpcframe_feed(&f, buf_bytes(&want) + buf_len(&want) - 1, 1);
	is_int(wire_grpcframe_next(&f, &msg, &len), 1, "%s: put together byte by byte", name);
	wire_grpcframe_put(&made, msg, len);
	ok(buf_is(&made, &want), "%s: same bytes", name);
	if (in(v, "envelope_vector") != NULL) {
		struct buf env = bytes_of(vector(in(v, "envelope_vector")));

		ok(len == buf_len(&env) && memcmp(msg, buf_bytes(&env), len) == 0, "%s: is the envelope", name);
		buf_free(&env);
	}
	wire_grpcframe_free(&f);
	buf_free(&want);
	buf_free(&made);
}

void
check_prefix(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	struct addr_prefix p;
	char text[ADDR_STRLEN];

	is_int(wire_prefix_get(&p, buf_bytes(&want), buf_len(&want)), 0, "%s: parses", name);
	is_str(addr_prefix_str(&p, text), in(v, "prefix"), "%s: text", name);
	wire_prefix_put(&made, &p);
	ok(buf_is(&made, &want), "%s: same bytes", name);
	buf_free(&want);
	buf_free(&made);
}

void
check_stun(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	const char *key = in(v, "message_integrity_key_text");
	struct wire_stun m;

	ok(wire_stun_is(buf_bytes(&want), buf_len(&want)), "%s: is STUN", name);
	is_int(wire_stun_parse(&m, buf_bytes(&want), buf_len(&want)), 0, "%s: parses", name);
	is_int(wire_stun_check(buf_bytes(&want), buf_len(&want), key), 0, "%s: integrity", name);
	is_int(wire_stun_check(buf_bytes(&want), buf_len(&want), "another"), -EBADMSG, "%s: wrong password", name);
	is_str(m.username, "qRsTuVwXyZaBcDeF:AbCdEfGhIjKlMnOp", "%s: username", name);
	is_str(m.route, in(v, "attribute_0x8100_text") ? in(v, "attribute_0x8100_text") : "", "%s: 0x8100", name);
	ok(m.role == WIRE_STUN_CONTROLLING && m.has_priority && m.priority == 0x7effffff && m.integrity && m.fingerprint &&
	    !m.use_candidate && m.unknown == 0, "%s: attributes", name);
	is_int(wire_stun_write(&made, &m, key), 0, "%s: writes", name);
	ok(buf_is(&made, &want), "%s: same bytes", name);
	buf_free(&want);
	buf_free(&made);
}

void
check_candidate(const char *name, const char *line)
{
	struct wire_cand c;
	char out[WIRE_CAND_LINE], found[33];

	is_int(wire_cand_parse(&c, line), 0, "%s: parses", name);
	is_int(wire_cand_write(out, &c), 0, "%s: writes", name);
	is_str(out, line, "%s: same line", name);
	wire_cand_foundation(found, c.type, &c.addr);
	is_str(found, c.foundation, "%s: foundation", name);
	is_int(c.priority, wire_cand_priority(c.type, 65535), "%s: priority", name);
}

void
check_foundation(const char *name, const json_t *v)
{
	struct addr a;
	char found[33];

	is_int(addr_parse(&a, in(v, "address")), 0, "%s: address", name);
	for (int t = WIRE_CAND_HOST; t <= WIRE_CAND_RELAY; t++) {
		if (strcmp(wire_cand_type_name((enum wire_cand_type)t), in(v, "type")) != 0)
			continue;
		wire_cand_foundation(found, (enum wire_cand_type)t, &a);
		is_str(found, json_string_value(json_object_get(v, "text")), "%s", name);
	}
}

void
check_rest(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	uint8_t out[32], pub[32], priv[32], peer[32], unused[32];

	if (strcmp(name, "nacl_box_beforenm_client_server") == 0) {
		party("client", pub, priv);
		party("server", peer, unused);
		is_int(crypto_box_beforenm(out, peer, priv), 0, "%s", name);
		is_mem(out, buf_bytes(&want), 32, "%s: same key", name);
	} else if (strcmp(name, "get_server_key_response") == 0) {
		Management__ServerKeyResponse *r = wire_pb_get(&management__server_key_response__descriptor, buf_bytes(&want), buf_len(&want));

		ok(r != NULL && strcmp(r->key, in(v, "key")) == 0 && r->expires_at->seconds == 42 && r->expires_at->nanos == 500, "%s", name);
		WIRE_PB_PUT(&made, r);
		ok(buf_is(&made, &want), "%s: same bytes", name);
		wire_pb_free(r);
	} else if (strcmp(name, "ssh_hashed_user_id") == 0) {
		crypto_generichash(out, 16, (const uint8_t *)in(v, "user_id"), strlen(in(v, "user_id")), NULL, 0);
		is_mem(out, buf_bytes(&want), 16, "%s", name);
	} else {
		ok(false, "%s: no check for it", name);
	}
	buf_free(&want);
	buf_free(&made);
}
