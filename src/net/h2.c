/* SPDX-License-Identifier: ISC */
/*
 * h2.c -- an nghttp2 session on an env_stream.
 *
 * Bytes come in through h2_on_note(), go through nghttp2, and what the far end
 * did reaches the owner from there.  Bytes go out in h2_flush(), which any call
 * may run: it pulls from nghttp2 as long as the transport's queue is short, so
 * that what waits, waits in the streams, where it is counted.
 *
 * nghttp2 may end a stream while we flush for one of the owner's own calls, and
 * the owner must not be called back from there.  So the end of a stream, its
 * being writable again and the loss of the connection are put down on a list
 * (`pending`) and told in h2_deliver(): at the end of the env callback we are
 * in, or from a timer of zero length when we are in none.
 *
 * A stream's handle is the owner's until `closed` or h2_reset; nghttp2 may know
 * it longer, so its memory goes when both have let go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "env/env.h"
#include "net/h2.h"

#define H2_TRANSPORT_HIGH	(256 * 1024)	/* what may wait in the transport */
#define H2_TRANSPORT_LOW	(64 * 1024)
#define H2_HEADERS_MAX		100		/* of one block */
#define H2_HEADERS_BYTES	(32 * 1024)
#define H2_WINDOW		(1024 * 1024)
#define H2_CONN_WINDOW		(8 * 1024 * 1024)

struct h2_block {
	struct buf text;			/* name NUL value NUL ... */
	size_t at[H2_HEADERS_MAX][2];		/* offsets into text */
	size_t n;
	bool over;				/* too many, or too long */
};

struct h2_stream {
	struct h2 *h;
	struct list all, pending;
	int32_t id;
	void *arg;			/* the owner's */
	struct buf out;
	struct h2_block *block;		/* headers being received */
	bool got_head;			/* final response or request was told */
	bool got_end;
	bool end_out;			/* nothing is written after `out` */
	bool deferred;			/* nghttp2 waits for h2_flush to resume it */
	bool refused;			/* -EAGAIN was given */
	bool data_on;			/* a data provider was given to nghttp2 */
	bool writable;			/* pending: to be told */
	bool over;			/* pending: nghttp2 let go */
	bool let_go;			/* the owner did */
	uint32_t code;
	struct h2_block *trailers_out;
};

struct h2 {
	struct env *env;
	struct env_stream *tr;		/* owned */
	nghttp2_session *ng;		/* owned */
	struct h2_options opt;
	const struct h2_ops *ops;
	void *arg;
	struct list streams, pending;
	size_t nstream;			/* not let go */
	unsigned depth;			/* env callbacks of ours on the stack */
	unsigned in_ng;			/* nghttp2 calls on the stack */
	bool up;			/* the transport takes bytes */
	bool ready;
	bool dead;			/* h2_close was called */
	bool lost, lost_told;
	bool shutting;
	bool pinged;			/* and nothing was read since */
	struct mono last_read;
	int lost_err;
	char lost_why[160];
	struct env_timer *later, *keep, *grace;
};

/* ---- loss --------------------------------------------------------------------- */

static void
h2_later(struct h2 *h)
{
	if (h->depth == 0 && !h->dead && !env_timer_pending(h->later))
		env_timer_set(h->later, 0);
}

/* The connection is over; told at the end of the turn. */
static void
h2_lose(struct h2 *h, int err, const char *why)
{
	if (h->lost)
		return;
	h->lost = true;
	h->lost_err = err;
	snprintf(h->lost_why, sizeof(h->lost_why), "%s", why);
	env_timer_stop(h->keep);
	h2_later(h);
}

/* ---- streams ------------------------------------------------------------------ */

static void
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

static struct h2_stream *
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

static void
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

/* ---- what nghttp2 tells --------------------------------------------------------- */

static int
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

static size_t
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

/* Hands the transport what it may have.  Never calls the owner. */
static void
h2_flush(struct h2 *h)
{
	const uint8_t *p;
	ssize_t n;
	int err;

	if (!h->up || h->dead || h->lost || h->in_ng != 0)
		return;
	while (env_stream_queued(h->tr) < H2_TRANSPORT_HIGH) {
		h->in_ng++;
		n = nghttp2_session_mem_send(h->ng, &p);
		h->in_ng--;
		if (n == 0)
			break;
		if (n < 0) {
			h2_lose(h, -EPROTO, nghttp2_strerror((int)n));
			return;
		}
		err = env_stream_write(h->tr, p, (size_t)n);
		if (err != 0) {
			h2_lose(h, err, "the transport takes no more");
			return;
		}
	}
	if (!nghttp2_session_want_read(h->ng) && !nghttp2_session_want_write(h->ng))
		h2_lose(h, -EPROTO, h->shutting ? "shut down" : "the HTTP/2 session ended");
	else if (h->shutting && list_empty(&h->streams) && !nghttp2_session_want_write(h->ng))
		h2_lose(h, 0, "shut down");
}

/* ---- telling the owner ---------------------------------------------------------------- */

static void
h2_tell_closed(struct h2_stream *s, uint32_t code)
{
	struct h2 *h = s->h;

	/* The callback may reset this stream or close everything: hold it till after. */
	list_remove(&s->pending);
	s->let_go = true;
	h->nstream--;
	if (h->ops->closed != NULL)
		h->ops->closed(s->arg, s, code);
}

static void
h2_deliver_streams(struct h2 *h)
{
	while (!h->dead && !list_empty(&h->pending)) {
		struct h2_stream *s = LIST_OF(h->pending.next, struct h2_stream, pending);

		if (s->writable && !s->over) {
			list_remove(&s->pending);
			s->writable = false;
			if (h->ops->writable != NULL)
				h->ops->writable(s->arg, s);
			continue;
		}
		h2_tell_closed(s, s->code);
		if (!h->dead)
			h2_stream_free(s);
	}
}

static void
h2_deliver_loss(struct h2 *h)
{
	h->lost_told = true;
	while (!h->dead && h->nstream > 0) {
		struct h2_stream *s = NULL;

		LIST_EACH(l, &h->streams) {
			s = LIST_OF(l, struct h2_stream, all);
			if (!s->let_go)
				break;
			s = NULL;
		}
		if (s == NULL)
			break;
		h2_tell_closed(s, H2_CODE_GONE);
	}
	if (!h->dead && h->ops->gone != NULL)
		h->ops->gone(h->arg, h->lost_err, h->lost_why);
}

static void
h2_destroy(struct h2 *h)
{
	env_timer_free(h->later);
	env_timer_free(h->keep);
	env_timer_free(h->grace);
	/* A last GOAWAY or answer goes out where the connection was not cut. */
	if (h->lost_told && (h->lost_err == 0 || h->lost_err == -EPROTO))
		env_stream_finish(h->tr);
	else
		env_stream_close(h->tr);
	nghttp2_session_del(h->ng);
	while (!list_empty(&h->streams))
		h2_stream_free(LIST_OF(h->streams.next, struct h2_stream, all));
	free(h);
}

static void
h2_enter(struct h2 *h)
{
	h->depth++;
}

static void
h2_leave(struct h2 *h)
{
	while (!h->dead && !h->lost_told) {
		h2_deliver_streams(h);
		if (h->dead)
			break;
		h2_flush(h);
		if (h->lost) {
			h2_deliver_streams(h);
			if (!h->dead)
				h2_deliver_loss(h);
			break;
		}
		if (list_empty(&h->pending))
			break;
	}
	if (--h->depth == 0 && h->dead)
		h2_destroy(h);
}

/* ---- events ----------------------------------------------------------------------------- */

static void
h2_on_later(void *arg)
{
	struct h2 *h = arg;

	h2_enter(h);
	h2_leave(h);
}

static void
h2_arm_keepalive(struct h2 *h)
{
	if (h->opt.keepalive_us > 0 && h->up && !h->lost && !env_timer_pending(h->keep))
		env_timer_set(h->keep, h->opt.keepalive_us);
}

static void
h2_on_keep(void *arg)
{
	struct h2 *h = arg;
	int64_t idle = mono_diff(env_now(h->env), h->last_read);

	h2_enter(h);
	if (h->pinged)
		h2_lose(h, -ETIMEDOUT, "no answer to a keepalive PING");
	else if (idle < h->opt.keepalive_us)
		env_timer_set(h->keep, h->opt.keepalive_us - idle);
	else if (h->nstream > 0 || h->opt.ping_idle) {
		nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL);
		h->pinged = true;
		env_timer_set(h->keep, h->opt.keepalive_timeout_us);
	}
	h2_leave(h);
}

static void
h2_on_grace(void *arg)
{
	struct h2 *h = arg;

	h2_enter(h);
	h2_lose(h, -ETIMEDOUT, "shut down with calls under way");
	h2_leave(h);
}

static void
h2_read(struct h2 *h, const uint8_t *data, size_t len)
{
	ssize_t n;

	h->last_read = env_now(h->env);
	h->pinged = false;
	if (h->lost || h->dead)
		return;
	h->in_ng++;
	n = nghttp2_session_mem_recv(h->ng, data, len);
	h->in_ng--;
	if (n < 0 && !h->dead) {
		h2_flush(h);	/* a GOAWAY that says why may wait */
		h2_lose(h, -EPROTO, nghttp2_strerror((int)n));
	}
}

static void
h2_connected(struct h2 *h)
{
	h->up = true;
	h->last_read = env_now(h->env);
	h2_arm_keepalive(h);
}

static void
h2_on_note(void *arg, const struct env_stream_note *note)
{
	struct h2 *h = arg;

	h2_enter(h);
	switch (note->event) {
	case ENV_STREAM_CONNECTED:
		h2_connected(h);
		break;
	case ENV_STREAM_DATA:
		h2_read(h, note->data, note->len);
		break;
	case ENV_STREAM_DRAINED:
		break;		/* h2_leave flushes */
	case ENV_STREAM_EOF:
		h2_lose(h, -ECONNRESET, "the far end closed the connection");
		break;
	case ENV_STREAM_TRUNCATED:
		h2_lose(h, -ECONNRESET, "the connection was cut without a TLS goodbye");
		break;
	case ENV_STREAM_ERROR:
		h2_lose(h, note->err, note->text);
		break;
	}
	h2_leave(h);
}

/* ---- life ----------------------------------------------------------------------------------- */

static nghttp2_session *
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

struct h2 *
h2_new(struct env *env, struct env_stream *tr, const struct h2_options *opt, const struct h2_ops *ops, void *arg)
{
	struct h2 *h = calloc(1, sizeof(*h));

	if (h == NULL)
		goto fail;
	h->env = env;
	h->opt = *opt;
	h->ops = ops;
	h->arg = arg;
	list_init(&h->streams);
	list_init(&h->pending);
	h->later = env_timer_new(env, h2_on_later, h);
	h->keep = env_timer_new(env, h2_on_keep, h);
	h->grace = env_timer_new(env, h2_on_grace, h);
	h->ng = h2_session_new(h);
	if (h->later == NULL || h->keep == NULL || h->grace == NULL || h->ng == NULL) {
		env_timer_free(h->later);
		env_timer_free(h->keep);
		env_timer_free(h->grace);
		nghttp2_session_del(h->ng);
		goto fail;
	}
	h->tr = tr;
	env_stream_set_fn(tr, h2_on_note, h);
	env_stream_set_low(tr, H2_TRANSPORT_LOW);
	if (opt->server) {
		h2_connected(h);
		h2_later(h);	/* our SETTINGS */
	}
	return h;
fail:
	free(h);
	env_stream_close(tr);
	return NULL;
}

void
h2_input(struct h2 *h, const uint8_t *data, size_t len)
{
	h2_enter(h);
	if (len > 0)
		h2_read(h, data, len);
	h2_leave(h);
}

void
h2_close(struct h2 *h)
{
	if (h == NULL || h->dead)
		return;
	h->dead = true;
	if (h->depth == 0)
		h2_destroy(h);
}

void
h2_shutdown(struct h2 *h, int64_t us)
{
	if (h->shutting || h->lost)
		return;
	h->shutting = true;
	nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->ng), NGHTTP2_NO_ERROR, NULL, 0);
	env_timer_set(h->grace, us);
	h2_later(h);
}

struct env_stream *
h2_transport(const struct h2 *h)
{
	return h->tr;
}

size_t
h2_streams(const struct h2 *h)
{
	return h->nstream;
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
