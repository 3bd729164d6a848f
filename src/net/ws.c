/* SPDX-License-Identifier: ISC */
/*
 * ws.c -- a WebSocket: opening handshake, frames, close.
 *
 * wslay reads frames and makes the control frames (pong, close).  What a relay
 * moves by the hundred thousand goes beside it, because wslay copies each three
 * times and unmasks byte by byte: a data frame that is whole in one read, not
 * part of a fragmented message and in every way ordinary is taken in ws_quick();
 * anything else, and everything that is wrong, is wslay's.  ws_take() keeps count
 * of frame boundaries, so that each frame goes one way.
 *
 * Data frames are written here as well: a header of at most 14 bytes and a mask,
 * straight into the transport.  Both writers meet in env_stream_write, a whole
 * frame at a time, so they cannot interleave wrongly.
 *
 * What the far end does wrong ends in ws_end(), once; the owner is told after
 * wslay has returned.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "env/env.h"
#include "net/http1.h"
#include "net/ws.h"

#define WS_MESSAGE_MAX	(64 * 1024)
#define WS_QUEUE_MAX	(1024 * 1024)
#define WS_MASKS	512
#define WS_HEADER_MAX	14
#define WS_KEY_LEN	24		/* base64 of 16 bytes */
#define WS_ACCEPT_LEN	28		/* base64 of a SHA-1 */

struct ws {
	struct env *env;
	struct env_stream *st;		/* owned */
	wslay_event_context_ptr ctx;	/* owned */
	struct ws_options opt;
	ws_fn fn;
	void *arg;
	bool server, open;
	bool ended;			/* WS_CLOSED or WS_LOST was told or is about to be */
	bool refused;			/* -EAGAIN was given */
	bool dead;
	unsigned depth;
	char *request;			/* client, owned: sent when connected */
	char key[WS_KEY_LEN + 1];
	struct buf head;		/* client: the answer while it is not whole; server: bytes behind the request */
	struct buf out;			/* one frame being put together */
	const uint8_t *in;		/* what wslay reads from, borrowed for the time of ws_feed() */
	size_t in_len;
	uint8_t header[WS_HEADER_MAX];	/* of the next frame, as far as it came */
	size_t nheader;
	uint64_t frame_left;		/* bytes of the present frame that are still wslay's */
	bool fragments;			/* a message in several frames is under way */
	struct buf plain;		/* server: a quick frame, unmasked */
	ws_batch_fn batch;
	void *batch_arg;
	uint8_t masks[WS_MASKS];
	size_t mask_at;
	struct env_timer *later;	/* server: for bytes behind the request */
};

/* ---- telling the owner ------------------------------------------------------------- */

static void
ws_destroy(struct ws *w)
{
	env_timer_free(w->later);
	env_stream_close(w->st);
	if (w->ctx != NULL)
		wslay_event_context_free(w->ctx);
	buf_free(&w->head);
	buf_free(&w->out);
	buf_free(&w->plain);
	free(w->request);
	free(w);
}

static void
ws_enter(struct ws *w)
{
	w->depth++;
}

static void
ws_leave(struct ws *w)
{
	if (--w->depth == 0 && w->dead)
		ws_destroy(w);
}

static void
ws_tell(struct ws *w, const struct ws_note *note)
{
	if (!w->dead)
		w->fn(w->arg, note);
}

static void
ws_lose(struct ws *w, int err, const char *text)
{
	struct ws_note note = { .event = WS_LOST, .err = err, .text = text };

	if (w->ended)
		return;
	w->ended = true;
	ws_tell(w, &note);
}

/* ---- wslay's callbacks ---------------------------------------------------------------- */

static ssize_t
ws_on_recv(wslay_event_context_ptr ctx, uint8_t *out, size_t len, int flags, void *arg)
{
	struct ws *w = arg;
	size_t n = w->in_len < len ? w->in_len : len;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(out, w->in, n);
	w->in += n;
	w->in_len -= n;
	return (ssize_t)n;
}

static ssize_t
ws_on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *arg)
{
	struct ws *w = arg;

	(void)flags;
	if (env_stream_write(w->st, data, len) != 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

static int
ws_on_mask(wslay_event_context_ptr ctx, uint8_t *out, size_t len, void *arg)
{
	struct ws *w = arg;

	(void)ctx;
	env_random(w->env, out, len);
	return 0;
}

static void
ws_on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws *w = arg;
	struct ws_note note = { .event = WS_MESSAGE, .data = m->msg, .len = m->msg_length };

	if (w->dead || w->ended)
		return;
	if (m->opcode == WSLAY_BINARY_FRAME)
		ws_tell(w, &note);
	else if (m->opcode == WSLAY_PONG)
		ws_tell(w, &(struct ws_note){ .event = WS_PONG });
	else if (m->opcode == WSLAY_TEXT_FRAME)
		wslay_event_queue_close(ctx, WSLAY_CODE_UNSUPPORTED_DATA, NULL, 0);
}

static int
ws_start_frames(struct ws *w)
{
	static const struct wslay_event_callbacks cb = {
		.recv_callback = ws_on_recv,
		.send_callback = ws_on_send,
		.genmask_callback = ws_on_mask,
		.on_msg_recv_callback = ws_on_message,
	};
	int err = w->server ? wslay_event_context_server_init(&w->ctx, &cb, w) : wslay_event_context_client_init(&w->ctx, &cb, w);

	if (err != 0)
		return -ENOMEM;
	wslay_event_config_set_max_recv_msg_length(w->ctx, w->opt.message_max);
	w->open = true;
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void
ws_flush_control(struct ws *w)
{
	while (!w->dead && wslay_event_want_write(w->ctx))
		if (wslay_event_send(w->ctx) != 0)
			break;
}

/* Reading has stopped: the far end said close, or broke the rules. */
static void
ws_stopped(struct ws *w)
{
	struct ws_note note = { .event = WS_CLOSED };
	char text[80];

	if (wslay_event_get_close_received(w->ctx)) {
		note.code = wslay_event_get_status_code_received(w->ctx);
		if (!w->ended) {
			w->ended = true;
			ws_tell(w, &note);
		}
		return;
	}
	snprintf(text, sizeof(text), "broken WebSocket rules, closed with code %d", wslay_event_get_status_code_sent(w->ctx));
	ws_lose(w, -EPROTO, text);
}

static void
ws_feed(struct ws *w, const uint8_t *data, size_t len)
{
	int err;

	w->in = data;
	w->in_len = len;
	err = wslay_event_recv(w->ctx);
	w->in_len = 0;
	if (w->dead)
		return;
	ws_flush_control(w);
	if (err != 0)
		ws_lose(w, -EPROTO, "frames that cannot be read");
	else if (!wslay_event_get_read_enabled(w->ctx))
		ws_stopped(w);
	else if (wslay_event_get_close_sent(w->ctx))
		ws_lose(w, -EPROTO, "a text message");
}

/* Length of the frame header that begins here; *payload is valid when all of it is there. */
static size_t
ws_header_len(const uint8_t *p, size_t len, uint64_t *payload)
{
	size_t n = 2;

	if (len < 2)
		return 2;
	*payload = p[1] & 0x7f;
	if (*payload == 126)
		n = 4;
	else if (*payload == 127)
		n = 10;
	if (len >= n && n > 2) {
		*payload = 0;
		for (size_t i = 2; i < n; i++)
			*payload = *payload << 8 | p[i];
	}
	return n + ((p[1] & 0x80) != 0 ? 4 : 0);
}

static void
ws_xor_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t mask[4])
{
	uint8_t twice[8];
	uint64_t m, v;
	size_t i = 0;

	memcpy(twice, mask, 4);
	memcpy(twice + 4, mask, 4);
	memcpy(&m, twice, 8);
	for (; i + 8 <= len; i += 8) {
		memcpy(&v, from + i, 8);
		v ^= m;
		memcpy(to + i, &v, 8);
	}
	for (; i < len; i++)
		to[i] = from[i] ^ mask[i & 3];
}

/* Takes an ordinary data frame that is whole here; its length, or 0 when it is not for us. */
static size_t
ws_quick(struct ws *w, const uint8_t *p, size_t len)
{
	uint64_t n = 0;
	size_t h = ws_header_len(p, len, &n);
	struct ws_note note = { .event = WS_MESSAGE };

	if (w->fragments || len < h || n > len - h || n > w->opt.message_max)
		return 0;
	if (p[0] != (0x80 | WSLAY_BINARY_FRAME) || ((p[1] & 0x80) != 0) != w->server)
		return 0;
	if ((p[1] & 0x7f) == 127 ? n <= UINT16_MAX : (p[1] & 0x7f) == 126 && n < 126)
		return 0;	/* not the shortest form */
	note.len = (size_t)n;
	note.data = p + h;
	if (w->server) {
		buf_clear(&w->plain);
		if (buf_reserve(&w->plain, n + 1) != 0)
			return 0;
		ws_xor_copy(buf_grow(&w->plain, n), p + h, n, p + h - 4);
		note.data = buf_bytes(&w->plain);
	}
	ws_tell(w, &note);
	return h + (size_t)n;
}

/* At a frame boundary: collects a header and gives it to wslay.  Bytes used. */
static size_t
ws_begin_frame(struct ws *w, const uint8_t *p, size_t len)
{
	size_t used = 0;
	uint64_t n = 0;

	while (used < len && (w->nheader < 2 || w->nheader < ws_header_len(w->header, w->nheader, &n)))
		w->header[w->nheader++] = p[used++];
	if (w->nheader < 2 || w->nheader < ws_header_len(w->header, w->nheader, &n))
		return used;
	if ((w->header[0] & 0x08) == 0)		/* a data frame, not a control frame between fragments */
		w->fragments = (w->header[0] & 0x80) == 0;
	w->frame_left = n;
	n = w->nheader;
	w->nheader = 0;
	ws_feed(w, w->header, (size_t)n);
	return used;
}

static void
ws_take(struct ws *w, const uint8_t *data, size_t len)
{
	size_t n;

	while (len > 0 && !w->dead && !w->ended) {
		if (w->frame_left > 0) {
			n = w->frame_left < len ? (size_t)w->frame_left : len;
			w->frame_left -= n;
			ws_feed(w, data, n);
		} else {
			n = w->nheader == 0 ? ws_quick(w, data, len) : 0;
			if (n == 0)
				n = ws_begin_frame(w, data, len);
		}
		data += n;
		len -= n;
	}
	if (!w->dead && w->batch != NULL)
		w->batch(w->batch_arg);
}

/* What the far end must answer to `key` (RFC 6455 section 4.2.2). */
static void
ws_accept_text(char out[WS_ACCEPT_LEN + 1], const char *key)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b = { 0 };

	buf_put_str(&b, key);
	buf_put_str(&b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	EVP_Digest(buf_bytes(&b), buf_len(&b), hash, &n, EVP_sha1(), NULL);
	buf_free(&b);
	sodium_bin2base64(out, WS_ACCEPT_LEN + 1, hash, 20, sodium_base64_VARIANT_ORIGINAL);
}

/* The server's answer: 0 when it is an upgrade of ours, else why not. */
static const char *
ws_check_answer(struct ws *w, const struct http1_head *h)
{
	const char *accept = http1_header(h, "sec-websocket-accept");
	char want[WS_ACCEPT_LEN + 1];

	ws_accept_text(want, w->key);
	if (h->status != 101)
		return "the server answered without upgrading";
	if (!http1_has_token(h, "upgrade", "websocket") || !http1_has_token(h, "connection", "upgrade"))
		return "the server upgraded to something else";
	if (accept == NULL || strcmp(accept, want) != 0)
		return "the server's accept key is wrong";
	if (http1_header(h, "sec-websocket-extensions") != NULL || http1_header(h, "sec-websocket-protocol") != NULL)
		return "the server chose an extension that was not offered";
	return NULL;
}

static void
ws_take_answer(struct ws *w, const uint8_t *data, size_t len)
{
	struct http1_head h;
	const char *why;
	char text[120];
	size_t rest;
	int n;

	buf_put(&w->head, data, len);
	n = http1_parse_response(&h, buf_bytes(&w->head), buf_len(&w->head));
	if (n == 0 && !buf_bad(&w->head))
		return;
	if (n <= 0) {
		ws_lose(w, -EPROTO, "the server's answer is not HTTP/1.1");
		return;
	}
	why = ws_check_answer(w, &h);
	if (why != NULL)
		snprintf(text, sizeof(text), "%s (status %d)", why, h.status);
	http1_head_free(&h);
	if (why != NULL || ws_start_frames(w) != 0) {
		ws_lose(w, -EPROTO, why != NULL ? text : "out of memory");
		return;
	}
	ws_tell(w, &(struct ws_note){ .event = WS_OPEN });
	rest = buf_len(&w->head) - (size_t)n;
	if (!w->dead && rest > 0)
		ws_take(w, buf_bytes(&w->head) + n, rest);
	if (!w->dead)
		buf_free(&w->head);
}

static void
ws_on_note(void *arg, const struct env_stream_note *note)
{
	struct ws *w = arg;

	if (w->ended)
		return;
	ws_enter(w);
	switch (note->event) {
	case ENV_STREAM_CONNECTED:
		if (w->request != NULL && env_stream_write(w->st, w->request, strlen(w->request)) != 0)
			ws_lose(w, -EPIPE, "the transport takes nothing");
		break;
	case ENV_STREAM_DATA:
		if (w->open)
			ws_take(w, note->data, note->len);
		else
			ws_take_answer(w, note->data, note->len);
		break;
	case ENV_STREAM_DRAINED:
		if (w->refused) {
			w->refused = false;
			ws_tell(w, &(struct ws_note){ .event = WS_DRAINED });
		}
		break;
	case ENV_STREAM_EOF:
		ws_lose(w, -ECONNRESET, "the far end closed the connection");
		break;
	case ENV_STREAM_TRUNCATED:
		ws_lose(w, -ECONNRESET, "the connection was cut without a TLS goodbye");
		break;
	case ENV_STREAM_ERROR:
		ws_lose(w, note->err, note->text);
		break;
	}
	ws_leave(w);
}

static void
ws_on_later(void *arg)
{
	struct ws *w = arg;

	ws_enter(w);
	env_stream_pause(w->st, false);
	if (!w->ended)
		ws_take(w, buf_bytes(&w->head), buf_len(&w->head));
	if (!w->dead)
		buf_free(&w->head);
	ws_leave(w);
}

/* ---- life ------------------------------------------------------------------------------------- */

static struct ws *
ws_new(struct env *env, const struct ws_options *opt, ws_fn fn, void *arg)
{
	struct ws *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->env = env;
	if (opt != NULL)
		w->opt = *opt;
	if (w->opt.message_max == 0)
		w->opt.message_max = WS_MESSAGE_MAX;
	if (w->opt.queue_max == 0)
		w->opt.queue_max = WS_QUEUE_MAX;
	w->fn = fn;
	w->arg = arg;
	w->mask_at = WS_MASKS;
	return w;
}

static void
ws_own(struct ws *w, struct env_stream *st)
{
	w->st = st;
	env_stream_set_fn(st, ws_on_note, w);
	env_stream_set_low(st, w->opt.queue_max / 4);
}

static char *
ws_request_text(struct ws *w, const struct ws_dial *d, const char *name)
{
	struct buf b = { 0 };
	uint8_t nonce[16];
	bool v6 = strchr(name, ':') != NULL;

	env_random(w->env, nonce, sizeof(nonce));
	sodium_bin2base64(w->key, sizeof(w->key), nonce, sizeof(nonce), sodium_base64_VARIANT_ORIGINAL);
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s%s%s", d->target, v6 ? "[" : "", name, v6 ? "]" : "");
	if (d->port != (d->tls ? 443 : 80))
		buf_printf(&b, ":%u", d->port);
	buf_printf(&b, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", w->key);
	return buf_steal_str(&b);
}

static void
ws_no_note(void *arg, const struct env_stream_note *note)
{
	(void)arg;
	(void)note;
}

struct ws *
ws_dial(struct env *env, const struct ws_dial *d, ws_fn fn, void *arg)
{
	const char *name = d->name != NULL ? d->name : d->host;
	struct env_tls_client tls = { .server_name = name, .ca_file = d->ca_file, .insecure = d->insecure };
	struct env_dial dial = { .host = d->host, .port = d->port, .tls = d->tls ? &tls : NULL };
	struct ws *w = ws_new(env, &d->options, fn, arg);
	struct env_stream *st;

	if (w == NULL)
		return NULL;
	w->request = ws_request_text(w, d, name);
	st = w->request != NULL ? env_stream_dial(env, &dial, ws_no_note, NULL) : NULL;
	if (st == NULL) {
		ws_destroy(w);
		return NULL;
	}
	ws_own(w, st);
	return w;
}

/* Answers a request that is no upgrade of ours; true when it was one. */
static bool
ws_welcome(struct env_stream *st, const struct http1_head *h)
{
	const char *key = http1_header(h, "sec-websocket-key");
	const char *version = http1_header(h, "sec-websocket-version");

	if (!http1_has_token(h, "upgrade", "websocket")) {
		http1_answer(st, 426, "Upgrade Required", NULL, "WebSocket wanted\n");
		return false;
	}
	if (strcmp(h->method, "GET") != 0 || h->minor < 1 || !http1_has_token(h, "connection", "upgrade") ||
	    key == NULL || strlen(key) != WS_KEY_LEN || version == NULL || strcmp(version, "13") != 0) {
		http1_answer(st, 400, "Bad Request", NULL, "not a WebSocket handshake (version 13)\n");
		return false;
	}
	return true;
}

struct ws *
ws_accept(struct env *env, struct env_stream *st, const struct http1_head *h, const uint8_t *rest, size_t len,
    const struct ws_options *opt, ws_fn fn, void *arg)
{
	char accept[WS_ACCEPT_LEN + 1], answer[200];
	struct ws *w;
	int n;

	if (!ws_welcome(st, h))
		return NULL;
	w = ws_new(env, opt, fn, arg);
	if (w == NULL) {
		env_stream_close(st);
		return NULL;
	}
	w->server = true;
	ws_own(w, st);
	ws_accept_text(accept, http1_header(h, "sec-websocket-key"));
	n = snprintf(answer, sizeof(answer), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
	if (env_stream_write(st, answer, (size_t)n) != 0 || ws_start_frames(w) != 0)
		goto fail;
	if (len > 0) {
		buf_put(&w->head, rest, len);
		w->later = env_timer_new(env, ws_on_later, w);
		if (w->later == NULL || buf_bad(&w->head))
			goto fail;
		env_stream_pause(st, true);
		env_timer_set(w->later, 0);
	}
	return w;
fail:
	ws_destroy(w);
	return NULL;
}

void
ws_set_fn(struct ws *w, ws_fn fn, void *arg)
{
	w->fn = fn;
	w->arg = arg;
}

void
ws_on_batch(struct ws *w, ws_batch_fn fn, void *arg)
{
	w->batch = fn;
	w->batch_arg = arg;
}

void
ws_free(struct ws *w)
{
	if (w == NULL || w->dead)
		return;
	w->dead = true;
	if (w->depth == 0)
		ws_destroy(w);
}

void
ws_finish(struct ws *w, unsigned code)
{
	if (w->dead)
		return;
	if (w->open && !w->ended && wslay_event_queue_close(w->ctx, (uint16_t)code, NULL, 0) == 0)
		ws_flush_control(w);
	if (w->open) {
		env_stream_finish(w->st);
		w->st = NULL;
	}
	ws_free(w);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static const uint8_t *
ws_mask(struct ws *w)
{
	if (w->mask_at + 4 > WS_MASKS) {
		env_random(w->env, w->masks, WS_MASKS);
		w->mask_at = 0;
	}
	w->mask_at += 4;
	return w->masks + w->mask_at - 4;
}

static size_t
ws_frame_header(uint8_t out[WS_HEADER_MAX], bool masked, size_t len)
{
	uint8_t m = masked ? 0x80 : 0;

	out[0] = 0x80 | WSLAY_BINARY_FRAME;
	if (len < 126) {
		out[1] = (uint8_t)(m | len);
		return 2;
	}
	if (len <= UINT16_MAX) {
		out[1] = m | 126;
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
		return 4;
	}
	out[1] = m | 127;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	return 10;
}

int
ws_send(struct ws *w, const void *head, size_t nhead, const void *body, size_t nbody)
{
	uint8_t header[WS_HEADER_MAX];
	const uint8_t *mask = NULL;
	size_t n, at;

	if (!w->open || w->ended || w->dead)
		return -EPIPE;
	if (env_stream_queued(w->st) >= w->opt.queue_max) {
		w->refused = true;
		return -EAGAIN;
	}
	buf_clear(&w->out);
	n = ws_frame_header(header, !w->server, nhead + nbody);
	buf_put(&w->out, header, n);
	if (!w->server) {
		mask = ws_mask(w);
		buf_put(&w->out, mask, 4);
	}
	at = buf_len(&w->out);
	if (nhead > 0)
		buf_put(&w->out, head, nhead);
	if (nbody > 0)
		buf_put(&w->out, body, nbody);
	if (buf_bad(&w->out)) {
		buf_free(&w->out);
		return -ENOMEM;
	}
	if (mask != NULL)
		ws_xor_copy(buf_bytes(&w->out) + at, buf_bytes(&w->out) + at, nhead + nbody, mask);
	return env_stream_write(w->st, buf_bytes(&w->out), buf_len(&w->out));
}

int
ws_ping(struct ws *w)
{
	struct wslay_event_msg m = { .opcode = WSLAY_PING };

	if (!w->open || w->ended || w->dead || wslay_event_queue_msg(w->ctx, &m) != 0)
		return -EPIPE;
	ws_flush_control(w);
	return 0;
}

size_t
ws_queued(const struct ws *w)
{
	return w->st != NULL ? env_stream_queued(w->st) : 0;
}

struct addr
ws_remote(const struct ws *w)
{
	return env_stream_remote(w->st);
}

struct env_stream *
ws_transport(const struct ws *w)
{
	return w->st;
}
