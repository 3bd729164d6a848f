/* SPDX-License-Identifier: ISC */
/*
 * net_ws.c -- HTTP/1.1 heads, the front of a shared port and WebSockets, over
 * pipes (net_pipes.h) with the bytes cut everywhere.
 */
#include "net_pipes.h"
#include "net/http1.h"
#include "net/ws.h"
#include "tests/tap.h"

#define PORT	80

struct side {
	struct world *w;
	struct ws *ws;
	int opens, messages, drained, closed, lost;
	unsigned code;
	size_t len;
	uint8_t last[200000];
	char text[200];
	bool free_in_note;
};

struct world {
	struct env *env;
	struct env_listener *listener;
	struct http1_front *front;
	struct side c, s;
	bool done;
	int requests, h2s;
	char target[100];
	struct ws_options opt;
};

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct side *d = arg;

	d->w->done = true;
	switch (n->event) {
	case WS_OPEN:
		d->opens++;
		break;
	case WS_MESSAGE:
		d->messages++;
		d->len = n->len;
		if (n->len > 0)
			memcpy(d->last, n->data, n->len < sizeof(d->last) ? n->len : sizeof(d->last));
		break;
	case WS_DRAINED:
		d->drained++;
		break;
	case WS_CLOSED:
		d->closed++;
		d->code = n->code;
		break;
	case WS_PONG:
		break;
	case WS_LOST:
		d->lost++;
		snprintf(d->text, sizeof(d->text), "%s", n->text);
		break;
	}
	if (d->free_in_note) {
		ws_free(d->ws);
		d->ws = NULL;
	}
}

static void
front_h2(void *arg, struct env_stream *st, const uint8_t *p, size_t n)
{
	struct world *w = arg;

	(void)p;
	(void)n;
	w->h2s++;
	env_stream_close(st);
}

static void
front_request(void *arg, struct env_stream *st, const struct http1_head *h, const uint8_t *p, size_t n)
{
	struct world *w = arg;

	w->requests++;
	snprintf(w->target, sizeof(w->target), "%s", h->target);
	if (http1_path_is(h, "/relay"))
		w->s.ws = ws_accept(w->env, st, h, p, n, &w->opt, on_ws, &w->s);
	else
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
world_make(struct world *w, size_t cut)
{
	struct env_listen l = { .addr.port = PORT };
	int err;

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(cut);
	w->front = http1_front_new(w->env, &front_ops, w);
	w->listener = env_listen(w->env, &l, on_accept, w, &err);
	w->c.w = w->s.w = w;
}

static void
world_end(struct world *w)
{
	ws_free(w->c.ws);
	ws_free(w->s.ws);
	http1_front_free(w->front);
	env_listener_close(w->listener);
	ok(pipes_free(w->env), "nothing is left open");
}

static void
run(struct world *w)
{
	pipes_run(w->env, NULL, MONO_SEC);
}

static void
dial(struct world *w, const char *target)
{
	struct ws_dial d = { .host = "relay.example", .port = PORT, .target = target, .options = w->opt };

	w->c.ws = ws_dial(w->env, &d, on_ws, &w->c);
	run(w);
}

static void
test_messages(size_t cut)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 1350, 65535, 65536, 100000 };
	struct world w;
	uint8_t *body = malloc(100000);
	bool good = true;

	for (size_t i = 0; i < 100000; i++)
		body[i] = (uint8_t)(i * 7 + (i >> 8));
	world_make(&w, cut);
	w.opt.message_max = 150000;
	dial(&w, "/relay");
	ok(w.c.opens == 1 && w.s.ws != NULL, "cut %zu: the handshake", cut);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t head = sizes[i] < 38 ? sizes[i] : 38;

		ws_send(w.c.ws, body, head, body + head, sizes[i] - head);
		ws_send(w.s.ws, body, sizes[i], NULL, 0);
		run(&w);
		good = good && w.c.len == sizes[i] && w.s.len == sizes[i] && memcmp(w.c.last, body, sizes[i]) == 0 &&
		    memcmp(w.s.last, body, sizes[i]) == 0;
	}
	ok(good && w.c.messages == 9 && w.s.messages == 9, "cut %zu: messages of every length class, both ways, in two parts", cut);
	ws_finish(w.c.ws, 1000);
	w.c.ws = NULL;
	run(&w);
	ok(w.s.closed == 1 && w.s.code == 1000 && w.s.lost == 0, "cut %zu: a close with its code", cut);
	is_int(ws_send(w.s.ws, "x", 1, NULL, 0), -EPIPE, "cut %zu: and nothing is sent afterwards", cut);
	world_end(&w);
	free(body);
}

/* What a raw client says, given to a server. */
static char *
raw(struct world *w, const void *text, size_t len)
{
	struct env_dial d = { .port = PORT };
	struct env_stream *a = env_stream_dial(w->env, &d, NULL, NULL);
	static char answer[1000];
	size_t n;

	a->paused = true;
	env_stream_write(a, text, len);
	pipes_run(w->env, NULL, MONO_SEC);
	n = buf_len(&a->in) < sizeof(answer) - 1 ? buf_len(&a->in) : sizeof(answer) - 1;
	if (n > 0)
		memcpy(answer, buf_bytes(&a->in), n);
	answer[n] = '\0';
	env_stream_close(a);
	pipes_reap(w->env);
	return answer;
}

static char *
raw_text(struct world *w, const char *text)
{
	return raw(w, text, strlen(text));
}

#define UPGRADE	"GET /relay HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void
raw_frames(struct world *w, const char *name, const void *frames, size_t len, const char *want)
{
	uint8_t text[2000];
	size_t n = strlen(UPGRADE);

	memcpy(text, UPGRADE, n);
	memcpy(text + n, frames, len);
	memset(&w->s, 0, sizeof(w->s));
	w->s.w = w;
	raw(w, text, n + len);
	if (want == NULL)
		ok(w->s.lost == 1 || w->s.closed == 1, "%s ends the connection", name);
	else
		ok(w->s.messages >= 1 && w->s.len == strlen(want) && memcmp(w->s.last, want, w->s.len) == 0, "%s", name);
	ws_free(w->s.ws);
	w->s.ws = NULL;
}

static void
test_server(void)
{
	struct world w;
	char *a;

	world_make(&w, 1000000);
	a = raw(&w, UPGRADE, strlen(UPGRADE));
	ok(strstr(a, "101 Switching") != NULL && strstr(a, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != NULL, "RFC 6455's own example is answered");
	ws_free(w.s.ws);
	w.s.ws = NULL;
	raw_frames(&w, "a masked frame right behind the request", "\x82\x83\1\2\3\4\x60\x60\x60", 9, "abc");
	raw_frames(&w, "fragments are put together", "\x02\x81\0\0\0\0a\x80\x81\0\0\0\0b", 14, "ab");
	raw_frames(&w, "an unmasked frame", "\x82\x03" "abc", 5, NULL);
	raw_frames(&w, "a reserved bit", "\xc2\x83\1\2\3\4abc", 9, NULL);
	raw_frames(&w, "an unknown opcode", "\x83\x83\1\2\3\4abc", 9, NULL);
	raw_frames(&w, "a text message", "\x81\x83\0\0\0\0abc", 9, NULL);
	raw_frames(&w, "a fragmented ping", "\x09\x80\0\0\0\0", 6, NULL);
	raw_frames(&w, "a message longer than the limit", "\x82\xff\0\0\0\0\0\2\0\0\0\0\0\0x", 15, NULL);
	a = raw(&w, UPGRADE "\x89\x82\0\0\0\0hi", strlen(UPGRADE) + 8);
	ok(strlen(a) > 4 && strcmp(a + strlen(a) - 4, "\x8a\x02hi") == 0, "a ping is answered");
	ws_free(w.s.ws);
	w.s.ws = NULL;
	a = raw_text(&w, "GET /relay HTTP/1.1\r\nHost: h\r\n\r\n");
	ok(strstr(a, "426 ") != NULL, "no upgrade: 426");
	a = raw_text(&w, "GET /relay HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n");
	ok(strstr(a, "400 ") != NULL, "a key that is none: 400");
	a = raw_text(&w, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
	ok(strstr(a, "404 ") != NULL && strstr(a, "404 page not found") != NULL, "another path: its handler's 404");
	a = raw_text(&w, "GET /a b HTTP/1.1\r\n\r\n");
	ok(strstr(a, "400 ") != NULL, "a garbled head: 400");
	raw(&w, "\x16\x03\x01", 3);
	raw(&w, "PRI * HTTP/2.0\r\n", 16);
	is_int(w.h2s, 1, "HTTP/2 is told apart");
	world_end(&w);
}

static void
test_late(void)
{
	struct world w;
	struct env_dial d = { .port = PORT };
	struct env_stream *a;

	world_make(&w, 1000000);
	a = env_stream_dial(w.env, &d, NULL, NULL);
	a->paused = true;
	env_stream_write(a, "GET / HT", 8);
	pipes_run(w.env, NULL, 4 * MONO_SEC);
	ok(!a->eof, "half a head is waited for");
	pipes_run(w.env, NULL, 2 * MONO_SEC);
	ok(a->eof && buf_len(&a->in) > 0 && memcmp(buf_bytes(&a->in), "HTTP/1.1 408", 12) == 0, "and after 5 s it is not: 408");
	env_stream_close(a);
	world_end(&w);
}

static void
test_client(void)
{
	struct world w;

	world_make(&w, 1000000);
	dial(&w, "/nothing");
	ok(w.c.lost == 1 && strstr(w.c.text, "404") != NULL, "no such path: lost, and why (%s)", w.c.text);
	ws_free(w.c.ws);
	w.opt.queue_max = 10000;
	dial(&w, "/relay");
	w.env->hole = true;
	{
		static uint8_t block[1000];
		int n = 0, err;

		while ((err = ws_send(w.c.ws, block, sizeof(block), NULL, 0)) == 0 && n < 100)
			n++;
		ok(err == -EAGAIN && n == 10, "the queue is bounded: %d of 1000 bytes", n);
		ok(ws_queued(w.c.ws) >= 10000, "and seen");
		w.env->hole = false;
		run(&w);
		ok(w.c.drained == 1 && w.s.messages == n, "drained, nothing lost");
	}
	w.c.free_in_note = true;
	ws_send(w.s.ws, "a", 1, NULL, 0);
	ws_send(w.s.ws, "b", 1, NULL, 0);
	run(&w);
	ok(w.c.messages == 1 && w.c.ws == NULL, "freed from inside a message");
	ok(w.s.lost == 1, "the other end sees it go");
	world_end(&w);
}

static void
test_heads(void)
{
	static const char good[] = "GET /a?b HTTP/1.1\r\nHost:  x \r\nConnection: keep-alive , Upgrade\r\nX: 1\r\nX: 2\r\n\r\nrest";
	static const char *const bad[] = {
		"GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", " / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"GET / HTTP/1.1\r\n: v\r\n\r\n", "GET / HTTP/1.1\r\nA : v\r\n\r\n", "GET / HTTP/1.1\r\n folded: v\r\n\r\n",
		"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "\r\n\r\n",
	};
	struct http1_head h;
	int n;
	bool cut = true;

	n = http1_parse_request(&h, (const uint8_t *)good, strlen(good));
	ok(n == (int)strlen(good) - 4 && strcmp(h.method, "GET") == 0 && http1_path_is(&h, "/a") && !http1_path_is(&h, "/"), "a request");
	is_str(http1_header(&h, "host"), "x", "a value is trimmed");
	is_str(http1_header(&h, "x"), "1", "the first of two");
	ok(http1_has_token(&h, "connection", "upgrade") && !http1_has_token(&h, "connection", "up"), "tokens of a list");
	http1_head_free(&h);
	for (size_t i = 0; i < (size_t)n; i++)
		cut = cut && http1_parse_request(&h, (const uint8_t *)good, i) == 0;
	ok(cut, "cut at every byte: more is needed");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(http1_parse_request(&h, (const uint8_t *)bad[i], strlen(bad[i])), -EBADMSG, "refused: bad head %zu", i);
	n = http1_parse_response(&h, (const uint8_t *)"HTTP/1.1 101 Switching Protocols\r\nA:b\r\n\r\n", 41);
	ok(n == 41 && h.status == 101, "a response");
	http1_head_free(&h);
	is_int(http1_tell((const uint8_t *)"PRI", 3), HTTP1_KIND_MORE, "three bytes do not tell");
	is_int(http1_tell((const uint8_t *)"PRI ", 4), HTTP1_KIND_H2, "four do");
	is_int(http1_tell((const uint8_t *)"PROPFIND /", 10), HTTP1_KIND_HTTP1, "a method that begins alike");
	is_int(http1_tell((const uint8_t *)"\x16\x03", 2), HTTP1_KIND_OTHER, "TLS is neither");
}

int
main(void)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 1000000 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		test_messages(cuts[i]);
	test_server();
	test_late();
	test_client();
	test_heads();
	return tap_done();
}
