/* SPDX-License-Identifier: ISC */
/* stream.c -- the actions of fsm/signal-stream.fsm; sending is in send.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "env/env.h"
#include "net/beat.h"
#include "signal/send.h"
#include "signal/stream.h"
#include "fsm/signal-stream.inc"

#define SILENCE		(30 * MONO_SEC)	/* upstream's receive watchdog */
#define SILENCE_GRACE	(5 * MONO_SEC)	/* beyond the beat that a server of our own promised */
#define PROVEN_AFTER	MONO_SEC	/* a stream that lived so long was cut, not refused */

struct note_heard {
	struct fsm_data data;
	uint8_t from[WIRE_KEY_LEN];
	struct wire_signal msg;
	bool opened;		/* the box opened: else it only shows that the stream lives */
};

static void
note_heard_free(struct fsm_data *d)
{
	sodium_memzero(d, sizeof(struct note_heard));
	free(d);
}

static bool
signal_stream_if_proven(const struct signal_stream *s)
{
	return mono_is_set(s->born) && mono_diff(env_now(s->env), s->born) >= PROVEN_AFTER;
}

static void
on_channel(void *arg, const struct grpc_channel_note *note)
{
	struct signal_stream *s = arg;

	switch (note->event) {
	case GRPC_CHANNEL_READY:
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_CONNECTED, note->gen, NULL);
		break;
	case GRPC_CHANNEL_GONE:
		snprintf(s->why, sizeof(s->why), "%s", note->text);
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_GONE, note->gen, NULL);
		break;
	case GRPC_CHANNEL_DOUBT:
	case GRPC_CHANNEL_GOAWAY:
		snprintf(s->why, sizeof(s->why), "%s", note->text);
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_DOUBT, note->gen, NULL);
		break;
	}
}

static void
signal_stream_close_conn(struct signal_stream *s)
{
	s->stream = NULL;
	s->born = (struct mono){ 0 };
	signal_send_halt(s);
	grpc_channel_close(s->channel);
	s->channel = NULL;
	s->hooks.changed(s->arg);
}

static void
signal_stream_do_dial(struct signal_stream *s)
{
	struct grpc_target target;

	signal_stream_close_conn(s);
	s->dialled = env_now(s->env);
	s->gen = fsm_open(&s->fsm, SIGNAL_STREAM_RES_CONN);
	memset(&target, 0, sizeof(target));
	target.host = s->conf->host;
	target.port = s->conf->port;
	target.tls = s->conf->tls;
	target.ca_file = s->conf->ca_file;
	target.max_message = GRPC_MAX_MESSAGE;
	if (s->conf->host != NULL)
		s->channel = grpc_dial(s->env, &target, s->gen, on_channel, s);
	if (s->channel == NULL) {
		snprintf(s->why, sizeof(s->why), "no signal server to dial");
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_GONE, s->gen, NULL);
	}
}

static void
signal_stream_do_wait_little(struct signal_stream *s)
{
	s->wait = backoff_little(s->env);
}

/* A dial that succeeds takes a round trip or two, unless its SYN is lost. */
static bool
signal_stream_if_overdue(const struct signal_stream *s)
{
	return mono_diff(env_now(s->env), s->dialled) >= BACKOFF_OVERDUE;
}

static bool
signal_stream_if_hopeless(const struct signal_stream *s)
{
	return mono_diff(env_now(s->env), s->healthy) >= BACKOFF_HOPELESS;
}

static void
signal_stream_do_say_spent(struct signal_stream *s)
{
	snprintf(s->why, sizeof(s->why), "given up: no healthy stream for three months");
	log_warnx("signal", "%s", s->why);
	s->hooks.changed(s->arg);
}

static void
on_headers(void *arg, struct grpc_call *call)
{
	struct signal_stream *s = arg;

	int64_t theirs = net_beat_parse(grpc_metadata(call, NET_BEAT_HEADER));

	s->beat = theirs > 0 ? net_beat_back(theirs) : -1;
	s->silence = theirs > 0 ? theirs + SILENCE_GRACE : SILENCE;
	if (grpc_metadata(call, "x-wiretrustee-peer-registered") != NULL)
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_REGISTERED, s->gen, NULL);
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct signal_stream *s = arg;
	struct note_heard *n = calloc(1, sizeof(*n));
	int rc;

	if (n == NULL)
		return;
	n->data = (struct fsm_data){ 1, note_heard_free };
	rc = len == 0 ? -ENOMSG : wire_signal_open(&n->msg, n->from, bytes, len, s->conf->private_key);
	n->opened = rc == 0;
	if (rc != 0 && len != 0)
		log_warnx("signal", "a message of %zu bytes does not open: %s", len, strerror(-rc));
	signal_stream_post_gen(s, SIGNAL_STREAM_EV_MESSAGE, s->gen, &n->data);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct signal_stream *s = arg;

	s->stream = NULL;
	snprintf(s->why, sizeof(s->why), "%s: %s", grpc_code_name(st->code), st->message);
	signal_stream_post_gen(s, SIGNAL_STREAM_EV_ENDED, s->gen, NULL);
}

static void
signal_stream_do_open(struct signal_stream *s)
{
	static const struct grpc_ops ops = { .headers = on_headers, .message = on_message, .done = on_done };
	char id[WIRE_KEY_TEXTLEN];
	struct grpc_md md[] = { { "x-wiretrustee-peer-id", wire_key_text(id, s->conf->public_key) }, { NET_BEAT_HEADER, "1" } };
	struct grpc_request req = { .path = "/signalexchange.SignalExchange/ConnectStream", .md = md, .nmd = 2 };

	s->stream = grpc_start(s->channel, &req, &ops, s);
	if (s->stream == NULL)
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_ENDED, s->gen, NULL);
}

static void
signal_stream_do_note_born(struct signal_stream *s)
{
	s->born = env_now(s->env);
	s->why[0] = '\0';
	s->hooks.changed(s->arg);
}

static void
signal_stream_do_flush(struct signal_stream *s)
{
	signal_send_more(s);
}

/* To ourselves: what comes back proves the whole way. */
static void
signal_stream_do_probe(struct signal_stream *s)
{
	struct wire_signal beat;

	memset(&beat, 0, sizeof(beat));
	beat.type = WIRE_SIGNAL_HEARTBEAT;
	signal_stream_send(s, s->conf->public_key, &beat);
}

/* Up the stream itself, whose silence a proxy counts; an envelope without content, for nobody. */
static void
signal_stream_do_send_beat(struct signal_stream *s)
{
	if (s->beat <= 0)	/* nobody asked for it */
		return;
	if (s->stream != NULL && grpc_send(s->stream, NULL, 0) != 0) {
		snprintf(s->why, sizeof(s->why), "a heartbeat could not be sent");
		signal_stream_post_gen(s, SIGNAL_STREAM_EV_ENDED, s->gen, NULL);
	}
}

static void
on_fetched(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	(void)arg;
	(void)st;
	(void)bytes;
	(void)len;
}

/* As probe, but before we are registered, when the queue does not move yet. */
static void
signal_stream_do_fetch_headers(struct signal_stream *s)
{
	struct grpc_request req = { .path = "/signalexchange.SignalExchange/Send", .timeout_us = 10 * MONO_SEC };
	struct wire_signal beat = { .type = WIRE_SIGNAL_HEARTBEAT };
	uint8_t nonce[WIRE_BOX_NONCE];
	struct buf body = { 0 };

	env_random(s->env, nonce, sizeof(nonce));
	if (wire_signal_seal(&body, &beat, nonce, s->conf->public_key, s->conf->public_key, s->conf->private_key) == 0)
		grpc_unary(s->channel, &req, buf_bytes(&body), buf_len(&body), on_fetched, s);
	buf_free(&body);
}

static void
signal_stream_do_take(struct signal_stream *s)
{
	struct note_heard *n = (struct note_heard *)(void *)fsm_data(&s->fsm);

	if (n->opened && n->msg.type != WIRE_SIGNAL_HEARTBEAT)
		s->hooks.message(s->arg, n->from, &n->msg);
}

static void
signal_stream_do_forget_failures(struct signal_stream *s)
{
	backoff_reset(&s->backoff);
	s->healthy = env_now(s->env);
}

static void
signal_stream_do_note_failure(struct signal_stream *s)
{
	s->wait = backoff_next(&s->backoff, s->env);
	log_info("signal", "%s; again in %lld ms", s->why[0] != '\0' ? s->why : "no answer",
	    (long long)(s->wait / MONO_MS));
}

struct signal_stream *
signal_stream_new(struct env *env, struct fsm_loop *loop, const struct signal_conf *conf,
    const struct signal_hooks *hooks, void *arg)
{
	struct signal_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->conf = conf;
	s->hooks = *hooks;
	s->arg = arg;
	s->backoff = (struct backoff)BACKOFF_STREAM;
	s->silence = SILENCE;
	s->beat = -1;
	list_init(&s->queue);
	signal_stream_fsm_init(s, loop, "signal");
	return s;
}

void
signal_stream_free(struct signal_stream *s)
{
	if (s == NULL)
		return;
	signal_stream_fsm_fini(s);
	signal_send_clear(s);
	free(s);
}

bool
signal_stream_is_up(const struct signal_stream *s)
{
	return s->fsm.state == SIGNAL_STREAM_UP || s->fsm.state == SIGNAL_STREAM_PROBING;
}

const char *
signal_stream_why(const struct signal_stream *s)
{
	return signal_stream_is_up(s) ? "" : s->why;
}
