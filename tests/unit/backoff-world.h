/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_BACKOFF_WORLD_H
#define GODWIT_TESTS_BACKOFF_WORLD_H
/*
 * backoff-world.h -- the real Sync and signal clients over pipes (net_pipes.h), and
 * a server that cuts, serves or refuses as its mode says.
 */
#include "net_pipes.h"
#include "mgmt/stream.h"
#include "net/grpc.h"
#include "signal/stream.h"

enum mode { CUT, CANCELED, DENY, SERVE, FORBID };

struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct grpc_server *server;
	struct env_listener *listener;
	enum mode mode;
	struct mgmt_conf mconf;
	struct signal_conf sconf;
	struct mgmt_stream *mgmt;
	struct signal_stream *signal;
	uint8_t secret[32], public[32];	/* the server's */
	struct grpc_call *sync, *letters;	/* open ones */
	struct h2 *proxy;
	int conns, syncs, connects, told, denied, ups;
};

void world_make(struct world *);
bool world_end(struct world *);		/* whether nothing was left open */
void run(struct world *, int64_t us);
void say_letter(struct world *);	/* the server, on the open signal stream */
#endif
