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
#include <signal.h>
#include <stdlib.h>
#include "agent/agent.h"
#include "server/server.h"
#include "tests/sim/mesh.h"
#include "tests/tap.h"

#define SEEDS	1	/* of each story */

struct story {
	const char *name;
	enum mesh_nat nat;
	unsigned hosts;
	void (*tell)(struct mesh *);
	int64_t limit;		/* longest silence, milliseconds; -1: only that all ends well */
	const char *what;
};

static const struct story *now_telling;
static bool told_well;

__attribute__((format(printf, 2, 3))) static void
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

static const char *
nat_text(struct mesh *m, unsigned i)
{
	static char text[2][ADDR_STRLEN];
	struct addr a = sim_nat_addr(m->node[i].nat);

	return addr_str(&a, text[i % 2]);
}

static bool
is_direct(void *arg)
{
	struct mesh *m = arg;

	return mesh_direct(m, 0, 1) == 1 && mesh_direct(m, 1, 0) == 1;
}

static bool
is_relayed(void *arg)
{
	struct mesh *m = arg;

	return mesh_direct(m, 0, 1) == 0 && mesh_direct(m, 1, 0) == 0;
}

/* ---- the stories ------------------------------------------------------------------ */

static void
cut_direct(struct mesh *m)
{
	struct sim_cut *c;
	int64_t began;

	expect(is_direct(m), "the path is direct at first");
	c = sim_cut(m->s, nat_text(m, 0), nat_text(m, 1), SIM_UDP);
	sim_run(m->s, 20 * MONO_SEC);
	expect(is_relayed(m), "the relay carries the tunnel");
	sim_uncut(c);
	began = sim_now(m->s);
	expect(sim_until(m->s, is_direct, m, 2 * MONO_SEC), "direct again within 2 s");
	printf("# %s: direct again after %.3f s\n", now_telling->name, (double)(sim_now(m->s) - began) / 1e6);
	sim_run(m->s, 5 * MONO_SEC);
}

static void
rebind(struct mesh *m)
{
	sim_nat_rebind(m->node[0].nat, "203.0.113.200");
	sim_run(m->s, 40 * MONO_SEC);
}

static void
new_address(struct mesh *m)
{
	sim_if_set_up(m->node[0].iface, false);
	sim_run(m->s, 2 * MONO_SEC);
	sim_if_set_addr(m->node[0].iface, "192.168.1.77");
	sim_if_set_up(m->node[0].iface, true);
	sim_run(m->s, 40 * MONO_SEC);
}

/* Again and again: each address leaves mappings behind in a router of Linux, which
 * the remote's checks keep alive; its question to the STUN server is forgotten sooner. */
static void
new_addresses(struct mesh *m)
{
	static const char *const address[] = { "192.168.1.77", "192.168.1.78", "192.168.1.79" };
	int64_t worst = 0, began;

	for (unsigned i = 0; i < 9; i++) {
		sim_if_set_up(m->node[0].iface, false);
		sim_run(m->s, 2 * MONO_SEC);
		sim_if_set_addr(m->node[0].iface, address[i % 3]);
		sim_if_set_up(m->node[0].iface, true);
		began = sim_now(m->s);
		sim_run(m->s, 700 * MONO_MS);		/* until then the old path counts as one */
		expect(sim_until(m->s, is_direct, m, 2 * MONO_SEC), "direct 2 s after move %u", i + 1);
		if (sim_now(m->s) - began > worst)
			worst = sim_now(m->s) - began;
		sim_run(m->s, (5 + 12 * (i % 4)) * MONO_SEC);
		expect(is_direct(m), "still direct some seconds after move %u", i + 1);
	}
	printf("# %s: direct again after %.3f s at worst\n", now_telling->name, (double)worst / 1e6);
}

/* The second host of a home comes when the first's question to the STUN server is
 * forgotten: there it gets the port that both have, but not towards the first's peer. */
static bool
are_direct(void *arg)
{
	struct mesh *m = arg;

	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (i != j && mesh_direct(m, i, j) != 1)
				return false;
	return true;
}

static void
neighbours(struct mesh *m)
{
	int64_t began;

	mesh_kill_agent(m, 1);
	mesh_kill_agent(m, 2);
	sim_nat_forget(m->node[2].nat, SIM_UDP, 100);	/* as if they had never been there */
	sim_run(m->s, MONO_SEC);
	mesh_start_agent(m, 1);
	sim_run(m->s, 4 * MONO_MIN);
	expect(mesh_direct(m, 0, 1) == 1, "the first host of the home has a direct path");
	mesh_reset(m);
	mesh_start_agent(m, 2);
	began = sim_now(m->s);
	expect(mesh_until_all(m, 2 * MONO_SEC), "every pair pings within 2 s");
	mesh_reset(m);
	expect(sim_until(m->s, are_direct, m, 20 * MONO_SEC), "all are direct within 20 s");
	printf("# %s: all direct %.3f s after the second came\n", now_telling->name, (double)(sim_now(m->s) - began) / 1e6);
	sim_run(m->s, 10 * MONO_MIN);
	expect(are_direct(m), "and ten minutes later");
}

/* Another router, the same address: what carried us may be gone, and TCP does not know. */
static void
reroute(struct mesh *m)
{
	sim_nat_strict(m->node[0].nat, true);
	sim_nat_forget(m->node[0].nat, SIM_UDP | SIM_TCP, 100);
	sim_reroute(m->node[0].host);
	sim_run(m->s, 40 * MONO_SEC);
}

static void
kill_agent(struct mesh *m)
{
	mesh_kill_agent(m, 0);
	sim_run(m->s, 100 * MONO_MS);
	mesh_start_agent(m, 0);
	sim_run(m->s, 40 * MONO_SEC);
}

static void
kill_server(struct mesh *m)
{
	mesh_kill_server(m);
	sim_run(m->s, 5 * MONO_SEC);
	mesh_start_server(m);
	sim_run(m->s, 60 * MONO_SEC);
}

static void
black_hole(struct mesh *m)
{
	struct sim_cut *c = sim_cut(m->s, "203.0.113.10", "0.0.0.0/0", SIM_UDP | SIM_TCP);

	sim_run(m->s, 40 * MONO_SEC);
	sim_uncut(c);
	sim_run(m->s, 60 * MONO_SEC);
}

/* The router forgets everything: the server keeps the old relay connection, the
 * agent comes back with the same id.  Offline must come before online. */
static void
same_id(struct mesh *m)
{
	for (int i = 0; i < 5; i++) {
		sim_nat_rebind(m->node[0].nat, i % 2 ? "203.0.113.201" : "203.0.113.202");
		sim_run(m->s, 10 * MONO_SEC + (int64_t)sim_chance(m->s, 10 * MONO_SEC));
	}
	sim_run(m->s, 40 * MONO_SEC);
}

/* Every ping but the one that may be under way. */
static void
expect_no_loss(struct mesh *m)
{
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++) {
			struct sim_ping_stats st;

			if (m->node[i].ping[j] == NULL)
				continue;
			st = sim_ping_stats(m->node[i].ping[j]);
			expect(st.sent - st.got <= 1, "agent%u lost %llu of %llu pings to agent%u", i,
			    (unsigned long long)(st.sent - st.got), (unsigned long long)st.sent, j);
		}
}

static void
server_away(struct mesh *m)
{
	mesh_kill_server(m);
	sim_run(m->s, MONO_HOUR);
	expect_no_loss(m);
	mesh_start_server(m);
	sim_run(m->s, 2 * MONO_MIN);
	expect_no_loss(m);
}

static bool
relays_settled(void *arg)
{
	struct mesh *m = arg;

	return server_counts(m->server).relay == m->n;
}

/* A router gives new addresses, a thousand times; each time the agent notices at
 * once and comes back with its id while the server still holds the old
 * connection.  The late clean-up of that one must remove nothing, and the others
 * keep their tunnels: they are told "offline", then "online". */
static void
same_id_races(struct mesh *m)
{
	uint64_t before = m->node[0].work.dials;
	unsigned gone = 0;

	for (int i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof text, "203.0.113.%d", 100 + i % 2);
		sim_nat_rebind(m->node[0].nat, text);
		sim_suspend(m->node[0].host);
		sim_run(m->s, MONO_MS + (int64_t)sim_chance(m->s, 30 * MONO_MS));
		sim_resume(m->node[0].host);
		sim_run(m->s, 2 * MONO_SEC);
		gone += !sim_until(m->s, relays_settled, m, 4 * MONO_SEC);
		if (i % 8 == 7)
			sim_run(m->s, 50 * MONO_SEC);	/* what the server still holds of them times out */
		gone += !relays_settled(m);
	}
	expect(gone == 0, "the newest connection stays registered: %u times it did not", gone);
	expect(m->node[0].work.dials - before >= 1000, "it dialled for each");
	printf("# %s: %llu connections begun\n", now_telling->name, (unsigned long long)(m->node[0].work.dials - before));
}

static void
sleep_for(struct mesh *m, int64_t us)
{
	int64_t awake;

	sim_suspend(m->node[0].host);
	sim_run(m->s, us);
	sim_resume(m->node[0].host);
	mesh_reset(m);
	awake = sim_now(m->s);
	expect(mesh_until_all(m, 2 * MONO_SEC), "every pair pings within 2 s after the sleep");
	printf("# %s: all ping %.3f s after waking\n", now_telling->name, (double)(sim_now(m->s) - awake) / 1e6);
	sim_run(m->s, 20 * MONO_SEC);
}

static void
nap(struct mesh *m)
{
	sleep_for(m, 10 * MONO_MIN);
}

static void
night(struct mesh *m)
{
	sleep_for(m, 8 * MONO_HOUR);
}

static void
bad_links(struct mesh *m)
{
	struct sim_link bad = { .delay = 20 * MONO_MS, .jitter = 20 * MONO_MS, .loss = 50000, .dup = 20000, .reorder = 20000 };

	for (unsigned i = 0; i < m->n; i++)
		sim_if_link(m->node[i].iface, &bad);
	sim_run(m->s, 5 * MONO_MIN);
}

static void
slow_disk(struct mesh *m)
{
	sim_disk(m->server_host, &(struct sim_disk_faults){ .delay = 500 * MONO_MS });
	mesh_kill_agent(m, 0);
	sim_run(m->s, MONO_SEC);
	mesh_start_agent(m, 0);
	sim_run(m->s, 20 * MONO_SEC);
	mesh_reset(m);
	expect(mesh_until_all(m, 20 * MONO_SEC), "agents join all the same");
}

static void
full_disk(struct mesh *m)
{
	sim_disk(m->node[0].host, &(struct sim_disk_faults){ .delay = MONO_MS, .full = true });
	sim_run(m->s, 5 * MONO_MIN);
	mesh_kill_agent(m, 0);
	mesh_start_agent(m, 0);
	sim_run(m->s, 20 * MONO_SEC);
	mesh_reset(m);
	expect(mesh_until_all(m, 60 * MONO_SEC), "an agent with a full disk goes on");
}

static void
roam(struct mesh *m)
{
	sim_if_move(m->node[0].iface, m->inet);
	sim_run(m->s, 40 * MONO_SEC);
}

static void
late_agent(struct mesh *m)
{
	int64_t began;

	mesh_kill_agent(m, 1);
	sim_run(m->s, 10 * MONO_MIN);
	mesh_start_agent(m, 1);
	mesh_reset(m);
	began = sim_now(m->s);
	expect(mesh_until_all(m, 2 * MONO_SEC), "every pair pings within 2 s");
	printf("# %s: all ping %.3f s after the start\n", now_telling->name, (double)(sim_now(m->s) - began) / 1e6);
	sim_run(m->s, 20 * MONO_SEC);
}

static void
expiry(struct mesh *m)
{
	sim_run(m->s, 40 * MONO_MIN);	/* rekeys, mapping lifetimes, heartbeats */
}

static void
frozen(struct mesh *m)
{
	sim_freeze(m->node[0].env, true);
	sim_run(m->s, 30 * MONO_SEC);
	sim_freeze(m->node[0].env, false);
	sim_run(m->s, 40 * MONO_SEC);
}

static void
clock_step(struct mesh *m)
{
	sim_wall_step(m->node[0].host, -3 * MONO_HOUR);
	sim_run(m->s, 10 * MONO_MIN);
	sim_wall_step(m->node[0].host, 24 * MONO_HOUR);
	sim_run(m->s, 10 * MONO_MIN);
	mesh_kill_agent(m, 0);
	sim_wall_step(m->node[0].host, -48 * MONO_HOUR);	/* the largest stamp was kept */
	mesh_start_agent(m, 0);
	sim_run(m->s, 40 * MONO_SEC);
}

/* Somebody tidies up interfaces, the agent's own too. */
static void
tun_deleted(struct mesh *m)
{
	sim_tun_delete(m->node[0].env);
	sim_run(m->s, 40 * MONO_SEC);
}

/* The module is loaded late, or the name is still taken. */
static void
tun_late(struct mesh *m)
{
	mesh_kill_agent(m, 0);
	sim_tun_refuse(m->node[0].host, true);
	mesh_start_agent(m, 0);
	sim_run(m->s, MONO_MIN);
	expect(mesh_direct(m, 0, 1) == -1, "without an interface there is no engine");
	sim_tun_refuse(m->node[0].host, false);
	mesh_reset(m);
	expect(mesh_until_all(m, 22 * MONO_SEC), "pings go on when an interface can be made");
}

static const struct story stories[] = {
	{ "cut-direct", MESH_EIM, 2, cut_direct, 1500, "the direct path is cut and restored" },
	{ "rebind-direct", MESH_EIM, 2, rebind, 2000, "a router gets a new public address, direct" },
	{ "rebind-relayed", MESH_SYM, 2, rebind, 2000, "the same, relayed" },
	{ "new-address-direct", MESH_EIM, 2, new_address, 4000, "a host changes its address, direct" },
	{ "new-address-relayed", MESH_SYM, 2, new_address, 4000, "the same, relayed" },
	{ "new-addresses", MESH_LINUX, 2, new_addresses, 2500, "again and again, behind a router of Linux" },
	{ "neighbours", MESH_LINUX, 3, neighbours, 1500, "two hosts of one home with the same port and the same peer" },
	{ "restart-direct", MESH_EIM, 2, kill_agent, 500, "an agent is killed and restarted, direct" },
	{ "restart-relayed", MESH_SYM, 2, kill_agent, 500, "the same, relayed" },
	{ "server-restart-direct", MESH_EIM, 2, kill_server, 200, "the server is killed and back after 5 s, direct" },
	{ "server-restart-relayed", MESH_SYM, 2, kill_server, 6500, "the same, relayed" },
	{ "black-hole", MESH_SYM, 2, black_hole, 41500, "40 s black hole to the server, relayed" },
	{ "same-id", MESH_SYM, 3, same_id, 2000, "relay connections replaced by ones with the same id" },
	{ "server-away", MESH_EIM, 2, server_away, 200, "no server for an hour, direct: no packet is lost" },
	{ "same-id-races", MESH_SYM, 3, same_id_races, 3000, "a thousand times back with the same relay id" },
	{ "nap-direct", MESH_EIM, 2, nap, -1, "ten minutes asleep, direct" },
	{ "nap-relayed", MESH_SYM, 2, nap, -1, "ten minutes asleep, relayed" },
	{ "night", MESH_SYM, 2, night, -1, "a night asleep" },
	{ "bad-links", MESH_MIXED, 3, bad_links, 5000, "loss, duplicates, reordering for five minutes" },
	{ "slow-disk", MESH_EIM, 3, slow_disk, -1, "the server's disk takes half a second" },
	{ "full-disk", MESH_EIM, 2, full_disk, -1, "an agent's disk is full" },
	{ "roam", MESH_EIM, 2, roam, 2000, "a host leaves its home for the open internet" },
	{ "late-agent", MESH_EIM, 3, late_agent, -1, "an agent comes back after ten minutes" },
	{ "reroute-direct", MESH_EIM, 2, reroute, 1000, "another default route, the same address, direct" },
	{ "reroute-relayed", MESH_SYM, 2, reroute, 2000, "another default route, the same address, relayed" },
	{ "idle-direct", MESH_EIM, 2, expiry, 200, "forty minutes of nothing, direct" },
	{ "idle-relayed", MESH_SYM, 2, expiry, 300, "forty minutes of nothing, relayed" },
	{ "frozen", MESH_EIM, 2, frozen, 32000, "an agent stopped for 30 s" },
	{ "tun-deleted", MESH_EIM, 2, tun_deleted, 1500, "an agent's interface is deleted beneath it" },
	{ "tun-late", MESH_EIM, 2, tun_late, -1, "no interface can be made for a minute" },
	{ "clock-step", MESH_EIM, 2, clock_step, 1000, "wall clock set back, forward, far back" },
};

static void
tell(const struct story *st, uint64_t seed, bool log, bool verbose, FILE *tape)
{
	struct mesh_conf conf = { .seed = seed, .hosts = st->hosts, .nat = st->nat, .log = log, .verbose = verbose,
		.tape = tape, .story = st->name, .neighbours = st->tell == neighbours,
		.ping_every = st->tell == night || st->tell == same_id_races ? MONO_SEC : 50 * MONO_MS };
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
