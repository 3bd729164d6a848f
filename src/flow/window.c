/* SPDX-License-Identifier: ISC */
/*
 * window.c -- the actions of fsm/flow-window.fsm.
 */
#include "flow/window.h"

#include "env/env.h"
#include "flow/store.h"
#include "flow/table.h"
#include "fsm/agent-wire.h"
#include "fsm/flow-window.inc"

static void
keep_event(void *arg, const uint8_t id[16], const void *bytes, size_t len)
{
	struct flow_window *w = arg;

	flow_store_add(w->store, id, bytes, len);
}

static void
flow_window_do_begin(struct flow_window *w)
{
	w->begun = env_wall(w->env);
}

static void
flow_window_do_close_window(struct flow_window *w)
{
	struct flow_close how = { w->public_key, w->begun, env_wall(w->env), w->counters, w->dns };

	flow_table_close_window(w->table, &how, keep_event, w);
}

static void
flow_window_do_drop_window(struct flow_window *w)
{
	flow_table_forget(w->table);
}

void
flow_window_init(struct flow_window *w, struct fsm_loop *loop)
{
	flow_window_fsm_init(w, loop, "flow");
}

void
flow_window_fini(struct flow_window *w)
{
	flow_window_fsm_fini(w);
}

/* The connection `flow-window !fresh -> flow-stream fresh` of fsm/agent.wire. */
struct flow_stream *
wire_flow_window_to_flow_stream(struct flow_window *w)
{
	return w->stream;
}
