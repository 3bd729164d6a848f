/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PLAY_TOLD_H
#define GODWIT_TESTS_PLAY_TOLD_H
/*
 * told.h -- a mesh of real agents of which the first is told maps by the test.
 *
 * The maps are made here and handed to the agent as its Sync stream hands them,
 * so that they may say what our own server never would.
 */
#include "agent/agent.h"
#include "agent/impl.h"
#include "tests/sim/mesh.h"

#define PEERS_MAX	4

/* A SyncResponse in one piece. */
struct told_map {
	Management__SyncResponse msg;
	Management__NetbirdConfig config;
	Management__NetworkMap map;
	Management__PeerConfig own;
	Management__RemotePeerConfig peer[PEERS_MAX], *peers[PEERS_MAX];
	char *prefix[PEERS_MAX], key[PEERS_MAX][WIRE_KEY_TEXTLEN], ip[PEERS_MAX][ADDR_STRLEN], address[ADDR_STRLEN];
};

struct told {
	struct mesh *m;
	struct told_map *map;
	unsigned from0;		/* what agent 1 heard from agent 0 */
	uint64_t steps, untrue;
};

extern struct told w;

struct agent *agent(unsigned i);
struct remote *remote(unsigned i, unsigned of);		/* NULL: not on its map */

/* What agent 0 has been told so far: its own address, and all the others. */
void told_map(struct told_map *, int64_t newer);	/* its serial, beyond the agent's */
void tell(struct told_map *);			/* in a turn of agent 0 */

void begin(enum mesh_nat, unsigned hosts);	/* until all ping, and some rest */
void end(void);
int64_t gap(unsigned i, unsigned j);		/* the longest without an answer in ms; -1: no ping */
#endif
