/* SPDX-License-Identifier: ISC */
/*
 * wire-vectors.c -- every golden byte of tests/data/vectors.json, both ways.
 *
 * Each entry finds its check by the shape of its name; one without a check is a
 * failure, so that new vectors cannot be overlooked.  What belongs to code that
 * is not written yet is named in `later` and skipped aloud.
 */
#include <errno.h>
#include <stdlib.h>
#include <sodium.h>
#include <jansson.h>
#include "base/addr.h"
#include "base/buf.h"
#include "proto/flow.pb-c.h"
#include "proto/management.pb-c.h"
#include "proto/signal.pb-c.h"
#include "tests/tap.h"
#include "tests/unit/pbjson.h"
#include "wire/box.h"
#include "wire/candidate.h"
#include "wire/grpcframe.h"
#include "wire/mgmt.h"
#include "wire/relaymsg.h"
#include "wire/signal.h"
#include "wire/stun.h"

static json_t *all;

static const struct { const char *name; const ProtobufCMessageDescriptor *desc; } messages[] = {
	{ "management.Empty", &management__empty__descriptor },
	{ "management.ExposeServiceRequest", &management__expose_service_request__descriptor },
	{ "management.ExtendAuthSessionRequest", &management__extend_auth_session_request__descriptor },
	{ "management.JobRequest", &management__job_request__descriptor },
	{ "management.JobResponse", &management__job_response__descriptor },
	{ "management.LoginRequest", &management__login_request__descriptor },
	{ "management.RenewExposeRequest", &management__renew_expose_request__descriptor },
	{ "management.SyncMetaRequest", &management__sync_meta_request__descriptor },
	{ "management.SyncRequest", &management__sync_request__descriptor },
	{ "management.SyncResponse", &management__sync_response__descriptor },
	{ "signalexchange.Body", &signalexchange__body__descriptor },
	{ "flow.FlowEvent", &flow__flow_event__descriptor },
};

static const char *const later[] = {
	"authorization_metadata",	/* src/flow's */
	"turn_rest_credentials",			/* no TURN yet */
	"sync_response_component_map_expanded",		/* the calculation, not the codec */
	"version_gating",				/* the server's */
};

static json_t *
vector(const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(all, i, v)
		if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
			return v;
	return NULL;
}

static const char *
in(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(json_object_get(v, "inputs"), key));
}

static struct buf
bytes_of(const json_t *v)
{
	struct buf b = { 0 };
	const char *hex = json_string_value(json_object_get(v, "hex"));

	if (hex != NULL)
		wire_hex_get(&b, hex);
	return b;
}

static bool
buf_is(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) && (buf_len(a) == 0 || memcmp(buf_bytes(a), buf_bytes(b), buf_len(a)) == 0);
}

/* A party by name ("client") or public key: both keys. */
static bool
party(const char *who, uint8_t pub[32], uint8_t priv[32])
{
	static const char *const name[] = { "client", "server", "remote_peer" };
	char entry[64];

	for (int i = 0; i < 3; i++) {
		snprintf(entry, sizeof(entry), "curve25519_keypair_%s", name[i]);
		json_t *v = vector(entry);

		if (strcmp(who, name[i]) != 0 && strcmp(who, in(v, "public_base64")) != 0)
			continue;
		return wire_key_parse(pub, in(v, "public_base64")) == 0 &&
		    wire_key_parse(priv, in(v, "private_base64")) == 0;
	}
	return false;
}

static void
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

static void
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

/* The same bytes; or, where Go writes a oneof behind the other fields, as many
 * bytes that mean the same. */
static bool
same_written(const struct buf *made, const struct buf *want, const ProtobufCMessageDescriptor *d, const json_t *json,
    bool ordered)
{
	char why[200];
	ProtobufCMessage *m;
	bool good;

	if (ordered || buf_len(made) != buf_len(want))
		return buf_is(made, want);
	m = wire_pb_get(d, buf_bytes(made), buf_len(made));
	good = m != NULL && pbjson_same(m, json, PBJSON_BASE64, why, sizeof(why));
	wire_pb_free(m);
	return good;
}

static void
check_message(const char *name, const json_t *v, const char *type)
{
	const ProtobufCMessageDescriptor *d = NULL;
	const json_t *json = json_object_get(v, "json");
	struct buf want = bytes_of(v), again = { 0 }, made = { 0 };
	bool ordered = strncmp(type, "flow.", 5) != 0;
	char why[200] = "";
	ProtobufCMessage *m;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(messages[i].name, type) == 0)
			d = messages[i].desc;
	if (!ok(d != NULL && json != NULL, "%s: a message that is known", name))
		return;
	m = wire_pb_get(d, buf_bytes(&want), buf_len(&want));
	if (ok(m != NULL, "%s: parses", name)) {
		ok(pbjson_same(m, json, PBJSON_BASE64, why, sizeof(why)), "%s: means the same (%s)", name, why);
		wire_pb_put(&again, m);
		ok(same_written(&again, &want, d, json, ordered), "%s: written again, the same bytes", name);
	}
	wire_pb_free(m);
	m = pbjson_make(d, json, PBJSON_BASE64, why, sizeof(why));
	if (ok(m != NULL, "%s: made from its meaning (%s)", name, why)) {
		wire_pb_put(&made, m);
		ok(same_written(&made, &want, d, json, ordered), "%s: made, the same bytes", name);
	}
	wire_pb_free(m);
	buf_free(&want);
	buf_free(&again);
	buf_free(&made);
}

static void
check_mgmt_envelope(const char *name, const json_t *v)
{
	const json_t *body = vector(in(v, "body_vector")), *plain = vector(in(body, "plaintext_vector"));
	const ProtobufCMessageDescriptor *d = NULL;
	uint8_t spub[32], spriv[32], rpub[32], rpriv[32], sender[32] = { 0 };
	struct buf want = bytes_of(v), nonce = { 0 }, made = { 0 };
	enum wire_mgmt_fault fault;
	void *m;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(messages[i].name, in(plain, "message")) == 0)
			d = messages[i].desc;
	ok(party(in(body, "sender_public"), spub, spriv) && party(in(body, "receiver_public"), rpub, rpriv) &&
	    wire_hex_get(&nonce, in(body, "nonce_hex")) == 0 && d != NULL, "%s: inputs", name);
	m = wire_mgmt_open(d, buf_bytes(&want), buf_len(&want), NULL, sender, rpriv, &fault);
	if (ok(m != NULL && memcmp(sender, spub, 32) == 0, "%s: opens, sender known", name)) {
		is_int(wire_mgmt_seal(&made, buf_bytes(&nonce), m, rpub, spub, spriv), 0, "%s: seals", name);
		ok(buf_is(&made, &want), "%s: same bytes", name);
	}
	wire_pb_free(m);
	m = wire_mgmt_open(d, buf_bytes(&want), buf_len(&want), rpub, sender, rpriv, &fault);
	ok(m == NULL && fault == WIRE_MGMT_BOX, "%s: with another's key it does not open", name);
	buf_free(&want);
	buf_free(&nonce);
	buf_free(&made);
}

static void
check_signal_envelope(const char *name, const json_t *v)
{
	uint8_t spub[32], spriv[32], rpub[32], rpriv[32], sender[32];
	struct buf want = bytes_of(v), body = bytes_of(vector(in(v, "body_vector"))), nonce = { 0 }, made = { 0 };
	struct wire_signal s, direct;
	char to[64];

	ok(party(in(v, "key"), spub, spriv) && party(in(v, "remoteKey"), rpub, rpriv) &&
	    wire_hex_get(&nonce, in(v, "nonce_hex")) == 0, "%s: inputs", name);
	is_int(wire_signal_open(&s, sender, buf_bytes(&want), buf_len(&want), rpriv), 0, "%s: opens", name);
	ok(memcmp(sender, spub, 32) == 0, "%s: sender", name);
	is_int(wire_signal_parse(&direct, buf_bytes(&body), buf_len(&body)), 0, "%s: body parses", name);
	ok(memcmp(&s, &direct, sizeof(s)) == 0, "%s: same meaning sealed and plain", name);
	ok(wire_signal_addressee(to, sizeof(to), buf_bytes(&want), buf_len(&want)) == 0 && strcmp(to, in(v, "remoteKey")) == 0,
	    "%s: addressee", name);
	/* What stock sends and we do not: legacy mode, Rosenpass. */
	if (s.type != WIRE_SIGNAL_MODE && !s.rosenpass) {
		is_int(wire_signal_seal(&made, &s, buf_bytes(&nonce), rpub, spub, spriv), 0, "%s: seals", name);
		ok(buf_is(&made, &want), "%s: same bytes", name);
	}
	buf_free(&want);
	buf_free(&body);
	buf_free(&nonce);
	buf_free(&made);
}

static void
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

static void
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

static void
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

static void
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

static void
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

static void
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

static void
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

/* Three answers whose JSON is told in words. */
static void
check_session(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 };
	Management__LoginResponse *r = wire_pb_get(&management__login_response__descriptor, buf_bytes(&want), buf_len(&want));
	bool absent = strstr(name, "absent") != NULL, zero = strstr(name, "zero") != NULL;

	ok(r != NULL && (r->session_expires_at == NULL) == absent, "%s: presence", name);
	if (!absent)
		is_int(r->session_expires_at->seconds, zero ? 0 : 1800000000, "%s: seconds", name);
	WIRE_PB_PUT(&made, r);
	ok(buf_is(&made, &want), "%s: same bytes", name);
	wire_pb_free(r);
	buf_free(&want);
	buf_free(&made);
}

static void
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

/* The first message of a flow stream and its answer: one field, true. */
static void
check_initiator(const char *name, const json_t *v)
{
	struct buf want = bytes_of(v), made = { 0 }, frame = { 0 };
	Flow__FlowEvent e = FLOW__FLOW_EVENT__INIT;
	Flow__FlowEventAck a = FLOW__FLOW_EVENT_ACK__INIT;

	e.is_initiator = a.is_initiator = true;
	if (strstr(name, "ack") != NULL)
		WIRE_PB_PUT(&made, &a);
	else
		WIRE_PB_PUT(&made, &e);
	wire_grpcframe_put(&frame, buf_bytes(&made), buf_len(&made));
	ok(buf_is(&frame, &want), "%s: made, the same bytes", name);
	buf_free(&want);
	buf_free(&made);
	buf_free(&frame);
}

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool
ends(const char *s, const char *with)
{
	return strlen(s) >= strlen(with) && strcmp(s + strlen(s) - strlen(with), with) == 0;
}

static void
check_vector(const json_t *v)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	const char *group = json_string_value(json_object_get(v, "group"));

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(name, later[i]) == 0) {
			ok(true, "%s # SKIP not of this issue", name);
			return;
		}
	if (strcmp(group, "headers") == 0)
		return;		/* tests/unit/wire-headers.c */
	if (begins(name, "curve25519_keypair"))
		check_keypair(name, v);
	else if (strcmp(group, "box") == 0 || ends(name, "_body"))
		check_box(name, v);
	else if (ends(name, "_grpc_frame") || begins(name, "grpc_frame_"))
		check_frame(name, v);
	else if (in(v, "message") != NULL)
		check_message(name, v, in(v, "message"));
	else if (begins(name, "flow_event_"))
		check_message(name, v, "flow.FlowEvent");
	else if (begins(name, "envelope_"))
		check_signal_envelope(name, v);
	else if (ends(name, "_envelope"))
		check_mgmt_envelope(name, v);
	else if (strcmp(group, "compact_prefix") == 0)
		check_prefix(name, v);
	else if (begins(name, "msg_"))
		check_relay_message(name, v);
	else if (strcmp(group, "relay") == 0)
		check_relay_rest(name, v);
	else if (begins(name, "ice_"))
		check_stun(name, v);
	else if (begins(name, "candidate_string"))
		check_candidate(name, json_string_value(json_object_get(v, "text")));
	else if (begins(name, "candidate_foundation"))
		check_foundation(name, v);
	else if (begins(name, "login_response_session"))
		check_session(name, v);
	else
		check_rest(name, v);
	if (begins(name, "initiator_"))
		check_initiator(name, v);
	if (begins(name, "body_candidate"))
		check_candidate(name, json_string_value(json_object_get(json_object_get(v, "json"), "payload")));
}

int
main(void)
{
	const char *srcdir = getenv("srcdir");
	char path[1024];
	json_t *root, *v;
	json_error_t err;
	size_t i;

	snprintf(path, sizeof(path), "%s/tests/data/vectors.json", srcdir ? srcdir : "..");
	root = json_load_file(path, 0, &err);
	if (!ok(root != NULL, "%s", path))
		return tap_done();
	all = json_object_get(root, "vectors");
	ok(json_array_size(all) > 100, "%zu vectors", json_array_size(all));
	json_array_foreach(all, i, v)
		check_vector(v);
	json_decref(root);
	return tap_done();
}
