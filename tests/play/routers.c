/* SPDX-License-Identifier: ISC */
/*
 * routers.c -- what the agents say of the routers before them, for routers of every
 * kind: our server answers from another port, so that they can tell (RFC 5780).
 */
#include <stdlib.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "ice/probe.h"
#include "tests/sim/mesh.h"
#include "tests/tap.h"

static const char *const filtering[] = { "unknown", "port-dependent", "address-dependent", "address-dependent or none", "none" };

static struct ice_nat
seen_by(struct mesh *m, unsigned i)
{
	struct ice_nat n = { .known = false };

	if (m->node[i].agent != NULL && m->node[i].agent->engine != NULL)
		ice_nat_get(m->node[i].agent->engine->ice, &n);
	return n;
}

/* Two hosts, each behind such a router; what was measured must be `want`. */
static struct mesh *
settled(const struct sim_nat_conf *router)
{
	struct mesh_conf conf = { .seed = 3, .hosts = 2, .nat = MESH_EIM, .router = router };
	struct mesh *m = mesh_new(&conf);

	mesh_until_all(m, 5 * MONO_SEC);
	sim_run(m->s, 10 * MONO_SEC);
	return m;
}

static void
is_seen(const char *what, enum sim_mapping mapping, enum sim_filter filter, enum ice_filtering want)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct mesh *m;
	struct ice_nat n;

	c.mapping = mapping;
	c.filter = filter;
	m = settled(&c);
	for (unsigned i = 0; i < 2; i++) {
		enum ice_filtering measured;

		n = seen_by(m, i);
		measured = ice_probe_filtering(ice_prober(m->node[i].agent->engine->ice));
		ok(measured == want, "%s, agent %u: measured %s", what, i, filtering[measured]);
		ok(n.filtering_measured && n.filtering >= want, "shown as %s", filtering[n.filtering]);
		ok(n.mapping == (mapping == SIM_MAP_SYM ? ICE_MAPPING_ADDRESS_DEPENDENT : ICE_MAPPING_ENDPOINT_INDEPENDENT),
		    "and the mapping");
	}
	mesh_free(m);
}

/* Minutes after our own packet opened the filter it is not taken for one that lets
 * in everything; another router is looked at anew. */
static void
again(void)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct mesh *m = settled(&c);
	struct ice_nat n;

	for (unsigned i = 0; i < 6; i++) {
		sim_reroute(m->node[0].host);
		sim_run(m->s, 17 * MONO_SEC);
		n = seen_by(m, 0);
		ok(n.filtering == ICE_FILTERING_PORT_DEPENDENT, "another default route, the same address: still %s", filtering[n.filtering]);
	}
	sim_nat_rebind(m->node[0].nat, "203.0.113.200");
	sim_reroute(m->node[0].host);
	sim_run(m->s, 10 * MONO_SEC);
	n = seen_by(m, 0);
	ok(n.filtering == ICE_FILTERING_PORT_DEPENDENT && n.filtering_measured, "another router: %s", filtering[n.filtering]);
	mesh_free(m);
}

/* ---- another address, another port ---- */

static void
restart_with(void *arg)
{
	struct mesh_node *n = arg;

	agent_down(n->agent);
	n->agent->profile->port = 51999;
	agent_up(n->agent);
}

static uint16_t
moved(struct mesh *m, const char *to)
{
	sim_if_set_up(m->node[0].iface, false);
	sim_run(m->s, 2 * MONO_SEC);
	sim_if_set_addr(m->node[0].iface, to);
	sim_if_set_up(m->node[0].iface, true);
	sim_run(m->s, 10 * MONO_SEC);
	return wg_device_port(m->node[0].agent->engine->device);
}

static void
ports(void)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct mesh *m = settled(&c);
	uint16_t there;

	there = moved(m, "192.168.1.77");
	ok(there != 51820, "another address behind the router: another port");
	ok(moved(m, "192.168.1.78") != there, "and yet another");
	is_int(moved(m, "192.168.1.77"), there, "back at a former address: the port of then");
	mesh_free(m);
	m = settled(&c);
	sim_call(m->node[0].env, restart_with, &m->node[0]);
	sim_run(m->s, 20 * MONO_SEC);
	is_int(wg_device_port(m->node[0].agent->engine->device), 51999, "a port that somebody named");
	is_int(moved(m, "192.168.1.77"), 51999, "is kept");
	mesh_free(m);
	m = mesh_new(&(struct mesh_conf){ .seed = 3, .hosts = 2, .nat = MESH_OPEN });
	sim_run(m->s, 10 * MONO_SEC);
	is_int(moved(m, "203.0.113.77"), 51820, "without a router there is no need");
	mesh_free(m);
}

int
main(void)
{
	is_seen("full cone", SIM_MAP_EIM, SIM_FILTER_EIF, ICE_FILTERING_ADDRESS_OR_NONE);
	is_seen("address-restricted", SIM_MAP_EIM, SIM_FILTER_ADDR, ICE_FILTERING_ADDRESS_OR_NONE);
	is_seen("port-restricted", SIM_MAP_EIM, SIM_FILTER_PORT, ICE_FILTERING_PORT_DEPENDENT);
	is_seen("symmetric", SIM_MAP_SYM, SIM_FILTER_PORT, ICE_FILTERING_PORT_DEPENDENT);
	is_seen("Linux", SIM_MAP_LINUX, SIM_FILTER_PORT, ICE_FILTERING_PORT_DEPENDENT);
	again();
	ports();
	return tap_done();
}
