/* SPDX-License-Identifier: ISC */
/*
 * send.c -- messages to peers, in order for each, one call at a time for each.
 *
 * A call that was refused is tried again up to four times, as NetBird does; one
 * whose connection went waits for the next connection.  It may then arrive
 * twice, which receivers must bear anyway.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "env/env.h"
#include "signal/send.h"
#include "signal/stream.h"

#define TRIES_MAX	4
#define CALL_LIMIT	(10 * MONO_SEC)
#define LIFE_MAX	(30 * MONO_SEC)	/* an offer older than that says nothing any more */

struct out {
	struct list l;
	struct signal_stream *stream;
	uint8_t to[WIRE_KEY_LEN];
	enum wire_signal_type type;
	struct mono since;
	unsigned tries;
	struct grpc_call *call;		/* under way */
	struct buf body;		/* sealed envelope */
};

static void
out_free(struct signal_stream *s, struct out *o)
{
	grpc_cancel(o->call);
	list_remove(&o->l);
	s->queued--;
	buf_free(&o->body);
	free(o);
}

static void
on_sent(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct out *o = arg;
	struct signal_stream *s = o->stream;

	o->call = NULL;
	if (st->code == GRPC_OK) {
		out_free(s, o);
	} else if (++o->tries >= TRIES_MAX) {
		log_warnx("signal", "%s could not be sent: %s: %s", wire_signal_type_name(o->type),
		    grpc_code_name(st->code), st->message);
		out_free(s, o);
	}
	signal_send_more(s);
}

/* An earlier message to the same peer that is still here goes first. */
static bool
is_first(const struct signal_stream *s, const struct out *o)
{
	LIST_EACH(l, &s->queue) {
		const struct out *e = LIST_OF(l, struct out, l);

		if (e == o)
			return true;
		if (wire_key_equal(e->to, o->to))
			return false;
	}
	return true;
}

void
signal_send_more(struct signal_stream *s)
{
	struct grpc_request req = { .path = "/signalexchange.SignalExchange/Send", .timeout_us = CALL_LIMIT };
	struct mono now = env_now(s->env);

	if (!signal_stream_is_up(s) && !mono_is_set(s->born))
		return;
	LIST_EACH(l, &s->queue) {
		struct out *o = LIST_OF(l, struct out, l);

		if (o->call != NULL || !is_first(s, o))
			continue;
		if (mono_diff(now, o->since) > LIFE_MAX) {
			out_free(s, o);
			continue;
		}
		o->call = grpc_unary(s->channel, &req, buf_bytes(&o->body), buf_len(&o->body), on_sent, o);
		if (o->call == NULL)
			return;		/* in doubt: the machine hears of it and dials anew */
	}
}

void
signal_send_halt(struct signal_stream *s)
{
	LIST_EACH(l, &s->queue)
		LIST_OF(l, struct out, l)->call = NULL;	/* silently gone with the channel */
}

void
signal_send_clear(struct signal_stream *s)
{
	LIST_EACH(l, &s->queue)
		out_free(s, LIST_OF(l, struct out, l));
}

/* A newer OFFER or ANSWER makes what still waits for that peer worthless. */
static void
supersede(struct signal_stream *s, const uint8_t *to, enum wire_signal_type type)
{
	if (type != WIRE_SIGNAL_OFFER && type != WIRE_SIGNAL_GO_IDLE)
		return;
	LIST_EACH(l, &s->queue) {
		struct out *o = LIST_OF(l, struct out, l);

		if (o->call == NULL && wire_key_equal(o->to, to))
			out_free(s, o);
	}
}

static void
push_out_oldest(struct signal_stream *s)
{
	LIST_EACH(l, &s->queue) {
		struct out *o = LIST_OF(l, struct out, l);

		if (o->call == NULL) {
			s->dropped++;
			out_free(s, o);
			return;
		}
	}
}

int
signal_stream_send(struct signal_stream *s, const uint8_t to[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	uint8_t nonce[WIRE_BOX_NONCE];
	struct out *o = calloc(1, sizeof(*o));
	int rc;

	if (o == NULL)
		return -ENOMEM;
	env_random(s->env, nonce, sizeof(nonce));
	rc = wire_signal_seal(&o->body, msg, nonce, to, s->conf->public_key, s->conf->private_key);
	if (rc != 0) {
		buf_free(&o->body);
		free(o);
		return rc;
	}
	supersede(s, to, msg->type);
	if (s->queued >= SIGNAL_QUEUE_MAX)
		push_out_oldest(s);
	o->stream = s;
	memcpy(o->to, to, WIRE_KEY_LEN);
	o->type = msg->type;
	o->since = env_now(s->env);
	list_append(&s->queue, &o->l);
	s->queued++;
	signal_send_more(s);
	return 0;
}

void
signal_stream_forget(struct signal_stream *s, const uint8_t to[WIRE_KEY_LEN])
{
	LIST_EACH(l, &s->queue) {
		struct out *o = LIST_OF(l, struct out, l);

		if (wire_key_equal(o->to, to))
			out_free(s, o);
	}
}
