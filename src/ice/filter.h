/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_FILTER_H
#define GODWIT_ICE_FILTER_H
/*
 * filter.h -- what the router in front of us lets in (RFC 4787 section 5), seen in
 * passing; probe.h measures it.
 *
 * RFC 5780 asks a server that answers from elsewhere; few do.  But peers' checks come
 * from addresses to which we have, or have not, sent something before: one that
 * comes uncalled for proves a filter that does not look at addresses, or not at
 * ports.  That nothing comes uncalled for proves nothing.
 */
#include "base/addr.h"

#define ICE_FILTER_SENT	256	/* addresses remembered; the oldest is forgotten first */

enum ice_filtering {
	ICE_FILTERING_UNKNOWN,
	ICE_FILTERING_PORT_DEPENDENT,		/* address and port must have been sent to; measured only */
	ICE_FILTERING_ADDRESS_DEPENDENT,	/* the address must; measured only */
	ICE_FILTERING_ADDRESS_OR_NONE,		/* not the port; the address perhaps */
	ICE_FILTERING_ENDPOINT_INDEPENDENT
};

struct ice_filter {
	struct addr sent[ICE_FILTER_SENT];
	unsigned n;			/* ever; the ring holds the last ones */
	enum ice_filtering seen;
};

/* Something goes there. */
void ice_filter_sent(struct ice_filter *, const struct addr *);
/* Something authentic came from there; private addresses are within our router
 * and tell nothing of it. */
void ice_filter_came(struct ice_filter *, const struct addr *);
/* The network changed: another router, perhaps. */
void ice_filter_forget(struct ice_filter *);
#endif
