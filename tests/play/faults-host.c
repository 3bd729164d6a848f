/* SPDX-License-Identifier: ISC */
/*
 * faults-host.c -- what may happen to the hosts of a mesh: processes, sleep,
 * clocks, disks; and what people do.
 */
#include "tests/play/faults.h"

/* ---- processes --------------------------------------------------------------------- */

static void
agent_ends(struct run *r, struct mesh_node *n, unsigned how)
{
	if (n->env == NULL)
		return;
	if (how == 0 || (how == 1 && !sim_awake(n->env))) {
		mesh_kill_agent(r->m, n->i);
		return;
	}
	if (how == 1)
		sim_exit(n->env);
	else
		sim_power_cut(n->host);
	n->env = NULL;
	n->agent = NULL;
}

/* Who is away for minutes is not called connected. */
static void
look_at_dead(struct run *r, const struct addr *was, const struct mesh_node *n, int64_t since)
{
	if (was->family != ADDR_NONE && sim_now(r->m->s) - since > 3 * MONO_MIN && r->fail == NULL &&
	    (n->env == NULL || !sim_awake(n->env)))
		r->fail = status_of_dead(r->m, was, n);
}

void
fault_agent_dies(struct run *r)
{
	struct mesh_node *n = victim(r);
	unsigned how = (unsigned)draw(r, 3);
	struct addr was = sim_overlay_addr(n->host);
	int64_t since = sim_now(r->m->s);

	if (n->env == NULL)
		return;
	say(r, "agent%u: %s", n->i, how == 0 ? "killed" : how == 1 ? "ends" : "power cut");
	agent_ends(r, n, how);
	lasts(r, one_in(r, 2) ? 500 * MONO_MS : 60 * MONO_SEC, 8 * MONO_HOUR);
	look_at_dead(r, &was, n, since);
	if (how == 2)
		sim_power_on(n->host);
	say(r, "agent%u: starts", n->i);
	mesh_start_agent(r->m, n->i);
}

static void
server_ends(struct run *r)
{
	struct mesh *m = r->m;

	if (m->server_env == NULL)
		return;
	if (one_in(r, 2) || !sim_awake(m->server_env)) {
		mesh_kill_server(m);
		return;
	}
	sim_exit(m->server_env);
	m->server_env = NULL;
	m->server = NULL;
}

void
fault_server_dies(struct run *r)
{
	the_server(r);
	say(r, "the server ends");
	server_ends(r);
	lasts(r, one_in(r, 2) ? 500 * MONO_MS : 60 * MONO_SEC, 3 * MONO_HOUR);
	say(r, "the server starts");
	if (r->m->server_env == NULL)
		mesh_start_server(r->m);
}

void
fault_sleep(struct run *r)
{
	struct mesh_node *n = victim(r);
	struct addr was = sim_overlay_addr(n->host);
	int64_t since = sim_now(r->m->s);

	say(r, "agent%u sleeps", n->i);
	sim_suspend(n->host);
	sim_run(r->m->s, 10 * MONO_SEC);
	lasts(r, one_in(r, 6) ? 12 * MONO_MIN : 2 * MONO_MIN, 8 * MONO_HOUR);
	look_at_dead(r, &was, n, since);
	sim_resume(n->host);
	say(r, "agent%u wakes", n->i);
}

/* A virtual machine that is moved elsewhere. */
void
fault_server_sleeps(struct run *r)
{
	say(r, "the server's host sleeps");
	sim_suspend(the_server(r));
	lasts(r, 30 * MONO_SEC, 10 * MONO_MIN);
	sim_resume(r->m->server_host);
	say(r, "the server's host wakes");
}

void
fault_freeze(struct run *r)
{
	struct mesh_node *n = victim(r);
	bool server = one_in(r, 3);
	struct addr was = sim_overlay_addr(n->host);
	int64_t since = sim_now(r->m->s);
	struct env *e = server ? r->m->server_env : n->env;

	if (e == NULL)
		return;
	if (server)
		the_server(r);
	say(r, "%s stands still", server ? "the server" : "an agent");
	sim_freeze(e, true);
	lasts(r, 15 * MONO_SEC, 10 * MONO_MIN);
	if (!server)
		look_at_dead(r, &was, n, since);
	if ((server ? r->m->server_env : n->env) == e)
		sim_freeze(e, false);
	say(r, "and goes on");
}

void
fault_clock(struct run *r)
{
	struct mesh_node *n = victim(r);
	int64_t step = (int64_t)draw(r, 48 * MONO_HOUR) - 24 * MONO_HOUR;

	say(r, "agent%u: clock set by %lld s", n->i, (long long)(step / MONO_SEC));
	sim_wall_step(one_in(r, 5) ? the_server(r) : n->host, step);
}

void
fault_disk(struct run *r)
{
	struct mesh_node *n = victim(r);
	struct sim_disk_faults f = { .delay = (int64_t)draw(r, MONO_SEC), .full = one_in(r, 2) };
	bool server = one_in(r, 2);
	struct sim_host *h = server ? the_server(r) : n->host;

	if (server)
		f.full = false;	/* a server that cannot store gives up, as it says */
	say(r, "%s: disk %s", server ? "server" : "an agent", f.full ? "full" : "slow");
	sim_disk(h, &f);
	lasts(r, 20 * MONO_SEC, 2 * MONO_HOUR);
	sim_disk(h, NULL);
}

void
fault_slow_reader(struct run *r)
{
	struct sim_host *h = one_in(r, 4) ? the_server(r) : victim(r)->host;
	size_t most = 1 + (size_t)draw(r, 200);

	say(r, "%s reads %zu bytes at a time", h == r->m->server_host ? "the server" : "an agent", most);
	sim_slow_reader(h, most, (int64_t)draw(r, 200 * MONO_MS));
	lasts(r, 30 * MONO_SEC, MONO_HOUR);
	sim_slow_reader(h, 0, 0);
	say(r, "it reads again");
}

/* ---- people ------------------------------------------------------------------------- */

static void
go_down(void *agent)
{
	agent_down(agent);
}

void
go_up(void *agent)
{
	agent_up(agent);
}

void
fault_down(struct run *r)
{
	struct mesh_node *n = victim(r);

	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: down", n->i);
	sim_call(n->env, go_down, n->agent);
	lasts(r, one_in(r, 2) ? MONO_SEC : 40 * MONO_SEC, 3 * MONO_HOUR);
	if (r->struck == 1 && r->lasted > 2 * MONO_SEC && r->fail == NULL && n->env != NULL && sim_awake(n->env) && sim_streams(n->env) > 0)
		r->fail = "who is down holds connections";
	n->down = true;		/* heal() says up again: a process may have died with the wish */
	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: up", n->i);
	sim_call(n->env, go_up, n->agent);
}

/* Whoever runs has its map without the one that left. */
static bool
left_behind(const struct mesh *m, const struct mesh_node *gone)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct mesh_node *n = &m->node[i];

		if (n != gone && n->agent != NULL && n->agent->engine != NULL && list_count(&n->agent->engine->remotes) != m->n - 2)
			return true;
	}
	return false;
}

static void
go_away(void *agent)
{
	agent_logout(agent);
}

void
fault_logout(struct run *r)
{
	struct mesh_node *n = victim(r);

	if (n->env == NULL || !sim_awake(n->env))
		return;
	say(r, "agent%u: deregisters", n->i);
	sim_call(n->env, go_away, n->agent);
	lasts(r, one_in(r, 2) ? 300 * MONO_MS : 20 * MONO_SEC, 10 * MONO_MIN);
	if (r->struck == 1 && r->lasted > 2 * MONO_SEC && r->fail == NULL && left_behind(r->m, n))
		r->fail = "a peer that left is still there";
	if (r->fail == NULL && r->m->server != NULL)
		r->fail = server_remembers(r->m);
	say(r, "agent%u: joins again", n->i);
	mesh_join_again(r->m, n->i);
	n->gone = true;
}
