/* SPDX-License-Identifier: ISC */
/*
 * grpc-channel.c -- the client's half of gRPC: one connection, its calls, and
 * the word that the connection is in doubt.
 *
 * How a call ends is decided in one place, grpc_client_done(): with the far
 * end's own status (`remote`), or with one made here, and then the connection
 * is in doubt as well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <nghttp2/nghttp2.h>

#include "env/env.h"
#include "net/grpc-call.h"
#include "net/grpc-text.h"

/* A little more than the beat of our own server, so that a PING is the exception; 40 s in all. */
#define GRPC_KEEPALIVE		(33 * MONO_SEC)
#define GRPC_KEEPALIVE_TIMEOUT	(7 * MONO_SEC)

struct grpc_channel {
	struct env *env;
	struct h2 *h;			/* owned; NULL when gone */
	struct list calls;
	uint32_t gen;
	grpc_channel_fn fn;
	void *arg;
	char *authority, *agent;	/* owned */
	bool tls;
	size_t max_message;
	bool ready, doubt, gone;
	bool dead;			/* closed by its owner while we call him */
	unsigned depth;
};

static void
grpc_channel_free(struct grpc_channel *ch)
{
	h2_close(ch->h);
	free(ch->authority);
	free(ch->agent);
	free(ch);
}

static void
grpc_channel_leave(struct grpc_channel *ch)
{
	if (--ch->depth == 0 && ch->dead)
		grpc_channel_free(ch);
}

static void
grpc_channel_tell(struct grpc_channel *ch, enum grpc_channel_event ev, int err, const char *text)
{
	struct grpc_channel_note note = { .event = ev, .gen = ch->gen, .err = err, .text = text };

	if (ch->dead)
		return;
	ch->depth++;
	ch->fn(ch->arg, &note);
	grpc_channel_leave(ch);
}

/* ---- how a call ends -------------------------------------------------------- */

static void
grpc_client_done(struct grpc_call *c, int code, const char *message, bool remote)
{
	struct grpc_channel *ch = c->channel;
	struct grpc_status status = { .code = code, .message = message, .remote = remote };
	bool first = !remote && !ch->doubt;
	char why[200];

	if (c->over)
		return;
	if (first)
		snprintf(why, sizeof(why), "a call ended with %s: %s", grpc_code_name(code), message);
	ch->doubt = ch->doubt || !remote;
	if (c->st != NULL) {
		if (c->ended_out && remote)
			h2_release(c->st);
		else
			h2_reset(c->st, remote ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
		c->st = NULL;
	}
	grpc_call_enter(c);
	grpc_call_drop(c);
	ch->depth++;
	if (c->unary_fn != NULL) {
		bool good = code == GRPC_OK;

		c->unary_fn(c->unary_arg, &status, good ? buf_bytes(&c->unary) : NULL, good ? buf_len(&c->unary) : 0);
	} else if (c->ops->done != NULL)
		c->ops->done(c->arg, c, &status);
	grpc_call_leave(c);
	if (first)
		grpc_channel_tell(ch, GRPC_CHANNEL_DOUBT, 0, why);
	grpc_channel_leave(ch);
}

/* The far end sends no more: what does its status say? */
static void
grpc_client_end(struct grpc_call *c)
{
	if (!c->has_status)
		grpc_client_done(c, GRPC_INTERNAL, "server closed the stream without sending trailers", false);
	else if (c->code == GRPC_OK && wire_grpcframe_partial(&c->in))
		grpc_client_done(c, GRPC_INTERNAL, "the answer ends inside a message", false);
	else if (c->code == GRPC_OK && c->is_unary && c->nmessage != 1)
		grpc_client_done(c, GRPC_INTERNAL, "the answer is not one message", true);
	else
		grpc_client_done(c, c->code, buf_cstr(&c->message), true);
}

static void
grpc_client_keep_status(struct grpc_call *c)
{
	const char *code = grpc_metadata(c, "grpc-status");
	const char *message = grpc_metadata(c, "grpc-message");
	char *end;
	long n;

	if (code == NULL || c->has_status)
		return;
	n = strtol(code, &end, 10);
	c->has_status = true;
	c->code = *code != '\0' && *end == '\0' && n >= 0 && n < 1000 ? (int)n : GRPC_UNKNOWN;
	if (message != NULL)
		grpc_percent_get(&c->message, message);
}

/* ---- what h2 tells --------------------------------------------------------------- */

static void
grpc_client_response(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n, bool end)
{
	struct grpc_call *c = arg;
	const char *type;
	char text[100];
	int status = 0;

	(void)st;
	for (size_t i = 0; i < n; i++)
		if (strcmp(hd[i].name, ":status") == 0)
			status = atoi(hd[i].value);
	if (grpc_call_keep_md(c, hd, n) != 0) {
		grpc_client_done(c, GRPC_RESOURCE_EXHAUSTED, "out of memory", false);
		return;
	}
	type = grpc_metadata(c, "content-type");
	if (status != 200 && grpc_metadata(c, "grpc-status") == NULL) {
		snprintf(text, sizeof(text), "unexpected HTTP status code received from server: %d", status);
		grpc_client_done(c, grpc_code_of_http(status), text, false);
		return;
	}
	if (type == NULL || strncasecmp(type, "application/grpc", 16) != 0) {
		snprintf(text, sizeof(text), "unexpected content-type %.40s", type != NULL ? type : "(none)");
		grpc_client_done(c, GRPC_UNKNOWN, text, false);
		return;
	}
	if (end)
		grpc_client_keep_status(c);	/* trailers-only; h2's `end` follows */
	else if (!c->is_unary && c->ops->headers != NULL) {
		grpc_call_enter(c);
		c->ops->headers(c->arg, c);
		grpc_call_leave(c);
	}
}

static void
grpc_client_data(void *arg, struct h2_stream *st, const uint8_t *data, size_t len)
{
	struct grpc_call *c = arg;
	const char *why;
	int code;

	(void)st;
	grpc_call_enter(c);
	code = grpc_call_take(c, data, len, &why);
	if (code != 0)
		grpc_client_done(c, code, why, false);
	grpc_call_leave(c);
}

static void
grpc_client_trailers(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n)
{
	struct grpc_call *c = arg;

	(void)st;
	if (grpc_call_keep_md(c, hd, n) == 0)
		grpc_client_keep_status(c);
}

static void
grpc_client_h2_end(void *arg, struct h2_stream *st)
{
	(void)st;
	grpc_client_end(arg);
}

static void
grpc_client_writable(void *arg, struct h2_stream *st)
{
	struct grpc_call *c = arg;

	(void)st;
	if (c->ops == NULL || c->ops->writable == NULL)
		return;
	grpc_call_enter(c);
	c->ops->writable(c->arg, c);
	grpc_call_leave(c);
}

static void
grpc_client_closed(void *arg, struct h2_stream *st, uint32_t code)
{
	struct grpc_call *c = arg;
	char text[100];

	(void)st;
	c->st = NULL;		/* the handle dies with this callback */
	if (code == H2_CODE_GONE) {
		c->channel->doubt = true;	/* GONE says it in a moment */
		snprintf(text, sizeof(text), "the connection was lost");
	} else
		snprintf(text, sizeof(text), "stream terminated by RST_STREAM with error code: %s", nghttp2_http2_strerror(code));
	grpc_client_done(c, grpc_code_of_rst(code), text, false);
}

static void
grpc_client_deadline(void *arg)
{
	grpc_client_done(arg, GRPC_DEADLINE_EXCEEDED, "deadline exceeded", false);
}

static void
grpc_channel_on_ready(void *arg)
{
	struct grpc_channel *ch = arg;

	ch->ready = true;
	grpc_channel_tell(ch, GRPC_CHANNEL_READY, 0, "ready");
}

static void
grpc_channel_on_goaway(void *arg, uint32_t code)
{
	struct grpc_channel *ch = arg;
	char why[80];

	if (ch->doubt)
		return;
	ch->doubt = true;
	snprintf(why, sizeof(why), "GOAWAY from the server: %s", nghttp2_http2_strerror(code));
	grpc_channel_tell(ch, GRPC_CHANNEL_GOAWAY, 0, why);
}

static void
grpc_channel_on_gone(void *arg, int err, const char *why)
{
	struct grpc_channel *ch = arg;

	ch->gone = ch->doubt = true;
	grpc_channel_tell(ch, GRPC_CHANNEL_GONE, err, why);
}

static const struct h2_ops grpc_client_h2 = {
	.ready = grpc_channel_on_ready,
	.response = grpc_client_response,
	.data = grpc_client_data,
	.trailers = grpc_client_trailers,
	.end = grpc_client_h2_end,
	.writable = grpc_client_writable,
	.closed = grpc_client_closed,
	.goaway = grpc_channel_on_goaway,
	.gone = grpc_channel_on_gone,
};

/* ---- the owner's calls ---------------------------------------------------------------- */

static char *
grpc_authority(const struct grpc_target *t)
{
	struct buf b = { 0 };

	if (t->path != NULL)
		buf_put_str(&b, "localhost");
	else if (strchr(t->host, ':') != NULL)
		buf_printf(&b, "[%s]:%u", t->host, t->port);
	else
		buf_printf(&b, "%s:%u", t->host, t->port);
	return buf_steal_str(&b);
}

static void
grpc_no_note(void *arg, const struct env_stream_note *note)
{
	(void)arg;
	(void)note;
}

static struct h2 *
grpc_dial_h2(struct env *env, const struct grpc_target *t, struct grpc_channel *ch)
{
	struct env_tls_client tls = { .server_name = t->host, .alpn = "h2", .ca_file = t->ca_file, .insecure = t->insecure };
	struct env_dial d = { .host = t->path == NULL ? t->host : NULL, .port = t->port, .path = t->path,
		.tls = t->tls ? &tls : NULL };
	struct h2_options opt = {
		.keepalive_us = t->keepalive_us < 0 ? 0 : t->keepalive_us > 0 ? t->keepalive_us : GRPC_KEEPALIVE,
		.keepalive_timeout_us = t->keepalive_timeout_us > 0 ? t->keepalive_timeout_us : GRPC_KEEPALIVE_TIMEOUT,
		.ping_idle = t->ping_idle,
	};
	struct env_stream *st = env_stream_dial(env, &d, grpc_no_note, NULL);

	return st != NULL ? h2_new(env, st, &opt, &grpc_client_h2, ch) : NULL;
}

struct grpc_channel *
grpc_dial(struct env *env, const struct grpc_target *t, uint32_t gen, grpc_channel_fn fn, void *arg)
{
	struct grpc_channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->env = env;
	ch->gen = gen;
	ch->fn = fn;
	ch->arg = arg;
	ch->tls = t->tls;
	ch->max_message = t->max_message != 0 ? t->max_message : GRPC_MAX_MESSAGE_CLIENT;
	list_init(&ch->calls);
	ch->authority = grpc_authority(t);
	ch->agent = strdup(t->user_agent != NULL ? t->user_agent : "godwit");
	if (ch->authority != NULL && ch->agent != NULL)
		ch->h = grpc_dial_h2(env, t, ch);
	if (ch->h == NULL) {
		grpc_channel_free(ch);
		return NULL;
	}
	return ch;
}

void
grpc_channel_close(struct grpc_channel *ch)
{
	if (ch == NULL || ch->dead)
		return;
	ch->dead = true;
	while (!list_empty(&ch->calls)) {
		struct grpc_call *c = LIST_OF(ch->calls.next, struct grpc_call, all);

		c->st = NULL;		/* dies with the connection */
		grpc_call_drop(c);
	}
	h2_close(ch->h);
	ch->h = NULL;
	if (ch->depth == 0)
		grpc_channel_free(ch);
}

bool
grpc_channel_usable(const struct grpc_channel *ch)
{
	return ch->ready && !ch->doubt && !ch->gone && !ch->dead;
}

struct addr
grpc_channel_remote(const struct grpc_channel *ch)
{
	return ch->h != NULL ? env_stream_remote(h2_transport(ch->h)) : (struct addr){ 0 };
}

size_t
grpc_channel_calls(const struct grpc_channel *ch)
{
	return list_count(&ch->calls);
}

static struct h2_stream *
grpc_start_h2(struct grpc_channel *ch, const struct grpc_request *req, struct grpc_call *c)
{
	struct h2_header hd[16 + GRPC_MD_MAX];
	char timeout[16];
	size_t n = 0;

	if (req->nmd > GRPC_MD_MAX)
		return NULL;
	hd[n++] = (struct h2_header){ ":method", "POST" };
	hd[n++] = (struct h2_header){ ":scheme", ch->tls ? "https" : "http" };
	hd[n++] = (struct h2_header){ ":path", req->path };
	hd[n++] = (struct h2_header){ ":authority", ch->authority };
	hd[n++] = (struct h2_header){ "content-type", "application/grpc" };
	hd[n++] = (struct h2_header){ "user-agent", ch->agent };
	hd[n++] = (struct h2_header){ "te", "trailers" };
	if (req->timeout_us > 0) {
		grpc_timeout_text(timeout, req->timeout_us);
		hd[n++] = (struct h2_header){ "grpc-timeout", timeout };
	}
	for (size_t i = 0; i < req->nmd; i++)
		hd[n++] = (struct h2_header){ req->md[i].key, req->md[i].value };
	return h2_request(ch->h, hd, n, false, c);
}

struct grpc_call *
grpc_start(struct grpc_channel *ch, const struct grpc_request *req, const struct grpc_ops *ops, void *arg)
{
	struct grpc_call *c;

	if (!grpc_channel_usable(ch))
		return NULL;
	c = grpc_call_new(ch->env, ch->max_message);
	if (c == NULL)
		return NULL;
	c->channel = ch;
	c->ops = ops;
	c->arg = arg;
	list_append(&ch->calls, &c->all);
	if (req->timeout_us <= 0 || grpc_call_set_deadline(c, req->timeout_us, grpc_client_deadline) == 0)
		c->st = grpc_start_h2(ch, req, c);
	if (c->st == NULL) {
		grpc_call_drop(c);
		return NULL;
	}
	return c;
}

int
grpc_half_close(struct grpc_call *c)
{
	if (c->over || c->st == NULL)
		return -EPIPE;
	c->ended_out = true;
	return h2_end(c->st);
}

void
grpc_cancel(struct grpc_call *c)
{
	if (c == NULL || c->over)
		return;
	if (c->st != NULL)
		h2_reset(c->st, NGHTTP2_CANCEL);
	c->st = NULL;
	grpc_call_drop(c);
}

struct grpc_call *
grpc_unary(struct grpc_channel *ch, const struct grpc_request *req, const void *body, size_t len, grpc_unary_fn fn, void *arg)
{
	static const struct grpc_ops none;
	struct grpc_call *c = grpc_start(ch, req, &none, NULL);

	if (c == NULL)
		return NULL;
	c->is_unary = true;
	c->unary_fn = fn;
	c->unary_arg = arg;
	if (grpc_send(c, body, len) != 0 || grpc_half_close(c) != 0) {
		grpc_cancel(c);
		return NULL;
	}
	return c;
}
