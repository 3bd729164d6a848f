/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FLOW_WINDOW_H
#define GODWIT_FLOW_WINDOW_H
/*
 * window.h -- the clock that turns what was counted into events
 * (fsm/flow-window.fsm).
 */
#include <stdbool.h>
#include "fsm/flow-window.h"
#include "fsm/fsm.h"

struct env;
struct flow_store;
struct flow_stream;
struct flow_table;

struct flow_window {
	struct fsm fsm;
	struct env *env;
	struct flow_table *table;	/* borrowed */
	struct flow_store *store;	/* borrowed */
	struct flow_stream *stream;	/* who is told; borrowed */
	uint8_t public_key[32];
	bool counters, dns;
	int64_t interval;		/* microseconds; read by the table */
	int64_t begun;			/* wall clock */
};

void flow_window_init(struct flow_window *, struct fsm_loop *);
void flow_window_fini(struct flow_window *);
#endif
