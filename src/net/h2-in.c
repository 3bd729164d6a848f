/* SPDX-License-Identifier: ISC */
/*
 * h2-in.c -- what nghttp2 tells of the far end: header blocks, bodies, ends.
 *
 * A header block is kept with its stream until it is whole, bounded in fields and
 * bytes, and told once.  A callback may find the owner gone (`let_go`) or the
 * whole connection closed by what it has just told (`dead`).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/h2-int.h"

#define H2_HEADERS_BYTES	(32 * 1024)
#define H2_WINDOW		(1024 * 1024)
#define H2_CONN_WINDOW		(8 * 1024 * 1024)

int
h2_block_add(struct h2_block *b, const uint8_t *name, size_t nlen, const uint8_t *value, size_t vlen)
{
	if (b->n == H2_HEADERS_MAX || buf_len(&b->text) + nlen + vlen + 2 > H2_HEADERS_BYTES) {
		b->over = true;
		return 0;
	}
	b->at[b->n][0] = buf_len(&b->text);
	buf_put(&b->text, name, nlen);
	buf_put_u8(&b->text, 0);
	b->at[b->n][1] = buf_len(&b->text);
	buf_put(&b->text, value, vlen);
	buf_put_u8(&b->text, 0);
	b->n++;
	return buf_bad(&b->text) ? -ENOMEM : 0;
}

size_t
h2_block_list(const struct h2_block *b, struct h2_header *out)
{
	const char *text = (const char *)buf_bytes(&b->text);

	for (size_t i = 0; i < b->n; i++)
		out[i] = (struct h2_header){ text + b->at[i][0], text + b->at[i][1] };
	return b->n;
}

static struct h2_stream *
h2_find(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

static int
h2_on_begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;

	if (f->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (h->opt.server && f->headers.cat == NGHTTP2_HCAT_REQUEST) {
		s = h2_stream_new(h, f->hd.stream_id);
		if (s == NULL)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		nghttp2_session_set_stream_user_data(ng, s->id, s);
	} else
		s = h2_find(ng, f->hd.stream_id);
	if (s == NULL || s->let_go)
		return 0;
	if (s->block == NULL)
		s->block = calloc(1, sizeof(*s->block));
	if (s->block == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	buf_clear(&s->block->text);
	s->block->n = 0;
	s->block->over = false;
	return 0;
}

static int
h2_on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name, size_t nlen,
    const uint8_t *value, size_t vlen, uint8_t flags, void *arg)
{
	struct h2_stream *s = h2_find(ng, f->hd.stream_id);

	(void)flags;
	(void)arg;
	if (f->hd.type != NGHTTP2_HEADERS || s == NULL || s->let_go || s->block == NULL)
		return 0;
	return h2_block_add(s->block, name, nlen, value, vlen) == 0 ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static const char *
h2_value(const struct h2_header *hd, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(hd[i].name, name) == 0)
			return hd[i].value;
	return NULL;
}

/* A whole header block: request, response or trailers. */
static void
h2_told_headers(struct h2 *h, struct h2_stream *s, bool end)
{
	struct h2_header hd[H2_HEADERS_MAX];
	const char *status;
	size_t n;

	if (s->block == NULL)
		return;
	if (s->block->over) {
		log_info("h2", "a header block of more than %d bytes or %d fields was refused", H2_HEADERS_BYTES, H2_HEADERS_MAX);
		nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_ENHANCE_YOUR_CALM);
		return;
	}
	n = h2_block_list(s->block, hd);
	if (s->got_head) {
		if (h->ops->trailers != NULL)
			h->ops->trailers(s->arg, s, hd, n);
		return;
	}
	if (h->opt.server) {
		s->got_head = true;
		h->ops->request(h->arg, s, hd, n, end);
		return;
	}
	status = h2_value(hd, n, ":status");
	if (status != NULL && status[0] == '1')
		return;		/* 100, 103: the answer proper comes later */
	s->got_head = true;
	h->ops->response(s->arg, s, hd, n, end);
}

static void
h2_told_settings(struct h2 *h)
{
	if (h->ready)
		return;
	h->ready = true;
	if (h->ops->ready != NULL)
		h->ops->ready(h->arg);
}

static int
h2_on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = NULL;
	bool end = false;

	if (h->dead)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (f->hd.stream_id != 0)
		s = h2_find(ng, f->hd.stream_id);
	switch (f->hd.type) {
	case NGHTTP2_SETTINGS:
		if ((f->hd.flags & NGHTTP2_FLAG_ACK) == 0)
			h2_told_settings(h);
		break;
	case NGHTTP2_GOAWAY:
		if (h->ops->goaway != NULL)
			h->ops->goaway(h->arg, f->goaway.error_code);
		break;
	case NGHTTP2_HEADERS:
		end = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
		if (s != NULL && !s->let_go)
			h2_told_headers(h, s, end);
		break;
	case NGHTTP2_DATA:
		end = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
		break;
	default:
		break;
	}
	if (h->dead)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (end && s != NULL && !s->let_go && !s->got_end) {
		s->got_end = true;
		if (h->ops->end != NULL)
			h->ops->end(s->arg, s);
	}
	return h->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
h2_on_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = h2_find(ng, id);

	(void)flags;
	if (h->dead)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (s != NULL && !s->let_go && s->got_head)
		h->ops->data(s->arg, s, data, len);
	return h->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* A server's answer is out and its owner gone: a client that still sends is told
 * to stop, or the stream would stay half open (RFC 9113 section 8.1). */
static int
h2_on_sent(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;

	if (!h->opt.server || (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
	    (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA))
		return 0;
	s = h2_find(ng, f->hd.stream_id);
	if (s != NULL && s->let_go && !s->got_end)
		nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	return 0;
}

static int
h2_on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_stream *s = h2_find(ng, id);

	(void)arg;
	if (s == NULL)
		return 0;
	s->over = true;
	s->code = code;
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	if (s->let_go)
		h2_stream_free(s);
	else
		h2_pend(s);
	return 0;
}

static int
h2_on_error(nghttp2_session *ng, int code, const char *msg, size_t len, void *arg)
{
	(void)ng;
	(void)arg;
	log_debug("h2", "%.*s (%d)", (int)len, msg, code);
	return 0;
}

nghttp2_session *
h2_session_new(struct h2 *h)
{
	nghttp2_session_callbacks *cb;
	nghttp2_session *ng = NULL;
	nghttp2_settings_entry set[3];
	size_t n = 0;
	int32_t window = h->opt.stream_window != 0 ? (int32_t)h->opt.stream_window : H2_WINDOW;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2_on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, h2_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2_on_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, h2_on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2_on_stream_close);
	nghttp2_session_callbacks_set_error_callback2(cb, h2_on_error);
	if ((h->opt.server ? nghttp2_session_server_new(&ng, cb, h) : nghttp2_session_client_new(&ng, cb, h)) != 0)
		ng = NULL;
	nghttp2_session_callbacks_del(cb);
	if (ng == NULL)
		return NULL;
	set[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window };
	if (h->opt.server)
		set[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
			h->opt.max_streams != 0 ? h->opt.max_streams : 1000 };
	else
		set[n++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
	if (nghttp2_submit_settings(ng, NGHTTP2_FLAG_NONE, set, n) != 0 ||
	    nghttp2_session_set_local_window_size(ng, NGHTTP2_FLAG_NONE, 0, H2_CONN_WINDOW) != 0) {
		nghttp2_session_del(ng);
		return NULL;
	}
	return ng;
}
