/* SPDX-License-Identifier: ISC */
/*
 * backoff-world.c -- the clients and the server of backoff-world.h.
 */
#include <string.h>
#include "backoff-world.h"
#include "deaf.h"
#include "fsm/fsm.h"
#include "net/http1.h"
#include "tests/tape.h"
#include "wire/keys.h"

#define PORT	443

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct world *w = arg;

	(void)data;
	if (from->def == &mgmt_stream_fsm && send == MGMT_STREAM_SEND_DENIED)
		w->denied++;
	if (from->def == &signal_stream_fsm)
		w->ups++;
}

static void
get_key(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct world *w = arg;
	Management__ServerKeyResponse r = MANAGEMENT__SERVER_KEY_RESPONSE__INIT;
	char text[WIRE_KEY_TEXTLEN];
	struct buf b = { 0 };

	(void)p;
	(void)n;
	r.key = (char *)(uintptr_t)wire_key_text(text, w->public);
	WIRE_PB_PUT(&b, &r);
	grpc_answer(c, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

/* What the mode says instead of serving; true when the call is over. */
static bool
refuse(struct world *w, struct grpc_call *c)
{
	switch (w->mode) {
	case CUT:
		grpc_finish(c, GRPC_UNAVAILABLE, "shutting down");
		return true;
	case CANCELED:
		grpc_finish(c, GRPC_CANCELED, "context canceled");
		return true;
	case DENY:
		grpc_finish(c, GRPC_PERMISSION_DENIED, "peer is not registered");
		return true;
	case SERVE:
	case FORBID:
		break;
	}
	return false;
}

static void
say_map(struct world *w)
{
	Management__SyncResponse r = MANAGEMENT__SYNC_RESPONSE__INIT;
	Management__NetworkMap map = MANAGEMENT__NETWORK_MAP__INIT;
	uint8_t nonce[WIRE_BOX_NONCE];
	struct buf b = { 0 };

	r.network_map = &map;
	map.serial = 1;
	env_random(w->env, nonce, sizeof(nonce));
	wire_mgmt_seal(&b, nonce, &r.base, w->mconf.public_key, w->public, w->secret);
	grpc_send(w->sync, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
sync_half(void *arg, struct grpc_call *c)
{
	struct world *w = arg;

	w->syncs++;
	if (refuse(w, c))
		return;
	w->sync = c;
	say_map(w);
}

static void
sync_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)st;
	if (w->sync == c)
		w->sync = NULL;
	if (w->letters == c)
		w->letters = NULL;
}

void
say_letter(struct world *w)
{
	struct wire_signal beat = { .type = WIRE_SIGNAL_HEARTBEAT };
	uint8_t nonce[WIRE_BOX_NONCE];
	struct buf b = { 0 };

	env_random(w->env, nonce, sizeof(nonce));
	wire_signal_seal(&b, &beat, nonce, w->sconf.public_key, w->public, w->secret);
	grpc_send(w->letters, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
connect_open(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	struct grpc_md md = { "x-wiretrustee-peer-registered", "1" };

	w->connects++;
	if (refuse(w, c))
		return;
	grpc_send_headers(c, &md, 1);
	w->letters = c;
	say_letter(w);
}

static void
send_letter(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	grpc_answer(c, NULL, 0);
}

/* A proxy that knows no gRPC: 403 to everything. */
static void
forbid(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n, bool end)
{
	struct world *w = arg;
	struct h2_header no[] = { { ":status", "403" }, { "content-type", "text/html" } };

	(void)hd;
	(void)n;
	(void)end;
	w->syncs++;
	h2_respond(st, no, 2, true);
	h2_release(st);
}

static void
forget_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)st;
	(void)p;
	(void)n;
}

static void
proxy_gone(void *arg, int err, const char *why)
{
	struct world *w = arg;

	(void)err;
	(void)why;
	h2_close(w->proxy);
	w->proxy = NULL;
}

static const struct h2_ops proxy_ops = { .request = forbid, .data = forget_data, .gone = proxy_gone };

static void
on_accept(void *arg, struct env_stream *st)
{
	static const struct h2_options opt = { .server = true };
	struct world *w = arg;

	w->conns++;
	if (w->mode == FORBID) {
		h2_close(w->proxy);
		w->proxy = h2_new(w->env, st, &opt, &proxy_ops, w);
		return;
	}
	grpc_server_attach(w->server, st, NULL, 0);
}

static void
on_sync(void *arg, const Management__SyncResponse *r)
{
	struct world *w = arg;

	(void)r;
	w->told++;
}

void
world_make(struct world *w)
{
	static const struct grpc_ops sync_ops = { .half_closed = sync_half, .done = sync_done };
	static const struct grpc_ops connect_ops = { .done = sync_done };
	static const struct mgmt_stream_hooks mhooks = { on_sync, deaf_changed };
	static const struct signal_hooks shooks = { deaf_letter, deaf_changed };
	struct env_listen l = { .addr.port = PORT };
	int err;

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(1000000);
	w->loop = fsm_loop_new(w->env, route, w);
	test_tape(w->loop);
	fresh_keys(w->env, w->secret, w->public);
	fresh_keys(w->env, w->mconf.private_key, w->mconf.public_key);
	memcpy(w->sconf.private_key, w->mconf.private_key, 32);
	memcpy(w->sconf.public_key, w->mconf.public_key, 32);
	w->mconf.url = (char *)(uintptr_t)"http://server:443";
	w->mconf.version = "0.0";
	w->sconf.host = (char *)(uintptr_t)"server";
	w->sconf.port = PORT;
	w->server = grpc_server_new(w->env);
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/management.ManagementService/GetServerKey", .unary = get_key, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/management.ManagementService/Sync", .ops = &sync_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/signalexchange.SignalExchange/ConnectStream", .open = connect_open, .ops = &connect_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/signalexchange.SignalExchange/Send", .unary = send_letter, .arg = w });
	w->listener = env_listen(w->env, &l, on_accept, w, &err);
	w->mgmt = mgmt_stream_new(w->env, w->loop, &w->mconf, &mhooks, w);
	w->signal = signal_stream_new(w->env, w->loop, &w->sconf, &shooks, w);
}

bool
world_end(struct world *w)
{
	mgmt_stream_free(w->mgmt);
	signal_stream_free(w->signal);
	grpc_server_free(w->server);
	h2_close(w->proxy);
	env_listener_close(w->listener);
	fsm_loop_free(w->loop);
	return pipes_free(w->env);
}

void
run(struct world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}
