/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_ALLOWEDIPS_H
#define GODWIT_WG_ALLOWEDIPS_H
/*
 * allowedips.h -- which peer an inner address belongs to: longest prefix wins.
 *
 * Two path-compressed binary tries, one a family.  The owner is an opaque
 * pointer (a peer); a prefix has one owner, the last to claim it.  Lookups cost
 * at most 32 or 128 steps and allocate nothing.
 */
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

struct allowedips_node;

struct allowedips {
	struct allowedips_node *root4, *root6;
	size_t count;			/* prefixes */
};

/* Host bits of the prefix are ignored.  0, -EINVAL (family, length) or -ENOMEM. */
int allowedips_add(struct allowedips *, const struct addr_prefix *, void *owner);
/* Takes the prefix out if `owner` has it. */
void allowedips_del(struct allowedips *, const struct addr_prefix *, const void *owner);
void allowedips_del_owner(struct allowedips *, const void *owner);
void *allowedips_find4(const struct allowedips *, const uint8_t ip[4]);	/* NULL: nobody */
void *allowedips_find6(const struct allowedips *, const uint8_t ip[16]);
void allowedips_free(struct allowedips *);	/* empties it */
#endif
