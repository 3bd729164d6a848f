/* SPDX-License-Identifier: ISC */
/*
 * net_grpc.c -- gRPC client and server of src/net talking to each other
 * (grpc-world.h), with the bytes cut into pieces of every size that matters:
 * unary and streaming, statuses and texts, deadlines, cancels, doubt, lost
 * connections, keepalive, limits, back-pressure.
 */
#include "grpc-world.h"
#include "tests/tap.h"

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
	ok(world_end(&w), "nothing is left open");
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
	ok(world_end(&w), "nothing is left open");
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
	ok(world_end(&w), "nothing is left open");

	/* closing from inside the note, with calls under way */
	world_make(&w, 1000000);
	unary(&w, "/t.T/Hold", "x", 1, 0);
	w.close_in_note = true;
	grpc_server_free(w.server);
	w.server = grpc_server_new(w.env);
	pipes_run(w.env, NULL, MONO_SEC);
	ok(w.gone == 1 && w.ch == NULL, "the owner closes the channel from inside its last note");
	ok(world_end(&w), "nothing is left open");

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
	t0 = w.env->clock.now;
	w.done = false;
	pipes_run(w.env, &w.done, 300 * MONO_SEC);
	ok(w.dones == 1 && w.code == GRPC_UNAVAILABLE && w.env->clock.now - t0 <= 40 * MONO_SEC,
	    "a black hole is noticed within 40 s (%d s)", (int)((w.env->clock.now - t0) / MONO_SEC));
	w.env->hole = false;
	ok(world_end(&w), "nothing is left open");
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
	ok(world_end(&w), "nothing is left open");
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
	ok(world_end(&w), "nothing is left open");
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
	return tap_done();
}
