/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_WATCH_H
#define GODWIT_WG_WATCH_H
/*
 * watch.h -- do packets come back over the path in use?  The machine of
 * fsm/wg-watch.fsm, one a peer.
 *
 * It reads the device's counters; nobody calls it but the wiring (path-on,
 * path-off, net-change) and the device's hooks: the owner of the device posts
 * shaken (wg_hooks.handshake) and elsewhere (a packet of the peer came over
 * another kind of path than its endpoint).
 */
#include "base/mono.h"
#include "fsm/fsm.h"
#include "fsm/wg-watch.h"

struct wg_peer;

struct wg_watch {
	struct fsm fsm;
	void *owner;			/* the agent's record of this peer, for wiring.c */
	struct wg_peer *peer;		/* borrowed; outlives the watch */
	struct mono knocked, stuck;	/* when we did, and said so, last */
	struct mono taken;		/* when the path was taken, or last knocked on */
	struct mono waiting_since;	/* data is out since then and nothing came back; not set: all answered */
	struct mono asked;		/* when doubt was last sent for this silence; not set: never */
	uint64_t rx_seen;		/* data packets received, at the last look */
	struct mono heard;		/* the last look that saw more of them */
	unsigned flowing;		/* such looks in a row, with no pause that is unusual; 0: no flow */
	int64_t gap;			/* between two of them, smoothed; microseconds */
	uint64_t doubts, timeouts;
};

struct wg_watch *wg_watch_new(struct fsm_loop *, struct wg_peer *, const char *subject, void *owner);
void wg_watch_free(struct wg_watch *);		/* fine with NULL */
/* Packets came back lately: what status calls connected. */
bool wg_watch_is_good(const struct wg_watch *);
#endif
