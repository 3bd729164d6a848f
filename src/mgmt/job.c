/* SPDX-License-Identifier: ISC */
/* job.c -- the actions of fsm/job-stream.fsm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "mgmt/job.h"
#include "net/beat.h"
#include "fsm/job-stream.inc"

struct note_job {
	struct fsm_data data;
	Management__JobRequest *msg;
};

static void
note_job_free(struct fsm_data *d)
{
	struct note_job *n = (struct note_job *)(void *)d;

	wire_pb_free(n->msg);
	free(n);
}

static void
job_stream_do_dial(struct job_stream *s)
{
	mgmt_link_dial(&s->link);
}

static void
job_stream_do_wait_little(struct job_stream *s)
{
	s->wait = backoff_little(s->env);
}

static void
job_stream_close_conn(struct job_stream *s)
{
	mgmt_link_close(&s->link);
}

static void
job_stream_do_ask_key(struct job_stream *s)
{
	mgmt_link_ask_key(&s->link);
}

static void
job_stream_do_forget_failures(struct job_stream *s)
{
	backoff_reset(&s->backoff);
}

static void
job_stream_do_note_failure(struct job_stream *s)
{
	s->wait = backoff_next(&s->backoff, s->env);
	log_debug("job", "%s; again in %lld ms", s->link.why, (long long)(s->wait / MONO_MS));
}

static void
on_headers(void *arg, struct grpc_call *call)
{
	struct job_stream *s = arg;

	int64_t theirs = net_beat_parse(grpc_metadata(call, NET_BEAT_HEADER));

	s->beat = theirs > 0 ? net_beat_back(theirs) : -1;
	if (s->beat > 0)
		job_stream_post_gen(s, JOB_STREAM_EV_ANNOUNCED, s->link.gen, NULL);
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct job_stream *s = arg;
	struct note_job *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return;
	n->data = (struct fsm_data){ 1, note_job_free };
	if (len > 0)	/* else a beat: there is nothing to unseal */
		n->msg = mgmt_link_unseal(&s->link, &management__job_request__descriptor, bytes, len);
	if (len > 0 && n->msg == NULL) {
		free(n);
		job_stream_post_gen(s, JOB_STREAM_EV_ENDED, s->link.gen, NULL);
		return;
	}
	job_stream_post_gen(s, JOB_STREAM_EV_MESSAGE, s->link.gen, &n->data);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct job_stream *s = arg;
	int ev = JOB_STREAM_EV_ENDED;

	s->link.call = NULL;
	mgmt_link_note(&s->link, st);
	if (st->code == GRPC_PERMISSION_DENIED && st->remote)
		ev = JOB_STREAM_EV_DENIED;
	else if (st->code == GRPC_UNIMPLEMENTED && st->remote)
		ev = JOB_STREAM_EV_UNSUPPORTED;
	job_stream_post_gen(s, ev, s->link.gen, NULL);
}

/* RFC 9562 version 4, as text. */
static void
random_uuid(struct env *env, char out[37])
{
	uint8_t b[16];

	env_random(env, b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void
job_stream_do_open(struct job_stream *s)
{
	static const struct grpc_ops ops = { .headers = on_headers, .message = on_message, .done = on_done };
	Management__JobRequest hello;
	char id[37];

	s->beat = -1;	/* until the server asks for it */
	random_uuid(s->env, id);
	management__job_request__init(&hello);
	hello.id.data = (uint8_t *)id;
	hello.id.len = strlen(id);
	if (mgmt_link_open(&s->link, "Job", &ops, s) != 0 || mgmt_link_send(&s->link, &hello.base) != 0)
		job_stream_post_gen(s, JOB_STREAM_EV_ENDED, s->link.gen, NULL);
}

static bool
job_stream_if_heartbeat(const struct job_stream *s)
{
	const Management__JobRequest *m = ((struct note_job *)(void *)fsm_data(&s->fsm))->msg;

	return m == NULL || m->id.len == 0;
}

static void
job_stream_do_send_beat(struct job_stream *s)
{
	if (s->link.call != NULL && grpc_send(s->link.call, NULL, 0) != 0) {
		snprintf(s->link.why, sizeof(s->link.why), "a heartbeat could not be sent");
		job_stream_post_gen(s, JOB_STREAM_EV_ENDED, s->link.gen, NULL);
	}
}

static void
job_stream_do_answer(struct job_stream *s)
{
	static const char reason[] = "this agent does no such jobs";
	struct note_job *n = (struct note_job *)(void *)fsm_data(&s->fsm);
	Management__JobResponse resp;

	management__job_response__init(&resp);
	resp.id = n->msg->id;
	resp.status = 2;	/* failed */
	resp.reason.data = (uint8_t *)(uintptr_t)reason;
	resp.reason.len = strlen(reason);
	if (mgmt_link_send(&s->link, &resp.base) != 0)
		job_stream_post_gen(s, JOB_STREAM_EV_ENDED, s->link.gen, NULL);
}

struct job_stream *
job_stream_new(struct env *env, struct fsm_loop *loop, const struct mgmt_conf *conf)
{
	static const struct mgmt_link_events events = {
		JOB_STREAM_RES_CONN, JOB_STREAM_EV_CONNECTED, JOB_STREAM_EV_GONE,
		JOB_STREAM_EV_KEY_OK, JOB_STREAM_EV_KEY_BAD, JOB_STREAM_EV_ENDED
	};
	struct job_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->conf = conf;
	s->backoff = (struct backoff)BACKOFF_STREAM;
	mgmt_link_init(&s->link, env, conf, &s->fsm, &events);
	job_stream_fsm_init(s, loop, "job");
	return s;
}

void
job_stream_free(struct job_stream *s)
{
	if (s == NULL)
		return;
	job_stream_fsm_fini(s);
	free(s);
}
