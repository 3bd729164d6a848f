/* SPDX-License-Identifier: ISC */
/* stream.c -- the actions of fsm/mgmt-stream.fsm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "mgmt/stream.h"
#include "fsm/mgmt-stream.inc"

/* A SyncResponse on its way from the callback to the row that takes it. */
struct note_sync {
	struct fsm_data data;
	Management__SyncResponse *msg;
};

static void
note_sync_free(struct fsm_data *d)
{
	struct note_sync *n = (struct note_sync *)(void *)d;

	wire_pb_free(n->msg);
	free(n);
}

static void
mgmt_stream_do_dial(struct mgmt_stream *s)
{
	s->dialled = env_now(s->env);
	mgmt_link_dial(&s->link);
}

static void
mgmt_stream_do_wait_little(struct mgmt_stream *s)
{
	s->wait = backoff_little(s->env);
}

static void
mgmt_stream_do_note_healthy(struct mgmt_stream *s)
{
	s->healthy = env_now(s->env);
}

/* A dial that succeeds takes a round trip or two, unless its SYN is lost. */
static bool
mgmt_stream_if_overdue(const struct mgmt_stream *s)
{
	return mono_diff(env_now(s->env), s->dialled) >= BACKOFF_OVERDUE;
}

static bool
mgmt_stream_if_hopeless(const struct mgmt_stream *s)
{
	return mono_diff(env_now(s->env), s->healthy) >= BACKOFF_HOPELESS;
}

static void
mgmt_stream_do_say_spent(struct mgmt_stream *s)
{
	snprintf(s->link.why, sizeof(s->link.why), "given up: no healthy stream for three months");
	log_warnx("mgmt", "sync stream: %s", s->link.why);
	s->hooks.changed(s->arg);
}

static void
mgmt_stream_close_conn(struct mgmt_stream *s)
{
	mgmt_link_close(&s->link);
	s->hooks.changed(s->arg);
}

static void
mgmt_stream_do_ask_key(struct mgmt_stream *s)
{
	mgmt_link_ask_key(&s->link);
}

static void
mgmt_stream_do_forget_failures(struct mgmt_stream *s)
{
	backoff_reset(&s->backoff);
	s->healthy = env_now(s->env);
	s->link.why[0] = '\0';
	s->hooks.changed(s->arg);
}

static void
mgmt_stream_do_note_failure(struct mgmt_stream *s)
{
	s->wait = backoff_next(&s->backoff, s->env);
	log_info("mgmt", "sync stream: %s; again in %lld ms",
	    s->link.why[0] != '\0' ? s->link.why : "no answer", (long long)(s->wait / MONO_MS));
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct mgmt_stream *s = arg;
	struct note_sync *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return;
	n->data = (struct fsm_data){ 1, note_sync_free };
	if (len > 0)	/* else a beat of our own server: there is nothing to unseal */
		n->msg = mgmt_link_unseal(&s->link, &management__sync_response__descriptor, bytes, len);
	if (len > 0 && n->msg == NULL) {
		/* sealed under another key: the server restarted beneath a proxy */
		free(n);
		mgmt_stream_post_gen(s, MGMT_STREAM_EV_ENDED, s->link.gen, NULL);
		return;
	}
	mgmt_stream_post_gen(s, MGMT_STREAM_EV_MESSAGE, s->link.gen, &n->data);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct mgmt_stream *s = arg;

	s->link.call = NULL;
	mgmt_link_note(&s->link, st);
	/* only what the server itself said is final: a proxy's 403 is not */
	mgmt_stream_post_gen(s, st->code == GRPC_PERMISSION_DENIED && st->remote ? MGMT_STREAM_EV_DENIED :
	    MGMT_STREAM_EV_ENDED, s->link.gen, NULL);
}

static void
mgmt_stream_do_open(struct mgmt_stream *s)
{
	static const struct grpc_ops ops = { .message = on_message, .done = on_done };
	Management__SyncRequest req;

	s->fresh = true;
	management__sync_request__init(&req);
	req.meta = mgmt_meta_new(s->env, s->conf);
	if (req.meta == NULL || mgmt_link_open(&s->link, "Sync", &ops, s) != 0 ||
	    mgmt_link_send(&s->link, &req.base) != 0)
		mgmt_stream_post_gen(s, MGMT_STREAM_EV_ENDED, s->link.gen, NULL);
	else
		grpc_half_close(s->link.call);
	mgmt_meta_free(req.meta);
}

static void
mgmt_stream_do_take(struct mgmt_stream *s)
{
	struct note_sync *n = (struct note_sync *)(void *)fsm_data(&s->fsm);
	const Management__SyncResponse *m = n->msg;

	s->last_message = env_now(s->env);
	if (m == NULL || (m->netbird_config == NULL && m->peer_config == NULL && m->network_map == NULL &&
	    m->n_remote_peers == 0))
		return;		/* a heartbeat */
	s->hooks.sync(s->arg, m);
}

struct mgmt_stream *
mgmt_stream_new(struct env *env, struct fsm_loop *loop, const struct mgmt_conf *conf,
    const struct mgmt_stream_hooks *hooks, void *arg)
{
	static const struct mgmt_link_events events = {
		MGMT_STREAM_RES_CONN, MGMT_STREAM_EV_CONNECTED, MGMT_STREAM_EV_GONE,
		MGMT_STREAM_EV_KEY_OK, MGMT_STREAM_EV_KEY_BAD, MGMT_STREAM_EV_ENDED
	};
	struct mgmt_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->conf = conf;
	s->hooks = *hooks;
	s->arg = arg;
	s->backoff = (struct backoff)BACKOFF_STREAM;
	mgmt_link_init(&s->link, env, conf, &s->fsm, &events);
	mgmt_stream_fsm_init(s, loop, "sync");
	return s;
}

void
mgmt_stream_free(struct mgmt_stream *s)
{
	if (s == NULL)
		return;
	mgmt_stream_fsm_fini(s);
	free(s);
}

bool
mgmt_stream_is_up(const struct mgmt_stream *s)
{
	return s->fsm.state == MGMT_STREAM_LIVE || s->fsm.state == MGMT_STREAM_PROVEN;
}

const char *
mgmt_stream_why(const struct mgmt_stream *s)
{
	return mgmt_stream_is_up(s) ? "" : s->link.why;
}
