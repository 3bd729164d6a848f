/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_MESH_H
#define GODWIT_TESTS_SIM_MESH_H
/*
 * mesh.h -- the real server and K real agents in one simulated world.
 *
 * The server is on the internet at 203.0.113.10, each agent at home behind a
 * router of its own (some share one, when there are many).  Pings between every
 * ordered pair begin as soon as both ends have an overlay address.
 */
#include "tests/sim/sim.h"

#define MESH_MAX	64

enum mesh_nat { MESH_EIM, MESH_SYM, MESH_MIXED, MESH_OPEN, MESH_LINUX };

struct mesh_conf {
	uint64_t seed;
	unsigned hosts;
	enum mesh_nat nat;
	bool verbose;
	bool log;		/* the programs' log lines on stderr, with virtual times */
	bool cheap_crypto;	/* sim_cheap_crypto() */
	bool no_ping;		/* the scenario sends its own */
	bool v6;		/* everybody has IPv6 as well, filtered by the routers */
	bool by_name;		/* the server is vpn.example, not an address */
	const struct sim_nat_conf *router;	/* all of them are so; NULL: as `nat` says */
	bool linux_routers;	/* those that keep ports do it as conntrack does, and look at ports */
	bool neighbours;	/* the last host is at home with the one before */
	bool wild;		/* routers of all kinds: filters, two in a row, no UDP, short lives */
	int64_t spread;		/* agents start within this time; 0: 100 ms */
	int64_t ping_every;	/* 0: 200 ms */
	FILE *tape;		/* what all machines do (src/fsm/tape.c); NULL: nowhere */
	const char *story;	/* begins the names of its processes on the tape; NULL: "mesh" */
};

struct agent;
struct mesh;
struct server;
struct wire_signal;

struct mesh_node {
	struct mesh *mesh;
	unsigned i;
	struct sim_host *host;
	struct sim_if *iface;
	struct sim_nat *nat;		/* NULL: directly on the internet */
	bool no_udp, ports;		/* its router: no UDP; lets in only what was sent to, port by port */
	bool symmetric;
	bool carrier;			/* its router is behind a carrier's */
	struct env *env;		/* NULL: not running */
	struct agent *agent;
	void (*on_message)(void *agent, const uint8_t *from, const struct wire_signal *);	/* the agent's own */
	struct sim_ping *ping[MESH_MAX];/* to node [i] */
	unsigned starts, lives;
	struct mesh_work {		/* of all its lives */
		uint64_t dials;		/* connections begun */
		uint64_t stream_dials;	/* of those, all but a relay link's */
		uint64_t offers;	/* asked for by guards */
		uint64_t handshakes;	/* of WireGuard, begun */
		uint64_t letters;	/* signal messages that arrived */
		uint64_t twins;		/* of those, the same again within a moment */
		uint64_t moves;		/* of all its machines, from one state to another */
	} work;
	struct {
		uint64_t what;
		int64_t at;
	} heard[8];			/* the last letters, for twins */
	unsigned nheard;
	bool joining;			/* will be told to join once it has left */
	bool down;			/* a fault told it to go down */
	bool gone;			/* it was logged out once: it may need the key again */
};

struct mesh {
	struct mesh_conf conf;
	FILE *asked;			/* the tape that GODWIT_TAPE asked for, or NULL */
	struct sim *s;
	struct sim_net *inet;
	struct sim_host *server_host;
	struct sim_if *server_if;
	struct env *server_env;		/* NULL: not running */
	struct server *server;
	unsigned server_starts;
	struct mesh_node node[MESH_MAX];
	unsigned n;
	char url[128], setup_key[64], server_key[64];
	unsigned rebinds;		/* how many addresses routers were given */
	bool all;			/* every pair has an answer, as of the last look */
	unsigned pairs, answered;
	struct {
		uint32_t loss, dup, late_ppm;
		int64_t late;
	} bad_signal;
	uint64_t signals_lost, signals_doubled, signals_late;
	bool looking;			/* for answers, every 20 ms */
};

/* The world, with the server started; agents start when the join line is out. */
struct mesh *mesh_new(const struct mesh_conf *);
void mesh_free(struct mesh *);
void mesh_start_server(struct mesh *);
void mesh_kill_server(struct mesh *);
void mesh_start_agent(struct mesh *, unsigned i);
void mesh_kill_agent(struct mesh *, unsigned i);
/* With the setup key, as after a logout. */
void mesh_join_again(struct mesh *, unsigned i);
/* What becomes of single signal messages on their way to any agent, in millionths:
 * lost, told twice, or told up to `late` behind others. */
void mesh_bad_signal(struct mesh *, uint32_t loss, uint32_t dup, uint32_t late_ppm, int64_t late);
void mesh_ping_every(struct mesh *, int64_t interval);
/* Until every pair pings; false when the limit has passed. */
bool mesh_until_all(struct mesh *, int64_t limit);
/* Forget the answers so far: mesh_until_all then asks for new ones. */
void mesh_reset(struct mesh *);
void mesh_no_pings(struct mesh *);		/* from now on */
/* Is the tunnel between the two direct (1), relayed (0), or neither (-1), as agent i sees it? */
int mesh_direct(struct mesh *, unsigned i, unsigned to);
/* On stderr: who does not hear whom. */
void mesh_report(struct mesh *);
#endif
