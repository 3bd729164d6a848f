/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_METRICS_H
#define GODWIT_AGENT_METRICS_H
/*
 * metrics.h -- GET /metrics on a local port, in Prometheus' text format.
 *
 * NetBird's names where it has one (netbird_management_connected, netbird_peers,
 * ...), godwit_ names for what only we know: stalls of the loop, events of former
 * lives dropped, and how long it took until packets came back, by cause.
 */
#include <stdint.h>
#include "base/addr.h"

struct agent_status;
struct env;
struct fsm_loop;
struct metrics;

struct metrics_hooks {
	void (*status)(void *arg, struct agent_status *out);	/* as ctlsrv_hooks.status */
	void *arg;
};

/* Listens at `addr`.  NULL with *err. */
struct metrics *metrics_new(struct env *, struct fsm_loop *, const struct addr *, const struct metrics_hooks *, int *err);
void metrics_free(struct metrics *);	/* fine with NULL */
/* A SyncResponse was put to work, or one part of that, in so many microseconds
 * of the loop.  Fine with NULL. */
enum metrics_sync { METRICS_SYNC, METRICS_SYNC_CONFIG, METRICS_SYNC_OFFLINE, METRICS_SYNC_CHANGED, METRICS_SYNC_REMOVED, METRICS_SYNCS };
void metrics_sync(struct metrics *, enum metrics_sync, int64_t us);
uint16_t metrics_port(const struct metrics *);
#endif
