/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_WG_WORLD_H
#define GODWIT_TESTS_WG_WORLD_H
/*
 * wg-world.h -- two WireGuard devices in the simulated world.
 *
 * Each host runs one program: a device with one peer, the other one.  A scenario
 * is a function that makes the world, starts both, lets virtual time pass and
 * looks at what happened.
 */
#include <stdint.h>
#include "env/env.h"
#include "net/way.h"
#include "tests/sim/sim.h"
#include "wg/impl.h"

struct wire_way {
	struct way way;
	struct node *to;	/* packets come out there */
	unsigned packets;
};

struct node {
	struct sim_host *host;
	struct sim_if *nic;
	struct env *env;
	struct fsm_loop *loop;
	struct wg_device *dev;
	struct wg_peer *peer;
	struct node *other;
	uint8_t secret[32], public[32];
	const char *overlay;
	struct addr overlay_addr;
	struct wg_times times;
	struct wire_way way;	/* to the other */
	struct env_timer *way_timer;
	struct { uint8_t room[128 + 2048]; uint32_t len; } waiting[64];
	unsigned nwaiting;
	unsigned handshakes, told, elsewhere, others, stamps;
	uint8_t stamp[12];
};

extern struct node alice, bob;
extern struct sim *sim;
extern const struct sim_prog device_prog;	/* with a node as its argument */

bool wg_world_init(void);	/* before all; false: no sodium */
struct sim_net *world(void);	/* two hosts in one network, nothing runs */
void go(void);			/* both programs */
size_t end(void);		/* how many things were left behind */

/* Does fn(node) inside a turn of the node's program; a millisecond goes by. */
void in_turn(struct node *, void (*fn)(void *));
/* What fn can be: the endpoint of the peer, ... */
void set_udp(void *), set_way(void *), set_none(void *);
/* ... its keepalives, and the two ways to ask for a handshake. */
void interval_25(void *), forget(void *), insist(void *);

struct wg_peer_stats stats(const struct node *);
void one_packet(struct node *);	/* to the other; nothing answers this one */
bool pinged(void *ping);	/* for sim_until */

/* Of all devices that have ended: how many rows nothing fired; says which. */
int peer_rows_not_fired(void), keepalive_rows_not_fired(void);
#endif
