/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FLOW_FLOW_H
#define GODWIT_FLOW_FLOW_H
/*
 * flow.h -- flow export as a whole: counting, windows, events, the stream.
 *
 * Who calls it: src/agent, with what management says (FlowConfig) and what the
 * device sees (wg_tap_fn).
 */
#include "flow/store.h"
#include "flow/stream.h"
#include "flow/table.h"
#include "flow/window.h"

struct flow_conf {
	bool enabled, counters, dns;
	const char *url;
	const char *payload, *signature;	/* of the token; payload "": keep the one there is */
	int64_t interval;			/* microseconds, > 0 */
	const char *ca_file;
};

struct flow {
	struct flow_store store;
	struct flow_table *table;	/* owned */
	struct flow_stream *stream;	/* owned */
	struct flow_window window;
	char *url, *token;		/* owned: what the stream runs with */
	bool on;
};

struct flow *flow_new(struct env *, struct fsm_loop *, const uint8_t public_key[32]);	/* NULL: no memory */
void flow_free(struct flow *);			/* fine with NULL */
/* 0, or -EINVAL (no url, no interval): then nothing changes. */
int flow_configure(struct flow *, const struct flow_conf *);
/* A wg_tap_fn; arg is the struct flow. */
void flow_tap(void *flow, const uint8_t *ip, uint32_t len, bool out, uint32_t packets, uint32_t bytes);
#endif
