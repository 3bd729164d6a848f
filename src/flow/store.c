/* SPDX-License-Identifier: ISC */
/*
 * store.c -- see store.h.  Two lists, each in the order of the next sending, so
 * that a look at their heads is enough.
 */
#include "flow/store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"

int
flow_store_init(struct flow_store *s, size_t max)
{
	memset(s, 0, sizeof(*s));
	list_init(&s->fresh);
	list_init(&s->sent);
	s->max = max;
	return (s->by_id = map_new()) != NULL ? 0 : -ENOMEM;
}

static void
drop(struct flow_store *s, struct flow_event *e)
{
	map_del(s->by_id, e->id, sizeof(e->id));
	list_remove(&e->all);
	free(e);
}

static bool
drop_oldest(struct flow_store *s)
{
	struct list *from = list_empty(&s->sent) ? &s->fresh : &s->sent;

	if (list_empty(from))
		return false;
	drop(s, LIST_OF(from->next, struct flow_event, all));
	return true;
}

void
flow_store_fini(struct flow_store *s)
{
	if (s->by_id == NULL)
		return;
	while (drop_oldest(s))
		;
	map_free(s->by_id);
	s->by_id = NULL;
}

size_t
flow_store_waiting(const struct flow_store *s)
{
	return map_count(s->by_id);
}

int
flow_store_add(struct flow_store *s, const uint8_t id[FLOW_ID_LEN], const void *bytes, size_t len)
{
	struct flow_event *e = malloc(sizeof(*e) + len);

	if (e == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	memcpy(e->id, id, sizeof(e->id));
	memcpy(e->bytes, bytes, len);
	e->len = len;
	if (map_put(s->by_id, e->id, sizeof(e->id), e) != 0) {
		free(e);
		return -ENOMEM;
	}
	list_append(&s->fresh, &e->all);
	s->added++;
	if (flow_store_waiting(s) > s->max && drop_oldest(s))
		s->dropped++;
	return 0;
}

void
flow_store_ack(struct flow_store *s, const uint8_t id[FLOW_ID_LEN])
{
	struct flow_event *e = map_get(s->by_id, id, FLOW_ID_LEN);

	if (e == NULL)
		return;
	drop(s, e);
	s->acknowledged++;
}

void
flow_store_unsend(struct flow_store *s)
{
	while (!list_empty(&s->sent)) {	/* from the end, so that they stay in order, before the others */
		struct list *l = s->sent.prev;

		LIST_OF(l, struct flow_event, all)->sent = (struct mono){ 0 };
		list_remove(l);
		list_prepend(&s->fresh, l);
	}
}

struct flow_event *
flow_store_due(struct flow_store *s, struct mono now, int64_t age)
{
	struct list *from = list_empty(&s->fresh) ? &s->sent : &s->fresh;
	struct flow_event *e;

	if (list_empty(from))
		return NULL;
	e = LIST_OF(from->next, struct flow_event, all);
	if (mono_is_set(e->sent) && mono_diff(now, e->sent) < age)
		return NULL;
	e->sent = now;
	e->times++;
	list_remove(&e->all);
	list_append(&s->sent, &e->all);
	return e;
}
