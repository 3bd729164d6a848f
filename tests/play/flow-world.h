/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PLAY_FLOW_WORLD_H
#define GODWIT_TESTS_PLAY_FLOW_WORLD_H
/*
 * flow-world.h -- two hosts in the simulated world: `near` has our flow client and
 * counts packets, `far` a server that takes, refuses or cuts as its mode says.
 */
#include <stdio.h>
#include "base/map.h"
#include "env/env.h"
#include "flow/flow.h"
#include "net/grpc.h"
#include "tests/rows.h"
#include "tests/sim/sim.h"

#define INTERVAL	(10 * MONO_SEC)	/* a window of the client */

enum mode { GOOD, DEAF, CUT, RESET, MUTE, CANCEL };

extern struct far {
	enum mode mode;
	struct env *env;
	struct grpc_server *server;
	struct env_listener *listener;
	unsigned conns, streams, hellos, events, strangers;
	struct map *seen;		/* event ids */
	uint8_t last[2048];
	size_t last_len;
	uint64_t rx_packets, tx_packets, tx_bytes, starts, ends;
} far;

extern struct near {
	struct env *env;
	struct fsm_loop *loop;
	struct flow *flow;
	struct env_timer *traffic;
	unsigned packets;		/* counted in all */
	struct rows stream_rows, window_rows;
	FILE *tape;			/* what the machines do, for tests/conform; NULL: nowhere */
	unsigned lives;
} near;

extern struct sim *sim;
extern struct sim_host *there;			/* where `far` runs */
extern const struct sim_prog far_prog;

void begin(enum mode);				/* a fresh world, both run */
void end(void);
int state(void);				/* of our stream's machine */
int configure(bool enabled);			/* near's client */
/* Near's client sees so many packets of 40 bytes on one connection. */
void packet(bool out, uint16_t sport, uint16_t dport, uint8_t proto, uint8_t flags, uint32_t packets);
void flow_route(void *arg, struct fsm *from, int send, struct fsm_data *);	/* agent.wire's line */
#endif
