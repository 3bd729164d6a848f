/* SPDX-License-Identifier: ISC */
/*
 * mesh-prog.c -- the programs of the mesh: the server's and an agent's.
 */
#include <stdio.h>
#include <string.h>
#include "fsm/fsm.h"
#include "fsm/wg-peer.h"
#include "server/server.h"
#include "tests/sim/mesh-impl.h"

#define PORT		80

/* ---- the server's program -------------------------------------------------------- */

static void
take_word(const char *line, const char *flag, char *out, size_t len)
{
	const char *p = strstr(line, flag);

	out[0] = '\0';
	if (p != NULL)
		snprintf(out, len, "%.*s", (int)strcspn(p + strlen(flag), " \n"), p + strlen(flag));
}

static void
on_join(void *arg, const char *line)
{
	struct mesh *m = arg;

	take_word(line, "--management-url ", m->url, sizeof m->url);
	take_word(line, "--setup-key ", m->setup_key, sizeof m->setup_key);
	take_word(line, "--server-key ", m->server_key, sizeof m->server_key);
}

static void
on_fatal(void *arg, const char *why)
{
	(void)arg;
	fatal("sim", "the server gives up: %s", why);
}

static void
tape_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

/* A process: story, seed, host, and which of its lives. */
static void
mesh_tape(const struct mesh *m, const char *host, unsigned life, char *name, size_t len, struct fsm_tape_to *to)
{
	snprintf(name, len, "%s/%llu/%s/%u", m->conf.story != NULL ? m->conf.story : "mesh", (unsigned long long)m->conf.seed, host, life);
	*to = (struct fsm_tape_to){ name, m->conf.tape != NULL ? tape_line : NULL, m->conf.tape };
}

static void *
server_start(struct env *e, void *arg)
{
	struct mesh *m = arg;
	struct server_conf conf = { .data_dir = "/var/lib/server", .listen = { .port = PORT },
		.stun_port = SERVER_STUN_PORT, .on_join = on_join,
		.url = m->conf.by_name ? "http://vpn.example:80" : "http://" SERVER_ADDR ":80",
		.on_fatal = on_fatal, .arg = m };
	char why[256], name[128];
	int err;

	mesh_tape(m, "server", ++m->server_starts, name, sizeof name, &conf.tape);
	m->server = server_new_why(e, &conf, &err, why, sizeof why);
	if (m->server == NULL)
		fatal("sim", "the server does not start: %s", why);
	sim_hash_loop(m->s, server_loop(m->server));
	fsm_loop_strict(server_loop(m->server));
	return m->server;
}

static void
server_stop(void *object)
{
	server_free(object);
}

static const struct sim_prog server_prog = { "godwit-server", server_start, server_stop };

void
mesh_start_server(struct mesh *m)
{
	m->server_env = sim_start(m->server_host, &server_prog, m);
}

void
mesh_kill_server(struct mesh *m)
{
	if (m->server_env != NULL)
		sim_kill(m->server_env);
	m->server_env = NULL;
	m->server = NULL;
}

/* ---- an agent's program --------------------------------------------------------------- */

static void
count_step(void *arg, const struct fsm_trace *t)
{
	struct mesh_work *w = arg;
	const struct fsm_def *d = t->machine->def;
	bool entered = t->machine->since.us == t->at.us;

	w->moves += t->from != t->to;
	if (d == &handshake_fsm)
		w->offers += t->event == HANDSHAKE_EV_ASK;
	else if (d == &wg_peer_fsm)
		w->handshakes += entered && t->to == WG_PEER_ASKING;
	else if (entered && strcmp(d->state_name[t->to], "dialing") == 0) {
		w->dials++;
		w->stream_dials += strcmp(d->name, "relay-link") != 0;
	}
}

static void *
agent_start(struct env *e, void *arg)
{
	struct mesh_node *n = arg;
	struct agent_conf conf = { .state_dir = "/var/lib/godwit", .daemon_version = "sim" };
	struct agent_login login = { .management_url = n->mesh->url, .setup_key = n->mesh->setup_key,
		.server_key = n->mesh->server_key };
	char why[256], host[16], name[128];

	snprintf(host, sizeof host, "agent%u", n->i);
	mesh_tape(n->mesh, host, ++n->lives, name, sizeof name, &conf.tape);
	n->agent = agent_new(e, &conf, why, sizeof why);
	if (n->agent == NULL)
		fatal("sim", "agent %u does not start: %s", n->i, why);
	sim_hash_loop(n->mesh->s, agent_loop(n->agent));
	fsm_loop_strict(agent_loop(n->agent));
	fsm_loop_on_step(agent_loop(n->agent), count_step, &n->work);
	mesh_hear(n);
	if (n->starts++ == 0) {
		if (agent_set_login(n->agent, &login, why, sizeof why) != 0)
			fatal("sim", "agent %u: %s", n->i, why);
		agent_up(n->agent);
	}
	return n->agent;
}

static void
agent_stop(void *object)
{
	agent_free(object);
}

static const struct sim_prog agent_prog = { "godwitd", agent_start, agent_stop };

/* The first key expires after a day. */
static void
make_key(void *arg)
{
	struct mesh *m = arg;

	if (server_make_key(m->server, "again", 0, m->setup_key) != 0)
		fatal("sim", "no setup key can be made");
}

/* Who asks while it is still leaving asks again: fsm/session.fsm. */
static void
join_again(void *arg)
{
	struct mesh_node *n = arg;
	struct agent_login login = { .setup_key = n->mesh->setup_key };
	char why[256];

	if (agent_set_login(n->agent, &login, why, sizeof why) != 0)
		fatal("sim", "agent %u: %s", n->i, why);
	agent_up(n->agent);
}

static void
join_when_left(void *arg)
{
	struct mesh_node *n = arg;

	n->joining = false;
	if (n->env == NULL || agent_state(n->agent) == AGENT_CONNECTED || agent_state(n->agent) == AGENT_CONNECTING)
		return;
	if (!sim_awake(n->env)) {
		n->joining = true;
		sim_after(n->mesh->s, MONO_SEC, join_when_left, n);
	} else if (n->agent->session->fsm.state == SESSION_IDLE || n->agent->session->fsm.state == SESSION_NEEDS_LOGIN) {
		if (n->mesh->server_env != NULL && sim_awake(n->mesh->server_env))
			sim_call(n->mesh->server_env, make_key, n->mesh);
		sim_call(n->env, join_again, n);
	} else {
		n->joining = true;
		sim_after(n->mesh->s, MONO_SEC, join_when_left, n);
	}
}

void
mesh_join_again(struct mesh *m, unsigned i)
{
	if (!m->node[i].joining)
		join_when_left(&m->node[i]);
}

void
mesh_start_agent(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];

	if (n->env == NULL)
		n->env = sim_start(n->host, &agent_prog, n);
}

void
mesh_kill_agent(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];

	if (n->env != NULL)
		sim_kill(n->env);
	n->env = NULL;
	n->agent = NULL;
}
