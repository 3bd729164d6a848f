/* SPDX-License-Identifier: ISC */
/*
 * ice-self.c -- what the hub knows of where we are: our router, our addresses.
 */
#include <string.h>
#include "env/env.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "ice/session.h"

/* ---- what is known of our router ---- */

static void
observe(struct ice_nat *n, const struct addr *seen)
{
	if (seen->family != ADDR_V4)
		return;
	n->observers++;
	if (!n->known) {
		n->known = true;
		n->mapped[0] = *seen;
	} else if (!addr_equal(&n->mapped[0], seen))
		n->mapping = ICE_MAPPING_ADDRESS_DEPENDENT;
}

static bool
is_host(const struct addr *a, const struct addr *host, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(a, &host[i]))
			return true;
	return false;
}

void
ice_nat_get(const struct ice *ice, struct ice_nat *n)
{
	struct addr host[32];
	size_t nhost = ice_locals(ice, host, 32);

	memset(n, 0, sizeof(*n));
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next) {
		const struct ice_gather *g = LIST_OF(l, struct ice_gather, all);

		observe(n, &g->mapped[0]);
		if (n->mapped[1].family == ADDR_NONE)
			n->mapped[1] = g->mapped[1];
	}
	observe(n, ice_probe_observed(ice->probe));
	n->none = n->known && is_host(&n->mapped[0], host, nhost);
	/* Peers beyond our router saw us too; those within see the host's address. */
	for (const struct list *l = ice->sessions.next; l != &ice->sessions; l = l->next) {
		const struct ice_session *s = LIST_OF(l, struct ice_session, all);

		for (const struct list *k = s->pairs.next; k != &s->pairs; k = k->next) {
			const struct ice_pair *p = LIST_OF(k, struct ice_pair, in_session);

			/* What they saw before our network changed is of another mapping. */
			if (p->last_ok.us >= ice->since.us && !is_host(&p->mapped, host, nhost))
				observe(n, &p->mapped);
		}
	}
	if (n->observers >= 2 && n->mapping == ICE_MAPPING_UNKNOWN)
		n->mapping = ICE_MAPPING_ENDPOINT_INDEPENDENT;
	/* What came uncalled for is proof of itself. */
	n->filtering = ice_probe_filtering(ice->probe);
	n->filtering_measured = n->filtering != ICE_FILTERING_UNKNOWN;
	if (ice->filter.seen == ICE_FILTERING_ENDPOINT_INDEPENDENT ||
	    (n->filtering < ICE_FILTERING_ADDRESS_DEPENDENT && ice->filter.seen != ICE_FILTERING_UNKNOWN))
		n->filtering = ice->filter.seen;
	n->port_preserved = n->known && n->mapped[0].port == ice->io.port(ice->io.arg, ADDR_V4);
}

/* ---- where we are ---- */

void
ice_seen(struct ice *ice, const struct addr *local, const struct addr *mapped)
{
	struct ice_base first = { *local, ice->io.port(ice->io.arg, ADDR_V4) };
	size_t at = 0;

	if (mapped->family != ADDR_V4 || local->family != ADDR_V4)
		return;
	first.addr.port = 0;
	ice->behind = !addr_same_ip(local, mapped);
	if (!addr_equal(&ice->base[0].addr, &first.addr))
		ice->probe->moves = 0;	/* another place, other neighbours */
	while (at < ICE_BASES - 1 && !addr_equal(&ice->base[at].addr, &first.addr))
		at++;
	memmove(ice->base + 1, ice->base, at * sizeof(*ice->base));
	ice->base[0] = first;
}

bool
ice_is_mapped(const struct ice *ice, const struct addr *a)
{
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next) {
		const struct ice_gather *g = LIST_OF(l, struct ice_gather, all);

		if (addr_equal(&g->mapped[0], a) || addr_equal(&g->mapped[1], a))
			return true;
	}
	return false;
}

bool
ice_is_mapped_ip(const struct ice *ice, const struct addr *a)
{
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next)
		if (addr_same_ip(&LIST_OF(l, struct ice_gather, all)->mapped[0], a))
			return true;
	return false;
}

/* Is it one of the n? */
static bool
have(const struct addr *host, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_same_ip(&host[i], a))
			return true;
	return false;
}

bool
ice_moved(const struct ice *ice)
{
	struct addr host[32];
	size_t n = ice_locals(ice, host, 32);
	bool other = false;

	if (ice->io.another_port == NULL || !ice->behind || have(host, n, &ice->base[0].addr))
		return false;
	for (size_t i = 0; i < n; i++)
		other |= host[i].family == ADDR_V4;
	return other;
}

void
ice_another_port(struct ice *ice)
{
	struct addr host[32];
	size_t n = ice_locals(ice, host, 32);
	uint16_t want = 0;

	for (size_t i = 0; i < ICE_BASES && want == 0; i++)
		if (ice->base[i].addr.family != ADDR_NONE && have(host, n, &ice->base[i].addr))
			want = ice->base[i].port;
	ice->io.another_port(ice->io.arg, want);
	ice->behind = false;	/* as far as we know: once is enough, whatever the next server says */
}
