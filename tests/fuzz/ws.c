/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what a WebSocket client sends after its handshake, in pieces of
 * the size that the first byte says; the server side must survive and free all.
 * fuzz-needs: src/net/h2*.c src/net/grpc-*.c src/net/http1.c src/net/ws*.c tests/unit/net_pipes*.c tests/unit/fake-clock.c
 */
#include <stdlib.h>
#include <string.h>
#include "net/http1.h"
#include "net/ws.h"
#include "tests/unit/net_pipes.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct end {
	struct ws *ws;
	unsigned sum;
};

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct end *e = arg;

	if (n->event == WS_MESSAGE) {
		for (size_t i = 0; i < n->len; i++)
			e->sum += n->data[i];
		ws_send(e->ws, "back", 4, n->data, n->len);
	}
	if (n->event == WS_CLOSED || n->event == WS_LOST) {
		ws_free(e->ws);
		e->ws = NULL;
	}
}

static void
on_client(void *arg, const struct env_stream_note *n)
{
}

static void
on_accept(void *arg, struct env_stream *s)
{
	static const char head[] = "GET /relay HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	static const struct ws_options options = { .message_max = 4096, .queue_max = 4096 };
	struct end *e = arg;
	struct http1_head h;

	memset(&h, 0, sizeof(h));
	if (http1_parse_request(&h, (const uint8_t *)head, sizeof(head) - 1) <= 0)
		abort();
	e->ws = ws_accept(s->env, s, &h, NULL, 0, &options, on_ws, e);
	if (e->ws == NULL)
		abort();
	http1_head_free(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct env_listen l = { .addr = { .port = 80 } };
	struct env_dial d = { .host = "x", .port = 80 };
	struct end end = { 0 };
	struct env_listener *li;
	struct env_stream *c;
	struct env *env;
	int err;

	if (size < 1)
		return 0;
	env = pipes_new(1 + data[0] % 16);
	li = env_listen(env, &l, on_accept, &end, &err);
	c = env_stream_dial(env, &d, on_client, NULL);
	pipes_run(env, NULL, MONO_MS);
	if (end.ws == NULL)
		abort();
	env_stream_write(c, data + 1, size - 1);
	pipes_run(env, NULL, MONO_MS);
	ws_free(end.ws);
	env_stream_close(c);
	env_listener_close(li);
	pipes_free(env);
	return 0;
}
