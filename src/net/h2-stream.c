/* SPDX-License-Identifier: ISC */
/*
 * h2-stream.c -- one HTTP/2 stream: its life, its bytes out, its owner's calls.
 *
 * A stream's handle is the owner's until `closed` or h2_reset; nghttp2 may know
 * it longer, so its memory goes when both have let go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/h2-int.h"

/* ---- life ------------------------------------------------------------------ */

void
h2_stream_free(struct h2_stream *s)
{
	list_remove(&s->all);
	list_remove(&s->pending);
	buf_free(&s->out);
	if (s->block != NULL)
		buf_free(&s->block->text);
	if (s->trailers_out != NULL)
		buf_free(&s->trailers_out->text);
	free(s->block);
	free(s->trailers_out);
	free(s);
}

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->h = h;
	s->id = id;
	list_append(&h->streams, &s->all);
	list_init(&s->pending);
	h->nstream++;
	return s;
}

void
h2_pend(struct h2_stream *s)
{
	if (list_empty(&s->pending))
		list_append(&s->h->pending, &s->pending);
	h2_later(s->h);
}

/* The owner's hold on the stream ends. */
static void
h2_let_go(struct h2_stream *s)
{
	s->let_go = true;
	s->h->nstream--;
	list_remove(&s->pending);
	if (s->over)
		h2_stream_free(s);
}

/* ---- bytes out -------------------------------------------------------------------- */

static size_t
h2_nv(const struct h2_header *hd, size_t n, nghttp2_nv *nv)
{
	for (size_t i = 0; i < n; i++)
		nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)hd[i].name, (uint8_t *)(uintptr_t)hd[i].value,
			strlen(hd[i].name), strlen(hd[i].value), NGHTTP2_NV_FLAG_NONE };
	return n;
}

static void
h2_submit_trailers(struct h2_stream *s)
{
	struct h2_header hd[H2_HEADERS_MAX];
	nghttp2_nv nv[H2_HEADERS_MAX];
	size_t n = h2_block_list(s->trailers_out, hd);

	nghttp2_submit_trailer(s->h->ng, s->id, nv, h2_nv(hd, n, nv));
}

static ssize_t
h2_read_out(nghttp2_session *ng, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
    nghttp2_data_source *src, void *arg)
{
	struct h2_stream *s = src->ptr;
	size_t n = buf_len(&s->out);

	(void)ng;
	(void)id;
	(void)arg;
	if (n > len)
		n = len;
	if (n > 0) {
		memcpy(out, buf_bytes(&s->out), n);
		buf_consume(&s->out, n);
	}
	if (s->refused && !s->let_go && buf_len(&s->out) <= H2_LOW_WATER) {
		s->refused = false;
		s->writable = true;
		h2_pend(s);
	}
	if (buf_len(&s->out) == 0 && s->end_out) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->trailers_out != NULL) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			h2_submit_trailers(s);
		}
		return (ssize_t)n;
	}
	if (n == 0) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)n;
}

/* ---- the owner's calls on streams ----------------------------------------------------------------- */

static nghttp2_data_provider
h2_provider(struct h2_stream *s)
{
	s->data_on = true;
	return (nghttp2_data_provider){ .source.ptr = s, .read_callback = h2_read_out };
}

struct h2_stream *
h2_request(struct h2 *h, const struct h2_header *hd, size_t n, bool end, void *arg)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	nghttp2_data_provider prd;
	struct h2_stream *s;
	int32_t id;

	if (h->lost || h->dead || n > H2_HEADERS_MAX)
		return NULL;
	s = h2_stream_new(h, 0);
	if (s == NULL)
		return NULL;
	s->arg = arg;
	s->end_out = end;
	if (!end)
		prd = h2_provider(s);
	id = nghttp2_submit_request(h->ng, NULL, nv, h2_nv(hd, n, nv), end ? NULL : &prd, s);
	if (id < 0) {
		h->nstream--;
		h2_stream_free(s);
		return NULL;
	}
	s->id = id;
	if (!h->pinged)
		h2_arm_keepalive(h);
	h2_flush(h);
	return s;
}

int
h2_respond(struct h2_stream *s, const struct h2_header *hd, size_t n, bool end)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	nghttp2_data_provider prd;
	int err;

	if (s->over || s->h->lost || s->data_on || n > H2_HEADERS_MAX)
		return -EPIPE;
	s->end_out = end;
	if (!end)
		prd = h2_provider(s);
	err = nghttp2_submit_response(s->h->ng, s->id, nv, h2_nv(hd, n, nv), end ? NULL : &prd);
	if (err != 0)
		return err == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE;
	h2_flush(s->h);
	return 0;
}

static void
h2_resume(struct h2_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		nghttp2_session_resume_data(s->h->ng, s->id);
	}
	h2_flush(s->h);
}

int
h2_write(struct h2_stream *s, const void *data, size_t len)
{
	return h2_write2(s, NULL, 0, data, len);
}

int
h2_write2(struct h2_stream *s, const void *head, size_t nhead, const void *data, size_t len)
{
	if (s->over || s->h->lost || s->end_out || !s->data_on)
		return -EPIPE;
	if (buf_len(&s->out) >= H2_HIGH_WATER) {
		s->refused = true;
		return -EAGAIN;
	}
	if (buf_reserve(&s->out, nhead + len) != 0)
		return -ENOMEM;
	if (nhead > 0)
		buf_put(&s->out, head, nhead);
	if (len > 0)
		buf_put(&s->out, data, len);
	h2_resume(s);
	return 0;
}

int
h2_end(struct h2_stream *s)
{
	if (s->over || s->h->lost)
		return -EPIPE;
	if (s->end_out)
		return 0;
	s->end_out = true;
	h2_resume(s);
	return 0;
}

int
h2_end_trailers(struct h2_stream *s, const struct h2_header *hd, size_t n)
{
	if (s->over || s->h->lost || s->end_out || n > H2_HEADERS_MAX)
		return -EPIPE;
	s->trailers_out = calloc(1, sizeof(*s->trailers_out));
	if (s->trailers_out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (h2_block_add(s->trailers_out, (const uint8_t *)hd[i].name, strlen(hd[i].name),
		    (const uint8_t *)hd[i].value, strlen(hd[i].value)) != 0)
			return -ENOMEM;
	return h2_end(s);
}

void
h2_reset(struct h2_stream *s, uint32_t code)
{
	struct h2 *h = s->h;

	if (s->let_go)
		return;
	if (!s->over && !h->lost)
		nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, s->id, code);
	buf_clear(&s->out);
	h2_let_go(s);
	h2_flush(h);
}

void
h2_release(struct h2_stream *s)
{
	struct h2 *h = s->h;

	if (s->let_go)
		return;
	h2_let_go(s);
	h2_flush(h);
}

size_t
h2_queued(const struct h2_stream *s)
{
	return buf_len(&s->out);
}

void
h2_stream_set_arg(struct h2_stream *s, void *arg)
{
	s->arg = arg;
}

void *
h2_stream_arg(const struct h2_stream *s)
{
	return s->arg;
}

struct h2 *
h2_of(const struct h2_stream *s)
{
	return s->h;
}
