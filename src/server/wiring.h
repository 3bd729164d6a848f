/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_WIRING_H
#define GODWIT_SERVER_WIRING_H
/*
 * wiring.h -- who hears whose sends, from fsm/server.wire.
 */
struct env;
struct fsm_loop;

struct fsm_loop *server_loop_new(struct env *);		/* a loop with the server's router */
#endif
