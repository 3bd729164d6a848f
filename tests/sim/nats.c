/* SPDX-License-Identifier: ISC */
/*
 * nats.c -- do the simulated routers (place.h) map and filter as RFC 4787 names it?
 */
#include "tests/sim/place.h"
#include "tests/tap.h"

static bool
mapping_same(enum sim_mapping how, bool keep)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct place p;
	struct addr a, b;
	bool same;

	c.mapping = how;
	c.keep_port = keep;
	place_make(&p, 5, &c, NULL);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	send_no(p.n[0], sim_if_addr(p.sif[1]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	a = last_from(p.sv[0]);
	b = last_from(p.sv[1]);
	ok(p.sv[0]->got == 1 && p.sv[1]->got == 1, "both servers hear the host");
	ok(addr_same_ip(&a, &b) && a.ip[3] != 0, "from the router's address");
	if (keep && how == SIM_MAP_EIM)
		is_int(a.port, 4000, "the port is kept");
	same = addr_equal(&a, &b);
	sim_free(p.s);
	return same;
}

/* Linux: an inside port keeps its number towards everybody, unless another inside
 * address has that number towards the same remote; and an answer keeps a mapping. */
static void
linux_router(void)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct addr a, b, again;
	struct place p;

	c.mapping = SIM_MAP_LINUX;
	place_make(&p, 5, &c, NULL);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, 100 * MONO_MS);
	a = last_from(p.sv[0]);
	is_int(a.port, 4000, "Linux: the port is kept");
	sim_if_set_addr(p.hif[0], "192.168.0.99");
	send_no(p.n[0], sim_if_addr(p.sif[1]), 4000, 2);
	sim_run(p.s, 100 * MONO_MS);
	b = last_from(p.sv[1]);
	is_int(b.port, 4000, "and by another inside address, towards somebody else");
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 3);
	sim_run(p.s, 100 * MONO_MS);
	again = last_from(p.sv[0]);
	ok(p.sv[0]->got == 2 && addr_same_ip(&again, &a) && again.port != 4000, "but not towards him who knows that port as the other's");
	sim_run(p.s, 31 * MONO_SEC);
	is_int((long long)sim_nat_mappings(p.nat[0]), 0, "unanswered mappings are gone after half a minute");
	sim_free(p.s);
}

/* Which of: the server itself, its other port, another host, gets an answer through. */
static unsigned
filter_lets(enum sim_filter f)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct place p;
	struct addr to, any = { .family = ADDR_V4, .port = 4001 };
	struct env_dgram *second;
	uint64_t no = 7;
	struct env_pkt pkt = { .data = (uint8_t *)&no, .len = 8 };
	unsigned lets = 0;

	c.filter = f;
	place_make(&p, 6, &c, NULL);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	to = last_from(p.sv[0]);
	send_no(p.sv[0], to, to.port, 1);
	sim_run(p.s, MONO_SEC);
	lets |= p.n[0]->got == 1 ? 1 : 0;
	second = env_dgram_open(p.sv[0]->env, &any, node_on_udp, p.sv[0], NULL);
	pkt.peer = to;
	env_dgram_send(second, &pkt, 1);
	sim_run(p.s, MONO_SEC);
	lets |= p.n[0]->got == 2 ? 2 : 0;
	p.n[0]->got = 0;
	send_no(p.sv[1], to, to.port, 1);
	sim_run(p.s, MONO_SEC);
	lets |= p.n[0]->got == 1 ? 4 : 0;
	env_dgram_close(second);
	sim_free(p.s);
	return lets;
}

/* Both learn each other's address from a server and send at once. */
static bool
punch(enum sim_mapping a, enum sim_mapping b)
{
	struct sim_nat_conf ca = SIM_NAT_DEFAULT, cb = SIM_NAT_DEFAULT;
	struct place p;
	struct addr fa, fb;
	bool through;

	ca.mapping = a;
	cb.mapping = b;
	place_make(&p, 7, &ca, &cb);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	fa = last_from(p.sv[0]);
	send_no(p.n[1], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	fb = last_from(p.sv[0]);
	for (int i = 0; i < 5; i++) {
		send_no(p.n[0], fb, fb.port, 2);
		send_no(p.n[1], fa, fa.port, 2);
		sim_run(p.s, MONO_SEC);
	}
	through = p.n[0]->got > 0 && p.n[1]->got > 0;
	sim_free(p.s);
	return through;
}

static void
lifetimes(void)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct place p;
	struct addr to;

	c.udp_life = 30 * MONO_SEC;
	place_make(&p, 8, &c, NULL);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	to = last_from(p.sv[0]);
	for (int i = 0; i < 4; i++) {	/* packets that come in do not renew it */
		sim_run(p.s, 10 * MONO_SEC);
		send_no(p.sv[0], to, to.port, 1);
	}
	sim_run(p.s, MONO_SEC);
	is_int(p.n[0]->got, 2, "a mapping lives as long as packets leave");
	is_int(sim_nat_mappings(p.nat[0]), 0, "then it is gone");
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	sim_nat_rebind(p.nat[0], "203.0.113.77");
	send_no(p.sv[0], to, to.port, 1);
	sim_run(p.s, MONO_SEC);
	is_int(p.n[0]->got, 2, "after rebinding the old address leads nowhere");
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	sim_run(p.s, MONO_SEC);
	is_int(last_from(p.sv[0]).ip[3], 77, "and packets come from the new one");
	sim_free(p.s);
}

static void
nats(void)
{
	struct sim_nat_conf c = SIM_NAT_DEFAULT;
	struct place p;

	ok(mapping_same(SIM_MAP_EIM, true), "endpoint-independent: one port towards both");
	ok(mapping_same(SIM_MAP_EIM, false), "without keeping the port, too");
	ok(!mapping_same(SIM_MAP_SYM, false), "symmetric: a port for each");
	linux_router();
	is_int(filter_lets(SIM_FILTER_EIF), 7, "no filter: everybody");
	is_int(filter_lets(SIM_FILTER_ADDR), 3, "by address: the host that was sent to");
	is_int(filter_lets(SIM_FILTER_PORT), 1, "by port: only who was sent to");
	ok(punch(SIM_MAP_EIM, SIM_MAP_EIM), "two port-restricted routers can be punched");
	ok(!punch(SIM_MAP_SYM, SIM_MAP_EIM), "a symmetric one cannot");
	ok(!punch(SIM_MAP_SYM, SIM_MAP_SYM), "two of them even less");
	lifetimes();
	c.udp_blocked = true;
	place_make(&p, 9, &c, NULL);
	send_no(p.n[0], sim_if_addr(p.sif[0]), 4000, 1);
	dial(p.n[0], sim_if_addr(p.sif[0]), NULL);
	sim_run(p.s, MONO_SEC);
	ok(p.sv[0]->got == 0 && p.n[0]->connected == 1, "a router without UDP lets TCP pass");
	sim_free(p.s);
}

int
main(void)
{
	nats();
	return tap_done();
}
