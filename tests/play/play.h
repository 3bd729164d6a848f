/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PLAY_PLAY_H
#define GODWIT_TESTS_PLAY_PLAY_H
/*
 * play.h -- what seeds.c, faults.c and oracle.c share.
 *
 * A run is one mesh and what is being done to it.  A fault strikes, lasts, and is
 * undone before its function returns; while it lasts another may strike.
 */
#include "tests/sim/mesh.h"

#define CUTS		8

struct run {
	struct mesh *m;
	struct sim_cut *cut[CUTS];	/* those that outlast their fault */
	unsigned ncut;
	bool talk;			/* print what is done */
	bool days;			/* faults may last for hours */
	unsigned depth;			/* faults under way */
	unsigned struck;		/* in this round */
	bool forgot;			/* in this round: a connection died and nobody was told */
	int kind;			/* of the only one of this round; -1: several */
	int64_t lasted;			/* it, microseconds */
	const char *fail;
	char story[6000];
};

__attribute__((format(printf, 2, 3))) void say(struct run *, const char *fmt, ...);

/* ---- faults.c ---- */

struct fault {
	const char *name;
	void (*strike)(struct run *);
	unsigned weight;
	int64_t target;		/* after it, when it lasted for less than a minute, all talk within this; microseconds */
};
extern const struct fault faults[];
unsigned faults_count(void);
extern uint64_t faults_struck[];	/* by kind, in all runs of this process */
void strike(struct run *);		/* one, at random */
void heal(struct run *);		/* everything is well again */

/* ---- oracle.c ---- */

void invariants(void *mesh);		/* for sim_check */
/* The largest wait that any table still allows now, see there. */
int64_t longest_wait(struct mesh *);
/* Each of these: NULL, or what is wrong.  `talk`: figures on stdout. */
const char *server_tidy(struct mesh *, bool talk);
const char *status_true(struct mesh *, bool talk);
/* The peer that had this address is dead: does anybody who runs call it connected? */
const char *status_of_dead(struct mesh *, const struct addr *, const struct mesh_node *dead);
/* Those pairs that could be direct are. */
bool all_direct(void *mesh);
void report_indirect(struct mesh *);
/* Connections begun, offers asked for, and events that came too late, of all agents so far. */
struct efforts {
	uint64_t dials, offers, stale;
	unsigned restless;	/* pairs that want a path they do not have */
};
struct efforts efforts(struct mesh *);
#endif
