/* SPDX-License-Identifier: ISC */
/*
 * maps.c -- maps and messages that come at bad moments, told to real agents in
 * a simulated mesh: fsm/DEFECTS.md names what each is for.
 *
 * The maps are made here and handed to the agent as its Sync stream hands them,
 * so that they may say what our own server never would.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include "agent/agent.h"
#include "agent/ctlsrv.h"
#include "agent/impl.h"
#include "base/log.h"
#include "relay/link.h"
#include "relay/pool-impl.h"
#include "tests/sim/mesh.h"
#include "tests/tap.h"

#define PEERS_MAX	4

/* A SyncResponse in one piece. */
struct map {
	Management__SyncResponse msg;
	Management__NetbirdConfig config;
	Management__NetworkMap map;
	Management__PeerConfig own;
	Management__RemotePeerConfig peer[PEERS_MAX], *peers[PEERS_MAX];
	char *prefix[PEERS_MAX], key[PEERS_MAX][WIRE_KEY_TEXTLEN], ip[PEERS_MAX][ADDR_STRLEN], address[ADDR_STRLEN];
};

struct told {
	struct mesh *m;
	struct map *map;
	unsigned from0;		/* what agent 1 heard from agent 0 */
	uint64_t steps, untrue;
};

static struct told w;

static struct agent *
agent(unsigned i)
{
	return w.m->node[i].agent;
}

static struct remote *
remote(unsigned i, unsigned of)
{
	return engine_remote(agent(i)->engine, agent(of)->mgmt_conf.public_key);
}

/* ---- maps ------------------------------------------------------------------------ */

/* What agent 0 has been told so far: its own address, and all the others. */
static void
map_new(struct map *p, int64_t newer)
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
	netmap_apply(agent(0)->engine, &((struct map *)arg)->msg);
}

static void
tell(struct map *p)
{
	sim_call(w.m->node[0].env, map_tell, p);
}

/* ---- what happened ------------------------------------------------------------------ */

static void (*hear)(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg);

static void
count_from0(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	if (wire_key_equal(from, agent(0)->mgmt_conf.public_key))
		w.from0++;
	hear(arg, from, msg);
}

/* After every step of every machine: whoever asks now gets an answer, and no
 * peer is called connected that has no path. */
static void
ask_everything(void *arg, const struct fsm_trace *t)
{
	struct agent *a = arg;
	struct agent_status s = { 0 };

	status_fill(a, &s);
	for (size_t i = 0; i < s.npeers; i++)
		w.untrue += s.peers[i].state == AGENT_PEER_CONNECTED && !s.peers[i].relayed && s.peers[i].remote_endpoint[0] == '\0';
	agent_status_free(&s);
	if (w.steps++ % 16 == 0)
		agent_dump(a);
}

static void
begin(enum mesh_nat nat, unsigned hosts)
{
	struct mesh_conf conf = { .seed = 7, .hosts = hosts, .nat = nat, .ping_every = 50 * MONO_MS };

	memset(&w, 0, sizeof(w));
	w.m = mesh_new(&conf);
	ok(mesh_until_all(w.m, 2 * MONO_SEC), "%u agents find each other", hosts);
	sim_run(w.m->s, 15 * MONO_SEC);
	mesh_reset(w.m);
}

static void
end(void)
{
	is_int((int64_t)sim_leaks(w.m->s), 0, "nothing is left behind");
	mesh_free(w.m);
}

static int64_t
gap(unsigned i, unsigned j)
{
	return w.m->node[i].ping[j] != NULL ? sim_ping_stats(w.m->node[i].ping[j]).longest_gap / MONO_MS : -1;
}

static size_t
in_use(void)
{
#ifdef __GLIBC__
	return mallinfo2().uordblks;
#else
	return 0;
#endif
}

/* ---- the tests ------------------------------------------------------------------------ */

/* Pitfalls 31 to 42: one bad part of a configuration costs nothing else. */
static void
bad_config(void)
{
	Management__HostConfig stun[3], *stuns[3] = { &stun[0], &stun[1], &stun[2] };
	Management__RelayConfig relay;
	Management__FlowConfig flow;
	char junk[] = "stun:", none[] = "", no_uri[] = "x://///", url[] = "not a url", *urls[1] = { url }, sig[] = "%%%";
	struct map p;

	map_new(&p, 1);
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
	struct map p;
	char same[ADDR_STRLEN], junk[] = "100.64.999.1/32", no_key[] = "not a key";
	unsigned switches;
	uint64_t serial;

	begin(MESH_EIM, 3);
	switches = remote(0, 1)->peer->path.switches;
	serial = agent(0)->engine->serial;

	map_new(&p, 0);
	tell(&p);
	map_new(&p, 1);
	snprintf(same, sizeof(same), "%.*s", (int)strcspn(p.ip[0], "/"), p.ip[0]);
	p.prefix[0] = same;		/* the same address in another spelling */
	tell(&p);
	sim_run(w.m->s, 2 * MONO_SEC);
	ok(agent(0)->engine->serial == serial + 1 && remote(0, 1)->peer->path.switches == switches && gap(0, 1) < 200,
	    "a map that says the same again moves nothing");

	map_new(&p, -1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	tell(&p);
	ok(remote(0, 1) != NULL && agent(0)->engine->serial == serial + 1, "an older map is left");

	management__netbird_config__init(&p.config);
	management__sync_response__init(&p.msg);
	tell(&p);
	ok(remote(0, 1) != NULL && remote(0, 2) != NULL, "a message without a map takes no peer away");

	bad_config();

	map_new(&p, 1);
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
	map_new(&p, 1);
	tell(&p);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 3 * MONO_SEC), "and the next map makes it whole");
	end();
}

/* GD-1, HS-4, SG-4, PC-1, PC-9; property 8 */
static void
gone_and_back(void)
{
	struct map p;
	struct remote *r;

	begin(MESH_EIM, 2);
	hear = agent(1)->signal->hooks.message;
	agent(1)->signal->hooks.message = count_from0;

	map_new(&p, 1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	guard_post(&remote(0, 1)->peer->guard, GUARD_EV_RESET, NULL);	/* an offer is due in this very turn */
	tell(&p);
	w.from0 = 0;
	sim_run(w.m->s, 60 * MONO_SEC);
	ok(remote(0, 1) == NULL && w.from0 == 0, "nothing more is said to a peer that left the map, though it asks");
	ok(remote(1, 0)->peer->handshake.offers_out > 1, "and it did ask: %u offers", (unsigned)remote(1, 0)->peer->handshake.offers_out);

	map_new(&p, 1);
	tell(&p);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 2 * MONO_SEC), "back in the map: both ping within 2 s, whoever asked too early");
	sim_run(w.m->s, 10 * MONO_SEC);
	ok(mesh_direct(w.m, 0, 1) == 1 && mesh_direct(w.m, 1, 0) == 1, "directly");

	/* out and in again in one turn, with reports of the first life under way */
	r = remote(0, 1);
	path_post(&r->peer->path, PATH_EV_WG_TIMEOUT, NULL);
	ice_session_post(r->ice, ICE_SESSION_EV_CLOSE, NULL);
	map_new(&p, 1);
	p.map.n_remote_peers = 0;
	p.map.remote_peers_is_empty = true;
	netmap_apply(agent(0)->engine, &p.msg);
	map_new(&p, 1);
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
	struct map p;
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

/* PC-10, PC-11, 0ef476b01, 0b594c639 */
static void
asked_at_any_time(void)
{
	struct mesh_conf conf = { .seed = 8, .hosts = 2, .nat = MESH_MIXED, .ping_every = 50 * MONO_MS };
	struct agent_status s = { 0 };
	struct sim_cut *cut;

	memset(&w, 0, sizeof(w));
	w.m = mesh_new(&conf);
	while (agent(0) == NULL || agent(1) == NULL)
		sim_run(w.m->s, MONO_MS);
	for (unsigned i = 0; i < 2; i++)
		fsm_loop_on_step(agent(i)->loop, ask_everything, agent(i));
	mesh_until_all(w.m, 2 * MONO_SEC);
	sim_run(w.m->s, 5 * MONO_SEC);
	mesh_kill_server(w.m);
	sim_run(w.m->s, 2 * MONO_SEC);
	status_fill(agent(0), &s);
	ok(!s.management.connected && !s.signal.connected, "the server is gone: its streams are not called connected");
	agent_status_free(&s);
	cut = sim_cut(w.m->s, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP | SIM_TCP);
	sim_run(w.m->s, 30 * MONO_SEC);
	memset(&s, 0, sizeof(s));
	status_fill(agent(0), &s);
	ok(s.npeers == 1 && s.peers[0].state != AGENT_PEER_CONNECTED, "nothing passes for 30 s: the peer is not called connected");
	agent_status_free(&s);
	sim_uncut(cut);
	mesh_start_server(w.m);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 30 * MONO_SEC), "all is back");
	sim_call(w.m->node[0].env, (void (*)(void *))agent_down, agent(0));
	sim_run(w.m->s, MONO_SEC);
	ok(w.steps > 500 && w.untrue == 0, "status and dump were asked for after each of %llu steps, and told no untruth", (unsigned long long)w.steps);
	end();
}

/* MG-3, af8eaa23e */
static void
own_address(void)
{
	Management__PeerSystemMeta *before, *after;
	struct map p;
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

	map_new(&p, 1);
	p.own.address = want;
	tell(&p);
	sim_run(w.m->s, MONO_SEC);
	a = sim_overlay_addr(w.m->node[0].host);
	ok(strcmp(addr_str(&a, text), "100.64.77.77") == 0, "another overlay address takes the old one's place");
	ok(mesh_direct(w.m, 0, 1) == 1, "and no path is lost over it");
	end();
}

static uint64_t sent_by0, packets_by0;

static void
count_bytes(void *arg, unsigned proto, const struct addr *src, const struct addr *dst, const uint8_t *data, size_t len)
{
	struct addr outside = sim_nat_addr(w.m->node[0].nat);

	(void)arg;
	(void)dst;
	(void)data;
	if (!addr_same_ip(src, &outside))
		return;
	packets_by0++;
	sent_by0 += len + (proto == SIM_UDP ? 28 : 52);
}

/* A3: the server is gone, the peer is gone, and twenty packets a second want to
 * reach it.  What is asked for in vain is bounded in bytes and in memory. */
static void
in_vain(void)
{
	size_t before, after;

	begin(MESH_EIM, 2);
	mesh_kill_server(w.m);
	mesh_kill_agent(w.m, 1);
	sim_run(w.m->s, 3 * MONO_HOUR);	/* tables of bounded size fill first */
	sim_tap(w.m->s, count_bytes, NULL);
	before = in_use();
	sim_run(w.m->s, 2 * MONO_HOUR);
	after = in_use();
	sim_tap(w.m->s, NULL, NULL);
	printf("# two hours in vain: %llu packets, %llu bytes out\n", (unsigned long long)packets_by0, (unsigned long long)sent_by0);
	ok(packets_by0 > 0 && sent_by0 < 2 * 1000 * 1000, "server and peer gone, packets waiting: less than 1 MB an hour is asked in vain");
	ok(after < before + 64 * 1024, "and no memory grows over it (%lld kB in two hours)", ((long long)after - (long long)before) / 1024);
	mesh_start_server(w.m);
	mesh_start_agent(w.m, 1);
	mesh_reset(w.m);
	ok(mesh_until_all(w.m, 75 * MONO_SEC), "all is back when they are");
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

static void
lose_relay(void *arg)
{
	struct relay_link *l = ((struct agent *)arg)->engine->pool->home;

	relay_link_post_gen(l, RELAY_LINK_EV_PEER_CLOSE, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
}

/* nb#3327: the relay's token runs out, and is renewed over Sync. */
static void
tokens(void)
{
	begin(MESH_SYM, 2);
	mesh_no_pings(w.m);
	sim_run(w.m->s, 30 * MONO_HOUR);
	for (unsigned i = 0; i < 2; i++)	/* both connect to the relay again, and only to it */
		sim_call(w.m->node[i].env, lose_relay, agent(i));
	sim_run(w.m->s, MONO_MIN);
	w.m->conf.no_ping = false;
	ok(mesh_until_all(w.m, 10 * MONO_SEC) && mesh_direct(w.m, 0, 1) == 0, "thirty hours later the relay still takes our token");
	end();
}

#define FLEET	12
static const char *const stream_names[] = { "mgmt-stream", "signal-stream", "relay-link" };
static int64_t first_try[3][FLEET];

/* When each agent first dials after the loss, by machine. */
static void
note_dial(void *arg, const struct fsm_trace *t)
{
	struct mesh_node *n = arg;

	for (unsigned k = 0; k < 3; k++)
		if (strcmp(t->machine->def->name, stream_names[k]) == 0 && t->from != t->to &&
		    strcmp(t->machine->def->state_name[t->to], "dialing") == 0 && first_try[k][n->i] == 0)
			first_try[k][n->i] = sim_now(w.m->s);
}

/* 19a6cedff: the server's end is felt by all in the same moment. */
static void
fleet(void)
{
	begin(MESH_EIM, FLEET);
	for (unsigned i = 0; i < FLEET; i++)
		fsm_loop_on_step(agent(i)->loop, note_dial, &w.m->node[i]);
	mesh_kill_server(w.m);
	mesh_start_server(w.m);
	sim_run(w.m->s, 5 * MONO_SEC);
	for (unsigned k = 0; k < 3; k++) {
		int64_t lo = INT64_MAX, hi = 0;
		unsigned close = 0;

		for (unsigned i = 0; i < FLEET; i++) {
			lo = first_try[k][i] < lo ? first_try[k][i] : lo;
			hi = first_try[k][i] > hi ? first_try[k][i] : hi;
			for (unsigned j = 0; j < i; j++)
				close += llabs(first_try[k][i] - first_try[k][j]) < MONO_MS;
		}
		ok(lo > 0 && hi - lo > 20 * MONO_MS && close < FLEET, "%s: %u agents do not come back in step (within %lld ms, %u pairs in one)",
		    stream_names[k], FLEET, (long long)((hi - lo) / MONO_MS), close);
	}
	end();
}

int
main(void)
{
	fleet();
	serials_went_back();
	bad_login();
	tokens();
	in_vain();
	bad_maps();
	gone_and_back();
	relays_withdrawn();
	asked_at_any_time();
	own_address();
	return tap_done();
}
