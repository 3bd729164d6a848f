/* SPDX-License-Identifier: ISC */
/*
 * Two devices in the simulated world: what WireGuard promises about time.
 *
 * Each host runs one program: a device with one peer.  A scenario is a function
 * that starts both, lets virtual time pass and looks at what happened.
 */
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "fsm/agent-wire.h"
#include "net/way.h"
#include "tests/sim/sim.h"
#include "tests/tap.h"
#include "wg/impl.h"

#define LIMIT	(60 * MONO_SEC)

struct wire_way {
	struct way way;
	struct node *to;	/* packets come out there */
	unsigned packets;
};

struct node {
	struct sim_host *host;
	struct sim_if *nic;
	struct env *env;
	struct fsm_loop *loop;
	struct wg_device *dev;
	struct wg_peer *peer;
	struct node *other;
	uint8_t secret[32], public[32];
	const char *overlay;
	struct addr overlay_addr;
	struct wg_times times;
	struct wire_way way;	/* to the other */
	struct env_timer *way_timer;
	struct { uint8_t room[128 + 2048]; uint32_t len; } waiting[64];
	unsigned nwaiting;
	unsigned handshakes, told, elsewhere, others, stamps;
	uint8_t stamp[12];
};

static struct node alice, bob;
static struct sim *sim;

/* ---- hooks ---- */

static void
on_handshake(void *arg, struct wg_peer *p)
{
	(void)p;
	((struct node *)arg)->handshakes++;
}

static void
on_no_endpoint(void *arg, struct wg_peer *p)
{
	(void)p;
	((struct node *)arg)->told++;
}

static void
on_elsewhere(void *arg, struct wg_peer *p)
{
	(void)p;
	((struct node *)arg)->elsewhere++;
}

static void
on_other(void *arg, const struct env_pkt *k)
{
	(void)k;
	((struct node *)arg)->others++;
}

static void
on_stamp(void *arg, const uint8_t stamp[12])
{
	struct node *n = arg;

	memcpy(n->stamp, stamp, 12);
	n->stamps++;
}

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg;
	(void)send;
	wg_peer_post(wire_wg_keepalive_to_wg_peer((struct wg_keepalive *)from), WG_PEER_EV_WANT, data);
}

/* ---- a way: memory, and a millisecond ---- */

static void
way_deliver(void *arg)
{
	struct node *n = arg;

	for (unsigned i = 0; i < n->nwaiting; i++) {
		struct env_pkt k = { .data = n->waiting[i].room + 128, .len = n->waiting[i].len, .headroom = 128 };

		wg_device_input(n->dev, &n->way.way, &k, 1);
	}
	n->nwaiting = 0;
}

static void
way_send(struct way *way, struct env_pkt *k, size_t count)
{
	struct wire_way *w = (struct wire_way *)way;
	struct node *to = w->to;

	for (size_t i = 0; i < count && to->nwaiting < 64; i++) {
		memset(k[i].data - k[i].headroom, 0xee, k[i].headroom);	/* ours to overwrite */
		memcpy(to->waiting[to->nwaiting].room + 128, k[i].data, k[i].len);
		to->waiting[to->nwaiting++].len = k[i].len;
		w->packets++;
	}
	env_timer_set(to->way_timer, MONO_MS);
}

static const char *
way_name(const struct way *way)
{
	(void)way;
	return "a way of the test";
}

static const struct way_ops way_ops = { way_send, way_name };

/* ---- the program ---- */

static void *
start(struct env *env, void *arg)
{
	struct node *n = arg;
	struct wg_config c = { .env = env, .name = "wt0", .port = 51820, .private_key = n->secret, .times = n->times,
	    .tai64n = n->stamps > 0 ? n->stamp : NULL, .arg = n,
	    .hooks = { .handshake = on_handshake, .other = on_other, .tai64n = on_stamp, .elsewhere = on_elsewhere,
	    .no_endpoint = on_no_endpoint } };
	struct addr_prefix p;
	struct env_host_req r = { .op = ENV_HOST_ADDR_ADD, .iface = "wt0" };
	int err;

	n->env = env;
	n->loop = fsm_loop_new(env, route, n);
	c.loop = n->loop;
	if ((n->dev = wg_device_new(&c, &err)) == NULL)
		return NULL;
	addr_prefix_parse(&r.prefix, n->overlay);
	r.prefix.bits = 24;
	env_host_ask(env, &r, NULL, NULL);
	n->peer = wg_device_peer_add(n->dev, n->other->public);
	addr_prefix_parse(&p, n->other->overlay);
	wg_peer_set_allowed_ips(n->peer, &p, 1);
	wg_peer_set_endpoint(n->peer, &(struct wg_endpoint){ .roam = true });
	n->way_timer = env_timer_new(env, way_deliver, n);
	return n;
}

static uint64_t peer_hits[64], keep_hits[64];

static void
count_rows(const struct fsm *f, uint64_t *hits)
{
	for (int i = 0; i < f->def->nrow; i++)
		hits[i] += f->hits[i];
}

static void
rows_fired(const struct fsm_def *d, const uint64_t *hits)
{
	int missing = 0;

	for (int i = 0; i < d->nrow; i++) {
		if (hits[i] == 0 && strcmp(d->row[i].to, "never") != 0) {
			printf("# %s, line %d: %s %s [%s]\n", d->name, d->row[i].line, d->row[i].from, d->row[i].on,
			    d->row[i].guard != NULL ? d->row[i].guard : "");
			missing++;
		}
	}
	is_int(missing, 0, "every row of %s has fired", d->name);
}

static void
stop(void *object)
{
	struct node *n = object;

	count_rows(&n->peer->fsm, peer_hits);
	count_rows(&n->peer->keep.fsm, keep_hits);
	env_timer_free(n->way_timer);
	wg_device_free(n->dev);
	fsm_loop_free(n->loop);
	n->dev = NULL;
}

static const struct sim_prog prog = { "device", start, stop };

static void
node_init(struct node *n, struct node *other, const char *name, const char *overlay, uint8_t fill, struct sim_net *net)
{
	memset(n, 0, sizeof *n);
	memset(n->secret, fill, 32);
	crypto_scalarmult_curve25519_base(n->public, n->secret);
	n->other = other;
	n->overlay = overlay;
	addr_parse(&n->overlay_addr, overlay);
	n->host = sim_host_new(sim, name);
	n->nic = sim_attach(n->host, net, "eth0", NULL);
	n->way = (struct wire_way){ .way = { &way_ops }, .to = other };
}

static void
world(void)
{
	struct sim_net *net;

	sim = sim_new(7);
	sim_set_verbose(sim, getenv("V") != NULL);
	net = sim_net_new(sim, "net", "203.0.113.0/24", NULL);
	node_init(&alice, &bob, "alice", "100.64.0.1", 1, net);
	node_init(&bob, &alice, "bob", "100.64.0.2", 2, net);
}

static void
go(void)
{
	sim_start(alice.host, &prog, &alice);
	sim_start(bob.host, &prog, &bob);
	sim_run(sim, 50 * MONO_MS);
}

static void
end(void)
{
	if (alice.dev != NULL)
		sim_exit(alice.env);
	if (bob.dev != NULL)
		sim_exit(bob.env);
	is_int(sim_leaks(sim), 0, "nothing is left behind");
	sim_free(sim);
}

/* ---- doing things inside a turn of a program ---- */

static void
set_udp(void *arg)
{
	struct node *n = arg;
	struct wg_endpoint e = { .kind = WG_ENDPOINT_UDP, .addr = sim_if_addr(n->other->nic), .roam = true };

	e.addr.port = 51820;
	wg_peer_set_endpoint(n->peer, &e);
}

static void
set_way(void *arg)
{
	struct node *n = arg;

	wg_peer_set_endpoint(n->peer, &(struct wg_endpoint){ .kind = WG_ENDPOINT_WAY, .way = &n->way.way });
}

static void
set_none(void *arg)
{
	wg_peer_set_endpoint(((struct node *)arg)->peer, &(struct wg_endpoint){ 0 });
}

static void
interval_25(void *arg)
{
	wg_peer_set_keepalive(((struct node *)arg)->peer, 25);
}

static void
forget(void *arg)
{
	wg_peer_handshake(((struct node *)arg)->peer, true);
}

static void
in_turn(struct node *n, void (*fn)(void *arg))
{
	struct env_timer *t = env_timer_new(n->env, fn, n);

	env_timer_set(t, 1);
	sim_run(sim, MONO_MS);
	env_timer_free(t);
}

static struct wg_peer_stats
stats(const struct node *n)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(n->peer, &s);
	return s;
}

static void
one_packet(struct node *n)	/* nothing answers this one */
{
	uint8_t ip[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17 };

	memcpy(ip + 12, n->overlay_addr.ip, 4);
	memcpy(ip + 16, n->other->overlay_addr.ip, 4);
	ip[25] = 8;
	sim_send_ip(n->host, ip, sizeof ip);
}

static bool
pinged(void *arg)
{
	return sim_ping_stats(arg).got > 0;
}

/* ---- scenarios ---- */

static void
first_ping(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	ok(sim_until(sim, pinged, p, LIMIT), "ping gets an answer");
	ok(sim_ping_stats(p).sent == 1, "the first one is not lost, though bob knew no endpoint");
	ok(sim_ping_stats(p).last_rtt < 100 * MONO_MS, "and takes two round trips, not a retry: %lld us",
	    (long long)sim_ping_stats(p).last_rtt);
	end();
}

static void
kept_until_endpoint(void)
{
	struct sim_ping *p;

	world();
	go();
	p = sim_ping(alice.host, &bob.overlay_addr, 200 * MONO_MS);
	sim_run(sim, 1100 * MONO_MS);
	is_int(alice.told, 1, "the owner is told once that an endpoint is missed");
	is_int(stats(&alice).kept, 6, "packets are kept");
	in_turn(&alice, set_udp);
	sim_run(sim, 100 * MONO_MS);
	is_int(sim_ping_stats(p).got, 6, "and all of them answered when there is one");
	sim_ping_stop(p);
	in_turn(&alice, set_none);
	alice.peer->cur->spent = true;
	for (int i = 0; i < 100; i++)
		one_packet(&alice);
	sim_run(sim, MONO_SEC);
	is_int(stats(&alice).kept, WG_KEEP_PACKETS, "no more than so many");
	is_int(stats(&alice).kept_dropped, 100 - WG_KEEP_PACKETS, "the rest is counted");
	end();
}

/* alice --initiation--> x <--initiation-- bob, both on the way at once */
static void
crossing(void)
{
	struct sim_ping *a, *b;

	world();
	go();
	a = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	b = sim_ping(bob.host, &alice.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 20 * MONO_MS);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	sim_run(sim, MONO_SEC);
	ok(sim_ping_stats(a).longest_gap < 250 * MONO_MS && sim_ping_stats(b).longest_gap < 250 * MONO_MS,
	    "initiations that cross cost no retry: gaps %lld and %lld us", (long long)sim_ping_stats(a).longest_gap,
	    (long long)sim_ping_stats(b).longest_gap);
	end();
}

static void
rekeys(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 500 * MONO_MS);
	sim_run(sim, 601 * MONO_SEC);
	ok(sim_ping_stats(p).got >= 1200, "ten minutes: %llu of %llu answered", (unsigned long long)sim_ping_stats(p).got,
	    (unsigned long long)sim_ping_stats(p).sent);
	is_int(sim_ping_stats(p).sent - sim_ping_stats(p).got <= 1, 1, "none lost");
	ok(alice.handshakes >= 5 && alice.handshakes <= 6, "a handshake every two minutes: %u", alice.handshakes);
	is_int(stats(&alice).refused + stats(&bob).refused, 0, "nothing refused");
	end();
}

static void
keepalives(void)
{
	uint64_t before;

	world();
	go();
	in_turn(&alice, set_udp);
	one_packet(&alice);
	sim_run(sim, MONO_SEC);
	before = stats(&bob).tx_bytes;
	sim_run(sim, 8 * MONO_SEC);
	is_int(stats(&bob).tx_bytes - before, 0, "bob has nothing to say for 10 s");
	sim_run(sim, 2 * MONO_SEC);
	is_int(stats(&bob).tx_bytes - before, 32, "then one keepalive answers");
	before = stats(&alice).tx_bytes;
	sim_run(sim, 100 * MONO_SEC);
	is_int(stats(&bob).tx_bytes + stats(&alice).tx_bytes - before, 92 + 32, "and there is silence again");
	sim_run(sim, 500 * MONO_SEC);
	ok(alice.peer->cur == NULL && bob.peer->cur == NULL, "keys are wiped after three times 180 s");
	is_int(alice.handshakes, 1, "without another handshake");
	before = stats(&alice).tx_bytes;
	in_turn(&alice, interval_25);
	sim_run(sim, 251 * MONO_SEC);
	is_int(alice.handshakes >= 2 && alice.handshakes <= 4, 1, "an interval of 25 s brings a session: %u", alice.handshakes);
	ok(stats(&alice).tx_bytes - before >= 148 + 10 * 32, "and keepalives: %llu bytes",
	    (unsigned long long)(stats(&alice).tx_bytes - before));
	end();
}

static void
silence(void)
{
	struct sim_cut *cut;
	struct sim_ping *p;
	uint64_t sent;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	sim_run(sim, 5 * MONO_SEC);
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	sim_run(sim, 14 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_REST, "14 s without an answer: patience");
	sim_run(sim, 3 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_ASKING, "15 s: a new handshake");
	sim_uncut(cut);
	sim_run(sim, 6 * MONO_SEC);
	is_int(alice.handshakes, 2, "which succeeds when the way is free again");
	sim_ping_stop(p);
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	in_turn(&alice, forget);
	one_packet(&alice);
	sim_run(sim, 85 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_ASKING && stats(&alice).kept == 1, "it tries for 90 s");
	sim_run(sim, 15 * MONO_SEC);
	ok(alice.peer->fsm.state == WG_PEER_REST && stats(&alice).kept == 0, "and then gives up, and what waited with it");
	sent = stats(&alice).tx_bytes;
	sim_run(sim, 100 * MONO_SEC);
	is_int(stats(&alice).tx_bytes, sent, "and is silent");
	end();
}

static void
over_a_way(void)
{
	struct sim_ping *p;
	struct wg_peer_stats s;

	world();
	go();
	in_turn(&alice, set_way);
	in_turn(&bob, set_way);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 2 * MONO_SEC);
	ok(sim_ping_stats(p).got >= 19, "ping over a way: %llu", (unsigned long long)sim_ping_stats(p).got);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	ok(sim_ping_stats(p).longest_gap < 150 * MONO_MS, "one end moves to UDP: no gap");
	s = stats(&bob);
	is_int(s.endpoint.kind, WG_ENDPOINT_WAY, "the other does not roam from a way to UDP");
	ok(bob.elsewhere >= 5 && bob.elsewhere <= 12, "it is told of it, at most ten times a second: %u", bob.elsewhere);
	in_turn(&bob, set_udp);
	sim_run(sim, MONO_SEC);
	bob.way.packets = alice.way.packets = 0;
	sim_run(sim, MONO_SEC);
	is_int(bob.way.packets + alice.way.packets, 0, "both on UDP: nothing over the way");
	ok(sim_ping_stats(p).longest_gap < 150 * MONO_MS, "and no gap over it all");
	end();
}

static void
restart(void)
{
	struct sim_ping *p;

	world();
	go();
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 2 * MONO_SEC);
	ok(alice.stamps == 1, "the timestamp is stored ahead, not with every handshake");
	sim_ping_stop(p);
	sim_kill(alice.env);
	sim_wall_step(alice.host, -3600 * MONO_SEC);
	sim_start(alice.host, &prog, &alice);
	sim_run(sim, 50 * MONO_MS);
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 500 * MONO_MS);
	ok(sim_ping_stats(p).got >= 4, "restarted with a clock an hour back: bob answers at once");
	sim_ping_stop(p);
	/* bob restarts; alice is told, as the path machine does */
	sim_kill(bob.env);
	sim_start(bob.host, &prog, &bob);
	sim_run(sim, 50 * MONO_MS);
	in_turn(&alice, forget);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 500 * MONO_MS);
	ok(sim_ping_stats(p).got >= 4 && sim_ping_stats(p).longest_gap < 250 * MONO_MS, "a peer that restarted gets new keys at once");
	end();
}

/* ---- a flood from a third host ---- */

static struct flood {
	struct env_dgram *d;
	struct env_timer *t;
	uint8_t msg[WG_INITIATION_LEN];
	unsigned cookies, answers, sent;
} flood;

static void
flood_got(void *arg, struct env_pkt *k, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		uint32_t step = k[i].segment != 0 ? k[i].segment : k[i].len;

		for (uint32_t at = 0; at < k[i].len; at += step) {
			flood.cookies += k[i].data[at] == WG_MSG_COOKIE && step == WG_COOKIE_LEN;
			flood.answers += k[i].data[at] == WG_MSG_RESPONSE;
		}
	}
}

static void
flood_send(void *arg)
{
	struct env_pkt k = { .data = flood.msg, .len = sizeof flood.msg, .peer = sim_if_addr(bob.nic) };

	(void)arg;
	k.peer.port = 51820;
	for (int i = 0; i < 10; i++) {
		env_dgram_send(flood.d, &k, 1);
		flood.sent++;
	}
	env_timer_set(flood.t, 5 * MONO_MS);
}

static void *
flood_start(struct env *env, void *arg)
{
	struct addr any = { .family = ADDR_V4 };
	struct cookie_taker t;
	int err;

	memset(&flood, 0, sizeof flood);
	flood.msg[0] = WG_MSG_INITIATION;
	cookie_taker_init(&t, bob.public);
	cookie_sign(&t, flood.msg, sizeof flood.msg, (struct mono){ 1 });
	flood.d = env_dgram_open(env, &any, flood_got, NULL, &err);
	flood.t = env_timer_new(env, flood_send, NULL);
	env_timer_set(flood.t, MONO_MS);
	return arg;
}

static void
flood_stop(void *object)
{
	(void)object;
	env_timer_free(flood.t);
	env_dgram_close(flood.d);
}

static void
under_load(void)
{
	static const struct sim_prog flooder = { "flood", flood_start, flood_stop };
	struct sim_net *net;
	struct sim_host *h;
	struct sim_ping *p;
	struct env *e;

	sim = sim_new(7);
	sim_set_verbose(sim, getenv("V") != NULL);
	net = sim_net_new(sim, "net", "203.0.113.0/24", NULL);
	node_init(&alice, &bob, "alice", "100.64.0.1", 1, net);
	node_init(&bob, &alice, "bob", "100.64.0.2", 2, net);
	h = sim_host_new(sim, "mallory");
	sim_attach(h, net, "eth0", NULL);
	go();
	e = sim_start(h, &flooder, &flood);
	sim_run(sim, 500 * MONO_MS);
	ok(flood.cookies > 800 && flood.cookies < flood.sent && flood.answers == 0,
	    "a flood of initiations is answered with cookies: %u for %u", flood.cookies, flood.sent);
	in_turn(&alice, set_udp);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 4 * MONO_SEC);
	is_int(alice.handshakes, 0, "alice's first try gets a cookie too");
	sim_run(sim, 3 * MONO_SEC);
	is_int(alice.handshakes, 1, "with which the second one passes");
	ok(sim_ping_stats(p).got > 10, "and traffic flows");
	sim_exit(e);
	end();
}

static void
stun_passes(void)
{
	static uint8_t stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	uint8_t data[32] = { 4, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	struct env_pkt k;

	world();
	go();
	k = (struct env_pkt){ .data = stun, .len = sizeof stun, .peer = sim_if_addr(bob.nic) };
	k.peer.port = 51820;
	wg_device_send_raw(alice.dev, &k, 1);
	sim_run(sim, 100 * MONO_MS);
	is_int(bob.others, 1, "STUN on the shared socket goes to its hook");
	ok(wg_is_wireguard(data, 32) && !wg_is_wireguard(stun, 20), "a receiver index that looks like the cookie is WireGuard");
	end();
}

/* ---- rows that no story above comes by ---- */

static void
spend(void *arg)
{
	((struct node *)arg)->peer->cur->spent = true;
}

static void
insist(void *arg)
{
	wg_peer_handshake(((struct node *)arg)->peer, false);
}

static void
insist_and_leave(void *arg)
{
	insist(arg);
	set_none(arg);
}

static void
say_what_is_known(void *arg)
{
	wg_peer_post(((struct node *)arg)->peer, WG_PEER_EV_NO_ENDPOINT, NULL);
	wg_keepalive_post(&((struct node *)arg)->peer->keep, WG_KEEPALIVE_EV_SENT, NULL);
}

static void
corners(void)
{
	struct sim_cut *cut;
	struct sim_ping *p;
	unsigned before;

	world();
	go();
	in_turn(&bob, say_what_is_known);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	one_packet(&alice);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, spend);
	one_packet(&alice);
	sim_run(sim, 3 * MONO_SEC);
	is_int(alice.handshakes, 1, "no second initiation within five seconds");
	sim_run(sim, 2 * MONO_SEC);
	is_int(alice.handshakes, 2, "but then at once, without another packet");
	in_turn(&alice, insist);
	in_turn(&alice, insist);
	sim_run(sim, 200 * MONO_MS);
	is_int(alice.handshakes, 3, "asked to insist twice in a moment, one handshake");
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	in_turn(&alice, spend);
	in_turn(&bob, set_way);
	in_turn(&alice, set_way);
	sim_run(sim, 100 * MONO_MS);
	is_int(alice.handshakes, before + 1, "a new endpoint and no good session: a handshake at once");
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	in_turn(&alice, set_way);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, insist);
	sim_run(sim, MONO_SEC);
	in_turn(&alice, set_way);
	sim_run(sim, 100 * MONO_MS);
	ok(alice.handshakes > before + 1 && alice.peer->fsm.state == WG_PEER_REST, "the endpoint moves while it asks: it asks there");
	sim_uncut(cut);
	in_turn(&alice, set_udp);
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	in_turn(&alice, insist_and_leave);
	sim_run(sim, MONO_SEC);
	is_int(alice.peer->fsm.state, WG_PEER_AWAY, "the endpoint goes while an initiation is under way");
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	in_turn(&alice, interval_25);
	p = sim_ping(alice.host, &bob.overlay_addr, MONO_SEC);
	sim_run(sim, 60 * MONO_SEC);
	ok(sim_ping_stats(p).got > 50, "traffic does in place of persistent keepalives");
	end();

	world();
	go();
	cut = sim_cut(sim, "0.0.0.0/0", "0.0.0.0/0", SIM_UDP);
	in_turn(&alice, set_udp);
	in_turn(&alice, interval_25);
	sim_run(sim, 300 * MONO_SEC);
	is_int(alice.handshakes, 0, "cut off for five minutes");
	sim_uncut(cut);
	sim_run(sim, 32 * MONO_SEC);
	is_int(alice.handshakes, 1, "a keepalive interval alone brings the session back");
	end();
}

/* The response comes when the endpoint has just gone. */
static void
late_answer(void)
{
	world();
	go();
	in_turn(&alice, set_udp);
	in_turn(&alice, insist);
	sim_run(sim, 2 * MONO_MS);
	in_turn(&alice, set_none);
	sim_run(sim, 100 * MONO_MS);
	is_int(alice.handshakes, 1, "an answer is taken although the endpoint is gone");
	end();
}

static void
set_key(void *arg)
{
	static const uint8_t key[WG_KEY_LEN] = { 1, 2, 3, 4, 5 };

	wg_peer_set_psk(((struct node *)arg)->peer, key);
}

static void
set_other_key(void *arg)
{
	static const uint8_t key[WG_KEY_LEN] = { 5, 4, 3, 2, 1 };

	wg_peer_set_psk(((struct node *)arg)->peer, key);
}

/* PC-4: upstream takes the peer away to take its endpoint, and loses the rest. */
static void
without_endpoint(void)
{
	struct sim_ping *p;
	struct sim_ping_stats st;
	unsigned before;

	world();
	go();
	in_turn(&alice, set_key);
	in_turn(&bob, set_key);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	in_turn(&alice, interval_25);
	p = sim_ping(alice.host, &bob.overlay_addr, 100 * MONO_MS);
	sim_run(sim, 5 * MONO_SEC);
	ok(sim_ping_stats(p).got > 40, "a preshared key on both sides");
	in_turn(&alice, set_none);
	sim_run(sim, 10 * MONO_MIN);
	in_turn(&bob, set_none);
	sim_run(sim, MONO_SEC);
	before = alice.handshakes;
	sim_ping_reset(p);
	in_turn(&alice, set_udp);
	in_turn(&bob, set_udp);
	sim_run(sim, 10 * MONO_SEC);
	st = sim_ping_stats(p);
	ok(alice.handshakes > before && st.got > 80, "an endpoint that goes and comes back takes neither key nor prefixes along (%u pings)", (unsigned)st.got);
	sim_ping_stop(p);
	before = alice.handshakes;
	sim_run(sim, 5 * MONO_MIN);
	ok(alice.handshakes > before, "nor the keepalive interval");
	in_turn(&bob, set_other_key);
	before = alice.handshakes;
	sim_run(sim, 5 * MONO_MIN);
	is_int(alice.handshakes, before, "with another key on one side there is no session");
	end();
}

int
main(void)
{
	log_set_level(getenv("V") ? LOG_LV_TRACE : LOG_LV_ERROR);
	if (sodium_init() < 0)
		return 1;
	first_ping();
	kept_until_endpoint();
	crossing();
	rekeys();
	keepalives();
	silence();
	over_a_way();
	restart();
	under_load();
	stun_passes();
	corners();
	late_answer();
	without_endpoint();
	rows_fired(&wg_peer_fsm, peer_hits);
	rows_fired(&wg_keepalive_fsm, keep_hits);
	return tap_done();
}
