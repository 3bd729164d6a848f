/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FLOW_STORE_H
#define GODWIT_FLOW_STORE_H
/*
 * store.h -- flow events that wait for their acknowledgement, in order.
 *
 * Bounded: when it is full the oldest goes and is counted.  An event is bytes
 * with an id; what they say is table.c's business.
 */
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/mono.h"

#define FLOW_ID_LEN	16
#define FLOW_STORE_MAX	4096

struct flow_event {
	struct list all;
	uint8_t id[FLOW_ID_LEN];
	struct mono sent;	/* not set: never, or not on this stream */
	unsigned times;		/* how often it was sent */
	size_t len;
	uint8_t bytes[];	/* a FlowEvent */
};

struct flow_store {
	struct list fresh;	/* of struct flow_event, not sent on this stream, oldest first; owned */
	struct list sent;	/* of those sent, in the order of sending; owned */
	struct map *by_id;	/* owned */
	size_t max;
	uint64_t added, acknowledged, dropped;
};

int flow_store_init(struct flow_store *, size_t max);	/* 0 or -ENOMEM */
void flow_store_fini(struct flow_store *);
int flow_store_add(struct flow_store *, const uint8_t id[FLOW_ID_LEN], const void *, size_t);	/* copied; 0 or -ENOMEM */
void flow_store_ack(struct flow_store *, const uint8_t id[FLOW_ID_LEN]);	/* unknown ids are nothing */
/* A new stream: everything counts as not yet sent. */
void flow_store_unsend(struct flow_store *);
/* The first that was never sent on this stream, or `age` ago or longer; NULL: none. */
struct flow_event *flow_store_due(struct flow_store *, struct mono now, int64_t age);
size_t flow_store_waiting(const struct flow_store *);
#endif
