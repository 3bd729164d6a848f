/* SPDX-License-Identifier: ISC */
/*
 * godwit-sim -- a whole mesh, network and clock in one process.
 *
 *	godwit-sim [--seed N] [--hosts K] [--nat eim|sym|mixed|open|linux] [--limit SECONDS]
 *	           [--run SECONDS [--idle]] [--cheap] [--verbose] [--log]
 *
 * Runs the real server and K real agents to "every pair pings" and prints the
 * virtual time that took and the trace hash; --run goes on that much
 * longer, --idle without pings and with a count of what is sent all the same; --cheap
 * without the real Curve25519 (sim_cheap_crypto).
 * Exit status 1: some pair did not.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/mesh.h"

static int
usage(void)
{
	fprintf(stderr, "usage: godwit-sim [--seed N] [--hosts K] [--nat eim|sym|mixed|open|linux] "
	    "[--limit S] [--run S [--idle]] [--cheap] [--verbose] [--log]\n");
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "hosts", required_argument, NULL, 'k' },
		{ "nat", required_argument, NULL, 'n' }, { "limit", required_argument, NULL, 'l' },
		{ "run", required_argument, NULL, 'r' }, { "idle", no_argument, NULL, 'i' }, { "cheap", no_argument, NULL, 'c' }, { "verbose", no_argument, NULL, 'v' },
		{ "log", no_argument, NULL, 'g' }, { NULL, 0, NULL, 0 }
	};
	static const char *const nats[] = { "eim", "sym", "mixed", "open", "linux" };
	struct mesh_conf conf = { .seed = 1, .hosts = 2, .nat = MESH_EIM };
	int64_t limit = 60, run = 0, took;
	struct mesh *m;
	unsigned direct = 0;
	bool good, idle = false;
	uint64_t bytes;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's':
			conf.seed = strtoull(optarg, NULL, 0);
			break;
		case 'k':
			conf.hosts = (unsigned)strtoul(optarg, NULL, 10);
			if (conf.hosts < 1 || conf.hosts > MESH_MAX)
				return usage();
			break;
		case 'n':
			for (c = 0; c < 5 && strcmp(nats[c], optarg) != 0; c++)
				;
			if (c == 5)
				return usage();
			conf.nat = (enum mesh_nat)c;
			break;
		case 'l':
			limit = strtoll(optarg, NULL, 10);
			break;
		case 'r':
			run = strtoll(optarg, NULL, 10);
			break;
		case 'i':
			idle = true;
			break;
		case 'c':
			conf.cheap_crypto = true;
			break;
		case 'v':
			conf.verbose = true;
			break;
		case 'g':
			conf.log = true;
			break;
		default:
			return usage();
		}
	m = mesh_new(&conf);
	good = mesh_until_all(m, limit * MONO_SEC);
	took = sim_now(m->s);
	if (idle) {	/* what a mesh costs that nobody uses */
		uint64_t before;

		mesh_no_pings(m);
		sim_run(m->s, MONO_MIN);
		before = sim_stats(m->s)->packets;
		bytes = sim_stats(m->s)->bytes;
		sim_run(m->s, run * MONO_SEC);
		printf("idle: %.3f packets/s, %.0f bytes/s in all, IP and UDP or TCP headers counted\n",
		    (double)(sim_stats(m->s)->packets - before) / (double)run, (double)(sim_stats(m->s)->bytes - bytes) / (double)run);
	} else
		sim_run(m->s, run * MONO_SEC);
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			direct += i != j && mesh_direct(m, i, j) == 1;
	printf("seed %llu, %u hosts: %s after %.3f s, %u of %u pairs direct, %llu events, hash %016llx\n",
	    (unsigned long long)conf.seed, m->n, good ? "every pair pings" : "NOT every pair pings", (double)took / 1e6,
	    direct, m->pairs, (unsigned long long)sim_events(m->s), (unsigned long long)sim_hash(m->s));
	if (!good)
		mesh_report(m);
	mesh_free(m);
	return good ? 0 : 1;
}
