/* SPDX-License-Identifier: ISC */
/* map.c -- see map.h.  Chained hash; every entry is also in one list, in order of insertion. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "base/map.h"

struct entry {
	struct list order;
	struct entry *chain;
	void *value;
	size_t len;
	uint64_t hash;
	uint8_t key[];		/* len bytes and a NUL */
};

struct map {
	struct list order;
	struct entry **slot;
	size_t nslot, count;
};

/* FNV-1a, then a finaliser, since the low bits pick the slot. */
static uint64_t
hash_of(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

struct map *
map_new(void)
{
	struct map *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	list_init(&m->order);
	m->nslot = 16;
	if ((m->slot = calloc(m->nslot, sizeof(*m->slot))) == NULL) {
		free(m);
		return NULL;
	}
	return m;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	LIST_EACH(l, &m->order)
		free(LIST_OF(l, struct entry, order));
	free(m->slot);
	free(m);
}

static struct entry **
find(const struct map *m, const void *key, size_t len, uint64_t hash)
{
	struct entry **e;

	for (e = &m->slot[hash & (m->nslot - 1)]; *e != NULL; e = &(*e)->chain)
		if ((*e)->hash == hash && (*e)->len == len && memcmp((*e)->key, key, len) == 0)
			break;
	return e;
}

/* Twice the slots; failing to get them only makes chains longer. */
static void
grow(struct map *m)
{
	size_t n = m->nslot * 2;
	struct entry **slot = calloc(n, sizeof(*slot));

	if (slot == NULL)
		return;
	free(m->slot);
	m->slot = slot;
	m->nslot = n;
	LIST_EACH(l, &m->order) {
		struct entry *e = LIST_OF(l, struct entry, order);

		e->chain = slot[e->hash & (n - 1)];
		slot[e->hash & (n - 1)] = e;
	}
}

int
map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_of(key, len);
	struct entry **at = find(m, key, len, hash), *e;

	if (*at != NULL) {
		(*at)->value = value;
		return 0;
	}
	if ((e = malloc(sizeof(*e) + len + 1)) == NULL)
		return -ENOMEM;
	memcpy(e->key, key, len);
	e->key[len] = '\0';
	e->len = len;
	e->hash = hash;
	e->value = value;
	e->chain = NULL;
	*at = e;
	list_append(&m->order, &e->order);
	if (++m->count > m->nslot)
		grow(m);
	return 0;
}

void *
map_get(const struct map *m, const void *key, size_t len)
{
	struct entry *e = *find(m, key, len, hash_of(key, len));

	return e != NULL ? e->value : NULL;
}

void *
map_del(struct map *m, const void *key, size_t len)
{
	struct entry **at = find(m, key, len, hash_of(key, len)), *e = *at;
	void *value;

	if (e == NULL)
		return NULL;
	value = e->value;
	*at = e->chain;
	list_remove(&e->order);
	free(e);
	m->count--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

int
map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

void *
map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *
map_del_str(struct map *m, const char *key)
{
	return map_del(m, key, strlen(key));
}

/* `next` is read ahead, so that the entry in hand may be deleted. */
static struct map_it
it_at(const struct map *m, struct list *l)
{
	struct entry *e;

	if (l == &m->order)
		return (struct map_it){ NULL, 0, NULL, m, NULL };
	e = LIST_OF(l, struct entry, order);
	return (struct map_it){ e->key, e->len, e->value, m, e->order.next };
}

struct map_it
map_first(const struct map *m)
{
	return it_at(m, m->order.next);
}

struct map_it
map_next(struct map_it it)
{
	return it_at(it.map, it.next);
}
