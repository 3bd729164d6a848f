/* SPDX-License-Identifier: ISC */
/*
 * net_grpc.c -- gRPC client and server of src/net talking to each other over
 * pipes (net_pipes.h), with the bytes cut into pieces of every size that
 * matters: unary and streaming, statuses and texts, deadlines, cancels, doubt,
 * lost connections, keepalive, limits, back-pressure.
 */
#include "net_pipes.h"
#include "net/grpc.h"
#include "net/grpc-text.h"
#include "net/http1.h"
#include "tests/tap.h"

#define PORT	443

struct world {
	struct env *env;
	struct grpc_server *server;
	struct env_listener *listener;
	struct http1_front *front;
	struct grpc_channel *ch;
	bool done;			/* what the step waits for */
	/* client */
	int ready, doubt, goaway, gone, dones, code, messages, headers, writable;
	bool remote;
	char text[300], answer[300], md[100];
	size_t answer_len;
	uint32_t gen;
	struct grpc_call *call;
	bool close_in_note, cancel_in_message;
	/* server */
	struct grpc_call *held;
	int server_dones, server_code, server_messages, server_half;
	size_t server_bytes;
};

static void
on_channel(void *arg, const struct grpc_channel_note *n)
{
	struct world *w = arg;

	w->gen = n->gen;
	switch (n->event) {
	case GRPC_CHANNEL_READY:
		w->ready++;
		break;
	case GRPC_CHANNEL_DOUBT:
		w->doubt++;
		break;
	case GRPC_CHANNEL_GOAWAY:
		w->goaway++;
		break;
	case GRPC_CHANNEL_GONE:
		w->gone++;
		break;
	}
	snprintf(w->text, sizeof(w->text), "%s", n->text);
	w->done = true;
	if (w->close_in_note) {
		grpc_channel_close(w->ch);
		w->ch = NULL;
	}
}

static void
on_answer(void *arg, const struct grpc_status *st, const uint8_t *answer, size_t len)
{
	struct world *w = arg;

	w->dones++;
	w->code = st->code;
	w->remote = st->remote;
	snprintf(w->text, sizeof(w->text), "%s", st->message);
	w->answer_len = len;
	if (answer != NULL && len < sizeof(w->answer)) {
		memcpy(w->answer, answer, len);
		w->answer[len] = '\0';
	}
	w->done = true;
}

static void
on_headers(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	const char *v = grpc_metadata(c, "x-wiretrustee-peer-registered");

	w->headers++;
	snprintf(w->md, sizeof(w->md), "%s", v != NULL ? v : "");
	w->done = true;
}

static void
on_message(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	w->messages++;
	w->answer_len = len;
	if (len < sizeof(w->answer)) {
		memcpy(w->answer, data, len);
		w->answer[len] = '\0';
	}
	if (w->cancel_in_message)
		grpc_cancel(c);
	w->done = true;
}

static void
on_writable(void *arg, struct grpc_call *c)
{
	struct world *w = arg;

	(void)c;
	w->writable++;
	w->done = true;
}

static void
on_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)c;
	w->call = NULL;
	on_answer(w, st, NULL, 0);
}

static const struct grpc_ops client_ops = {
	.headers = on_headers, .message = on_message, .writable = on_writable, .done = on_done,
};

/* ---- the server's methods ------------------------------------------------------ */

static void
echo(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	(void)arg;
	grpc_answer(c, data, len);
}

static void
deny(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	grpc_finish(c, GRPC_PERMISSION_DENIED, "peer login has expired, 100% s\xc3\xbcre\n");
}

static void
hold(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	(void)data;
	(void)len;
	w->held = c;
	w->done = true;
}

static void
stream_open(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	struct grpc_md md = { "x-wiretrustee-peer-registered", "1" };
	const char *id = grpc_metadata(c, "x-wiretrustee-peer-id");

	w->held = c;
	if (id == NULL) {
		grpc_finish(c, GRPC_FAILED_PRECONDITION, "no id");
		w->held = NULL;
		return;
	}
	grpc_send_headers(c, &md, 1);
}

static void
stream_message(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	w->server_messages++;
	w->server_bytes += len;
	if (len < 100)
		grpc_send(c, data, len);
}

static void
stream_half(void *arg, struct grpc_call *c)
{
	struct world *w = arg;

	w->server_half++;
	w->held = NULL;
	grpc_finish(c, GRPC_OK, NULL);
}

static void
server_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)c;
	w->server_dones++;
	w->server_code = st->code;
	w->held = NULL;
}

static const struct grpc_ops server_ops = { .message = stream_message, .half_closed = stream_half, .done = server_done };

static void
front_h2(void *arg, struct env_stream *st, const uint8_t *p, size_t n)
{
	struct world *w = arg;

	grpc_server_attach(w->server, st, p, n);
}

static void
front_request(void *arg, struct env_stream *st, const struct http1_head *h, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)h;
	(void)p;
	(void)n;
	http1_answer(st, 404, "Not Found", NULL, "404 page not found\n");
}

static const struct http1_front_ops front_ops = { front_h2, front_request };

static void
on_accept(void *arg, struct env_stream *st)
{
	struct world *w = arg;

	http1_front_take(w->front, st);
}

static void
world_dial(struct world *w)
{
	struct grpc_target t = { .host = "localhost", .port = PORT };

	w->ch = grpc_dial(w->env, &t, 7, on_channel, w);
	w->done = false;
	pipes_run(w->env, &w->done, 10 * MONO_SEC);
}

static void
world_make(struct world *w, size_t cut)
{
	struct env_listen l = { .addr.port = PORT };
	int err;

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(cut);
	w->server = grpc_server_new(w->env);
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Echo", .unary = echo, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Deny", .unary = deny, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Hold", .unary = hold, .ops = &server_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Stream", .open = stream_open, .ops = &server_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Small", .unary = echo, .ops = &server_ops, .arg = w, .max_message = 10 });
	w->front = http1_front_new(w->env, &front_ops, w);
	w->listener = env_listen(w->env, &l, on_accept, w, &err);
	world_dial(w);
}

static void
world_end(struct world *w)
{
	grpc_channel_close(w->ch);
	grpc_server_free(w->server);
	http1_front_free(w->front);
	env_listener_close(w->listener);
	pipes_reap(w->env);
	ok(list_empty(&w->env->streams) && list_empty(&w->env->timers), "nothing is left open");
	pipes_free(w->env);
}

static void
wait_done(struct world *w)
{
	w->done = false;
	pipes_run(w->env, &w->done, 60 * MONO_SEC);
}

static struct grpc_call *
unary(struct world *w, const char *path, const void *body, size_t len, int64_t timeout)
{
	struct grpc_request r = { .path = path, .timeout_us = timeout };
	struct grpc_call *c = grpc_unary(w->ch, &r, body, len, on_answer, w);

	w->dones = 0;
	w->code = -1;
	wait_done(w);
	return c;
}

static void
stream(struct world *w, bool with_id)
{
	struct grpc_md md = { "x-wiretrustee-peer-id", "me" };
	struct grpc_request r = { .path = "/t.T/Stream", .md = &md, .nmd = with_id ? 1 : 0 };

	w->call = grpc_start(w->ch, &r, &client_ops, w);
	wait_done(w);
}

/* ---- tests -------------------------------------------------------------------------- */

static void
test_calls(size_t cut)
{
	struct world w;
	uint8_t *big;

	world_make(&w, cut);
	ok(w.ready == 1 && w.gen == 7 && grpc_channel_usable(w.ch), "cut %zu: the channel is ready, under its owner's generation", cut);
	unary(&w, "/t.T/Echo", "hello", 5, 5 * MONO_SEC);
	ok(w.dones == 1 && w.code == GRPC_OK && strcmp(w.answer, "hello") == 0, "cut %zu: a unary call", cut);
	unary(&w, "/t.T/Echo", "", 0, 0);
	ok(w.dones == 1 && w.code == GRPC_OK && w.answer_len == 0, "cut %zu: an empty message is a message", cut);
	unary(&w, "/t.T/Deny", "x", 1, 0);
	ok(w.code == GRPC_PERMISSION_DENIED && w.remote, "cut %zu: a status of the far end's own", cut);
	is_str(w.text, "peer login has expired, 100% s\xc3\xbcre\n", "cut %zu: its text went through percent encoding", cut);
	unary(&w, "/t.T/Nothing", "x", 1, 0);
	ok(w.code == GRPC_UNIMPLEMENTED && w.remote, "cut %zu: an unknown method", cut);
	is_str(w.text, "unknown method Nothing for service t.T", "cut %zu: is named", cut);
	unary(&w, "/t.T/Small", "0123456789", 10, 0);
	ok(w.code == GRPC_OK, "cut %zu: a message as long as the limit", cut);
	unary(&w, "/t.T/Small", "0123456789a", 11, 0);
	ok(w.code == GRPC_RESOURCE_EXHAUSTED && w.remote, "cut %zu: one byte longer", cut);
	is_int(w.doubt, 0, "cut %zu: statuses in trailers leave no doubt", cut);
	if (cut > 100) {
		big = malloc(3000000);
		memset(big, 'b', 3000000);
		unary(&w, "/t.T/Echo", big, 3000000, 0);
		ok(w.code == GRPC_OK && w.answer_len == 3000000, "cut %zu: three megabytes there and back", cut);
		free(big);
	}
	world_end(&w);
}

static void
test_streams(size_t cut)
{
	struct world w;

	world_make(&w, cut);
	stream(&w, false);
	ok(w.code == GRPC_FAILED_PRECONDITION && strcmp(w.text, "no id") == 0, "cut %zu: refused before any message (trailers only)", cut);
	stream(&w, true);
	ok(w.headers == 1 && strcmp(w.md, "1") == 0, "cut %zu: response headers come without a message", cut);
	is_int(grpc_send(w.call, "one", 3), 0, "cut %zu: the client sends", cut);
	wait_done(&w);
	ok(w.messages == 1 && strcmp(w.answer, "one") == 0, "cut %zu: and is answered", cut);
	grpc_send(w.held, "two", 3);
	wait_done(&w);
	ok(w.messages == 2 && strcmp(w.answer, "two") == 0, "cut %zu: the server sends by itself", cut);
	grpc_half_close(w.call);
	wait_done(&w);
	ok(w.server_half == 1 && w.dones == 3 - 1 && w.code == GRPC_OK && w.remote, "cut %zu: an orderly end", cut);
	stream(&w, true);
	grpc_finish(w.held, GRPC_UNKNOWN, "replaced");
	w.held = NULL;
	wait_done(&w);
	ok(w.code == GRPC_UNKNOWN && w.call == NULL && w.doubt == 0, "cut %zu: the server ends a stream that is open on our side", cut);
	stream(&w, true);
	grpc_cancel(w.call);
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.server_dones == 1 && w.server_code == GRPC_CANCELED, "cut %zu: a cancel reaches the server's handler", cut);
	ok(grpc_channel_usable(w.ch) && grpc_channel_calls(w.ch) == 0, "cut %zu: and leaves the channel as it was", cut);
	w.cancel_in_message = true;
	stream(&w, true);
	grpc_send(w.held, "x", 1);
	grpc_send(w.held, "y", 1);
	w.messages = 0;
	wait_done(&w);
	pipes_run(w.env, NULL, MONO_SEC);
	is_int(w.messages, 1, "cut %zu: no message after a cancel from inside a message", cut);
	world_end(&w);
}

static void
test_trouble(void)
{
	struct world w;
	struct grpc_request r = { .path = "/t.T/Hold" };
	struct grpc_call *c;

	world_make(&w, 1000000);
	unary(&w, "/t.T/Hold", "x", 1, 2 * MONO_SEC);	/* reaches the handler */
	wait_done(&w);
	ok(w.dones == 1 && w.code == GRPC_DEADLINE_EXCEEDED && !w.remote, "a deadline ends a call here");
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.doubt == 1 && !grpc_channel_usable(w.ch), "and leaves the connection in doubt");
	ok(grpc_start(w.ch, &r, &client_ops, &w) == NULL, "on which no call starts");
	ok(w.server_dones == 1, "the server's handler heard of it");
	grpc_channel_close(w.ch);
	world_dial(&w);
	ok(grpc_channel_usable(w.ch), "a new connection is good");
	c = unary(&w, "/t.T/Hold", "x", 1, 0);
	ok(c != NULL && w.held != NULL, "a call is held by its handler");
	grpc_server_free(w.server);
	w.server = grpc_server_new(w.env);
	w.gone = 0;
	w.done = false;
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.dones == 1 && w.code == GRPC_UNAVAILABLE && w.gone == 1, "the server goes: the call ends, then the channel, each once");
	grpc_channel_close(w.ch);
	w.ch = NULL;
	world_end(&w);

	/* closing from inside the note, with calls under way */
	world_make(&w, 1000000);
	unary(&w, "/t.T/Hold", "x", 1, 0);
	w.close_in_note = true;
	grpc_server_free(w.server);
	w.server = grpc_server_new(w.env);
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.gone == 1 && w.ch == NULL, "the owner closes the channel from inside its last note");
	world_end(&w);

	/* nobody there */
	memset(&w, 0, sizeof(w));
	w.env = pipes_new(100);
	world_dial(&w);
	ok(w.gone == 1 && strcmp(w.text, "connection refused") == 0, "nobody listens: gone, with the reason");
	grpc_channel_close(w.ch);
	pipes_free(w.env);
}

static void
test_keepalive(void)
{
	struct world w;
	int64_t t0;

	world_make(&w, 1000000);
	stream(&w, true);
	pipes_run(w.env, NULL, 300 * MONO_SEC);
	ok(w.gone == 0 && w.dones == 0, "five silent minutes: pings are answered, the stream lives");
	w.env->hole = true;
	t0 = w.env->now;
	w.done = false;
	pipes_run(w.env, &w.done, 300 * MONO_SEC);
	ok(w.dones == 1 && w.code == GRPC_UNAVAILABLE && w.env->now - t0 <= 40 * MONO_SEC,
	    "a black hole is noticed within 40 s (%d s)", (int)((w.env->now - t0) / MONO_SEC));
	w.env->hole = false;
	world_end(&w);
}

static void
test_back_pressure(void)
{
	struct world w;
	static uint8_t block[100000];
	int n = 0, err;

	world_make(&w, 1000000);
	stream(&w, true);
	w.env->hole = true;
	while ((err = grpc_send(w.call, block, sizeof(block))) == 0 && n < 1000)
		n++;
	ok(err == -EAGAIN && n > 5 && n < 20, "the queue is bounded: %d messages of 100 kB, then -EAGAIN", n);
	ok(grpc_queued(w.call) >= H2_HIGH_WATER, "and its length is seen (%zu)", grpc_queued(w.call));
	w.env->hole = false;
	wait_done(&w);
	is_int(w.writable, 1, "writable is told once");
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.server_messages == n && w.server_bytes == (size_t)n * sizeof(block), "and nothing was lost");
	world_end(&w);
}

static void
on_down(void *arg)
{
	struct world *w = arg;

	w->server_half = 77;
}

static void
test_shutdown(void)
{
	struct world w;

	world_make(&w, 1000000);
	unary(&w, "/t.T/Hold", "x", 1, 0);
	w.doubt = w.goaway = 0;
	grpc_server_shutdown(w.server, 5 * MONO_SEC, on_down, &w);
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.goaway == 1 && w.dones == 0 && !grpc_channel_usable(w.ch), "shutting down: GOAWAY, and the call under way goes on");
	grpc_answer(w.held, "late", 4);
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.dones == 1 && w.code == GRPC_OK && strcmp(w.answer, "late") == 0, "its answer still comes");
	ok(w.server_half == 77 && grpc_server_conns(w.server) == 0, "then the server is down, without waiting out its grace");
	world_end(&w);
}

/* Any prefix of a conversation, then the end: no crash, no leak, one end of the call. */
static void
test_cut_off(void)
{
	struct world w;
	unsigned long total, n;
	int wrong = 0;
	struct grpc_request r = { .path = "/t.T/Echo" };

	world_make(&w, 1);
	w.env->deliveries = 0;
	unary(&w, "/t.T/Echo", "hello", 5, 0);
	total = w.env->deliveries;
	world_end(&w);
	for (n = 0; n < total; n++) {
		world_make(&w, 1);
		grpc_unary(w.ch, &r, "hello", 5, on_answer, &w);
		for (unsigned long i = 0; i < n; i++)
			pipes_step(w.env, w.env->now);
		grpc_server_free(w.server);
		w.server = grpc_server_new(w.env);
		pipes_run(w.env, NULL, MONO_SEC);
		if (w.dones != 1)
			wrong++;
		grpc_channel_close(w.ch);
		w.ch = NULL;
		grpc_server_free(w.server);
		http1_front_free(w.front);
		env_listener_close(w.listener);
		pipes_reap(w.env);
		if (!list_empty(&w.env->streams) || !list_empty(&w.env->timers))
			wrong++;
		pipes_free(w.env);
	}
	ok(wrong == 0, "a connection cut after each of %lu deliveries ends the call once and leaves nothing", total);
}

/* Each byte of a client's conversation turned over: the server must not crash. */
static void
test_garbled(void)
{
	static uint8_t first[400];
	struct env *e = pipes_new(1000000);
	struct env_listen l = { .addr.port = PORT };
	struct world w;
	size_t n = 0;
	int err;

	/* record what a client says first */
	memset(&w, 0, sizeof(w));
	w.env = e;
	w.listener = env_listen(e, &l, on_accept, &w, &err);
	w.server = grpc_server_new(e);
	w.front = http1_front_new(e, &front_ops, &w);
	world_dial(&w);
	env_listener_close(w.listener);
	unary(&w, "/t.T/Echo", "hello", 5, 0);
	grpc_channel_close(w.ch);
	grpc_server_free(w.server);
	http1_front_free(w.front);
	pipes_reap(e);
	/* a hand-made conversation is as good: preface, SETTINGS, HEADERS with a broken block, DATA */
	memcpy(first, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	memcpy(first + 24, "\0\0\0\4\0\0\0\0\0", 9);
	memcpy(first + 33, "\0\0\5\1\4\0\0\0\1\203\206\204\101\0", 14);
	memcpy(first + 47, "\0\0\3\0\1\0\0\0\1abc", 12);
	n = 59;
	for (size_t i = 0; i < n * 8; i++) {
		struct env_stream *a, *b;
		struct env_dial d = { .port = 1 };

		a = env_stream_dial(e, &d, NULL, NULL);
		b = pipes_stream(e);
		a->refused = false;
		a->peer = b;
		b->peer = a;
		a->connected = b->connected = a->told_connected = b->told_connected = true;
		w.server = grpc_server_new(e);
		first[i / 8] ^= (uint8_t)(1 << (i % 8));
		grpc_server_attach(w.server, b, first, n);
		first[i / 8] ^= (uint8_t)(1 << (i % 8));
		pipes_run(e, NULL, MONO_SEC);
		grpc_server_free(w.server);
		env_stream_close(a);
		pipes_reap(e);
	}
	ok(list_empty(&e->streams) && list_empty(&e->timers), "each bit of a conversation turned over: no crash, nothing left");
	pipes_free(e);
}

static void
test_text(void)
{
	struct buf b = { 0 };
	char t[16];
	int64_t us;

	grpc_percent_put(&b, "a%b\nc~\x7f");
	is_str(buf_cstr(&b), "a%25b%0Ac~%7F", "percent encoding");
	buf_clear(&b);
	grpc_percent_get(&b, "a%25b%0ac%zz%2");
	is_str(buf_cstr(&b), "a%b\nc%zz%2", "decoding leaves broken escapes alone");
	buf_free(&b);
	grpc_timeout_text(t, 10 * MONO_SEC);
	is_str(t, "10000000u", "a timeout as grpc-go writes it");
	grpc_timeout_text(t, 200 * MONO_SEC);
	is_str(t, "200000m", "a longer one");
	grpc_timeout_text(t, -5);
	is_str(t, "1u", "never none");
	ok(grpc_timeout_parse(&us, "5S") == 0 && us == 5 * MONO_SEC, "parsed: seconds");
	ok(grpc_timeout_parse(&us, "1500n") == 0 && us == 2, "parsed: nanoseconds, rounded up");
	ok(grpc_timeout_parse(&us, "123456789u") == -EINVAL && grpc_timeout_parse(&us, "u") == -EINVAL &&
	    grpc_timeout_parse(&us, "5") == -EINVAL && grpc_timeout_parse(&us, "5Sx") == -EINVAL, "refused: too long, empty, no unit, rest");
	is_str(grpc_code_name(GRPC_PERMISSION_DENIED), "PermissionDenied", "names as Go prints them");
}

int
main(void)
{
	static const size_t cuts[] = { 1, 2, 3, 5, 9, 17, 1000000 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		test_calls(cuts[i]);
		test_streams(cuts[i]);
	}
	test_trouble();
	test_keepalive();
	test_back_pressure();
	test_shutdown();
	test_cut_off();
	test_garbled();
	test_text();
	return tap_done();
}
