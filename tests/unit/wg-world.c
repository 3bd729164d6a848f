/* SPDX-License-Identifier: ISC */
/*
 * wg-world.c -- the two devices of wg-world.h, and a way between them that is
 * memory and a millisecond.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "wg-world.h"
#include "base/log.h"
#include "fsm/agent-wire.h"
#include "tests/rows.h"
#include "tests/tape.h"

struct node alice, bob;
struct sim *sim;

bool
wg_world_init(void)
{
	log_set_level(getenv("V") != NULL ? LOG_LV_TRACE : LOG_LV_ERROR);
	return sodium_init() >= 0;
}

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
	test_tape(n->loop);
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

static struct rows peer_rows, keep_rows;

static void
stop(void *object)
{
	struct node *n = object;

	rows_count(&peer_rows, &n->peer->fsm);
	rows_count(&keep_rows, &n->peer->keep.fsm);
	env_timer_free(n->way_timer);
	wg_device_free(n->dev);
	fsm_loop_free(n->loop);
	n->dev = NULL;
}

const struct sim_prog device_prog = { "device", start, stop };

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

struct sim_net *
world(void)
{
	struct sim_net *net;

	sim = sim_new(7);
	sim_set_verbose(sim, getenv("V") != NULL);
	net = sim_net_new(sim, "net", "203.0.113.0/24", NULL);
	node_init(&alice, &bob, "alice", "100.64.0.1", 1, net);
	node_init(&bob, &alice, "bob", "100.64.0.2", 2, net);
	return net;
}

void
go(void)
{
	sim_start(alice.host, &device_prog, &alice);
	sim_start(bob.host, &device_prog, &bob);
	sim_run(sim, 50 * MONO_MS);
}

size_t
end(void)
{
	size_t leaks;

	if (alice.dev != NULL)
		sim_exit(alice.env);
	if (bob.dev != NULL)
		sim_exit(bob.env);
	leaks = sim_leaks(sim);
	sim_free(sim);
	return leaks;
}

/* ---- doing things inside a turn of a program ---- */

void
set_udp(void *arg)
{
	struct node *n = arg;
	struct wg_endpoint e = { .kind = WG_ENDPOINT_UDP, .addr = sim_if_addr(n->other->nic), .roam = true };

	e.addr.port = 51820;
	wg_peer_set_endpoint(n->peer, &e);
}

void
set_way(void *arg)
{
	struct node *n = arg;

	wg_peer_set_endpoint(n->peer, &(struct wg_endpoint){ .kind = WG_ENDPOINT_WAY, .way = &n->way.way });
}

void
set_none(void *arg)
{
	wg_peer_set_endpoint(((struct node *)arg)->peer, &(struct wg_endpoint){ 0 });
}

void
interval_25(void *arg)
{
	wg_peer_set_keepalive(((struct node *)arg)->peer, 25);
}

void
forget(void *arg)
{
	wg_peer_handshake(((struct node *)arg)->peer, true);
}

void
in_turn(struct node *n, void (*fn)(void *arg))
{
	struct env_timer *t = env_timer_new(n->env, fn, n);

	env_timer_set(t, 1);
	sim_run(sim, MONO_MS);
	env_timer_free(t);
}

struct wg_peer_stats
stats(const struct node *n)
{
	struct wg_peer_stats s;

	wg_peer_get_stats(n->peer, &s);
	return s;
}

void
one_packet(struct node *n)
{
	uint8_t ip[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17 };

	memcpy(ip + 12, n->overlay_addr.ip, 4);
	memcpy(ip + 16, n->other->overlay_addr.ip, 4);
	ip[25] = 8;
	sim_send_ip(n->host, ip, sizeof ip);
}

bool
pinged(void *arg)
{
	return sim_ping_stats(arg).got > 0;
}

void
insist(void *arg)
{
	wg_peer_handshake(((struct node *)arg)->peer, false);
}

/* ---- which rows were fired ---- */

int
peer_rows_not_fired(void)
{
	return rows_not_fired(&peer_rows, &wg_peer_fsm);
}

int
keepalive_rows_not_fired(void)
{
	return rows_not_fired(&keep_rows, &wg_keepalive_fsm);
}
