/* SPDX-License-Identifier: ISC */
/*
 * stories.c -- what happens to a mesh, told with the real server and agents.
 *
 *	stories [--seed N] [--tape FILE] [--log] [--verbose] [NAME]
 *
 * Each story makes a small mesh, lets it settle, does one thing to it and looks
 * at the pings: the longest silence, and whether every pair talks again.  Limits
 * are what must hold for every seed (the targets for recovery, design.md section 9); the figures
 * are printed beside them.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/play/stories.h"
#include "tests/tap.h"

#define SEEDS	1	/* of each story */

const struct story *now_telling;
static bool told_well;

void
expect(bool good, const char *fmt, ...)
{
	va_list ap;

	if (good)
		return;
	told_well = false;
	printf("# %s: not so: ", now_telling->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static int64_t
silence(struct mesh *m)
{
	int64_t worst = 0;

	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL && sim_ping_stats(m->node[i].ping[j]).longest_gap > worst)
				worst = sim_ping_stats(m->node[i].ping[j]).longest_gap;
	return worst;
}

static void
settle(struct mesh *m)
{
	expect(mesh_until_all(m, 2 * MONO_SEC), "every pair pings within 2 s at first");
	sim_run(m->s, 15 * MONO_SEC);
	mesh_reset(m);
}

static const struct story stories[] = {
	{ "cut-direct", MESH_EIM, 2, story_cut_direct, 1500, "the direct path is cut and restored" },
	{ "rebind-direct", MESH_EIM, 2, story_rebind, 2000, "a router gets a new public address, direct" },
	{ "rebind-relayed", MESH_SYM, 2, story_rebind, 2000, "the same, relayed" },
	{ "new-address-direct", MESH_EIM, 2, story_new_address, 4000, "a host changes its address, direct" },
	{ "new-address-relayed", MESH_SYM, 2, story_new_address, 4000, "the same, relayed" },
	{ "new-addresses", MESH_LINUX, 2, story_new_addresses, 2500, "again and again, behind a router of Linux" },
	{ "neighbours", MESH_LINUX, 3, story_neighbours, 1500, "two hosts of one home with the same port and the same peer" },
	{ "restart-direct", MESH_EIM, 2, story_kill_agent, 500, "an agent is killed and restarted, direct" },
	{ "restart-relayed", MESH_SYM, 2, story_kill_agent, 500, "the same, relayed" },
	{ "server-restart-direct", MESH_EIM, 2, story_kill_server, 200, "the server is killed and back after 5 s, direct" },
	{ "server-restart-relayed", MESH_SYM, 2, story_kill_server, 6500, "the same, relayed" },
	{ "black-hole", MESH_SYM, 2, story_black_hole, 41500, "40 s black hole to the server, relayed" },
	{ "same-id", MESH_SYM, 3, story_same_id, 2000, "relay connections replaced by ones with the same id" },
	{ "server-away", MESH_EIM, 2, story_server_away, 200, "no server for an hour, direct: no packet is lost" },
	{ "same-id-races", MESH_SYM, 3, story_same_id_races, 3000, "a thousand times back with the same relay id" },
	{ "nap-direct", MESH_EIM, 2, story_nap, -1, "ten minutes asleep, direct" },
	{ "nap-relayed", MESH_SYM, 2, story_nap, -1, "ten minutes asleep, relayed" },
	{ "night", MESH_SYM, 2, story_night, -1, "a night asleep" },
	{ "bad-links", MESH_MIXED, 3, story_bad_links, 5000, "loss, duplicates, reordering for five minutes" },
	{ "slow-disk", MESH_EIM, 3, story_slow_disk, -1, "the server's disk takes half a second" },
	{ "full-disk", MESH_EIM, 2, story_full_disk, -1, "an agent's disk is full" },
	{ "roam", MESH_EIM, 2, story_roam, 2000, "a host leaves its home for the open internet" },
	{ "late-agent", MESH_EIM, 3, story_late_agent, -1, "an agent comes back after ten minutes" },
	{ "reroute-direct", MESH_EIM, 2, story_reroute, 1000, "another default route, the same address, direct" },
	{ "reroute-relayed", MESH_SYM, 2, story_reroute, 2000, "another default route, the same address, relayed" },
	{ "idle-direct", MESH_EIM, 2, story_expiry, 200, "forty minutes of nothing, direct" },
	{ "idle-relayed", MESH_SYM, 2, story_expiry, 300, "forty minutes of nothing, relayed" },
	{ "frozen", MESH_EIM, 2, story_frozen, 32000, "an agent stopped for 30 s" },
	{ "tun-deleted", MESH_EIM, 2, story_tun_deleted, 1500, "an agent's interface is deleted beneath it" },
	{ "tun-late", MESH_EIM, 2, story_tun_late, -1, "no interface can be made for a minute" },
	{ "clock-step", MESH_EIM, 2, story_clock_step, 1000, "wall clock set back, forward, far back" },
};

static void
tell(const struct story *st, uint64_t seed, bool log, bool verbose, FILE *tape)
{
	struct mesh_conf conf = { .seed = seed, .hosts = st->hosts, .nat = st->nat, .log = log, .verbose = verbose,
		.tape = tape, .story = st->name, .neighbours = st->tell == story_neighbours,
		.ping_every = st->tell == story_night || st->tell == story_same_id_races ? MONO_SEC : 50 * MONO_MS };
	struct mesh *m = mesh_new(&conf);
	double quiet;

	now_telling = st;
	told_well = true;
	settle(m);
	st->tell(m);
	quiet = (double)silence(m) / 1e3;
	mesh_reset(m);
	expect(mesh_until_all(m, 30 * MONO_SEC), "every pair pings in the end");
	if (!m->all)
		mesh_report(m);
	if (st->limit >= 0)
		expect(quiet <= (double)st->limit, "silent for %.3f s, limit %.3f s", quiet / 1e3, (double)st->limit / 1e3);
	ok(told_well, "%s, seed %llu: %s (longest silence %.3f s)", st->name, (unsigned long long)seed, st->what, quiet / 1e3);
	if (sim_leaks(m->s) != 0)
		printf("# %zu objects were left behind by programs that ended\n", sim_leaks(m->s));
	mesh_free(m);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "log", no_argument, NULL, 'g' }, { "tape", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 }
	};
	uint64_t first = 1, seeds = SEEDS;
	bool log = false, verbose = false;
	FILE *tape = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's':
			first = strtoull(optarg, NULL, 0);
			seeds = 1;
			break;
		case 'g':
			log = true;
			break;
		case 't':
			if ((tape = fopen(optarg, "w")) == NULL)
				return 2;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++)
		if (optind >= argc || strcmp(argv[optind], stories[i].name) == 0)
			for (uint64_t s = first; s < first + seeds; s++)
				tell(&stories[i], s, log, verbose, tape);
	if (tape != NULL)
		fclose(tape);
	return tap_done();
}
