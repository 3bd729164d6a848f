/* SPDX-License-Identifier: ISC */
/*
 * relay_watch.c -- subscriptions to the comings and goings of relay ids.
 *
 * They belong to the connection that made them and end with it.  A topic lives
 * as long as somebody watches it.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "server/relay.h"

static struct server_topic *
topic_get(struct server_relay *r, const uint8_t *id)
{
	struct server_topic *t = map_get(r->topics, id, WIRE_RELAY_ID_LEN);

	if (t != NULL || (t = calloc(1, sizeof(*t))) == NULL)
		return t;
	memcpy(t->id, id, sizeof(t->id));
	list_init(&t->watchers);
	if (map_put(r->topics, id, WIRE_RELAY_ID_LEN, t) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

static void
interest_free(struct server_relay *r, struct server_interest *i)
{
	struct server_topic *t = i->topic;

	list_remove(&i->in_topic);
	if (list_empty(&t->watchers)) {
		map_del(r->topics, t->id, WIRE_RELAY_ID_LEN);
		free(t);
	}
	free(i);
}

static struct server_interest *
interest_get(struct srv_relay_peer *m, const uint8_t *id)
{
	struct server_interest *i = map_get(m->interests, id, WIRE_RELAY_ID_LEN);

	if (i != NULL)
		return i;
	if (map_count(m->interests) >= SERVER_RELAY_INTERESTS || (i = calloc(1, sizeof(*i))) == NULL)
		return NULL;
	list_init(&i->in_topic);
	i->watcher = m;
	if ((i->topic = topic_get(m->server->relay, id)) == NULL || map_put(m->interests, id, WIRE_RELAY_ID_LEN, i) != 0) {
		free(i);
		return NULL;
	}
	list_append(&i->topic->watchers, &i->in_topic);
	return i;
}

void
server_watch_add(struct srv_relay_peer *m, const uint8_t *ids, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct server_interest *i = interest_get(m, ids + k * WIRE_RELAY_ID_LEN);

		if (i == NULL) {
			log_warnx("relay", "a connection watches too many ids: the rest is ignored");
			return;
		}
		i->online = true;
	}
}

void
server_watch_drop(struct srv_relay_peer *m, const uint8_t *ids, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct server_interest *i = map_del(m->interests, ids + k * WIRE_RELAY_ID_LEN, WIRE_RELAY_ID_LEN);

		if (i != NULL)
			interest_free(m->server->relay, i);
	}
}

void
server_watch_drop_all(struct srv_relay_peer *m)
{
	for (struct map_it it = map_first(m->interests); it.value != NULL; it = map_next(it)) {
		struct server_interest *i = it.value;

		map_del(m->interests, it.key, it.len);
		interest_free(m->server->relay, i);
	}
}

static void
tell(struct server_interest *i, enum wire_relay_type type)
{
	struct buf b = { 0 };

	if (wire_relay_put_ids(&b, type, i->topic->id, 1) == 0)
		server_relay_control(i->watcher, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

void
server_watch_tell_offline(struct server_relay *r, const uint8_t *id)
{
	struct server_topic *t = map_get(r->topics, id, WIRE_RELAY_ID_LEN);

	if (t == NULL)
		return;
	LIST_EACH(l, &t->watchers)
		tell(LIST_OF(l, struct server_interest, in_topic), WIRE_RELAY_OFFLINE);
}

void
server_watch_tell_online(struct server_relay *r, const uint8_t *id, bool back)
{
	struct server_topic *t = map_get(r->topics, id, WIRE_RELAY_ID_LEN);

	if (t == NULL)
		return;
	LIST_EACH(l, &t->watchers) {
		struct server_interest *i = LIST_OF(l, struct server_interest, in_topic);

		if (i->online || back)
			tell(i, WIRE_RELAY_ONLINE);
		i->online = false;
	}
}
