/* SPDX-License-Identifier: ISC */
/*
 * signal.c -- the signal service: Send and ConnectStream.
 *
 * A letter for an id without a stream is answered OK and forgotten, as stock
 * agents expect; one addressed to the sender itself comes back, because that is
 * how agents find out whether their stream still works (server.md section 7).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "net/beat.h"
#include "net/grpc.h"
#include "proto/signal.pb-c.h"
#include "server/account.h"
#include "server/signal.h"
#include "wire/pb.h"
#include "wire/signal.h"

#define SERVICE		"/signalexchange.SignalExchange/"
#define LETTER_MAX	((size_t)64 * 1024)	/* an offer is 300 bytes */

#include "fsm/server-wire.h"
#include "fsm/srv-signal.inc"

struct letter {
	struct fsm_data data;
	size_t len;
	uint8_t bytes[];
};

static void
letter_free(struct fsm_data *d)
{
	free(d);
}

/* ---- sending ------------------------------------------------------------------------ */

static bool
srv_signal_if_room(const struct srv_signal *m)
{
	return m->call == NULL || grpc_queued(m->call) < H2_LOW_WATER;
}

static void
srv_signal_do_send_headers(struct srv_signal *m)
{
	char every[NET_BEAT_TEXT];
	struct grpc_md md[] = { { "x-wiretrustee-peer-registered", "1" }, { NET_BEAT_HEADER, net_beat_text(every, m->beat_us) } };

	if (m->call != NULL)
		grpc_send_headers(m->call, md, m->server->beat.us > 0 ? 2 : 1);
}

static void
srv_signal_do_deliver(struct srv_signal *m)
{
	const struct letter *l = (const struct letter *)fsm_data(&m->fsm);

	m->active = env_now(m->server->env);
	if (m->call != NULL)
		grpc_send(m->call, l->bytes, l->len);
}

static void
srv_signal_do_count_drop(struct srv_signal *m)
{
	m->server->letters_dropped++;
}

/* Sealed with the server's own key, so that it opens like any letter. */
static void
srv_signal_do_say_hello(struct srv_signal *m)
{
	struct server *s = m->server;
	struct wire_signal beat = { .type = WIRE_SIGNAL_HEARTBEAT };
	uint8_t nonce[WIRE_BOX_NONCE];
	struct buf out = { 0 };

	if (m->call == NULL || !m->has_key)
		return;
	m->active = env_now(s->env);
	env_random(s->env, nonce, sizeof(nonce));
	if (wire_signal_seal(&out, &beat, nonce, m->key, s->store->account->box_public, s->store->account->box_secret) == 0)
		grpc_send(m->call, buf_bytes(&out), buf_len(&out));
	buf_free(&out);
}

static void
srv_signal_do_send_beat(struct srv_signal *m)
{
	if (m->server->beat.us > 0 && m->ours && m->call != NULL) {
		m->active = env_now(m->server->env);
		grpc_send(m->call, NULL, 0);	/* fails only when the call's end is on its way */
	} else if (m->server->beat.us > 0)
		srv_signal_do_say_hello(m);
}

static bool
srv_signal_if_deaf(const struct srv_signal *m)
{
	return mono_diff(env_now(m->server->env), m->heard) > net_beat_patience(m->listen_us);
}

/* ---- the registry ------------------------------------------------------------------------ */

static void
srv_signal_do_register(struct srv_signal *m)
{
	m->predecessor = map_get_str(m->server->signal_by_id, m->id);
	map_put_str(m->server->signal_by_id, m->id, m);
}

/* Only its own entry: a successor's stays. */
static void
srv_signal_do_unregister(struct srv_signal *m)
{
	if (map_get_str(m->server->signal_by_id, m->id) == m)
		map_del_str(m->server->signal_by_id, m->id);
}

struct srv_signal *
wire_srv_signal_to_srv_signal(struct srv_signal *m)
{
	struct srv_signal *old = m->predecessor;

	m->predecessor = NULL;
	return old;
}

/* ---- endings --------------------------------------------------------------------------------- */

static void
srv_signal_do_say_again(struct srv_signal *m)
{
	m->end_code = GRPC_UNKNOWN;
	m->end_text = "peer registered again";
}

static void
srv_signal_do_say_slow(struct srv_signal *m)
{
	m->end_code = GRPC_UNKNOWN;
	m->end_text = "messages are not read";
}

static void
srv_signal_do_say_deaf(struct srv_signal *m)
{
	m->end_code = GRPC_UNAVAILABLE;
	m->end_text = "your heartbeats stopped";
}

static void
srv_signal_do_say_stop(struct srv_signal *m)
{
	m->end_code = GRPC_UNAVAILABLE;
	m->end_text = "the server is shutting down";
}

static void
srv_signal_close_call(struct srv_signal *m)
{
	if (m->call != NULL)
		grpc_finish(m->call, m->end_code, m->end_text);
	m->call = NULL;
}

static void
signal_free(struct server_grave *g)
{
	struct srv_signal *m = LIST_OF(g, struct srv_signal, grave);

	srv_signal_fsm_fini(m);
	list_remove(&m->all);
	free(m);
}

static void
srv_signal_do_retire(struct srv_signal *m)
{
	server_bury(m->server, &m->grave, signal_free);
}

void
server_signal_free_all(struct server *s)
{
	while (!list_empty(&s->signals)) {
		struct srv_signal *m = LIST_OF(s->signals.next, struct srv_signal, all);

		list_remove(&m->grave.list);
		srv_signal_do_say_stop(m);
		signal_free(&m->grave);
	}
}

/* ---- calls -------------------------------------------------------------------------------------- */

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct srv_signal *m = arg;

	(void)call;
	(void)st;
	if (m->server->beat.us > 0)
		server_beat_cut(&m->server->beat, m->opened, m->active, env_now(m->server->env));
	m->call = NULL;
	srv_signal_post_gen(m, SRV_SIGNAL_EV_GONE, m->gen, NULL);
}

/* What clients write up the stream says that they live, nothing more (grpc-signal.md 3.2). */
static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct srv_signal *m = arg;

	(void)call;
	(void)bytes;
	(void)len;
	m->heard = m->active = env_now(m->server->env);
}

static const struct grpc_ops stream_ops = { .message = on_message, .done = on_done };

static void
connect_stream(void *arg, struct grpc_call *call)
{
	struct server *s = arg;
	const char *id = grpc_metadata(call, "x-wiretrustee-peer-id");
	struct srv_signal *m;

	if (id == NULL) {
		grpc_finish(call, GRPC_FAILED_PRECONDITION, "missing connection header: x-wiretrustee-peer-id");
		return;
	}
	if (id[0] == '\0' || strlen(id) >= sizeof(m->id)) {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "x-wiretrustee-peer-id is empty or too long");
		return;
	}
	if ((m = calloc(1, sizeof(*m))) == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	m->server = s;
	m->call = call;
	m->end_text = "";
	/* Never, if there are to be none: a day of silence is as good as for ever. */
	m->opened = m->active = m->heard = env_now(s->env);
	m->beat_us = s->beat.us > 0 ? s->beat.us : 24 * MONO_HOUR;
	m->ours = grpc_metadata(call, NET_BEAT_HEADER) != NULL;
	m->listen_us = s->beat.us > 0 && m->ours ? net_beat_back(m->beat_us) : -1;
	snprintf(m->id, sizeof(m->id), "%s", id);
	m->has_key = wire_key_parse(m->key, id) == 0;
	list_init(&m->grave.list);
	list_append(&s->signals, &m->all);
	srv_signal_fsm_init(m, s->loop, m->id);
	m->gen = fsm_open(&m->fsm, SRV_SIGNAL_RES_CALL);
	grpc_set_arg(call, m);
	srv_signal_post(m, SRV_SIGNAL_EV_OPENED, NULL);
}

static void
send_letter(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct server *s = arg;
	Signalexchange__EncryptedMessage *e = wire_pb_get(&signalexchange__encrypted_message__descriptor, bytes, len);
	struct srv_signal *to;
	struct letter *l;

	if (e == NULL) {
		grpc_finish(call, GRPC_INTERNAL, "not a message of the signal service");
		return;
	}
	to = map_get_str(s->signal_by_id, e->remote_key);
	wire_pb_free(e);
	if (to != NULL && (l = malloc(sizeof(*l) + len)) != NULL) {
		l->data = (struct fsm_data){ .refs = 1, .free = letter_free };
		l->len = len;
		memcpy(l->bytes, bytes, len);
		srv_signal_post(to, SRV_SIGNAL_EV_LETTER, &l->data);
	}
	grpc_answer(call, NULL, 0);
}

int
server_signal_start(struct server *s)
{
	int err = grpc_server_add(s->grpc, &(struct grpc_method){ .path = SERVICE "Send", .unary = send_letter, .arg = s,
	    .max_message = LETTER_MAX });

	return err != 0 ? err : grpc_server_add(s->grpc, &(struct grpc_method){ .path = SERVICE "ConnectStream",
	    .open = connect_stream, .ops = &stream_ops, .arg = s, .max_message = LETTER_MAX });
}
