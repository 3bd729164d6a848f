/* SPDX-License-Identifier: ISC */
/*
 * stream_backoff.c -- the back-off of long-lived streams (issue 4, story 1): the
 * real Sync and signal clients over pipes (net_pipes.h), and a server in this
 * file that cuts, serves or refuses as the test says.
 *
 * Looked at is the base interval, not the randomised wait: it grows to 10 s
 * under a server that accepts and cuts before the first message, and is the
 * first again after a stream that served.
 */
#include "net_pipes.h"
#include "deaf.h"
#include "fsm/fsm.h"
#include "mgmt/stream.h"
#include "net/grpc.h"
#include "net/http1.h"
#include "signal/stream.h"
#include "tests/tap.h"
#include "tests/tape.h"
#include "wire/keys.h"

#define PORT	443

enum mode { CUT, CANCELED, DENY, SERVE, FORBID };

struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct grpc_server *server;
	struct env_listener *listener;
	enum mode mode;
	struct mgmt_conf mconf;
	struct signal_conf sconf;
	struct mgmt_stream *mgmt;
	struct signal_stream *signal;
	uint8_t secret[32], public[32];	/* the server's */
	struct grpc_call *sync, *letters;	/* open ones */
	struct h2 *proxy;
	int conns, syncs, connects, told, denied, ups;
};

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

static void
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

static void
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

static void
world_end(struct world *w)
{
	mgmt_stream_free(w->mgmt);
	signal_stream_free(w->signal);
	grpc_server_free(w->server);
	h2_close(w->proxy);
	env_listener_close(w->listener);
	fsm_loop_free(w->loop);
	ok(pipes_free(w->env), "nothing is left open");
}

static void
run(struct world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}

static void
test_sync(void)
{
	struct world w;
	int n, conns;

	world_make(&w);
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_START, NULL);
	run(&w, 300 * MONO_SEC);
	ok(w.mgmt->backoff.base == 10 * MONO_SEC, "Sync cut before its first message, five minutes: the base is 10 s (%lld ms)",
	    (long long)(w.mgmt->backoff.base / MONO_MS));
	ok(w.syncs > 15 && w.syncs < 75, "tries: %d", w.syncs);
	is_int(w.conns, w.syncs, "each on a connection of its own");
	w.mode = CANCELED;
	n = w.syncs;
	run(&w, 100 * MONO_SEC);
	ok(w.syncs > n, "Canceled that is not ours is retried");
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && w.told == 1, "served: up, one map");
	ok(w.mgmt->backoff.base == 0 || w.mgmt->backoff.base == 800 * MONO_MS, "the first message makes the base the first again");
	run(&w, MONO_HOUR);
	ok(mgmt_stream_is_up(w.mgmt) && w.told == 1, "an hour later: the same stream");
	conns = w.conns;
	grpc_finish(w.sync, GRPC_UNAVAILABLE, "cut");
	w.sync = NULL;
	run(&w, 50 * MONO_MS);
	ok(w.told == 2 && w.conns == conns + 1, "cut after an hour: synchronised again at once, on a new connection");
	w.mode = FORBID;
	grpc_finish(w.sync, GRPC_OK, NULL);
	w.sync = NULL;
	n = w.syncs;
	run(&w, 60 * MONO_SEC);
	ok(w.denied == 0 && w.syncs > n + 2, "a proxy's 403 is not PermissionDenied: retried (%d times in a minute)", w.syncs - n);
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt), "and up when it is gone");
	w.mode = DENY;
	grpc_finish(w.sync, GRPC_OK, NULL);
	w.sync = NULL;
	run(&w, 10 * MONO_SEC);
	ok(w.denied == 1, "PermissionDenied is told");
	n = w.syncs;
	run(&w, MONO_HOUR);
	is_int(w.syncs, n, "and is final");
	world_end(&w);
}

static void
test_signal(void)
{
	struct world w;
	int n, conns;

	world_make(&w);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	run(&w, 300 * MONO_SEC);
	ok(w.signal->backoff.base == 10 * MONO_SEC, "signal cut before it registered, five minutes: the base is 10 s");
	is_int(w.conns, w.connects, "each try on a connection of its own");
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(signal_stream_is_up(w.signal) && w.ups == 1, "served: up, told once");
	ok(w.signal->backoff.base == 0 || w.signal->backoff.base == 800 * MONO_MS, "the first message makes the base the first again");
	conns = w.conns;
	grpc_finish(w.letters, GRPC_CANCELED, "context canceled");
	w.letters = NULL;
	run(&w, 50 * MONO_MS);
	ok(signal_stream_is_up(w.signal) && w.conns == conns + 1, "Canceled by a proxy: up again at once, on a new connection");
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_STOP, NULL);
	run(&w, MONO_SEC);
	n = w.connects;
	run(&w, MONO_HOUR);
	ok(w.connects == n && !signal_stream_is_up(w.signal), "stopped by ourselves: stopped");
	world_end(&w);
}

/* A quarter of a year: the clock jumps, or each try would be played. */
#define DAYS(n)	((n) * 24 * MONO_HOUR)

static void
test_months(void)
{
	struct world w;
	int n;

	world_make(&w);
	w.mode = SERVE;
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_START, NULL);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && signal_stream_is_up(w.signal), "both streams served");
	w.env->clock.now += DAYS(100);	/* management had nothing to say; signal hears its own probe */
	say_letter(&w);
	run(&w, MONO_SEC);
	w.mode = CUT;
	grpc_finish(w.sync, GRPC_UNAVAILABLE, "cut");
	grpc_finish(w.letters, GRPC_UNAVAILABLE, "cut");
	w.sync = w.letters = NULL;
	run(&w, 10 * MONO_MIN);
	ok(w.mgmt->fsm.state != MGMT_STREAM_SPENT && w.syncs > 10, "a hundred good days, then cuts: Sync is tried on");
	ok(w.signal->fsm.state != SIGNAL_STREAM_SPENT && w.connects > 10, "so is signal");
	ok(w.mgmt->backoff.base == 10 * MONO_SEC && w.signal->backoff.base == 10 * MONO_SEC, "at 10 s");
	w.env->clock.now += DAYS(89);
	n = w.syncs + w.connects;
	run(&w, 10 * MONO_MIN);
	ok(w.syncs + w.connects > n, "89 days later: still");
	w.env->clock.now += DAYS(1);
	run(&w, 10 * MONO_MIN);
	n = w.syncs + w.connects;
	ok(w.mgmt->fsm.state == MGMT_STREAM_SPENT && w.signal->fsm.state == SIGNAL_STREAM_SPENT, "three months after the last good one: given up");
	ok(strstr(mgmt_stream_why(w.mgmt), "three months") != NULL, "and said: %s", mgmt_stream_why(w.mgmt));
	run(&w, DAYS(1));
	is_int(w.syncs + w.connects, n, "nobody dials any more");
	w.mode = SERVE;
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_NET_CHANGE, NULL);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_NUDGE, NULL);
	run(&w, MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && signal_stream_is_up(w.signal), "a new network, or who reached the server, begins anew");
	world_end(&w);
}

int
main(void)
{
	test_sync();
	test_signal();
	test_months();
	return tap_done();
}
