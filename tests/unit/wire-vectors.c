/* SPDX-License-Identifier: ISC */
/*
 * wire-vectors.c -- every golden byte of tests/data/vectors.json, both ways.
 *
 * Each entry finds its check (vectors.h) by the shape of its name; one without a
 * check is a failure, so that new vectors cannot be overlooked.  What belongs to
 * code that is not written yet is named in `later` and skipped aloud.
 */
#include "tests/unit/vectors.h"
#include "wire/box.h"

static const char *const later[] = {
	"authorization_metadata",	/* src/flow's */
	"turn_rest_credentials",			/* no TURN yet */
	"sync_response_component_map_expanded",		/* the calculation, not the codec */
	"version_gating",				/* the server's */
};

json_t *vectors_all;

json_t *
vector(const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(vectors_all, i, v)
		if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
			return v;
	return NULL;
}

const char *
in(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(json_object_get(v, "inputs"), key));
}

struct buf
bytes_of(const json_t *v)
{
	struct buf b = { 0 };
	const char *hex = json_string_value(json_object_get(v, "hex"));

	if (hex != NULL)
		wire_hex_get(&b, hex);
	return b;
}

bool
buf_is(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) && (buf_len(a) == 0 || memcmp(buf_bytes(a), buf_bytes(b), buf_len(a)) == 0);
}

bool
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
	vectors_all = json_object_get(root, "vectors");
	ok(json_array_size(vectors_all) > 100, "%zu vectors", json_array_size(vectors_all));
	json_array_foreach(vectors_all, i, v)
		check_vector(v);
	json_decref(root);
	return tap_done();
}
