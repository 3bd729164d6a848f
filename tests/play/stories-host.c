/* SPDX-License-Identifier: ISC */
/*
 * stories-host.c -- stories of hosts: processes, sleep, disks, clocks, interfaces.
 */
#include "tests/play/stories.h"

void
story_kill_agent(struct mesh *m)
{
	mesh_kill_agent(m, 0);
	sim_run(m->s, 100 * MONO_MS);
	mesh_start_agent(m, 0);
	sim_run(m->s, 40 * MONO_SEC);
}

void
story_kill_server(struct mesh *m)
{
	mesh_kill_server(m);
	sim_run(m->s, 5 * MONO_SEC);
	mesh_start_server(m);
	sim_run(m->s, 60 * MONO_SEC);
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

void
story_server_away(struct mesh *m)
{
	mesh_kill_server(m);
	sim_run(m->s, MONO_HOUR);
	expect_no_loss(m);
	mesh_start_server(m);
	sim_run(m->s, 2 * MONO_MIN);
	expect_no_loss(m);
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

void
story_nap(struct mesh *m)
{
	sleep_for(m, 10 * MONO_MIN);
}

void
story_night(struct mesh *m)
{
	sleep_for(m, 8 * MONO_HOUR);
}

void
story_slow_disk(struct mesh *m)
{
	sim_disk(m->server_host, &(struct sim_disk_faults){ .delay = 500 * MONO_MS });
	mesh_kill_agent(m, 0);
	sim_run(m->s, MONO_SEC);
	mesh_start_agent(m, 0);
	sim_run(m->s, 20 * MONO_SEC);
	mesh_reset(m);
	expect(mesh_until_all(m, 20 * MONO_SEC), "agents join all the same");
}

void
story_full_disk(struct mesh *m)
{
	sim_disk(m->node[0].host, &(struct sim_disk_faults){ .delay = MONO_MS, .full = true });
	sim_run(m->s, 5 * MONO_MIN);
	mesh_kill_agent(m, 0);
	mesh_start_agent(m, 0);
	sim_run(m->s, 20 * MONO_SEC);
	mesh_reset(m);
	expect(mesh_until_all(m, 60 * MONO_SEC), "an agent with a full disk goes on");
}

void
story_late_agent(struct mesh *m)
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

void
story_frozen(struct mesh *m)
{
	sim_freeze(m->node[0].env, true);
	sim_run(m->s, 30 * MONO_SEC);
	sim_freeze(m->node[0].env, false);
	sim_run(m->s, 40 * MONO_SEC);
}

void
story_clock_step(struct mesh *m)
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
void
story_tun_deleted(struct mesh *m)
{
	sim_tun_delete(m->node[0].env);
	sim_run(m->s, 40 * MONO_SEC);
}

/* The module is loaded late, or the name is still taken. */
void
story_tun_late(struct mesh *m)
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
