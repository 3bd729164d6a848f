/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what a client sends to the gRPC server, behind the HTTP/2 preface
 * and an empty SETTINGS; the first byte says in which pieces.
 * fuzz-needs: src/net/h2*.c src/net/grpc-*.c src/net/http1.c src/net/ws*.c tests/unit/net_pipes*.c tests/unit/fake-clock.c
 */
#include <stdlib.h>
#include <string.h>
#include "net/grpc.h"
#include "tests/unit/net_pipes.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
on_client(void *arg, const struct env_stream_note *n)
{
}

static void
unary(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	if (len % 3 == 0)
		grpc_answer(call, data, len);
	else
		grpc_finish(call, GRPC_INTERNAL, "no");
}

static void
opened(void *arg, struct grpc_call *call)
{
	grpc_send_headers(call, NULL, 0);
	grpc_send(call, "hello", 5);
}

static void
on_accept(void *arg, struct env_stream *s)
{
	grpc_server_attach(arg, s, NULL, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	struct env_listen l = { .addr = { .port = 80 } };
	struct env_dial d = { .host = "x", .port = 80 };
	struct grpc_method methods[] = {
		{ .path = "/a.B/Unary", .unary = unary, .max_message = 1000 },
		{ .path = "/a.B/Stream", .open = opened },
	};
	struct grpc_server *server;
	struct env_listener *li;
	struct env_stream *c;
	struct env *env;
	int err;

	if (size < 1)
		return 0;
	env = pipes_new(1 + data[0] % 32);
	server = grpc_server_new(env);
	grpc_server_add(server, &methods[0]);
	grpc_server_add(server, &methods[1]);
	li = env_listen(env, &l, on_accept, server, &err);
	c = env_stream_dial(env, &d, on_client, NULL);
	pipes_run(env, NULL, MONO_MS);
	env_stream_write(c, preface, sizeof(preface));
	env_stream_write(c, data + 1, size - 1);
	pipes_run(env, NULL, MONO_MS);
	grpc_server_free(server);
	env_stream_close(c);
	env_listener_close(li);
	pipes_free(env);
	return 0;
}
