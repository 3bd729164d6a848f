/* SPDX-License-Identifier: ISC */
/*
 * server_refuse.c -- what management refuses, with which status and words:
 * strangers, what it does not know, bad bodies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "tests/unit/server-world.h"
#include "wire/keys.h"

static void
test_clear(struct world *w)
{
	struct result r;
	Management__ServerKeyResponse *k;
	uint8_t key[32];

	world_call(w, "GetServerKey", NULL, 0, &r);
	k = wire_pb_get(&management__server_key_response__descriptor, buf_bytes(&r.body), buf_len(&r.body));
	ok(r.code == 0 && k != NULL && wire_key_parse(key, k->key) == 0 && memcmp(key, w->server_public, 32) == 0,
	    "GetServerKey gives the server's key");
	ok(strstr(w->join, k->key) != NULL, "and so does the join line");
	wire_pb_free(k);
	buf_free(&r.body);
	world_call(w, "isHealthy", NULL, 0, &r);
	is_status(&r, GRPC_OK, NULL, "isHealthy");
	world_call(w, "NoSuchThing", NULL, 0, &r);
	is_status(&r, GRPC_UNIMPLEMENTED, NULL, "an unknown method");
	world_call(w, "/no.Service/At", NULL, 0, &r);
	is_status(&r, GRPC_UNIMPLEMENTED, NULL, "an unknown service");
}

static void
test_refusals(struct world *w)
{
	Management__LoginRequest empty = MANAGEMENT__LOGIN_REQUEST__INIT;
	Management__LoginRequest jwt = MANAGEMENT__LOGIN_REQUEST__INIT;
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	Management__SyncMetaRequest sm = MANAGEMENT__SYNC_META_REQUEST__INIT;
	Management__Empty nothing = MANAGEMENT__EMPTY__INIT;
	Management__ExtendAuthSessionRequest ext = MANAGEMENT__EXTEND_AUTH_SESSION_REQUEST__INIT;
	Management__EncryptedMessage e = MANAGEMENT__ENCRYPTED_MESSAGE__INIT;
	struct buf b = { 0 };
	struct ident id;
	struct result r;
	char text[200];

	ident_new(w, &id);
	e.wg_pub_key = (char *)(uintptr_t)"nonsense";
	WIRE_PB_PUT(&b, &e);
	world_call(w, "Login", buf_bytes(&b), buf_len(&b), &r);
	is_status(&r, GRPC_INVALID_ARGUMENT, "provided wgPubKey nonsense is invalid", "a key that is none");
	buf_clear(&b);
	e.wg_pub_key = id.text;
	e.body = (ProtobufCBinaryData){ 50, id.secret - 0 };
	e.body.len = 32;
	WIRE_PB_PUT(&b, &e);
	world_call(w, "Login", buf_bytes(&b), buf_len(&b), &r);
	is_status(&r, GRPC_INVALID_ARGUMENT, "invalid request message", "a body that does not decrypt");
	buf_free(&b);
	world_login(w, &id, NULL, "x", &r);
	is_status(&r, GRPC_PERMISSION_DENIED,
	    "no peer auth method provided, please use a setup key or interactive SSO login", "unknown and without a key");
	world_login(w, &id, "a2c8e62b-38f5-4553-b31e-dd66c696cebb", "x", &r);
	is_status(&r, GRPC_NOT_FOUND, "couldn't add peer: setup key is invalid", "a setup key that does not exist");
	world_login(w, &id, "not-a-uuid", "x", &r);
	is_status(&r, GRPC_NOT_FOUND, "couldn't add peer: setup key is invalid", "a setup key that is no UUID");
	world_sealed(w, &id, "Login", &empty.base, &r);
	ok(strncmp(r.text, "peer system meta has to be provided to log in. Peer ", 52) == 0, "no meta: %s", r.text);
	is_status(&r, GRPC_FAILED_PRECONDITION, NULL, "login without meta");
	jwt.jwt_token = (char *)(uintptr_t)"x.y.z";
	jwt.meta = &meta;
	world_sealed(w, &id, "Login", &jwt.base, &r);
	ok(strncmp(r.text, "invalid jwt token, err: ", 24) == 0, "a JWT where there is no provider: its words");
	is_status(&r, GRPC_INVALID_ARGUMENT, NULL, "a JWT where there is no provider");
	world_sealed(w, &id, "SyncMeta", &sm.base, &r);
	is_status(&r, GRPC_FAILED_PRECONDITION, NULL, "SyncMeta without meta");
	sm.meta = &meta;
	world_sealed(w, &id, "SyncMeta", &sm.base, &r);
	is_status(&r, GRPC_NOT_FOUND, "account not found: index lookup failed", "SyncMeta of a stranger");
	snprintf(text, sizeof(text), "peer not found: %s", id.text);
	world_sealed(w, &id, "Logout", &nothing.base, &r);
	is_status(&r, GRPC_NOT_FOUND, text, "Logout of a stranger");
	world_sealed(w, &id, "GetDeviceAuthorizationFlow", &nothing.base, &r);
	is_status(&r, GRPC_NOT_FOUND, NULL, "device flow without SSO");
	world_sealed(w, &id, "GetPKCEAuthorizationFlow", &nothing.base, &r);
	is_status(&r, GRPC_NOT_FOUND, NULL, "PKCE flow without SSO");
	world_sealed(w, &id, "ExtendAuthSession", &ext.base, &r);
	is_status(&r, GRPC_INVALID_ARGUMENT, "jwt token is required", "ExtendAuthSession without a JWT");
	world_sealed(w, &id, "CreateExpose", &nothing.base, &r);
	is_status(&r, GRPC_PERMISSION_DENIED, "peer is not registered", "CreateExpose of a stranger");
}

static void
test_stranger_sync(struct world *w)
{
	struct ident id;
	struct sync s;

	ident_new(w, &id);
	sync_open(w, &s, &id);
	ok(sim_until(w->sim, sync_over, &s, 5 * MONO_SEC), "Sync of a stranger ends");
	is_int(s.code, GRPC_PERMISSION_DENIED, "with PermissionDenied");
	is_str(s.text, "peer is not registered", "and its words");
	sync_close(&s);
}

/* Every prefix of a good request, and every byte of it changed. */
static void
test_bad_bodies(struct world *w)
{
	Management__LoginRequest q = MANAGEMENT__LOGIN_REQUEST__INIT;
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	struct buf b = { 0 };
	struct ident id;
	struct result r;
	size_t cut = 0, garbled = 0, n;
	struct server_counts before = server_counts(w->server);

	ident_new(w, &id);
	q.meta = &meta;
	q.setup_key = w->key;
	world_seal(w, &id, &q.base, &b);
	n = buf_len(&b);
	for (size_t i = 0; i < n; i++) {
		world_call(w, "Login", buf_bytes(&b), i, &r);
		cut += r.code == GRPC_INVALID_ARGUMENT;
		buf_free(&r.body);
	}
	is_int(cut, n, "a request cut at any byte is InvalidArgument");
	for (size_t i = 0; i < n; i++) {
		buf_bytes(&b)[i] ^= 0x20;
		world_call(w, "Login", buf_bytes(&b), n, &r);
		/* Some bytes only turn a field into one that nobody knows. */
		garbled += r.code == GRPC_INVALID_ARGUMENT;
		buf_bytes(&b)[i] ^= 0x20;
		buf_free(&r.body);
	}
	is_int(garbled, n, "and so is one with any byte changed");
	is_int(server_counts(w->server).peers, before.peers, "nobody got in");
	world_call(w, "isHealthy", NULL, 0, &r);
	is_status(&r, GRPC_OK, NULL, "the server goes on");
	buf_free(&b);
}

int
main(void)
{
	struct world w;

	world_open(&w, 7);
	world_start(&w);
	test_clear(&w);
	test_refusals(&w);
	test_stranger_sync(&w);
	test_bad_bodies(&w);
	world_close(&w);
	return tap_done();
}
