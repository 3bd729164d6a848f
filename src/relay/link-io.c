/* SPDX-License-Identifier: ISC */
/*
 * link-io.c -- what goes over a link's connection: the frames of channels, the
 * server's words, packets gathered for one call, packets that come early.
 *
 * Nothing here waits; what the machine must know is posted to it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "relay/channel-impl.h"
#include "relay/link-impl.h"
#include "relay/pool-impl.h"

#define RELAY_EARLY_MAX		256		/* packets */
#define RELAY_EARLY_US		(5 * MONO_SEC)
#define RELAY_HEADROOM		64
#define RELAY_BATCH_BYTES	(128 * 1024)

/* A packet from somebody who has no channel here yet. */
struct relay_early {
	struct list all;
	struct mono at;
	uint8_t id[WIRE_RELAY_ID_LEN];
	size_t len;
	uint8_t data[];
};

/* ---- what channels ask ------------------------------------------------------------ */

void
relay_link_attach(struct relay_link *l, struct relay_channel *ch)
{
	ch->link = l;
	list_append(&l->channels, &ch->on_link);
}

void
relay_link_detach(struct relay_link *l, struct relay_channel *ch)
{
	relay_link_leave(l, ch);
	list_remove(&ch->on_link);
	ch->link = NULL;
	l->unused_since = env_now(l->pool->env);
}

void
relay_link_put(struct relay_link *l, const struct buf *b)
{
	int err = buf_bad(b) ? -ENOMEM : ws_send(l->ws, buf_bytes(b), buf_len(b), NULL, 0);

	if (err != 0)
		log_debug("relay", "%s: a message could not be sent: %s", relay_link_name(l), strerror(-err));
}

int
relay_link_join(struct relay_link *l, struct relay_channel *ch)
{
	struct buf b = { 0 };

	if (!relay_link_is_up(l))
		return -EPIPE;
	if (map_put(l->entries, ch->id, sizeof(ch->id), ch) != 0)
		return -ENOMEM;
	wire_relay_put_ids(&b, WIRE_RELAY_SUBSCRIBE, ch->id, 1);
	relay_link_put(l, &b);
	buf_free(&b);
	return 0;
}

void
relay_link_leave(struct relay_link *l, struct relay_channel *ch)
{
	struct buf b = { 0 };

	if (map_get(l->entries, ch->id, sizeof(ch->id)) != ch)
		return;
	map_del(l->entries, ch->id, sizeof(ch->id));
	l->unused_since = env_now(l->pool->env);
	if (!relay_link_is_up(l) || l->ws == NULL)
		return;
	wire_relay_put_ids(&b, WIRE_RELAY_UNSUBSCRIBE, ch->id, 1);
	relay_link_put(l, &b);
	buf_free(&b);
}

int
relay_link_send(struct relay_link *l, const uint8_t id[WIRE_RELAY_ID_LEN], const void *data, size_t len)
{
	uint8_t head[WIRE_RELAY_HEADER];
	int err;

	if (len > relay_pool_longest(l->pool)) {
		l->dropped++;
		return -EMSGSIZE;
	}
	if (!relay_link_is_up(l) || l->ws == NULL)
		return -EPIPE;
	wire_relay_transport_header(head, id);
	err = ws_send(l->ws, head, sizeof(head), data, len);
	if (err == 0) {
		l->sent = true;
		l->tx_bytes += len;
	} else
		l->dropped++;
	return err;
}

/* ---- packets that come early ------------------------------------------------------- */

static void
relay_early_drop(struct relay_link *l, struct relay_early *e)
{
	list_remove(&e->all);
	l->nearly--;
	free(e);
}

static void
relay_early_keep(struct relay_link *l, const struct wire_relay_msg *m)
{
	struct relay_early *e;

	if (l->nearly == RELAY_EARLY_MAX)
		relay_early_drop(l, LIST_OF(l->early.next, struct relay_early, all));
	e = malloc(sizeof(*e) + m->len);
	if (e == NULL)
		return;
	e->at = env_now(l->pool->env);
	e->len = m->len;
	memcpy(e->id, m->id, sizeof(e->id));
	memcpy(e->data, m->body, m->len);
	list_append(&l->early, &e->all);
	l->nearly++;
}

void
relay_link_drop_early(struct relay_link *l)
{
	while (!list_empty(&l->early))
		relay_early_drop(l, LIST_OF(l->early.next, struct relay_early, all));
}

/* Hands on what was gathered for one peer. */
static void
relay_link_flush(struct relay_link *l)
{
	struct relay_channel *ch = l->batch_to;
	size_t n = l->nbatch;

	l->batch_to = NULL;
	l->nbatch = l->batch_used = 0;
	if (n > 0)
		relay_channel_input(ch, l->batch, n);
}

void
relay_link_on_batch(void *arg)
{
	relay_link_flush(arg);
}

/* Gathers a packet: one call into WireGuard, and so one write to the TUN, for
 * what came in one read. */
static void
relay_link_give(struct relay_link *l, struct relay_channel *ch, const void *data, size_t len)
{
	uint8_t *at;

	if (len > WIRE_RELAY_MAX)
		return;
	if (l->batch_to != ch || l->nbatch == RELAY_BATCH || l->batch_used + RELAY_HEADROOM + len > RELAY_BATCH_BYTES)
		relay_link_flush(l);
	if (l->batch_room == NULL && (l->batch_room = malloc(RELAY_BATCH_BYTES)) == NULL)
		return;
	at = l->batch_room + l->batch_used + RELAY_HEADROOM;
	memcpy(at, data, len);
	l->batch[l->nbatch++] = (struct env_pkt){ .data = at, .len = (uint32_t)len, .headroom = RELAY_HEADROOM };
	l->batch_used += (RELAY_HEADROOM + len + 15) & ~(size_t)15;
	l->batch_to = ch;
	l->rx_bytes += len;
}

void
relay_link_flush_early(struct relay_link *l, struct relay_channel *ch)
{
	struct mono now = env_now(l->pool->env);

	LIST_EACH(it, &l->early) {
		struct relay_early *e = LIST_OF(it, struct relay_early, all);
		bool ours = memcmp(e->id, ch->id, sizeof(e->id)) == 0;

		if (ours && mono_diff(now, e->at) <= RELAY_EARLY_US)
			relay_link_give(l, ch, e->data, e->len);
		if (ours || mono_diff(now, e->at) > RELAY_EARLY_US)
			relay_early_drop(l, e);
	}
	relay_link_flush(l);
}

/* ---- what the connection says -------------------------------------------------------- */

void
relay_link_event(struct relay_link *l, enum relay_link_event ev)
{
	relay_link_post_gen(l, ev, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
}

static void
relay_link_on_presence(struct relay_link *l, const struct wire_relay_msg *m)
{
	for (size_t i = 0; i < m->nids; i++) {
		struct relay_channel *ch = map_get(l->entries, m->ids + i * WIRE_RELAY_ID_LEN, WIRE_RELAY_ID_LEN);

		if (ch != NULL)
			relay_channel_told(ch, m->type == WIRE_RELAY_ONLINE);
	}
}

static void
relay_link_on_transport(struct relay_link *l, const struct wire_relay_msg *m)
{
	struct relay_channel *ch = map_get(l->entries, m->id, WIRE_RELAY_ID_LEN);

	if (ch != NULL)
		relay_link_give(l, ch, m->body, m->len);
	else
		relay_early_keep(l, m);
}

static void
relay_link_on_message(struct relay_link *l, const uint8_t *data, size_t len)
{
	struct wire_relay_msg m;

	if (wire_relay_parse(&m, data, len) != 0) {
		log_debug("relay", "%s: a message of %zu bytes that says nothing", relay_link_name(l), len);
		return;
	}
	switch (m.type) {
	case WIRE_RELAY_TRANSPORT:
		relay_link_on_transport(l, &m);
		break;
	case WIRE_RELAY_HEALTH:
		relay_link_event(l, RELAY_LINK_EV_HEALTH);
		break;
	case WIRE_RELAY_AUTH_RESPONSE:
		snprintf(l->answered, sizeof(l->answered), "%.*s", (int)m.len, (const char *)m.body);
		relay_link_event(l, RELAY_LINK_EV_AUTH_OK);
		break;
	case WIRE_RELAY_ONLINE:
	case WIRE_RELAY_OFFLINE:
		relay_link_on_presence(l, &m);
		break;
	case WIRE_RELAY_CLOSE:
		snprintf(l->failure, sizeof(l->failure), "the server said goodbye");
		relay_link_event(l, RELAY_LINK_EV_PEER_CLOSE);
		break;
	case WIRE_RELAY_AUTH:
	case WIRE_RELAY_SUBSCRIBE:
	case WIRE_RELAY_UNSUBSCRIBE:
		break;		/* a client's words from a server */
	}
}

/* A dial that began while nothing got through took seconds, and says nothing of the
 * way: an answer does.  To open takes two to four round trips. */
static void
relay_link_measure(struct relay_link *l)
{
	int64_t most;

	if (!mono_is_set(l->pinged_at))
		return;
	most = 4 * (mono_diff(env_now(l->pool->env), l->pinged_at) + 1);
	if (most < l->opened_in)
		l->opened_in = most;
	l->pinged_at = (struct mono){ 0 };
}

void
relay_link_on_ws(void *arg, const struct ws_note *n)
{
	struct relay_link *l = arg;

	l->heard = true;
	switch (n->event) {
	case WS_OPEN:
		l->opened_in = mono_diff(env_now(l->pool->env), l->dialled_at) + 1;
		relay_link_event(l, RELAY_LINK_EV_CONNECTED);
		break;
	case WS_MESSAGE:
		relay_link_on_message(l, n->data, n->len);
		break;
	case WS_PONG:
		relay_link_measure(l);
		break;
	case WS_DRAINED:
		break;
	case WS_CLOSED:
		snprintf(l->failure, sizeof(l->failure), "the server closed the WebSocket (%u)", n->code);
		relay_link_event(l, RELAY_LINK_EV_PEER_CLOSE);
		break;
	case WS_LOST:
		snprintf(l->failure, sizeof(l->failure), "%s", n->text);
		relay_link_event(l, RELAY_LINK_EV_PEER_CLOSE);
		break;
	}
	if (l->want_alive && (n->event == WS_MESSAGE || n->event == WS_PONG)) {
		l->want_alive = false;
		relay_link_event(l, RELAY_LINK_EV_ALIVE);
	}
}
