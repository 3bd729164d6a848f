/* SPDX-License-Identifier: ISC */
/*
 * The trie against a list that is searched from end to end.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "wg/allowedips.h"

#define LIST	400

static uint64_t rnd = 88172645463325252u;
static struct item { struct addr_prefix p; char *owner; } list[LIST];
static char owners[8];

static uint32_t
any(uint32_t below)
{
	rnd ^= rnd << 13, rnd ^= rnd >> 7, rnd ^= rnd << 17;
	return (uint32_t)(rnd >> 20) % below;
}

/* few different bits, so that prefixes nest and collide */
static struct addr
any_addr(bool six)
{
	struct addr a = { .family = six ? ADDR_V6 : ADDR_V4 };

	for (int i = 0; i < (six ? 16 : 4); i++)
		a.ip[i] = any(3) == 0 ? (uint8_t)any(256) : (uint8_t)(any(2) * 0x80);
	return a;
}

static bool
covers(const struct addr_prefix *p, const struct addr *a)
{
	for (unsigned i = 0; i < p->bits; i++)
		if ((p->addr.ip[i / 8] ^ a->ip[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return p->addr.family == a->family;
}

static bool
same_prefix(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->bits == b->bits && covers(a, &b->addr);
}

static char *
slow_find(const struct addr *a)
{
	int best = -1;

	for (int i = 0; i < LIST; i++)
		if (list[i].owner != NULL && covers(&list[i].p, a) && (best < 0 || list[i].p.bits > list[best].p.bits))
			best = i;
	return best < 0 ? NULL : list[best].owner;
}

static size_t
slow_count(void)
{
	size_t n = 0;

	for (int i = 0; i < LIST; i++)
		n += list[i].owner != NULL;
	return n;
}

static void
slow_set(const struct addr_prefix *p, char *owner)
{
	int free_at = -1;

	for (int i = 0; i < LIST; i++) {
		if (list[i].owner != NULL && same_prefix(&list[i].p, p)) {
			list[i].owner = owner;
			return;
		}
		if (list[i].owner == NULL)
			free_at = i;
	}
	if (owner != NULL && free_at >= 0)
		list[free_at] = (struct item){ *p, owner };
}

int
main(void)
{
	struct allowedips t = { 0 };
	struct addr_prefix p;
	struct addr a;
	int wrong = 0, counts = 0, hits = 0;

	for (int i = 0; i < 30000; i++) {
		bool six = any(2);

		p = (struct addr_prefix){ any_addr(six), (uint8_t)any(six ? 129 : 33) };
		switch (any(50)) {
		case 0:
			allowedips_del_owner(&t, &owners[i % 8]);
			for (int j = 0; j < LIST; j++)
				if (list[j].owner == &owners[i % 8])
					list[j].owner = NULL;
			break;
		case 1: case 2: case 3: case 4: case 5: case 6: case 7:
			if (any(2) && list[i % LIST].owner != NULL)
				p = list[i % LIST].p;
			for (int j = 0; j < LIST; j++)
				if (list[j].owner == &owners[i % 8] && same_prefix(&list[j].p, &p))
					list[j].owner = NULL;
			allowedips_del(&t, &p, &owners[i % 8]);
			break;
		default:
			if (slow_count() < LIST - 1) {
				allowedips_add(&t, &p, &owners[i % 8]);
				slow_set(&p, &owners[i % 8]);
			}
		}
		counts += t.count != slow_count();
		for (int j = 0; j < 4; j++) {
			void *got;

			a = any_addr(six);
			if (list[(i + j) % LIST].owner != NULL && any(2)) {
				a = list[(i + j) % LIST].p.addr;
				a.ip[any(a.family == ADDR_V6 ? 16 : 4)] ^= (uint8_t)(1 << any(8));
			}
			got = a.family == ADDR_V6 ? allowedips_find6(&t, a.ip) : allowedips_find4(&t, a.ip);
			wrong += got != slow_find(&a);
			hits += got != NULL;
		}
	}
	is_int(wrong, 0, "120000 lookups between changes as a search of the list finds them");
	ok(hits > 10000, "of which %d found somebody", hits);
	is_int(counts, 0, "the number of prefixes is right all the time");
	p.addr.family = ADDR_NONE;
	is_int(allowedips_add(&t, &p, owners), -EINVAL, "no family: refused");
	p = (struct addr_prefix){ addr_v4(0x0a000000, 0), 33 };
	is_int(allowedips_add(&t, &p, owners), -EINVAL, "33 bits of IPv4: refused");
	for (int i = 0; i < 8; i++)
		allowedips_del_owner(&t, &owners[i]);
	ok(t.count == 0 && t.root4 == NULL && t.root6 == NULL, "all owners gone: nothing is left");
	allowedips_add(&t, &(struct addr_prefix){ addr_v4(0, 0), 0 }, owners);
	ok(allowedips_find4(&t, (uint8_t[4]){ 9, 9, 9, 9 }) == owners, "the default route");
	allowedips_free(&t);
	ok(t.root4 == NULL, "freed");
	return tap_done();
}
