/* SPDX-License-Identifier: ISC */
/*
 * mesh.c -- server, routers, agents: the world of design.md in one process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/mesh-impl.h"

struct mesh *mesh_made;

static void
log_line(void *arg, enum log_level level, const char *token, const char *line)
{
	(void)arg;
	if (mesh_made != NULL && mesh_made->conf.log)
		fprintf(stderr, "%12.6f %-10s %d %s: %s\n", (double)sim_now(mesh_made->s) / 1e6,
		    sim_turn_of(mesh_made->s) != NULL ? sim_turn_of(mesh_made->s) : "-", (int)level, token, line);
}

/* Routers as they are found: what they let in, how long they remember. */
static void
nat_wild(struct mesh *m, struct sim_nat_conf *c)
{
	c->filter = (enum sim_filter)sim_chance(m->s, 3);
	c->hairpin = sim_chance(m->s, 2) == 0;
	c->keep_port = sim_chance(m->s, 2) == 0;
	c->udp_blocked = sim_chance(m->s, 6) == 0;
	c->udp_life = (30 + (int64_t)sim_chance(m->s, 150)) * MONO_SEC;
	c->tcp_life = (300 + (int64_t)sim_chance(m->s, 7000)) * MONO_SEC;
}

static struct sim_net *
net_make(struct mesh *m, const char *kind, unsigned i, unsigned second)
{
	char name[32], prefix[32], prefix6[48];

	snprintf(name, sizeof name, "%s%u", kind, i);
	snprintf(prefix, sizeof prefix, second ? "10.%u.0.0/16" : "192.168.%u.0/24", i + 1);
	snprintf(prefix6, sizeof prefix6, "2001:db8:%x::/64", 1 + i + 256 * second);
	return sim_net_new(m->s, name, prefix, m->conf.v6 ? prefix6 : NULL);
}

static void
node_place(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];
	struct sim_nat_conf conf = SIM_NAT_DEFAULT;
	struct sim_net *home, *outside = m->inet;
	char name[32];

	n->mesh = m;
	n->i = i;
	snprintf(name, sizeof name, "agent%u", i);
	n->host = sim_host_new(m->s, name);
	if (m->conf.nat == MESH_OPEN) {
		n->iface = sim_attach(n->host, m->inet, "eth0", NULL);
		return;
	}
	if (m->conf.neighbours ? i + 1 == m->conf.hosts :
	    i >= 2 && sim_chance(m->s, 5) == 0 && m->node[i - 1].nat != NULL) {
		n->nat = m->node[i - 1].nat;	/* at home with the one before */
		n->symmetric = m->node[i - 1].symmetric;
		n->no_udp = m->node[i - 1].no_udp;
		n->ports = m->node[i - 1].ports;
		n->carrier = m->node[i - 1].carrier;
		n->iface = sim_attach(n->host, sim_if_net(m->node[i - 1].iface), "eth0", NULL);
		return;
	}
	if (m->conf.nat == MESH_SYM || (m->conf.nat == MESH_MIXED && sim_chance(m->s, 3) == 0))
		conf.mapping = SIM_MAP_SYM;
	if (m->conf.nat == MESH_LINUX)
		conf.mapping = SIM_MAP_LINUX;
	if (m->conf.router != NULL)
		conf = *m->conf.router;
	home = net_make(m, "home", i, 0);
	snprintf(name, sizeof name, "router%u", i);
	if (m->conf.wild) {
		nat_wild(m, &conf);
		if (!m->conf.v6 && sim_chance(m->s, 5) == 0) {	/* the provider's own in front */
			struct sim_nat_conf carrier = SIM_NAT_DEFAULT;

			outside = net_make(m, "carrier", i, 1);
			sim_nat_new(m->s, "carrier", outside, m->inet, NULL, &carrier);
		}
	}
	if (m->conf.linux_routers && conf.mapping == SIM_MAP_EIM) {
		conf.mapping = SIM_MAP_LINUX;
		conf.filter = SIM_FILTER_PORT;
	}
	n->nat = sim_nat_new(m->s, name, home, outside, NULL, &conf);
	n->symmetric = conf.mapping == SIM_MAP_SYM;
	n->no_udp = conf.udp_blocked;
	n->ports = conf.filter == SIM_FILTER_PORT || outside != m->inet;
	n->carrier = outside != m->inet;
	n->iface = sim_attach(n->host, home, "eth0", NULL);
}

static void
start_node(void *arg)
{
	struct mesh_node *n = arg;

	mesh_start_agent(n->mesh, n->i);
}

static void
begin(void *arg)
{
	struct mesh *m = arg;
	int64_t spread = m->conf.spread > 0 ? m->conf.spread : 100 * MONO_MS;

	if (m->setup_key[0] == '\0') {
		sim_after(m->s, LOOK_EVERY, begin, m);
		return;
	}
	for (unsigned i = 0; i < m->n; i++)
		sim_after(m->s, (int64_t)sim_chance(m->s, (uint64_t)spread), start_node, &m->node[i]);
}

/* Tests that take no --tape: see tests/tape.h. */
static FILE *
tape_asked(void)
{
	const char *path = getenv("GODWIT_TAPE");

	return path != NULL ? fopen(path, "a") : NULL;
}

struct mesh *
mesh_new(const struct mesh_conf *conf)
{
	struct mesh *m = calloc(1, sizeof *m);

	if (m == NULL || conf->hosts > MESH_MAX)
		fatal("sim", "no memory, or more than %d hosts", MESH_MAX);
	m->conf = *conf;
	if (m->conf.tape == NULL)
		m->conf.tape = m->asked = tape_asked();
	m->n = conf->hosts;
	m->s = sim_new(conf->seed);
	sim_cheap_crypto(m->s, conf->cheap_crypto);
	mesh_made = m;
	log_to_sink(log_line, NULL);
	log_set_level(conf->log ? LOG_LV_DEBUG : LOG_LV_ERROR);
	sim_set_verbose(m->s, conf->verbose);
	m->inet = sim_net_new(m->s, "inet", "203.0.113.0/24", conf->v6 ? "2001:db8::/64" : NULL);
	m->server_host = sim_host_new(m->s, "server");
	m->server_if = sim_attach(m->server_host, m->inet, "eth0", SERVER_ADDR);
	if (conf->by_name) {
		struct addr a = sim_if_addr(m->server_if);

		sim_name(m->s, "vpn.example", &a);
	}
	for (unsigned i = 0; i < m->n; i++)
		node_place(m, i);
	mesh_start_server(m);
	sim_after(m->s, LOOK_EVERY, begin, m);
	sim_after(m->s, LOOK_EVERY, mesh_look_seldom, m);
	return m;
}

void
mesh_free(struct mesh *m)
{
	if (m == NULL)
		return;
	sim_free(m->s);
	mesh_made = NULL;
	log_to_sink(NULL, NULL);
	if (m->asked != NULL)
		fclose(m->asked);
	free(m);
}
