/* SPDX-License-Identifier: ISC */
/* filter.c -- see filter.h. */
#include <string.h>
#include "ice/filter.h"

static unsigned
remembered(const struct ice_filter *f)
{
	return f->n < ICE_FILTER_SENT ? f->n : ICE_FILTER_SENT;
}

void
ice_filter_sent(struct ice_filter *f, const struct addr *to)
{
	for (unsigned i = 0; i < remembered(f); i++)
		if (addr_equal(&f->sent[i], to))
			return;
	f->sent[f->n++ % ICE_FILTER_SENT] = *to;
}

void
ice_filter_came(struct ice_filter *f, const struct addr *from)
{
	bool same_host = false;

	/* A full ring has forgotten some: from then on nobody comes uncalled for. */
	if (from->family != ADDR_V4 || addr_is_private(from) || f->n > ICE_FILTER_SENT)
		return;
	for (unsigned i = 0; i < remembered(f); i++) {
		if (addr_equal(&f->sent[i], from))
			return;
		same_host |= addr_same_ip(&f->sent[i], from);
	}
	if (!same_host)
		f->seen = ICE_FILTERING_ENDPOINT_INDEPENDENT;
	else if (f->seen == ICE_FILTERING_UNKNOWN)
		f->seen = ICE_FILTERING_ADDRESS_OR_NONE;
}

void
ice_filter_forget(struct ice_filter *f)
{
	memset(f, 0, sizeof(*f));
}
