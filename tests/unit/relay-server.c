/* SPDX-License-Identifier: ISC */
/*
 * relay-server.c -- the relay server of relay-world.h: it takes one connection,
 * counts what comes and answers as its switches say.
 */
#include "relay-world.h"

static void
say(struct relayd *d, const struct buf *b)
{
	if (d->ws != NULL)
		ws_send(d->ws, buf_bytes(b), buf_len(b), NULL, 0);
}

void
say_plain(struct relayd *d, enum wire_relay_type t)
{
	struct buf b = { 0 };

	wire_relay_put_plain(&b, t);
	say(d, &b);
	buf_free(&b);
}

void
say_ids(struct relayd *d, enum wire_relay_type t)
{
	struct buf b = { 0 };

	wire_relay_put_ids(&b, t, d->w->ch->id, 1);
	say(d, &b);
	buf_free(&b);
}

void
say_auth_ok(struct relayd *d)
{
	struct buf b = { 0 };

	wire_relay_put_auth_response(&b, d->url);
	say(d, &b);
	buf_free(&b);
}

void
say_packet(struct relayd *d, const void *data, size_t len)
{
	uint8_t head[WIRE_RELAY_HEADER];

	wire_relay_transport_header(head, d->w->ch->id);
	ws_send(d->ws, head, sizeof(head), data, len);
}

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct relayd *d = arg;
	struct wire_relay_msg m;

	if (n->event == WS_CLOSED || n->event == WS_LOST) {
		d->lost++;
		ws_free(d->ws);
		d->ws = NULL;
		return;
	}
	if (n->event != WS_MESSAGE || wire_relay_parse(&m, n->data, n->len) != 0)
		return;
	switch ((int)m.type) {
	case WIRE_RELAY_AUTH:
		d->auths++;
		if (d->early_health)
			say_plain(d, WIRE_RELAY_HEALTH);
		if (!d->mute)
			say_auth_ok(d);
		break;
	case WIRE_RELAY_HEALTH:
		d->healths++;
		break;
	case WIRE_RELAY_CLOSE:
		d->closes++;
		break;
	case WIRE_RELAY_SUBSCRIBE:
		d->subs++;
		if (d->peer_there && !d->quiet)
			say_ids(d, WIRE_RELAY_ONLINE);
		break;
	case WIRE_RELAY_UNSUBSCRIBE:
		d->unsubs++;
		break;
	case WIRE_RELAY_TRANSPORT:
		d->packets++;
		break;
	default:
		break;
	}
}

static void
on_h2(void *arg, struct env_stream *st, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	env_stream_close(st);
}

static void
on_request(void *arg, struct env_stream *st, const struct http1_head *h, const uint8_t *p, size_t n)
{
	struct relayd *d = arg;

	d->conns++;
	ws_free(d->ws);
	d->ws = ws_accept(d->w->env, st, h, p, n, NULL, on_ws, d);
}

static const struct http1_front_ops front_ops = { on_h2, on_request };

static void
on_accept(void *arg, struct env_stream *st)
{
	struct relayd *d = arg;

	http1_front_take(d->front, st);
}

void
relayd_start(struct world *w, struct relayd *d, uint16_t port, const char *url)
{
	struct env_listen l = { .addr.port = port };
	int err;

	d->w = w;
	d->port = port;
	d->url = url;
	d->peer_there = true;
	if (d->front == NULL)
		d->front = http1_front_new(w->env, &front_ops, d);
	d->listener = env_listen(w->env, &l, on_accept, d, &err);
}

void
relayd_stop(struct relayd *d)
{
	if (d->listener != NULL)
		env_listener_close(d->listener);
	d->listener = NULL;
	ws_free(d->ws);
	d->ws = NULL;
}
