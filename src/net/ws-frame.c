/* SPDX-License-Identifier: ISC */
/*
 * ws-frame.c -- a WebSocket's frames, in and out.
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
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "env/env.h"
#include "net/ws-int.h"

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

int
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

void
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

void
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
