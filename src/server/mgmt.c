/* SPDX-License-Identifier: ISC */
/*
 * mgmt.c -- the unary calls of the management service.
 *
 * Agents decide on status codes (server.md 3.4), so every refusal here has the
 * code and the words that stock agents know.  A call whose answer promises
 * something on disk waits in a struct server_waiter until the change is there; when
 * the client leaves first, the change goes on and nobody is answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "net/grpc.h"
#include "server/account.h"
#include "server/inside.h"
#include "server/mgmt.h"
#include "server/stream.h"
#include "wire/keys.h"

#define SERVICE	"/management.ManagementService/"

/* ---- envelopes ------------------------------------------------------------------ */

int
server_seal(struct server *s, struct buf *out, const ProtobufCMessage *msg, const uint8_t to[32])
{
	uint8_t nonce[WIRE_BOX_NONCE];

	env_random(s->env, nonce, sizeof(nonce));
	return wire_mgmt_seal(out, nonce, msg, to, s->store->account->box_public, s->store->account->box_secret);
}

void
server_mgmt_fault(enum wire_mgmt_fault fault, const uint8_t *envelope, size_t len, char *out, size_t outlen)
{
	Management__EncryptedMessage *e;

	snprintf(out, outlen, "invalid request message");
	if (fault != WIRE_MGMT_KEY)
		return;
	if ((e = wire_pb_get(&management__encrypted_message__descriptor, envelope, len)) != NULL)
		snprintf(out, outlen, "provided wgPubKey %.64s is invalid", e->wg_pub_key);
	wire_pb_free(e);
}

void
server_mgmt_answer(struct server *s, struct grpc_call *call, const ProtobufCMessage *msg, const uint8_t to[32])
{
	struct buf out = { 0 };

	if (server_seal(s, &out, msg, to) == 0)
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	else
		grpc_finish(call, GRPC_INTERNAL, "failed handling request");
	buf_free(&out);
}

/* The inner message and its sender, or NULL: then the call was refused. */
void *
server_mgmt_open(struct server *s, struct grpc_call *call, const ProtobufCMessageDescriptor *d, const uint8_t *bytes,
    size_t len, uint8_t raw[32], char key[SERVER_WG_KEY])
{
	enum wire_mgmt_fault fault = WIRE_MGMT_OK;
	void *msg = wire_mgmt_open(d, bytes, len, NULL, raw, s->store->account->box_secret, &fault);
	char text[160];

	if (msg == NULL) {
		server_mgmt_fault(fault, bytes, len, text, sizeof(text));
		grpc_finish(call, GRPC_INVALID_ARGUMENT, text);
		return NULL;
	}
	wire_key_text(key, raw);
	return msg;
}

/* ---- in clear -------------------------------------------------------------------- */

static void
get_server_key(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	Management__ServerKeyResponse r = MANAGEMENT__SERVER_KEY_RESPONSE__INIT;
	Wellknown__Timestamp t = WELLKNOWN__TIMESTAMP__INIT;
	struct buf out = { 0 };

	(void)bytes;
	(void)len;
	r.key = s->store->account->box_public_text;
	/* Agents ignore it; ours is true: the key does not change. */
	t.seconds = env_wall(s->env) / MONO_SEC + INT64_C(365) * 24 * 3600;
	r.expires_at = &t;
	WIRE_PB_PUT(&out, &r);
	grpc_answer(call, buf_bytes(&out), buf_len(&out));
	buf_free(&out);
}

static void
is_healthy(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	grpc_answer(call, NULL, 0);
}

/* ---- waiting for the disk ------------------------------------------------------------ */

static void
waiter_left(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct server_waiter *w = arg;

	(void)call;
	(void)st;
	w->call = NULL;
}

/* Until a call waits its argument is s->nobody, whose `call` nobody reads: the
 * client may leave before its request is whole. */
static const struct grpc_ops waiting_ops = { .done = waiter_left };

struct server_waiter *
server_waiter_new(struct server *s, struct grpc_call *call, const uint8_t raw[32], const char *key)
{
	struct server_waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
		return NULL;
	}
	w->server = s;
	w->call = call;
	memcpy(w->key_raw, raw, sizeof(w->key_raw));
	snprintf(w->key, sizeof(w->key), "%s", key);
	grpc_set_arg(call, w);
	return w;
}

/* ---- SyncMeta, Logout --------------------------------------------------------------------- */

static void
sync_meta(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	char key[SERVER_WG_KEY], from[ADDR_STRLEN], text[256];
	uint8_t raw[32];
	struct server_peer *p;
	struct buf meta = { 0 };
	Management__SyncMetaRequest *req;

	if ((req = server_mgmt_open(s, call, &management__sync_meta_request__descriptor, bytes, len, raw, key)) == NULL)
		return;
	if (req->meta == NULL) {
		struct addr a = grpc_peer(call);

		snprintf(text, sizeof(text), "peer system meta has to be provided on sync. Peer %s, remote addr %s", key,
		    addr_str_port(&a, from));
		grpc_finish(call, GRPC_FAILED_PRECONDITION, text);
	} else if ((p = server_peer_by_key(s->store, key)) == NULL) {
		grpc_finish(call, GRPC_NOT_FOUND, "account not found: index lookup failed");
	} else {
		WIRE_PB_PUT(&meta, req->meta);
		if (server_peer_meta(s->store, p, buf_bytes(&meta), buf_len(&meta)))
			server_map_changed(s);
		grpc_answer(call, NULL, 0);
	}
	buf_free(&meta);
	wire_pb_free(req);
}

static void
logged_out(void *arg, struct server_peer *p, int err)
{
	struct server_waiter *w = arg;

	(void)p;
	if (err == 0) {
		log_info("mgmt", "peer %s logged out", w->key);
		server_peer_gone(w->server, w->key);
	}
	if (w->call != NULL && err == 0)
		grpc_answer(w->call, NULL, 0);
	else if (w->call != NULL && err != -ECANCELED)
		grpc_finish(w->call, GRPC_INTERNAL, "failed handling request");
	free(w);
}

static void
logout(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = ((struct server_waiter *)arg)->server;
	char key[SERVER_WG_KEY], text[96];
	uint8_t raw[32];
	struct server_peer *p;
	struct server_waiter *w;
	void *req;

	if ((req = server_mgmt_open(s, call, &management__empty__descriptor, bytes, len, raw, key)) == NULL)
		return;
	wire_pb_free(req);
	if ((p = server_peer_by_key(s->store, key)) == NULL) {
		snprintf(text, sizeof(text), "peer not found: %s", key);
		grpc_finish(call, GRPC_NOT_FOUND, text);
		return;
	}
	if ((w = server_waiter_new(s, call, raw, key)) == NULL)
		return;
	if (server_peer_remove(s->store, p, logged_out, w) != 0) {
		grpc_finish(call, GRPC_INTERNAL, "failed handling request");
		free(w);
	}
}

/* ---- what this server does not have --------------------------------------------------------- */

static void
no_sso(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	char key[SERVER_WG_KEY];
	uint8_t raw[32];
	void *req = server_mgmt_open(arg, call, &management__empty__descriptor, bytes, len, raw, key);

	if (req != NULL)
		grpc_finish(call, GRPC_NOT_FOUND, "no identity provider is configured");
	wire_pb_free(req);
}

static void
no_session(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	char key[SERVER_WG_KEY];
	uint8_t raw[32];
	Management__ExtendAuthSessionRequest *req =
	    server_mgmt_open(s, call, &management__extend_auth_session_request__descriptor, bytes, len, raw, key);

	if (req == NULL)
		return;
	if (req->jwt_token[0] == '\0')
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "jwt token is required");
	else
		grpc_finish(call, GRPC_FAILED_PRECONDITION, "peer login expiration is disabled for the account");
	wire_pb_free(req);
}

static void
no_expose(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	char key[SERVER_WG_KEY];
	uint8_t raw[32];
	void *req = server_mgmt_open(s, call, &management__empty__descriptor, bytes, len, raw, key);

	if (req == NULL)
		return;
	wire_pb_free(req);
	grpc_finish(call, GRPC_PERMISSION_DENIED, server_peer_by_key(s->store, key) == NULL ?
	    "peer is not registered" : "peer expose is not enabled for this account");
}

int
server_mgmt_start(struct server *s)
{
	const struct grpc_method methods[] = {
		{ .path = SERVICE "GetServerKey", .unary = get_server_key, .arg = s },
		{ .path = SERVICE "isHealthy", .unary = is_healthy, .arg = s },
		{ .path = SERVICE "Login", .unary = server_mgmt_login, .ops = &waiting_ops, .arg = &s->nobody },
		{ .path = SERVICE "SyncMeta", .unary = sync_meta, .arg = s },
		{ .path = SERVICE "Logout", .unary = logout, .ops = &waiting_ops, .arg = &s->nobody },
		{ .path = SERVICE "Sync", .open = server_stream_open_sync, .ops = &server_stream_ops, .arg = s },
		{ .path = SERVICE "Job", .open = server_stream_open_job, .ops = &server_stream_ops, .arg = s },
		{ .path = SERVICE "GetDeviceAuthorizationFlow", .unary = no_sso, .arg = s },
		{ .path = SERVICE "GetPKCEAuthorizationFlow", .unary = no_sso, .arg = s },
		{ .path = SERVICE "ExtendAuthSession", .unary = no_session, .arg = s },
		{ .path = SERVICE "CreateExpose", .unary = no_expose, .arg = s },
		{ .path = SERVICE "RenewExpose", .unary = no_expose, .arg = s },
		{ .path = SERVICE "StopExpose", .unary = no_expose, .arg = s },
	};
	int err = 0;

	s->nobody.server = s;
	for (size_t i = 0; err == 0 && i < sizeof(methods) / sizeof(methods[0]); i++)
		err = grpc_server_add(s->grpc, &methods[i]);
	return err;
}
