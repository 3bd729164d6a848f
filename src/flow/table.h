/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FLOW_TABLE_H
#define GODWIT_FLOW_TABLE_H
/*
 * table.h -- who talks to whom through our own device: connections, and what
 * they did since the window was opened.
 *
 * A connection is what conntrack would call one: addresses, protocol and ports
 * (ICMP: type and code), named as whoever began it sent them.  Closing a window
 * merges by (source, destination, destination port, direction, protocol, ICMP
 * type) as NetBird's agent does, and yields one FlowEvent each.
 *
 * Bounded: connections beyond the limit are not tracked, and counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mono.h"

struct env;
struct flow_table;

#define FLOW_TABLE_MAX	8192

struct flow_table *flow_table_new(struct env *, size_t max);	/* NULL: no memory */
void flow_table_free(struct flow_table *);			/* fine with NULL */
/* As wg_tap_fn: the first of `packets` equal packets, an IP header at least. */
void flow_table_count(struct flow_table *, const uint8_t *ip, uint32_t len, bool out, uint32_t packets, uint32_t bytes);
void flow_table_forget(struct flow_table *);			/* connections and all */
uint64_t flow_table_untracked(const struct flow_table *);	/* packets */

struct flow_close {
	const uint8_t *public_key;	/* 32 bytes, ours */
	int64_t begin, end;		/* wall clock, microseconds */
	bool counters;			/* bytes and packets too */
	bool dns;			/* UDP to ports 53, 5353 and 22054 too */
};
/* One call for each event; its bytes are a FlowEvent, borrowed until return. */
typedef void (*flow_emit_fn)(void *arg, const uint8_t id[16], const void *, size_t len);
void flow_table_close_window(struct flow_table *, const struct flow_close *, flow_emit_fn, void *arg);
#endif
