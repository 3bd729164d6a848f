/* SPDX-License-Identifier: ISC */
/*
 * told.c -- the mesh and the maps of told.h.
 */
#include <stdio.h>
#include <string.h>
#include "tests/play/told.h"
#include "tests/tap.h"

struct told w;

struct agent *
agent(unsigned i)
{
	return w.m->node[i].agent;
}

struct remote *
remote(unsigned i, unsigned of)
{
	return engine_remote(agent(i)->engine, agent(of)->mgmt_conf.public_key);
}

void
told_map(struct told_map *p, int64_t newer)
{
	struct engine *e = agent(0)->engine;

	memset(p, 0, sizeof(*p));
	management__sync_response__init(&p->msg);
	management__network_map__init(&p->map);
	management__peer_config__init(&p->own);
	p->msg.network_map = &p->map;
	p->map.serial = (uint64_t)((int64_t)e->serial + newer);
	p->map.peer_config = &p->own;
	addr_prefix_str(&e->address, p->address);
	p->own.address = p->address;
	p->map.remote_peers = p->peers;
	for (unsigned i = 1; i < w.m->n; i++) {
		Management__RemotePeerConfig *c = &p->peer[i - 1];
		struct addr a = sim_overlay_addr(w.m->node[i].host);

		management__remote_peer_config__init(c);
		wire_key_text(p->key[i - 1], agent(i)->mgmt_conf.public_key);
		snprintf(p->ip[i - 1], sizeof(p->ip[0]), "%s/32", addr_str(&a, p->address + sizeof(p->address) - ADDR_STRLEN));
		addr_prefix_str(&e->address, p->address);
		c->wg_pub_key = p->key[i - 1];
		p->prefix[i - 1] = p->ip[i - 1];
		c->allowed_ips = &p->prefix[i - 1];
		c->n_allowed_ips = 1;
		p->peers[p->map.n_remote_peers++] = c;
	}
}

static void
map_tell(void *arg)
{
	netmap_apply(agent(0)->engine, &((struct told_map *)arg)->msg);
}

void
tell(struct told_map *p)
{
	sim_call(w.m->node[0].env, map_tell, p);
}

void
begin(enum mesh_nat nat, unsigned hosts)
{
	struct mesh_conf conf = { .seed = 7, .hosts = hosts, .nat = nat, .ping_every = 50 * MONO_MS };

	memset(&w, 0, sizeof(w));
	w.m = mesh_new(&conf);
	ok(mesh_until_all(w.m, 2 * MONO_SEC), "%u agents find each other", hosts);
	sim_run(w.m->s, 15 * MONO_SEC);
	mesh_reset(w.m);
}

void
end(void)
{
	is_int((int64_t)sim_leaks(w.m->s), 0, "nothing is left behind");
	mesh_free(w.m);
}

int64_t
gap(unsigned i, unsigned j)
{
	return w.m->node[i].ping[j] != NULL ? sim_ping_stats(w.m->node[i].ping[j]).longest_gap / MONO_MS : -1;
}
