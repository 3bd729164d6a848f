/* SPDX-License-Identifier: ISC */
/* slow-reader.c -- see slow-reader.h. */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/slow-reader.h"

static void
on_ready(void *arg)
{
	((struct reader *)arg)->ready = true;
}

static void
take_status(struct reader *r, const struct h2_header *hd, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(hd[i].name, "grpc-status") == 0)
			r->code = atoi(hd[i].value);
		if (strcmp(hd[i].name, "grpc-message") == 0)
			snprintf(r->text, sizeof(r->text), "%s", hd[i].value);
	}
}

static void
on_response(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n, bool end)
{
	struct reader *r = arg;

	(void)st;
	(void)end;
	r->headers = true;
	take_status(r, hd, n);
}

static void
on_trailers(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n)
{
	(void)st;
	take_status(arg, hd, n);
}

/* A byte of flags and four of length before each message. */
static void
on_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n)
{
	struct reader *r = arg;

	(void)st;
	buf_put(&r->in, p, n);
	for (;;) {
		const uint8_t *b = buf_bytes(&r->in);
		size_t len;

		if (buf_len(&r->in) < 5)
			return;
		len = (size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4];
		if (buf_len(&r->in) < 5 + len)
			return;
		r->messages++;
		if (r->message != NULL)
			r->message(r, b + 5, len);
		buf_consume(&r->in, 5 + len);
	}
}

static void
on_end(void *arg, struct h2_stream *st)
{
	(void)st;
	((struct reader *)arg)->over = true;
}

static void
on_closed(void *arg, struct h2_stream *st, uint32_t code)
{
	struct reader *r = arg;

	(void)code;
	if (r->st == st)
		r->st = NULL;
	r->over = true;
}

static void
on_gone(void *arg, int err, const char *why)
{
	(void)err;
	(void)why;
	((struct reader *)arg)->lost = true;
}

static bool
is_ready(void *arg)
{
	return ((struct reader *)arg)->ready;
}

void
reader_open(struct world *w, struct reader *r, const char *path, const char *name, const char *value)
{
	static const struct h2_ops ops = { .ready = on_ready, .response = on_response, .data = on_data,
		.trailers = on_trailers, .end = on_end, .closed = on_closed, .gone = on_gone };
	struct env_dial d = { .host = "203.0.113.10", .port = 80 };
	struct h2_options opt = { .stream_window = 65535 };
	struct h2_header hd[] = { { ":method", "POST" }, { ":scheme", "http" }, { ":authority", "203.0.113.10" },
		{ ":path", path }, { "content-type", "application/grpc" }, { "te", "trailers" }, { name, value } };

	memset(r, 0, sizeof(*r));
	r->code = -1;
	r->h = h2_new(w->probe, env_stream_dial(w->probe, &d, NULL, NULL), &opt, &ops, r);
	sim_until(w->sim, is_ready, r, 5 * MONO_SEC);
	r->st = h2_request(r->h, hd, name != NULL ? 7 : 6, false, r);
	sim_run(w->sim, 60 * MONO_MS);
}

void
reader_send(struct reader *r, const void *p, size_t n)
{
	uint8_t head[5] = { 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	h2_write2(r->st, head, sizeof(head), p, n);
}

void
reader_pause(struct reader *r, bool on)
{
	env_stream_pause(h2_transport(r->h), on);
}

void
reader_cancel(struct reader *r)
{
	if (r->st != NULL)
		h2_reset(r->st, 8);	/* CANCEL */
	r->st = NULL;
}

void
reader_close(struct reader *r)
{
	h2_close(r->h);
	buf_free(&r->in);
}
