/* SPDX-License-Identifier: ISC */
/*
 * relay.c -- connections to the relay service, and the packets between them.
 *
 * The entry of an id names its newest connection.  take-entry replaces it and
 * tells the watchers "went offline", then "online", in one action: nothing can
 * come between the two, and nothing that the old connection does later (its
 * clean-up looks whether the entry is still its own) can follow them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "net/http1.h"
#include "net/ws.h"
#include "server/account.h"
#include "server/relay.h"

#include "fsm/server-wire.h"
#include "fsm/srv-relay-peer.inc"

/* Ids of a subscribe or unsubscribe message. */
struct ids {
	struct fsm_data data;
	size_t n;
	uint8_t id[];
};

static void
ids_free(struct fsm_data *d)
{
	free(d);
}

/* ---- sending ------------------------------------------------------------------------- */

void
server_relay_control(struct srv_relay_peer *m, const void *bytes, size_t len)
{
	if (m->ws != NULL && ws_send(m->ws, bytes, len, NULL, 0) == -EAGAIN)
		srv_relay_peer_post_gen(m, SRV_RELAY_PEER_EV_CHOKED, m->gen, NULL);
}

static void
control_plain(struct srv_relay_peer *m, enum wire_relay_type type)
{
	struct buf b = { 0 };

	wire_relay_put_plain(&b, type);
	server_relay_control(m, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
srv_relay_peer_do_send_answer(struct srv_relay_peer *m)
{
	struct buf b = { 0 };

	wire_relay_put_auth_response(&b, m->server->announce.relay);
	server_relay_control(m, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
srv_relay_peer_do_send_beat(struct srv_relay_peer *m)
{
	control_plain(m, WIRE_RELAY_HEALTH);
}

static void
srv_relay_peer_do_send_bye(struct srv_relay_peer *m)
{
	control_plain(m, WIRE_RELAY_CLOSE);
	m->goodbye = true;
}

/* ---- entries and interests ---------------------------------------------------------------- */

static void
srv_relay_peer_do_take_entry(struct srv_relay_peer *m)
{
	struct server_relay *r = m->server->relay;

	m->predecessor = map_get(r->by_id, m->id, sizeof(m->id));
	if (m->predecessor != NULL)
		server_watch_tell_offline(r, m->id);
	map_put(r->by_id, m->id, sizeof(m->id), m);
	server_watch_tell_online(r, m->id, m->predecessor != NULL);
}

static void
srv_relay_peer_do_drop_all_interest(struct srv_relay_peer *m)
{
	server_watch_drop_all(m);
}

/* Only its own entry: a successor's stays, and nothing is announced then. */
static void
srv_relay_peer_do_give_entry(struct srv_relay_peer *m)
{
	struct server_relay *r = m->server->relay;

	server_watch_drop_all(m);
	if (map_get(r->by_id, m->id, sizeof(m->id)) != m)
		return;
	map_del(r->by_id, m->id, sizeof(m->id));
	server_watch_tell_offline(r, m->id);
}

struct srv_relay_peer *
wire_srv_relay_peer_to_srv_relay_peer(struct srv_relay_peer *m)
{
	struct srv_relay_peer *old = m->predecessor;

	m->predecessor = NULL;
	return old;
}

static void
srv_relay_peer_do_add_interest(struct srv_relay_peer *m)
{
	const struct ids *l = (const struct ids *)fsm_data(&m->fsm);

	server_watch_add(m, l->id, l->n);
}

static void
srv_relay_peer_do_drop_interest(struct srv_relay_peer *m)
{
	const struct ids *l = (const struct ids *)fsm_data(&m->fsm);

	server_watch_drop(m, l->id, l->n);
}

/* Those of the list that are here: a message has at most as many as came. */
static void
srv_relay_peer_do_tell_online(struct srv_relay_peer *m)
{
	const struct ids *l = (const struct ids *)fsm_data(&m->fsm);
	struct buf here = { 0 }, msg = { 0 };

	for (size_t k = 0; k < l->n; k++) {
		const uint8_t *id = l->id + k * WIRE_RELAY_ID_LEN;

		if (map_get(m->server->relay->by_id, id, WIRE_RELAY_ID_LEN) != NULL)
			buf_put(&here, id, WIRE_RELAY_ID_LEN);
	}
	if (buf_len(&here) > 0 &&
	    wire_relay_put_ids(&msg, WIRE_RELAY_ONLINE, buf_bytes(&here), buf_len(&here) / WIRE_RELAY_ID_LEN) == 0)
		server_relay_control(m, buf_bytes(&msg), buf_len(&msg));
	buf_free(&here);
	buf_free(&msg);
}

/* ---- endings ------------------------------------------------------------------------------------ */

static void
srv_relay_peer_close_conn(struct srv_relay_peer *m)
{
	if (m->ws != NULL && m->goodbye)
		ws_finish(m->ws, 1001);
	else
		ws_free(m->ws);
	m->ws = NULL;
}

static void
relay_peer_free(struct server_grave *g)
{
	struct srv_relay_peer *m = LIST_OF(g, struct srv_relay_peer, grave);

	srv_relay_peer_fsm_fini(m);
	server_watch_drop_all(m);
	map_free(m->interests);
	list_remove(&m->all);
	free(m);
}

static void
srv_relay_peer_do_retire(struct srv_relay_peer *m)
{
	server_bury(m->server, &m->grave, relay_peer_free);
}

/* ---- what the connection says ---------------------------------------------------------------------- */

static void
forward(struct srv_relay_peer *m, const struct wire_relay_msg *msg)
{
	struct server_relay *r = m->server->relay;
	struct srv_relay_peer *to;
	uint8_t head[WIRE_RELAY_HEADER];

	if (m->fsm.state != SRV_RELAY_PEER_LIVE || (to = map_get(r->by_id, msg->id, WIRE_RELAY_ID_LEN)) == NULL ||
	    to->ws == NULL)
		return;
	wire_relay_transport_header(head, m->id);
	if (ws_queued(to->ws) >= SERVER_RELAY_PACKET_HIGH || ws_send(to->ws, head, sizeof(head), msg->body, msg->len) != 0) {
		to->dropped++;
		r->dropped++;
		return;
	}
	r->packets++;
}

static enum srv_relay_peer_event
auth(struct srv_relay_peer *m, const struct wire_relay_msg *msg)
{
	struct server *s = m->server;

	/* A second one changes nothing but the state: the id stays what it was. */
	if (m->authed)
		return SRV_RELAY_PEER_EV_AUTH_OK;
	if (server_account_check_token(s->store->account, env_wall(s->env) / MONO_SEC, msg->body, msg->len) != 0)
		return SRV_RELAY_PEER_EV_BAD;
	memcpy(m->id, msg->id, sizeof(m->id));
	m->authed = true;
	return SRV_RELAY_PEER_EV_AUTH_OK;
}

static struct fsm_data *
ids_of(const struct wire_relay_msg *msg)
{
	struct ids *l = malloc(sizeof(*l) + msg->nids * WIRE_RELAY_ID_LEN);

	if (l == NULL)
		return NULL;
	l->data = (struct fsm_data){ .refs = 1, .free = ids_free };
	l->n = msg->nids;
	if (msg->nids > 0)
		memcpy(l->id, msg->ids, msg->nids * WIRE_RELAY_ID_LEN);
	return &l->data;
}

static void
on_message(struct srv_relay_peer *m, const uint8_t *bytes, size_t len)
{
	enum srv_relay_peer_event event = SRV_RELAY_PEER_EV_BAD;
	struct fsm_data *data = NULL;
	struct wire_relay_msg msg;

	if (wire_relay_parse(&msg, bytes, len) == 0) {
		switch (msg.type) {
		case WIRE_RELAY_TRANSPORT:
			if (m->authed) {
				forward(m, &msg);
				return;
			}
			break;
		case WIRE_RELAY_AUTH:
			event = auth(m, &msg);
			break;
		case WIRE_RELAY_HEALTH:
			event = SRV_RELAY_PEER_EV_HEALTH;
			break;
		case WIRE_RELAY_CLOSE:
			event = SRV_RELAY_PEER_EV_BYE;
			break;
		case WIRE_RELAY_SUBSCRIBE:
		case WIRE_RELAY_UNSUBSCRIBE:
			if ((data = ids_of(&msg)) != NULL)
				event = msg.type == WIRE_RELAY_SUBSCRIBE ? SRV_RELAY_PEER_EV_SUBSCRIBE : SRV_RELAY_PEER_EV_UNSUBSCRIBE;
			break;
		case WIRE_RELAY_AUTH_RESPONSE:
		case WIRE_RELAY_ONLINE:
		case WIRE_RELAY_OFFLINE:
			break;
		}
	}
	srv_relay_peer_post_gen(m, event, m->gen, data);
}

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct srv_relay_peer *m = arg;

	switch (n->event) {
	case WS_MESSAGE:
		on_message(m, n->data, n->len);
		break;
	case WS_CLOSED:
	case WS_LOST:
		srv_relay_peer_post_gen(m, SRV_RELAY_PEER_EV_GONE, m->gen, NULL);
		break;
	case WS_OPEN:
	case WS_PONG:
	case WS_DRAINED:
		break;
	}
}

void
server_relay_accept(struct server *s, struct env_stream *stream, const struct http1_head *head, const uint8_t *rest,
    size_t len)
{
	struct ws_options opt = { .message_max = WIRE_RELAY_MAX, .queue_max = SERVER_RELAY_QUEUE };
	struct srv_relay_peer *m = calloc(1, sizeof(*m));
	struct addr a = env_stream_remote(stream);
	char from[ADDR_STRLEN];

	if (m == NULL || (m->interests = map_new()) == NULL) {
		free(m);
		env_stream_close(stream);
		return;
	}
	m->server = s;
	list_init(&m->grave.list);
	list_append(&s->relay->all, &m->all);
	srv_relay_peer_fsm_init(m, s->loop, addr_str_port(&a, from));
	m->gen = fsm_open(&m->fsm, SRV_RELAY_PEER_RES_CONN);
	if ((m->ws = ws_accept(s->env, stream, head, rest, len, &opt, on_ws, m)) == NULL)
		relay_peer_free(&m->grave);
}

/* ---- the service --------------------------------------------------------------------------------------- */

int
server_relay_start(struct server *s)
{
	struct server_relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	s->relay = r;
	r->server = s;
	list_init(&r->all);
	r->by_id = map_new();
	r->topics = map_new();
	return r->by_id == NULL || r->topics == NULL ? -ENOMEM : 0;
}

void
server_relay_stop(struct server *s)
{
	LIST_EACH(l, &s->relay->all)
		srv_relay_peer_post(LIST_OF(l, struct srv_relay_peer, all), SRV_RELAY_PEER_EV_STOP, NULL);
}

void
server_relay_free(struct server *s)
{
	struct server_relay *r = s->relay;

	if (r == NULL)
		return;
	while (!list_empty(&r->all)) {
		struct srv_relay_peer *m = LIST_OF(r->all.next, struct srv_relay_peer, all);

		list_remove(&m->grave.list);
		relay_peer_free(&m->grave);
	}
	map_free(r->by_id);
	map_free(r->topics);
	free(r);
	s->relay = NULL;
}

size_t
server_relay_count(const struct server *s)
{
	return s->relay != NULL ? map_count(s->relay->by_id) : 0;
}
