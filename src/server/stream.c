/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- Sync and Job streams.
 *
 * Callbacks of the call only say what happened: a request that opened and names
 * a known peer, a bad one with the status it earned, or the end.  The rest is
 * the table.  The peer is looked up by key each time, never kept: it may be
 * removed at any moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "net/beat.h"
#include "net/grpc.h"
#include "server/account.h"
#include "server/mgmt.h"
#include "server/stream.h"
#include "wire/keys.h"
#include "wire/mgmt.h"

#include "fsm/server-wire.h"
#include "fsm/srv-stream.inc"

static struct map *
registry(const struct srv_stream *m)
{
	return m->kind == SRV_STREAM_SYNC ? m->server->sync_by_key : m->server->job_by_key;
}

/* ---- sending --------------------------------------------------------------------- */

static void
send_message(struct srv_stream *m, const ProtobufCMessage *msg)
{
	struct buf out = { 0 };
	int err;

	if (m->call == NULL)
		return;
	m->active = env_now(m->server->env);
	err = server_seal(m->server, &out, msg, m->key_raw);
	if (err == 0)
		err = grpc_send(m->call, buf_bytes(&out), buf_len(&out));
	/* -EAGAIN cannot be: [room] was asked; after -EPIPE the call's end is on its way. */
	if (err != 0)
		log_debug("mgmt", "%.8s: a message was not sent: %s", m->key, strerror(-err));
	buf_free(&out);
}

static void
send_sync(struct srv_stream *m, bool first)
{
	struct server *s = m->server;
	const struct server_peer *p = server_peer_by_key(s->store, m->key);
	struct server_arena a = { 0 };

	m->due = false;
	if (p == NULL || m->kind != SRV_STREAM_SYNC)
		return;
	send_message(m, &server_netmap_sync(&a, s->store, &s->announce, p, first)->base);
	server_arena_free(&a);
}

static void
srv_stream_do_send_first(struct srv_stream *m)
{
	char every[NET_BEAT_TEXT];
	struct grpc_md md = { NET_BEAT_HEADER, net_beat_text(every, m->beat_us) };

	m->token_at = env_now(m->server->env);
	m->token_wall = env_wall(m->server->env);
	if (m->kind == SRV_STREAM_JOB && m->call != NULL)
		grpc_send_headers(m->call, &md, m->server->beat.us > 0 ? 1 : 0);
	send_sync(m, true);
}

static void
srv_stream_do_send_map(struct srv_stream *m)
{
	send_sync(m, false);
}

static void
srv_stream_do_send_token(struct srv_stream *m)
{
	struct server *s = m->server;
	struct server_arena a = { 0 };

	m->token_at = env_now(s->env);
	m->token_wall = env_wall(s->env);
	send_message(m, &server_netmap_token(&a, s->store, &s->announce)->base);
	server_arena_free(&a);
}

/* Nothing in it, so that stock agents take it without a word; our own need not even unseal it. */
static void
srv_stream_do_send_beat(struct srv_stream *m)
{
	Management__SyncResponse sync = MANAGEMENT__SYNC_RESPONSE__INIT;
	Management__JobRequest job = MANAGEMENT__JOB_REQUEST__INIT;

	if (m->server->beat.us > 0 && m->ours && m->call != NULL) {
		m->active = env_now(m->server->env);
		grpc_send(m->call, NULL, 0);	/* fails only when the call's end is on its way */
	} else if (m->server->beat.us > 0)
		send_message(m, m->kind == SRV_STREAM_SYNC ? &sync.base : &job.base);
}

static void
srv_stream_do_send_farewell(struct srv_stream *m)
{
	struct server_arena a = { 0 };

	if (m->kind == SRV_STREAM_SYNC)
		send_message(m, &server_netmap_farewell(&a, m->server->store)->base);
	server_arena_free(&a);
}

static void
srv_stream_do_note_due(struct srv_stream *m)
{
	m->due = m->kind == SRV_STREAM_SYNC;
}

static bool
srv_stream_if_room(const struct srv_stream *m)
{
	return m->call == NULL || grpc_queued(m->call) < H2_LOW_WATER;
}

static bool
srv_stream_if_map_due(const struct srv_stream *m)
{
	return m->due;
}

static bool
srv_stream_if_map_waits(const struct srv_stream *m)
{
	return m->due && srv_stream_if_room(m);
}

/* Tokens expire by the wall clock, and somebody may set it. */
static bool
srv_stream_if_token_due(const struct srv_stream *m)
{
	struct env *env = m->server->env;
	int64_t old = m->server->announce.token_ttl_us / 4 * 3;

	return m->kind == SRV_STREAM_SYNC &&
	    (mono_diff(env_now(env), m->token_at) >= old || env_wall(env) - m->token_wall >= old);
}

/* Only a Job stream hears beats: Sync has no messages from the client. */
static bool
srv_stream_if_deaf(const struct srv_stream *m)
{
	return mono_diff(env_now(m->server->env), m->heard) > net_beat_patience(m->listen_us);
}

/* ---- the registry ------------------------------------------------------------------ */

/* What the request told of the peer is stored first: the others hear of it, and
 * this stream, not yet registered, gets it with its first map. */
static void
srv_stream_do_register(struct srv_stream *m)
{
	struct server *s = m->server;
	struct server_peer *p = server_peer_by_key(s->store, m->key);

	if (p != NULL && m->kind == SRV_STREAM_SYNC) {
		p->connected = true;
		if (buf_len(&m->meta) > 0 && server_peer_meta(s->store, p, buf_bytes(&m->meta), buf_len(&m->meta)))
			server_map_changed(s);
	}
	buf_free(&m->meta);
	m->predecessor = map_get_str(registry(m), m->key);
	map_put_str(registry(m), m->key, m);
}

/* Only its own entry: a successor's stays. */
static void
srv_stream_do_unregister(struct srv_stream *m)
{
	struct server *s = m->server;
	struct server_peer *p;

	if (map_get_str(registry(m), m->key) != m)
		return;
	map_del_str(registry(m), m->key);
	if (m->kind == SRV_STREAM_SYNC && (p = server_peer_by_key(s->store, m->key)) != NULL) {
		p->connected = false;
		server_peer_seen(s->store, p);
	}
}

struct srv_stream *
wire_srv_stream_to_srv_stream(struct srv_stream *m)
{
	struct srv_stream *old = m->predecessor;

	m->predecessor = NULL;
	return old;
}

/* ---- endings -------------------------------------------------------------------------- */

static void
say(struct srv_stream *m, int code, const char *text)
{
	m->end_code = code;
	snprintf(m->end_text, sizeof(m->end_text), "%s", text);
}

static void
srv_stream_do_say_ok(struct srv_stream *m)
{
	say(m, GRPC_OK, "");
}

static void
srv_stream_do_say_timeout(struct srv_stream *m)
{
	say(m, GRPC_DEADLINE_EXCEEDED, "no request came");
}

static void
srv_stream_do_say_slow(struct srv_stream *m)
{
	say(m, GRPC_UNAVAILABLE, "messages are not read");
}

static void
srv_stream_do_say_deaf(struct srv_stream *m)
{
	say(m, GRPC_UNAVAILABLE, "your heartbeats stopped");
}

static void
srv_stream_do_say_stop(struct srv_stream *m)
{
	say(m, GRPC_UNAVAILABLE, "the server is shutting down");
}

static void
srv_stream_do_refuse(struct srv_stream *m)
{
	log_debug("mgmt", "%.8s: refused: %s", m->key, m->end_text);
}

static void
srv_stream_close_call(struct srv_stream *m)
{
	if (m->call != NULL)
		grpc_finish(m->call, m->end_code, m->end_text);
	m->call = NULL;
}

static void
stream_free(struct server_grave *g)
{
	struct srv_stream *m = LIST_OF(g, struct srv_stream, grave);

	srv_stream_fsm_fini(m);
	list_remove(&m->push);
	list_remove(&m->all);
	buf_free(&m->meta);
	free(m);
}

static void
srv_stream_do_retire(struct srv_stream *m)
{
	server_bury(m->server, &m->grave, stream_free);
}

void
server_stream_free_all(struct server *s)
{
	while (!list_empty(&s->streams)) {
		struct srv_stream *m = LIST_OF(s->streams.next, struct srv_stream, all);

		list_remove(&m->grave.list);
		say(m, GRPC_UNAVAILABLE, "the server is shutting down");
		stream_free(&m->grave);
	}
}

/* ---- what the call says ------------------------------------------------------------------ */

/* Opens the request; false with the status noted when it is not acceptable. */
static bool
take_request(struct srv_stream *m, const uint8_t *bytes, size_t len)
{
	struct server *s = m->server;
	const ProtobufCMessageDescriptor *d = m->kind == SRV_STREAM_SYNC ?
	    &management__sync_request__descriptor : &management__job_request__descriptor;
	enum wire_mgmt_fault fault = WIRE_MGMT_OK;
	void *req = wire_mgmt_open(d, bytes, len, NULL, m->key_raw, s->store->account->box_secret, &fault);

	if (req == NULL) {
		m->end_code = GRPC_INVALID_ARGUMENT;
		server_mgmt_fault(fault, bytes, len, m->end_text, sizeof(m->end_text));
		return false;
	}
	wire_key_text(m->key, m->key_raw);
	if (m->kind == SRV_STREAM_SYNC && ((Management__SyncRequest *)req)->meta != NULL)
		WIRE_PB_PUT(&m->meta, ((Management__SyncRequest *)req)->meta);
	wire_pb_free(req);
	if (server_peer_by_key(s->store, m->key) == NULL) {
		say(m, GRPC_PERMISSION_DENIED, "peer is not registered");
		return false;
	}
	return true;
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct srv_stream *m = arg;

	(void)call;
	m->heard = m->active = env_now(m->server->env);
	/* What follows the request are a Job's beats, and answers which nobody has asked for yet. */
	if (m->fsm.state != SRV_STREAM_FRESH || m->key[0] != '\0')
		return;
	srv_stream_post_gen(m, take_request(m, bytes, len) ? SRV_STREAM_EV_REQUEST : SRV_STREAM_EV_BAD, m->gen, NULL);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct srv_stream *m = arg;

	(void)call;
	(void)st;
	if (m->key[0] != '\0' && m->server->beat.us > 0)
		server_beat_cut(&m->server->beat, m->opened, m->active, env_now(m->server->env));
	m->call = NULL;		/* the handle dies when this returns */
	srv_stream_post_gen(m, SRV_STREAM_EV_GONE, m->gen, NULL);
}

const struct grpc_ops server_stream_ops = { .message = on_message, .done = on_done };

static void
stream_open(struct server *s, struct grpc_call *call, enum srv_stream_kind kind)
{
	struct srv_stream *m = calloc(1, sizeof(*m));
	char from[ADDR_STRLEN];
	struct addr a = grpc_peer(call);

	if (m == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	m->server = s;
	m->kind = kind;
	m->call = call;
	/* Without heartbeats the same timer still looks after the token. */
	m->beat_us = s->beat.us > 0 ? s->beat.us : s->announce.token_ttl_us / 4 * 3;
	m->end_code = GRPC_UNAVAILABLE;
	m->opened = m->active = m->heard = env_now(s->env);
	m->ours = grpc_metadata(call, NET_BEAT_HEADER) != NULL;
	m->listen_us = s->beat.us > 0 && kind == SRV_STREAM_JOB && m->ours ? net_beat_back(m->beat_us) : -1;
	list_init(&m->grave.list);
	list_init(&m->push);
	list_append(&s->streams, &m->all);
	srv_stream_fsm_init(m, s->loop, addr_str_port(&a, from));
	m->gen = fsm_open(&m->fsm, SRV_STREAM_RES_CALL);
	grpc_set_arg(call, m);
}

void
server_stream_open_sync(void *arg, struct grpc_call *call)
{
	stream_open(arg, call, SRV_STREAM_SYNC);
}

void
server_stream_open_job(void *arg, struct grpc_call *call)
{
	stream_open(arg, call, SRV_STREAM_JOB);
}
