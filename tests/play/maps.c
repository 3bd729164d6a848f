/* SPDX-License-Identifier: ISC */
/*
 * maps.c -- maps and messages that come at bad moments, told to real agents in
 * a simulated mesh (told.h): fsm/DEFECTS.md names what each is for.
 */
#include <errno.h>
#include <string.h>
#include "relay/pool-impl.h"
#include "tests/play/told.h"
#include "tests/tap.h"

static void (*hear)(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg);

static void
count_from0(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	if (wire_key_equal(from, agent(0)->mgmt_conf.public_key))
		w.from0++;
	hear(arg, from, msg);
}

/* Pitfalls 31 to 42: one bad part of a configuration costs nothing else. */
static void
bad_config(void)
{
	Management__HostConfig stun[3], *stuns[3] = { &stun[0], &stun[1], &stun[2] };
	Management__RelayConfig relay;
	Management__FlowConfig flow;
	char junk[] = "stun:", none[] = "", no_uri[] = "x://///", url[] = "not a url", *urls[1] = { url }, sig[] = "%%%";
	struct told_map p;

	told_map(&p, 1);
	management__netbird_config__init(&p.config);
	for (int i = 0; i < 3; i++)
		management__host_config__init(&stun[i]);
	stun[0].uri = junk;
	stun[1].uri = none;
	stun[2].uri = no_uri;
	p.config.stuns = stuns;
	p.config.n_stuns = 3;
	management__relay_config__init(&relay);
	relay.urls = urls;
	relay.n_urls = 1;
	relay.token_payload = none;
	relay.token_signature = sig;
	p.config.relay = &relay;
	management__flow_config__init(&flow);
	flow.enabled = true;
	flow.url = url;
	p.config.flow = &flow;
	p.msg.netbird_config = &p.config;
	tell(&p);
	sim_run(w.m->s, 2 * MONO_SEC);
	ok(agent(0)->engine->serial == p.map.serial && relay_pool_home_url(agent(0)->engine->pool) != NULL &&
	    path_has_relay(&remote(0, 1)->peer->path), "a configuration of which nothing is right leaves the map and the relay alone");
}

/* MG-2, MG-5, e919b2d55, a48618c07 */
static void
bad_maps(void)
{
	struct told_map p;
	char same[ADDR_STRLEN], junk[] = "100.64.999.1/32", no_key[] = "not a key";
	unsigned switches;
	uint64_t serial;

	begin(MESH_EIM, 3);
	switches = remote(0, 1)->peer->path.switches;
	serial = agent(0)->engine->serial;

	told_map(&p, 0);
	tell(&p);
	told_map(&p, 1);
	snprintf(same, sizeof(same), "%.*s", (int)strcspn(p.ip[0], "/"), p.ip[0]);
	p.prefix[0] = same;		/* the same address in another spelling */
	tell(&p);
	sim_run(w.m->s, 2 * MONO_SEC);
	ok(agent(0)->engine->serial == serial + 1 && remote(0, 1)->peer->path.switches == switches && gap(0, 1) < 200,
	    "a map that says the same again moves nothing");

	told_map(&p, -1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	tell(&p);
	ok(remote(0, 1) != NULL && agent(0)->engine->serial == serial + 1, "an older map is left");

	management__netbird_config__init(&p.config);
	management__sync_response__init(&p.msg);
	tell(&p);
	ok(remote(0, 1) != NULL && remote(0, 2) != NULL, "a message without a map takes no peer away");

	bad_config();

	told_map(&p, 1);
	p.peers[2] = &p.peer[2];
	management__remote_peer_config__init(&p.peer[2]);
	p.peer[2].wg_pub_key = no_key;
	p.peers[0] = &p.peer[2];	/* in the place of agent 1, which comes last */
	p.peers[2] = &p.peer[0];
	p.map.n_remote_peers = 3;
	p.prefix[1] = junk;
	tell(&p);
	ok(remote(0, 1) != NULL && remote(0, 1)->nallowed == 1 && remote(0, 2) != NULL && remote(0, 2)->nallowed == 0,
	    "a peer without a key and a prefix that is none do not take the rest of the map along");
	told_map(&p, 1);
	tell(&p);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 3 * MONO_SEC), "and the next map makes it whole");
	end();
}

/* GD-1, HS-4, SG-4, PC-1, PC-9; property 8 */
static void
gone_and_back(void)
{
	struct told_map p;
	struct remote *r;

	begin(MESH_EIM, 2);
	hear = agent(1)->signal->hooks.message;
	agent(1)->signal->hooks.message = count_from0;

	told_map(&p, 1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	guard_post(&remote(0, 1)->peer->guard, GUARD_EV_RESET, NULL);	/* an offer is due in this very turn */
	tell(&p);
	w.from0 = 0;
	sim_run(w.m->s, 60 * MONO_SEC);
	ok(remote(0, 1) == NULL && w.from0 == 0, "nothing more is said to a peer that left the map, though it asks");
	ok(remote(1, 0)->peer->handshake.offers_out > 1, "and it did ask: %u offers", (unsigned)remote(1, 0)->peer->handshake.offers_out);

	told_map(&p, 1);
	tell(&p);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 2 * MONO_SEC), "back in the map: both ping within 2 s, whoever asked too early");
	sim_run(w.m->s, 10 * MONO_SEC);
	ok(mesh_direct(w.m, 0, 1) == 1 && mesh_direct(w.m, 1, 0) == 1, "directly");

	/* out and in again in one turn, with reports of the first life under way */
	r = remote(0, 1);
	path_post(&r->peer->path, PATH_EV_WG_TIMEOUT, NULL);
	ice_session_post(r->ice, ICE_SESSION_EV_CLOSE, NULL);
	told_map(&p, 1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	netmap_apply(agent(0)->engine, &p.msg);
	told_map(&p, 1);
	tell(&p);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 3 * MONO_SEC), "out and in again in one turn: a new life, pings within 3 s");
	ok(remote(0, 1)->watch->timeouts == 0 && remote(0, 1)->peer->handshake.late == 0, "with nothing of the old one's counts");
	end();
}

/* RH-5, IW-14 */
static void
relays_withdrawn(void)
{
	Management__NetbirdConfig none;
	struct told_map p;
	struct wire_signal m;
	const char *urls[1];
	char url[300];
	struct relay_pool *pool;

	begin(MESH_EIM, 2);
	pool = agent(0)->engine->pool;
	ok(path_has_relay(&remote(0, 1)->peer->path), "the relay stands by");
	snprintf(url, sizeof(url), "%s", relay_pool_home_url(pool));
	management__netbird_config__init(&none);
	management__sync_response__init(&p.msg);
	p.msg.netbird_config = &none;
	tell(&p);
	sim_run(w.m->s, 100 * MONO_MS);
	memset(&m, 0, sizeof(m));
	remote(0, 1)->peer->hooks->describe(remote(0, 1), remote(0, 1)->peer, &m);
	ok(m.relay_url[0] == '\0' && pool->home->fsm.state == RELAY_LINK_IDLE, "withdrawn: the link goes, and no offer names it");
	sim_run(w.m->s, 30 * MONO_SEC);
	ok(gap(0, 1) < 200 && gap(1, 0) < 200, "the direct path stands");
	ok(remote(0, 1)->peer->guard.fsm.state == GUARD_SETTLED, "and nothing is missed");

	urls[0] = url;
	relay_pool_set_home(pool, urls, 1);	/* with the token it has */
	sim_run(w.m->s, 5 * MONO_SEC);
	ok(path_has_relay(&remote(0, 1)->peer->path) && path_has_relay(&remote(1, 0)->peer->path),
	    "granted again: it stands by again within 5 s");
	end();
}

/* MG-3, af8eaa23e */
static void
own_address(void)
{
	Management__PeerSystemMeta *before, *after;
	struct told_map p;
	struct addr a;
	char text[ADDR_STRLEN], want[] = "100.64.77.77/16";

	begin(MESH_EIM, 2);
	before = mgmt_meta_new(agent(0)->env, &agent(0)->mgmt_conf);
	sim_if_set_addr(w.m->node[0].iface, "192.168.1.88");
	sim_run(w.m->s, 5 * MONO_SEC);
	after = mgmt_meta_new(agent(0)->env, &agent(0)->mgmt_conf);
	ok(after->n_network_addresses > 0 && strncmp(after->network_addresses[0]->net_ip, "192.168.1.88/", 13) == 0 &&
	    strcmp(before->network_addresses[0]->net_ip, after->network_addresses[0]->net_ip) != 0,
	    "what we say of ourselves is gathered anew for each Sync");
	mgmt_meta_free(before);
	mgmt_meta_free(after);
	ok(agent(0)->sync->fsm.state == MGMT_STREAM_LIVE || agent(0)->sync->fsm.state == MGMT_STREAM_PROVEN, "and a new address is a new Sync");

	told_map(&p, 1);
	p.own.address = want;
	tell(&p);
	sim_run(w.m->s, MONO_SEC);
	a = sim_overlay_addr(w.m->node[0].host);
	ok(strcmp(addr_str(&a, text), "100.64.77.77") == 0, "another overlay address takes the old one's place");
	ok(mesh_direct(w.m, 0, 1) == 1, "and no path is lost over it");
	end();
}

/* nb#2114: the server lost count, a backup was put back. */
static void
serials_went_back(void)
{
	begin(MESH_EIM, 3);
	agent(0)->engine->serial += 1000;
	sim_call(w.m->node[2].env, (void (*)(void *))agent_logout, agent(2));
	sim_run(w.m->s, 5 * MONO_SEC);
	mesh_kill_server(w.m);
	sim_run(w.m->s, MONO_SEC);
	mesh_start_server(w.m);
	sim_run(w.m->s, 20 * MONO_SEC);
	ok(remote(0, 2) == NULL && remote(0, 1) != NULL && agent(0)->engine->serial < 1000,
	    "a server whose serials went back is believed on a new stream");
	end();
}

/* A login of which one word is wrong changes nothing. */
static void
bad_login(void)
{
	struct agent_login l = { .management_url = "http://elsewhere.example:80", .psk = "no key" };
	char why[256];

	begin(MESH_EIM, 2);
	is_int(agent_set_login(agent(0), &l, why, sizeof(why)), -EINVAL, "a login with a preshared key that is none is refused");
	ok(agent(0)->mgmt_conf.url == agent(0)->profile->management_url && strstr(agent(0)->mgmt_conf.url, "elsewhere") == NULL,
	    "and leaves the URL as it was");
	end();
}

int
main(void)
{
	serials_went_back();
	bad_login();
	bad_maps();
	gone_and_back();
	relays_withdrawn();
	own_address();
	return tap_done();
}
