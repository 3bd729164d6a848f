/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ICE_PROBE_H
#define GODWIT_ICE_PROBE_H
/*
 * probe.h -- what the router in front of us lets in, measured (RFC 5780 sections 4.3
 * and 4.4, IPv4); the machine of fsm/ice-probe.fsm.  One, owned by the hub.
 *
 * It asks from the shared socket, so through the mapping that peers meet.  A server
 * that does not offer it (no OTHER-ADDRESS in its answers) is never asked.
 */
#include "ice/ice.h"
#include "fsm/fsm.h"
#include "fsm/ice-probe.h"

struct ice_tx;

/* What was measured, and through which mapping. */
struct ice_probed {
	struct addr base, mapped;	/* ours with the socket's port, and as the server saw it */
	bool two_addresses;		/* the server has */
	bool far, near, back;		/* answered from another address; another port; when asked there */
	struct addr back_mapped;	/* ours, as seen there; family ADDR_NONE: not known */
	struct mono opened;		/* when the last packet of ours went there; not set: never */
};

#define ICE_PAST	4

struct ice_probe {
	struct fsm fsm;
	struct ice *ice;		/* owner */
	struct addr server, other;	/* of the answer that said it can; other: address, port or both differ */
	struct addr seen;		/* ours, in the last answer to a question */
	struct ice_probed now;
	struct ice_probed past[ICE_PAST];	/* of the last networks that were probed, by mapping */
	unsigned npast;			/* ever */
	struct mono moved;		/* when another port was taken last; not set: never */
	unsigned moves;
};

struct ice_probe *ice_probe_new(struct ice *);	/* NULL: no memory */
void ice_probe_free(struct ice_probe *);	/* fine with NULL */
/* A server answered a Binding request that came in on `local`, saw us as `mapped`
 * and offers `other`. */
void ice_probe_able(struct ice_probe *, const struct addr *server, const struct addr *other, const struct addr *local,
    const struct addr *mapped);
/* A peer's candidates from beyond its router were all asked, for as long as it takes, in vain. */
void ice_probe_in_vain(struct ice_probe *, const struct ice_session *);
/* Something with a transaction id of ours came from `from`. */
void ice_probe_input(struct ice_probe *, const struct ice_tx *, const struct wire_stun *, const struct addr *from);
/* Our address as seen from elsewhere, for the mapping; family ADDR_NONE: none, or it
 * would prove nothing. */
const struct addr *ice_probe_observed(const struct ice_probe *);
/* UNKNOWN: not measured. */
enum ice_filtering ice_probe_filtering(const struct ice_probe *);
#endif
