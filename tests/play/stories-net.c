/* SPDX-License-Identifier: ISC */
/*
 * stories-net.c -- stories of the network: paths, routers, addresses, links.
 */
#include "agent/agent.h"
#include "server/server.h"
#include "tests/play/stories.h"

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

void
story_cut_direct(struct mesh *m)
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

void
story_rebind(struct mesh *m)
{
	sim_nat_rebind(m->node[0].nat, "203.0.113.200");
	sim_run(m->s, 40 * MONO_SEC);
}

void
story_new_address(struct mesh *m)
{
	sim_if_set_up(m->node[0].iface, false);
	sim_run(m->s, 2 * MONO_SEC);
	sim_if_set_addr(m->node[0].iface, "192.168.1.77");
	sim_if_set_up(m->node[0].iface, true);
	sim_run(m->s, 40 * MONO_SEC);
}

/* Again and again: each address leaves mappings behind in a router of Linux, which
 * the remote's checks keep alive; its question to the STUN server is forgotten sooner. */
void
story_new_addresses(struct mesh *m)
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

void
story_neighbours(struct mesh *m)
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
void
story_reroute(struct mesh *m)
{
	sim_nat_strict(m->node[0].nat, true);
	sim_nat_forget(m->node[0].nat, SIM_UDP | SIM_TCP, 100);
	sim_reroute(m->node[0].host);
	sim_run(m->s, 40 * MONO_SEC);
}

void
story_black_hole(struct mesh *m)
{
	struct sim_cut *c = sim_cut(m->s, "203.0.113.10", "0.0.0.0/0", SIM_UDP | SIM_TCP);

	sim_run(m->s, 40 * MONO_SEC);
	sim_uncut(c);
	sim_run(m->s, 60 * MONO_SEC);
}

/* The router forgets everything: the server keeps the old relay connection, the
 * agent comes back with the same id.  Offline must come before online. */
void
story_same_id(struct mesh *m)
{
	for (int i = 0; i < 5; i++) {
		sim_nat_rebind(m->node[0].nat, i % 2 ? "203.0.113.201" : "203.0.113.202");
		sim_run(m->s, 10 * MONO_SEC + (int64_t)sim_chance(m->s, 10 * MONO_SEC));
	}
	sim_run(m->s, 40 * MONO_SEC);
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
void
story_same_id_races(struct mesh *m)
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

void
story_bad_links(struct mesh *m)
{
	struct sim_link bad = { .delay = 20 * MONO_MS, .jitter = 20 * MONO_MS, .loss = 50000, .dup = 20000, .reorder = 20000 };

	for (unsigned i = 0; i < m->n; i++)
		sim_if_link(m->node[i].iface, &bad);
	sim_run(m->s, 5 * MONO_MIN);
}

void
story_roam(struct mesh *m)
{
	sim_if_move(m->node[0].iface, m->inet);
	sim_run(m->s, 40 * MONO_SEC);
}

void
story_expiry(struct mesh *m)
{
	sim_run(m->s, 40 * MONO_MIN);	/* rekeys, mapping lifetimes, heartbeats */
}
