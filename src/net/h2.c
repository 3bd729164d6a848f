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
 * h2-in.c hears what nghttp2 tells of the far end, h2-stream.c keeps the streams.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "env/env.h"
#include "net/h2-int.h"

#define H2_TRANSPORT_HIGH	(256 * 1024)	/* what may wait in the transport */
#define H2_TRANSPORT_LOW	(64 * 1024)

/* ---- loss --------------------------------------------------------------------- */

void
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

/* Hands the transport what it may have.  Never calls the owner. */
void
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

void
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
