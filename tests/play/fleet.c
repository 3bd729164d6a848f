/* SPDX-License-Identifier: ISC */
/*
 * fleet.c -- twenty agents that lose their server, or their network, in the same
 * instant: do they all come back in one step?
 *
 *	fleet [--seed N]
 *
 * Counted is what arrives at the server: first packets of new connections, in
 * windows of ten milliseconds.  A server is felt by all its agents at once, and
 * what is felt at once must not be answered at once.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/mesh.h"
#include "tests/tap.h"

#define AGENTS		20
#define WINDOW		(10 * MONO_MS)
#define WINDOWS		6000	/* a minute */
#define CONNS_MAX	4096

struct count {
	struct mesh *m;
	int64_t began;
	struct addr seen[CONNS_MAX];
	int64_t last[CONNS_MAX];	/* when it was heard */
	size_t nseen;
	unsigned in[WINDOWS], all;
};

static void
on_packet(void *arg, unsigned proto, const struct addr *src, const struct addr *dst, const uint8_t *data, size_t len)
{
	struct count *c = arg;
	struct addr server = sim_if_addr(c->m->server_if);
	int64_t w;

	(void)data;
	(void)len;
	if (proto != SIM_TCP || !addr_same_ip(dst, &server))
		return;
	for (size_t i = 0; i < c->nseen; i++)
		if (addr_equal(&c->seen[i], src)) {
			c->last[i] = sim_now(c->m->s);
			return;
		}
	if (c->nseen == CONNS_MAX)
		return;
	c->last[c->nseen] = sim_now(c->m->s);
	c->seen[c->nseen++] = *src;
	w = (sim_now(c->m->s) - c->began) / WINDOW;
	if (c->began == 0 || w >= WINDOWS)
		return;
	c->in[w]++;
	c->all++;
}

/* Connections that are there already are no news; a port of one that has ended may
 * come again.  The most silent connection speaks every 40 s. */
static void
begin(struct count *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nseen; i++)
		if (sim_now(c->m->s) - c->last[i] < 45 * MONO_SEC) {
			c->seen[n] = c->seen[i];
			c->last[n++] = c->last[i];
		}
	c->nseen = n;
	memset(c->in, 0, sizeof(c->in));
	c->all = 0;
	c->began = sim_now(c->m->s);
}

static unsigned
busiest(const struct count *c)
{
	unsigned most = 0;

	for (int i = 0; i < WINDOWS; i++)
		most = c->in[i] > most ? c->in[i] : most;
	return most;
}

static void
judge(struct count *c, const char *what)
{
	unsigned most = busiest(c);

	printf("# %s: %u new connections in a minute, %u of them in the busiest 10 ms\n", what, c->all, most);
	ok(c->all >= 4 * AGENTS, "%s: every agent dials its four connections anew", what);
	ok(most <= 4 * AGENTS / 3, "%s: at most a third of 80 in one step of 10 ms (%u)", what, most);
	/* relay links try every half second for a while, the streams with their back-off */
	ok(c->all <= 35 * AGENTS, "%s: nor do they knock all the time", what);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 } };
	struct mesh_conf conf = { .seed = 1, .hosts = AGENTS, .nat = MESH_EIM, .spread = 5 * MONO_SEC, .ping_every = MONO_SEC };
	static struct count c;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (opt == 's')
			conf.seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	c.m = mesh_new(&conf);
	ok(mesh_until_all(c.m, 30 * MONO_SEC), "twenty agents ping each other");
	mesh_no_pings(c.m);
	sim_tap(c.m->s, on_packet, &c);
	sim_run(c.m->s, 2 * MONO_MIN);

	begin(&c);
	mesh_kill_server(c.m);
	sim_run(c.m->s, 5 * MONO_SEC);
	mesh_start_server(c.m);
	sim_run(c.m->s, 55 * MONO_SEC);
	judge(&c, "server killed, back after 5 s");

	begin(&c);
	mesh_kill_server(c.m);
	mesh_start_server(c.m);
	sim_run(c.m->s, MONO_MIN);
	judge(&c, "server restarted within the moment");

	begin(&c);
	for (unsigned i = 0; i < AGENTS; i++)
		sim_if_set_addr(c.m->node[i].iface, NULL);
	sim_run(c.m->s, MONO_MIN);
	judge(&c, "all addresses change in one instant");
	sim_tap(c.m->s, NULL, NULL);
	mesh_free(c.m);
	return tap_done();
}
