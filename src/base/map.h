/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_MAP_H
#define GODWIT_BASE_MAP_H
/*
 * map.h -- bytes to pointer, walked in insertion order.
 *
 * Keys are copied.  Values are borrowed: the map never frees one.  Order never
 * depends on an address or on the hash, so that two runs of one seed agree.
 * The hash is unkeyed on purpose (one seed, one trace); chains are bounded by
 * what the caller admits, so a peer cannot grow them for us.
 */
#include <stddef.h>

struct map;

struct map *map_new(void);				/* NULL: no memory */
void map_free(struct map *);				/* fine with NULL */
int map_put(struct map *, const void *key, size_t len, void *value);	/* replaces; 0 or -ENOMEM */
void *map_get(const struct map *, const void *key, size_t len);		/* NULL when absent */
void *map_del(struct map *, const void *key, size_t len);		/* the value, or NULL */
size_t map_count(const struct map *);
int map_put_str(struct map *, const char *key, void *value);
void *map_get_str(const struct map *, const char *key);
void *map_del_str(struct map *, const char *key);

/* Walk: for (struct map_it i = map_first(m); i.value; i = map_next(i)).  The
 * entry under `i` may be deleted during the walk, no other. */
struct map_it {
	const void *key;
	size_t len;
	void *value;
	const struct map *map;	/* private */
	void *next;		/* private */
};
struct map_it map_first(const struct map *);
struct map_it map_next(struct map_it);
#endif
