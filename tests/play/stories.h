/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PLAY_STORIES_H
#define GODWIT_TESTS_PLAY_STORIES_H
/*
 * stories.h -- what the stories share: stories.c has their table, stories-net.c
 * what happens to the network, stories-host.c what happens to hosts.
 */
#include <stdio.h>
#include "tests/sim/mesh.h"

struct story {
	const char *name;
	enum mesh_nat nat;
	unsigned hosts;
	void (*tell)(struct mesh *);
	int64_t limit;		/* longest silence, milliseconds; -1: only that all ends well */
	const char *what;
};

extern const struct story *now_telling;
/* Said when it is not so; the story then was not told well. */
void expect(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void story_cut_direct(struct mesh *);
void story_rebind(struct mesh *);
void story_new_address(struct mesh *);
void story_new_addresses(struct mesh *);
void story_neighbours(struct mesh *);
void story_black_hole(struct mesh *);
void story_same_id(struct mesh *);
void story_same_id_races(struct mesh *);
void story_bad_links(struct mesh *);
void story_roam(struct mesh *);
void story_reroute(struct mesh *);
void story_expiry(struct mesh *);
void story_kill_agent(struct mesh *);
void story_kill_server(struct mesh *);
void story_server_away(struct mesh *);
void story_nap(struct mesh *);
void story_night(struct mesh *);
void story_slow_disk(struct mesh *);
void story_full_disk(struct mesh *);
void story_late_agent(struct mesh *);
void story_frozen(struct mesh *);
void story_tun_deleted(struct mesh *);
void story_tun_late(struct mesh *);
void story_clock_step(struct mesh *);
#endif
