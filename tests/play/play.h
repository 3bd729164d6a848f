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
#define BRIEF		(10 * MONO_SEC)	/* a fault no longer than this must keep its target each time, not only nine of ten */

/* Of all seeds of this process. */
struct totals {
	int64_t calm;			/* host-microseconds without a fault */
	uint64_t faults, rounds;
};

struct run {
	struct mesh *m;
	struct sim_cut *cut[CUTS];	/* those that outlast their fault */
	unsigned ncut;
	bool talk;			/* print what is done */
	bool days;			/* faults may last for hours */
	unsigned depth;			/* faults under way */
	unsigned struck;		/* in this round */
	uint64_t hit;			/* in this round: agents that something happened to */
	bool server_hit;		/* and to the server, or the way to it */
	int8_t was[MESH_MAX][MESH_MAX];	/* before it: mesh_direct */
	unsigned rounds;
	bool forgot;			/* in this round: a connection died and nobody was told */
	int kind;			/* of the only one of this round; -1: several */
	int64_t lasted;			/* it, microseconds */
	uint64_t stun;			/* requests on the way so far */
	struct totals *totals;		/* borrowed */
	const char *fail;
	char story[6000];
};


/* ---- rounds.c: each NULL, or what is wrong ---- */

__attribute__((format(printf, 2, 3))) void say(struct run *, const char *fmt, ...);
const char *play_round(struct run *, unsigned faults);
const char *settled(struct run *);		/* after it, or at first */
const char *rest(struct run *, int64_t us);	/* nothing breaks */
const char *play_days(struct run *, int64_t days, int64_t mean);

/* ---- seeds.c ---- */

#define KINDS		32
void keep_heal(size_t kind, int64_t took);	/* KINDS: after several, or long ones */

/* ---- faults.c ---- */

struct fault {
	const char *name;
	void (*strike)(struct run *);
	unsigned weight;
	/* Of the README's recovery table; microseconds, from the moment that all is well, if it
	 * lasted for less than ten seconds.  0: not asked. */
	int64_t target;		/* all talk */
	int64_t streams;	/* every agent has its four connections */
	int64_t direct;		/* what was direct is direct */
};
extern const struct fault faults[];
unsigned faults_count(void);
extern uint64_t faults_struck[];	/* by kind, in all runs of this process */
/* While a fault lasts, nobody else hears of it. */
void note_paths(struct run *);		/* before */
const char *others_untouched(const struct run *);
void strike(struct run *);		/* one, at random */
void heal(struct run *);		/* everything is well again */

/* ---- machines.c: what every process keeps; NULL, or what is wrong ---- */

struct fsm_loop;
struct remote;
const char *machines_wrong(struct fsm_loop *, char *who, size_t len);
const char *peer_wrong(const struct remote *);

/* ---- agree.c ---- */

/* Both ends and the server know the same of each other; a mesh at rest only.
 * `never_struck`: and no letter was ever lost. */
const char *ends_agree(struct mesh *, bool never_struck, bool talk);

const char *server_remembers(const struct mesh *);	/* what nobody asks for; always */

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

/* ---- economy.c ---- */

void count_packets(struct run *);	/* from now on */
/* Of all agents so far. */
struct efforts {
	uint64_t dials, stream_dials, offers, handshakes, letters, twins, moves, stun, bytes, stale;	/* see mesh_work; stale: events of former lives */
	unsigned restless;	/* pairs that want a path they do not have */
};
struct efforts efforts(const struct run *);
/* How long it took, microseconds; -1: not yet. */
struct recovery {
	int64_t talk;		/* until every pair had an answer */
	int64_t streams;	/* until every agent had its four connections */
	int64_t direct;		/* until all that can be direct were */
};
/* The same of what was tried while the server was away. */
const char *outage_cost(const struct run *, const struct efforts *before, const struct efforts *after);
/* What a round cost: NULL, or what was too much of it. */
const char *heal_cost(const struct run *, const struct efforts *before, const struct efforts *after);
/* All rounds so far, a line each; 1: fine, 0: too much, 2: too few rounds to say, -1: no such line. */
int heal_mean(size_t i, char *line, size_t len);
/* The same of a rest; NULL, or what was too much. */
const char *rest_cost(const struct run *, const struct efforts *before, const struct efforts *after, int64_t us);
struct recovery recover(struct mesh *, int64_t least, int64_t most);
#endif
