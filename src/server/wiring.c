/* SPDX-License-Identifier: ISC */
/*
 * wiring.c -- the router that fsm/server.wire yields.  The resolvers it asks
 * stand beside their machines: stream.c, signal.c, relay.c.
 */
#include <stddef.h>
#include "fsm/fsm.h"
#include "server/wiring.h"

#include "fsm/server-wire.inc"

struct fsm_loop *
server_loop_new(struct env *env)
{
	return fsm_loop_new(env, server_route, NULL);
}
