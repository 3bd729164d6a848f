/* SPDX-License-Identifier: ISC */
/*
 * ws.c -- a WebSocket: its life, and what its owner is told.
 *
 * ws-hello.c opens it, ws-frame.c reads and writes its frames.  What the far end
 * does wrong ends in ws_lose(), once; the owner is told after wslay has returned.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/env.h"
#include "net/ws-int.h"

#define WS_MESSAGE_MAX	(64 * 1024)
#define WS_QUEUE_MAX	(1024 * 1024)

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

void
ws_tell(struct ws *w, const struct ws_note *note)
{
	if (!w->dead)
		w->fn(w->arg, note);
}

void
ws_lose(struct ws *w, int err, const char *text)
{
	struct ws_note note = { .event = WS_LOST, .err = err, .text = text };

	if (w->ended)
		return;
	w->ended = true;
	ws_tell(w, &note);
}

/* ---- events ------------------------------------------------------------------------------ */

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
