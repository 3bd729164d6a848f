/* SPDX-License-Identifier: ISC */
/*
 * net_grpc_bytes.c -- what gRPC's bytes may be: a conversation cut off anywhere or
 * with any bit turned over (grpc-world.h), and the texts in its headers.
 */
#include "grpc-world.h"
#include "net/grpc-text.h"
#include "tests/tap.h"

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
	ok(world_end(&w), "nothing is left open");
	for (n = 0; n < total; n++) {
		world_make(&w, 1);
		grpc_unary(w.ch, &r, "hello", 5, on_answer, &w);
		for (unsigned long i = 0; i < n; i++)
			pipes_step(w.env, w.env->clock.now);
		grpc_server_free(w.server);
		w.server = grpc_server_new(w.env);
		pipes_run(w.env, NULL, MONO_SEC);
		wrong += w.dones != 1;
		wrong += !world_end(&w);
	}
	ok(wrong == 0, "a connection cut after each of %lu deliveries ends the call once and leaves nothing", total);
}

/* Each bit of a client's conversation turned over: the server must not crash. */
static void
test_garbled(void)
{
	/* preface, SETTINGS, HEADERS with a broken block, DATA */
	static const char talk[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" "\0\0\0\4\0\0\0\0\0"
	    "\0\0\5\1\4\0\0\0\1\203\206\204\101\0" "\0\0\3\0\1\0\0\0\1abc";
	struct env *e = pipes_new(1000000);
	struct grpc_server *server;
	uint8_t first[sizeof(talk) - 1];

	memcpy(first, talk, sizeof(first));
	for (size_t i = 0; i < sizeof(first) * 8; i++) {
		struct env_stream *a, *b;
		struct env_dial d = { .port = 1 };

		a = env_stream_dial(e, &d, NULL, NULL);
		b = pipes_stream(e);
		a->refused = false;
		a->peer = b;
		b->peer = a;
		a->connected = b->connected = a->told_connected = b->told_connected = true;
		server = grpc_server_new(e);
		first[i / 8] ^= (uint8_t)(1 << (i % 8));
		grpc_server_attach(server, b, first, sizeof(first));
		first[i / 8] ^= (uint8_t)(1 << (i % 8));
		pipes_run(e, NULL, MONO_SEC);
		grpc_server_free(server);
		env_stream_close(a);
		pipes_reap(e);
	}
	ok(pipes_free(e), "each bit of a conversation turned over: no crash, nothing left");
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
	test_cut_off();
	test_garbled();
	test_text();
	return tap_done();
}
