/* SPDX-License-Identifier: ISC */
/*
 * wg-flood.c -- a third host floods a device (wg-world.h) with initiations: it
 * answers with cookies, and its peer passes.
 */
#include <string.h>
#include "wg-world.h"
#include "tests/tap.h"

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

	net = world();
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
	is_int(end(), 0, "nothing is left behind");
}

int
main(void)
{
	if (!wg_world_init())
		return 1;
	under_load();
	return tap_done();
}
