/* SPDX-License-Identifier: ISC */
/*
 * allowedips.c -- a path-compressed trie.  A node has a prefix of `bits` bits;
 * a child's prefix extends its parent's, and the first bit behind the parent's
 * prefix picks the side.  Nodes without an owner are forks: they have two
 * children always, or they are taken out.
 */
#include "wg/allowedips.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct allowedips_node {
	struct allowedips_node *child[2];
	void *owner;		/* NULL: a fork; borrowed */
	uint8_t bits;
	uint8_t ip[16];
};

static int
bit_at(const uint8_t *ip, unsigned i)
{
	return ip[i / 8] >> (7 - i % 8) & 1;
}

/* How many of the first `max` bits are the same. */
static unsigned
common(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned i = 0;

	while (i + 8 <= max && a[i / 8] == b[i / 8])
		i += 8;
	while (i < max && bit_at(a, i) == bit_at(b, i))
		i++;
	return i;
}

static struct allowedips_node *
node_new(const uint8_t *ip, unsigned bits, void *owner)
{
	struct allowedips_node *n = calloc(1, sizeof *n);

	if (n == NULL)
		return NULL;
	memcpy(n->ip, ip, (bits + 7) / 8);
	if (bits % 8 != 0)
		n->ip[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
	n->bits = (uint8_t)bits;
	n->owner = owner;
	return n;
}

static struct allowedips_node **
root_of(struct allowedips *t, const struct addr_prefix *p)
{
	if (p->addr.family == ADDR_V4 && p->bits <= 32)
		return &t->root4;
	if (p->addr.family == ADDR_V6 && p->bits <= 128)
		return &t->root6;
	return NULL;
}

int
allowedips_add(struct allowedips *t, const struct addr_prefix *p, void *owner)
{
	struct allowedips_node **at = root_of(t, p), *n, *fork;
	const uint8_t *ip = p->addr.ip;
	unsigned same;

	if (at == NULL || owner == NULL)
		return -EINVAL;
	for (;;) {
		if (*at == NULL) {
			if ((*at = node_new(ip, p->bits, owner)) == NULL)
				return -ENOMEM;
			t->count++;
			return 0;
		}
		same = common((*at)->ip, ip, (*at)->bits < p->bits ? (*at)->bits : p->bits);
		if (same < (*at)->bits)
			break;
		if ((*at)->bits == p->bits) {
			t->count += (*at)->owner == NULL;
			(*at)->owner = owner;
			return 0;
		}
		at = &(*at)->child[bit_at(ip, (*at)->bits)];
	}
	/* the new prefix ends, or turns off, inside the edge to *at */
	if ((n = node_new(ip, p->bits, owner)) == NULL)
		return -ENOMEM;
	if (same == p->bits) {
		n->child[bit_at((*at)->ip, p->bits)] = *at;
		*at = n;
	} else {
		if ((fork = node_new(ip, same, NULL)) == NULL) {
			free(n);
			return -ENOMEM;
		}
		fork->child[bit_at(ip, same)] = n;
		fork->child[bit_at((*at)->ip, same)] = *at;
		*at = fork;
	}
	t->count++;
	return 0;
}

/* Takes a node out that has no owner and not two children. */
static void
prune(struct allowedips_node **at)
{
	struct allowedips_node *n = *at;

	if (n == NULL || n->owner != NULL || (n->child[0] != NULL && n->child[1] != NULL))
		return;
	*at = n->child[0] != NULL ? n->child[0] : n->child[1];
	free(n);
}

static void
del_exact(struct allowedips *t, struct allowedips_node **at, const struct addr_prefix *p, const void *owner)
{
	struct allowedips_node *n = *at;

	if (n == NULL || n->bits > p->bits || common(n->ip, p->addr.ip, n->bits) < n->bits)
		return;
	if (n->bits < p->bits) {
		del_exact(t, &n->child[bit_at(p->addr.ip, n->bits)], p, owner);
	} else if (n->owner == owner) {
		n->owner = NULL;
		t->count--;
	}
	prune(at);
}

void
allowedips_del(struct allowedips *t, const struct addr_prefix *p, const void *owner)
{
	struct allowedips_node **at = root_of(t, p);

	if (at != NULL && owner != NULL)
		del_exact(t, at, p, owner);
}

static void
del_owner(struct allowedips *t, struct allowedips_node **at, const void *owner)
{
	if (*at == NULL)
		return;
	del_owner(t, &(*at)->child[0], owner);
	del_owner(t, &(*at)->child[1], owner);
	if ((*at)->owner == owner) {
		(*at)->owner = NULL;
		t->count--;
	}
	prune(at);
}

void
allowedips_del_owner(struct allowedips *t, const void *owner)
{
	if (owner == NULL)
		return;
	del_owner(t, &t->root4, owner);
	del_owner(t, &t->root6, owner);
}

static void *
find(const struct allowedips_node *n, const uint8_t *ip, unsigned len)
{
	void *best = NULL;

	while (n != NULL && common(n->ip, ip, n->bits) == n->bits) {
		if (n->owner != NULL)
			best = n->owner;
		if (n->bits == len)
			break;
		n = n->child[bit_at(ip, n->bits)];
	}
	return best;
}

void *
allowedips_find4(const struct allowedips *t, const uint8_t ip[4])
{
	return find(t->root4, ip, 32);
}

void *
allowedips_find6(const struct allowedips *t, const uint8_t ip[16])
{
	return find(t->root6, ip, 128);
}

static void
free_all(struct allowedips_node *n)
{
	if (n == NULL)
		return;
	free_all(n->child[0]);
	free_all(n->child[1]);
	free(n);
}

void
allowedips_free(struct allowedips *t)
{
	free_all(t->root4);
	free_all(t->root6);
	memset(t, 0, sizeof *t);
}
