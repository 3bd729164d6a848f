/* SPDX-License-Identifier: ISC */
/*
 * vectors-messages.c -- vectors of protobuf messages and of their envelopes.
 */
#include "proto/flow.pb-c.h"
#include "proto/management.pb-c.h"
#include "proto/signal.pb-c.h"
#include "tests/unit/pbjson.h"
#include "tests/unit/vectors.h"
#include "wire/box.h"
#include "wire/grpcframe.h"
#include "wire/mgmt.h"
#include "wire/signal.h"

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

static const ProtobufCMessageDescriptor *
message_named(const char *type)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(messages[i].name, type) == 0)
			return messages[i].desc;
	return NULL;
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

void
check_message(const char *name, const json_t *v, const char *type)
{
	const ProtobufCMessageDescriptor *d = message_named(type);
	const json_t *json = json_object_get(v, "json");
	struct buf want = bytes_of(v), again = { 0 }, made = { 0 };
	bool ordered = strncmp(type, "flow.", 5) != 0;
	char why[200] = "";
	ProtobufCMessage *m;

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

void
check_mgmt_envelope(const char *name, const json_t *v)
{
	const json_t *body = vector(in(v, "body_vector")), *plain = vector(in(body, "plaintext_vector"));
	const ProtobufCMessageDescriptor *d = message_named(in(plain, "message"));
	uint8_t spub[32], spriv[32], rpub[32], rpriv[32], sender[32] = { 0 };
	struct buf want = bytes_of(v), nonce = { 0 }, made = { 0 };
	enum wire_mgmt_fault fault;
	void *m;

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

void
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

/* Three answers whose JSON is told in words. */
void
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

/* The first message of a flow stream and its answer: one field, true. */
void
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
