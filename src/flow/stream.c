/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- the actions of fsm/flow-stream.fsm.
 */
#include "flow/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/url.h"
#include "env/env.h"
#include "net/grpc.h"
#include "proto/flow.pb-c.h"
#include "wire/pb.h"

#define TOKEN		"flow"
#define RESEND_AFTER	(3 * MONO_SEC)
#define BURST		256		/* events a turn: the loop must not stall */

struct note_ack {
	struct fsm_data data;
	uint8_t id[FLOW_ID_LEN];
};

static void
note_ack_free(struct fsm_data *d)
{
	free(d);
}

/* ---- what the connection says ------------------------------------------------------ */

static void
on_channel(void *arg, const struct grpc_channel_note *note)
{
	struct flow_stream *s = arg;

	switch (note->event) {
	case GRPC_CHANNEL_READY:
		flow_stream_post_gen(s, FLOW_STREAM_EV_CONNECTED, note->gen, NULL);
		return;
	case GRPC_CHANNEL_GONE:
		flow_stream_post_gen(s, FLOW_STREAM_EV_GONE, note->gen, NULL);
		break;
	case GRPC_CHANNEL_DOUBT:
	case GRPC_CHANNEL_GOAWAY:
		flow_stream_post_gen(s, FLOW_STREAM_EV_ENDED, note->gen, NULL);
		break;
	}
	snprintf(s->why, sizeof(s->why), "%s", note->text);
}

static void
on_headers(void *arg, struct grpc_call *call)
{
	struct flow_stream *s = arg;

	(void)call;
	flow_stream_post_gen(s, FLOW_STREAM_EV_HEADERS, s->gen, NULL);
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct flow_stream *s = arg;
	Flow__FlowEventAck *m = wire_pb_get(&flow__flow_event_ack__descriptor, bytes, len);
	struct note_ack *n;

	(void)call;
	if (m != NULL && !m->is_initiator && m->event_id.len == FLOW_ID_LEN && (n = calloc(1, sizeof(*n))) != NULL) {
		n->data = (struct fsm_data){ 1, note_ack_free };
		memcpy(n->id, m->event_id.data, FLOW_ID_LEN);
		flow_stream_post_gen(s, FLOW_STREAM_EV_ACK, s->gen, &n->data);
	} else if (m == NULL || (!m->is_initiator && m->event_id.len != FLOW_ID_LEN)) {
		log_debug(TOKEN, "an acknowledgement of %zu bytes says nothing", len);
	}
	wire_pb_free(m);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct flow_stream *s = arg;

	(void)call;
	s->call = NULL;
	snprintf(s->why, sizeof(s->why), "%s: %s", grpc_code_name(st->code), st->message);
	flow_stream_post_gen(s, FLOW_STREAM_EV_ENDED, s->gen, NULL);
}

/* ---- actions --------------------------------------------------------------------------- */

#include "fsm/flow-stream.inc"

static void
flow_stream_close_conn(struct flow_stream *s)
{
	s->call = NULL;
	grpc_channel_close(s->channel);
	s->channel = NULL;
}

static void
flow_stream_do_dial(struct flow_stream *s)
{
	struct grpc_target target = { .host = s->server.host, .port = s->server.port, .tls = s->server.tls,
	    .ca_file = s->server.ca_file, .max_message = GRPC_MAX_MESSAGE };

	flow_stream_close_conn(s);
	s->gen = fsm_open(&s->fsm, FLOW_STREAM_RES_CONN);
	s->dials++;
	if (s->server.host != NULL)
		s->channel = grpc_dial(s->env, &target, s->gen, on_channel, s);
	if (s->channel == NULL) {
		snprintf(s->why, sizeof(s->why), "no flow server to dial");
		flow_stream_post_gen(s, FLOW_STREAM_EV_GONE, s->gen, NULL);
	}
}

static void
flow_stream_do_redial(struct flow_stream *s)
{
	flow_stream_do_dial(s);
}

static int
send_message(struct flow_stream *s, const ProtobufCMessage *m)
{
	struct buf b = { 0 };
	int err = wire_pb_put(&b, m);

	if (err == 0)
		err = grpc_send(s->call, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	return err;
}

static void
flow_stream_do_open(struct flow_stream *s)
{
	static const struct grpc_ops ops = { .headers = on_headers, .message = on_message, .done = on_done };
	char value[4096];
	struct grpc_md md = { "authorization", value };
	struct grpc_request req = { .path = "/flow.FlowService/Events", .md = &md, .nmd = 1 };
	Flow__FlowEvent hello;

	snprintf(value, sizeof(value), "Bearer %s", s->server.token != NULL ? s->server.token : "");
	s->call = grpc_start(s->channel, &req, &ops, s);
	sodium_memzero(value, sizeof(value));
	flow__flow_event__init(&hello);
	hello.is_initiator = true;
	s->streams++;
	if (s->call == NULL || send_message(s, &hello.base) != 0)
		flow_stream_post_gen(s, FLOW_STREAM_EV_ENDED, s->gen, NULL);
}

static void
flow_stream_do_send_due(struct flow_stream *s)
{
	struct mono now = env_now(s->env);
	struct flow_event *e;

	/* what does not go into the pipe now is due again with the next tick */
	for (int i = 0; i < BURST && s->call != NULL && (e = flow_store_due(s->store, now, RESEND_AFTER)) != NULL; i++)
		if (grpc_send(s->call, e->bytes, e->len) != 0)
			break;
}

static void
flow_stream_do_send_all(struct flow_stream *s)
{
	flow_store_unsend(s->store);
	flow_stream_do_send_due(s);
}

static void
flow_stream_do_take_ack(struct flow_stream *s)
{
	const struct note_ack *n = (const struct note_ack *)(const void *)fsm_data(&s->fsm);

	flow_store_ack(s->store, n->id);
}

static void
flow_stream_do_forget_failures(struct flow_stream *s)
{
	backoff_reset(&s->backoff);
}

/* A fleet whose network changed does not dial all at once. */
static void
flow_stream_do_wait_little(struct flow_stream *s)
{
	s->wait = backoff_little(s->env);
}

static void
flow_stream_do_note_failure(struct flow_stream *s)
{
	s->wait = backoff_next(&s->backoff, s->env);
	log_debug(TOKEN, "%s; again in %lld ms", s->why, (long long)(s->wait / MONO_MS));
}

/* ---- for its owner -------------------------------------------------------------------------- */

struct flow_stream *
flow_stream_new(struct env *env, struct fsm_loop *loop, struct flow_store *store)
{
	struct flow_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->store = store;
	s->backoff = (struct backoff){ 800 * MONO_MS, 10 * MONO_SEC, 17, 10, 50, 0 };
	flow_stream_fsm_init(s, loop, "flow");
	return s;
}

static void
forget_token(struct flow_stream *s)
{
	if (s->server.token != NULL)
		sodium_memzero(s->server.token, strlen(s->server.token));
	free(s->server.token);
	s->server.token = NULL;
}

void
flow_stream_free(struct flow_stream *s)
{
	if (s == NULL)
		return;
	flow_stream_fsm_fini(s);
	flow_stream_close_conn(s);
	forget_token(s);
	free(s->server.host);
	free(s);
}

int
flow_stream_set_server(struct flow_stream *s, const char *url, const char *token, const char *ca_file)
{
	struct url u;
	char *host, *copy = NULL;

	if (url_parse(&u, url) != 0 || u.host[0] == '\0')
		return -EINVAL;
	if ((host = strdup(u.host)) == NULL || (token != NULL && (copy = strdup(token)) == NULL)) {
		free(host);
		return -ENOMEM;
	}
	free(s->server.host);
	s->server.host = host;
	s->server.tls = strcmp(u.scheme, "https") == 0;
	s->server.port = u.port != 0 ? u.port : 443;
	s->server.ca_file = ca_file;
	if (copy != NULL) {
		forget_token(s);
		s->server.token = copy;
	}
	return 0;
}

void
flow_stream_set_patience(struct flow_stream *s, int64_t us)
{
	s->backoff.max = us > s->backoff.first ? us : s->backoff.first;
}
