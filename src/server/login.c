/* SPDX-License-Identifier: ISC */
/*
 * login.c -- Login: who is known is let in, who is not needs a setup key
 * (server.md section 4).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/grpc.h"
#include "server/mgmt.h"
#include "server/setupkey.h"

static void
answer_login(struct server *s, struct grpc_call *call, const struct server_peer *p, const uint8_t to[32])
{
	struct server_arena a = { 0 };

	server_mgmt_answer(s, call, &server_netmap_login(&a, s->store, &s->announce, p)->base, to);
	server_arena_free(&a);
}

static void
login_written(void *arg, struct server_peer *p, int err)
{
	struct server_waiter *w = arg;

	/* -ECANCELED: the server is going, its calls are gone already. */
	if (w->call != NULL && err != -ECANCELED) {
		if (err == 0)
			answer_login(w->server, w->call, p, w->key_raw);
		else
			grpc_finish(w->call, GRPC_INTERNAL, "failed handling request");
	}
	free(w);
}

static void
registered(void *arg, struct server_peer *p, int err)
{
	struct server_waiter *w = arg;

	if (err == 0) {
		log_info("mgmt", "peer %s (%s) joined", p->name, p->key);
		server_map_changed(w->server);
	}
	login_written(w, p, err);
}

static void
ssh_written(void *arg, struct server_peer *p, int err)
{
	struct server_waiter *w = arg;

	if (err == 0)
		server_map_changed(w->server);
	login_written(w, p, err);
}

static void
add_peer(struct server *s, struct grpc_call *call, const Management__LoginRequest *req, const uint8_t raw[32],
    const char *key, const char *ssh)
{
	enum server_setupkey_verdict verdict;
	struct server_setupkey *setup;
	struct buf meta = { 0 };
	struct server_waiter *w;
	int err;

	verdict = server_setupkey_check(s->store, req->setup_key, &setup);
	if (verdict != SERVER_SETUPKEY_GOOD) {
		log_info("mgmt", "peer %.8s refused: its setup key is %s", key, server_setupkey_verdict_text(verdict));
		grpc_finish(call, GRPC_NOT_FOUND, "couldn't add peer: setup key is invalid");
		return;
	}
	if (req->n_dns_labels > 0) {
		grpc_finish(call, GRPC_FAILED_PRECONDITION, "couldn't add peer: setup key doesn't allow extra DNS labels");
		return;
	}
	if ((w = server_waiter_new(s, call, raw, key)) == NULL)
		return;
	WIRE_PB_PUT(&meta, req->meta);
	err = server_peer_register(s->store, &(struct server_peer_spec){ .key = key, .ssh_key = ssh,
	    .meta = buf_bytes(&meta), .meta_len = buf_len(&meta), .setup = setup }, registered, w);
	buf_free(&meta);
	if (err == 0)
		return;
	if (err == -EEXIST)
		grpc_finish(call, GRPC_FAILED_PRECONDITION, "peer has been already registered");
	else
		grpc_finish(call, GRPC_INTERNAL, "failed handling request");
	free(w);
}

static void
login_peer(struct server *s, struct grpc_call *call, const Management__LoginRequest *req, struct server_peer *p,
    const uint8_t raw[32], const char *ssh)
{
	struct server_waiter *w;
	bool changed;

	if (req->n_dns_labels > 0) {
		grpc_finish(call, GRPC_FAILED_PRECONDITION, "couldn't login peer: setup key doesn't allow extra DNS labels");
		return;
	}
	if (ssh == NULL || strcmp(ssh, p->ssh_key) == 0) {
		/* Nothing is promised but who it is: a full disk keeps nobody out. */
		server_peer_login(s->store, p, NULL, &changed, NULL, NULL);
		answer_login(s, call, p, raw);
		return;
	}
	if ((w = server_waiter_new(s, call, raw, p->key)) == NULL)
		return;
	if (server_peer_login(s->store, p, ssh, &changed, ssh_written, w) != 0) {
		grpc_finish(call, GRPC_INTERNAL, "failed handling request");
		free(w);
	}
}

void
server_mgmt_login(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = ((struct server_waiter *)arg)->server;
	char key[SERVER_WG_KEY], from[ADDR_STRLEN], text[256];
	char *ssh = NULL;
	uint8_t raw[32];
	struct server_peer *p;
	Management__LoginRequest *req;

	if ((req = server_mgmt_open(s, call, &management__login_request__descriptor, bytes, len, raw, key)) == NULL)
		return;
	if (req->peer_keys != NULL && req->peer_keys->ssh_pub_key.len > 0)
		ssh = strndup((const char *)req->peer_keys->ssh_pub_key.data, req->peer_keys->ssh_pub_key.len);
	p = server_peer_by_key(s->store, key);
	if (req->meta == NULL) {
		struct addr a = grpc_peer(call);

		snprintf(text, sizeof(text), "peer system meta has to be provided to log in. Peer %s, remote addr %s", key,
		    addr_str_port(&a, from));
		grpc_finish(call, GRPC_FAILED_PRECONDITION, text);
	} else if (req->jwt_token[0] != '\0') {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "invalid jwt token, err: this server has no identity provider");
	} else if (p != NULL) {
		login_peer(s, call, req, p, raw, ssh);
	} else if (req->setup_key[0] == '\0') {
		grpc_finish(call, GRPC_PERMISSION_DENIED,
		    "no peer auth method provided, please use a setup key or interactive SSO login");
	} else {
		add_peer(s, call, req, raw, key, ssh);
	}
	free(ssh);
	wire_pb_free(req);
}
