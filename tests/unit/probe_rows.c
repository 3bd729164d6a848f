/* SPDX-License-Identifier: ISC */
/*
 * probe_rows.c -- what a router lets in, asked of a STUN server with two addresses
 * and two ports (RFC 5780), over routers of all sorts; and a server whose answers
 * come at odd moments.  The server, the router and the way between are in this file.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "env/env.h"
#include "fakeenv.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "ice/probe.h"
#include "tests/tap.h"
#include "tests/tape.h"

#define MAIN	0xc6336409u	/* 198.51.100.9 */
#define OTHER	0xc633640au
#define PORT	3478
#define PORT2	3479

enum question { PLAIN, FAR, NEAR, BACK, QUESTIONS };
enum fate { ANSWERED, LOST, REFUSED };

static struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct ice *ice;
	struct addr local, mapped, other;
	enum fate fate[QUESTIONS];
	unsigned lose[QUESTIONS];	/* that many are lost first */
	unsigned asked[QUESTIONS], early;	/* early: sent to the other address before the last question */
	bool hold;			/* answers to plain questions wait */
	unsigned nheld, told;		/* told: candidates that sessions heard of */
	struct parcel *held[8];
} w;

struct parcel {
	struct addr from;
	size_t len;
	uint8_t bytes[200];
};

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *d)
{
	(void)arg;
	(void)send;
	(void)d;
	if (from->def == &ice_gather_fsm)
		w.told++;
}

static void
take(struct parcel *p)
{
	struct env_pkt pkt = { .data = p->bytes, .len = (uint32_t)p->len, .peer = p->from, .local = w.local };

	ice_input(w.ice, &pkt);
	free(p);
}

static void
arrive(void *arg)
{
	take(arg);
}

/* All that were held, in one turn. */
static void
arrive_held(void *arg)
{
	unsigned n = w.nheld;

	(void)arg;
	w.nheld = 0;
	for (unsigned i = 0; i < n; i++)
		take(w.held[i]);
}

static void
answer(enum question q, const struct wire_stun *m, const struct addr *to)
{
	struct wire_stun r = { .method = WIRE_STUN_BINDING, .cls = WIRE_STUN_SUCCESS };
	struct parcel *p = calloc(1, sizeof(*p));
	struct buf b = { 0 };

	memcpy(r.tid, m->tid, sizeof(r.tid));
	p->from = *to;
	if (w.fate[q] == REFUSED) {
		r.cls = WIRE_STUN_ERROR;
		r.error = 420;
	} else {
		r.mapped = w.mapped;
		if (to->family == ADDR_V6)
			r.mapped = *to;
		if (q == PLAIN && to->family == ADDR_V4)
			r.other = w.other;
		if (q == FAR)
			p->from = w.other;
		if (q == NEAR)
			p->from.port = PORT2;
	}
	wire_stun_write(&b, &r, NULL);
	p->len = buf_len(&b);
	memcpy(p->bytes, buf_bytes(&b), p->len);
	buf_free(&b);
	if (w.hold && q == PLAIN)
		w.held[w.nheld++] = p;
	else
		fake_at(w.env, 20 * MONO_MS, arrive, p);
}

static void
hub_send(void *arg, const struct addr *to, const void *bytes, size_t len)
{
	struct wire_stun m;
	enum question q;

	(void)arg;
	if (wire_stun_parse(&m, bytes, len) != 0)
		return;
	q = m.change_ip ? FAR : m.change_port ? NEAR : to->port == PORT2 ? BACK : PLAIN;
	w.asked[q]++;
	w.early += q != BACK && to->port == PORT2;
	if (w.lose[q] > 0)
		w.lose[q]--;
	else if (w.fate[q] != LOST)
		answer(q, &m, to);
}

static uint16_t
hub_port(void *arg, int family)
{
	(void)arg;
	(void)family;
	return 51820;
}

static void
world_make(unsigned servers)
{
	static const char *const url[] = { "stun:198.51.100.9:3478", "stun:198.51.100.11:3478" };
	struct ice_io io = { .send = hub_send, .port = hub_port };

	memset(&w, 0, sizeof(w));
	w.env = fake_env_new(3);
	w.local = addr_v4(0x0a010002u, 51820);
	w.mapped = addr_v4(0xcb007101u, 40001);
	w.other = addr_v4(OTHER, PORT2);
	fake_env_set_addrs(w.env, &w.local, 1);
	w.loop = fsm_loop_new(w.env, route, &w);
	test_tape(w.loop);
	fsm_loop_strict(w.loop);
	w.ice = ice_new(w.env, w.loop, &io);
	ice_set_servers(w.ice, url, servers);
}

static void
ask(void)
{
	ice_gather_now(w.ice);
	fsm_drain(w.loop);
}

static void
world_end(void)
{
	for (unsigned i = 0; i < w.nheld; i++)
		free(w.held[i]);
	ice_free(w.ice);
	fsm_loop_free(w.loop);
	free(w.env);
}

/* ---- what routers let in ------------------------------------------------------------- */

static void
test_routers(void)
{
	static const struct {
		enum fate far, near, back;
		unsigned lose_far, lose_back;
		enum ice_filtering finds;
		unsigned asked[3];	/* far, near, back: four times when nothing comes */
		const char *what;
	} t[] = {
		{ ANSWERED, ANSWERED, ANSWERED, 0, 0, ICE_FILTERING_ENDPOINT_INDEPENDENT, { 1, 0, 1 }, "a router that lets all in" },
		{ ANSWERED, ANSWERED, ANSWERED, 1, 2, ICE_FILTERING_ENDPOINT_INDEPENDENT, { 2, 0, 3 }, "the same, and the first questions are lost" },
		{ LOST, ANSWERED, ANSWERED, 0, 0, ICE_FILTERING_ADDRESS_DEPENDENT, { 4, 1, 1 }, "one that looks at addresses" },
		{ LOST, LOST, ANSWERED, 0, 0, ICE_FILTERING_PORT_DEPENDENT, { 4, 4, 1 }, "one that looks at ports" },
		{ LOST, LOST, LOST, 0, 0, ICE_FILTERING_UNKNOWN, { 4, 4, 4 }, "nothing ever comes from there: something else is in the way" },
		{ LOST, LOST, REFUSED, 0, 0, ICE_FILTERING_UNKNOWN, { 4, 4, 1 }, "asked there, it answers with an error: the same" },
		{ REFUSED, LOST, ANSWERED, 0, 0, ICE_FILTERING_UNKNOWN, { 1, 0, 0 }, "a server that cannot answer from there says so" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		world_make(1);
		w.fate[FAR] = t[i].far;
		w.fate[NEAR] = t[i].near;
		w.fate[BACK] = t[i].back;
		w.lose[FAR] = t[i].lose_far;
		w.lose[BACK] = t[i].lose_back;
		ask();
		fake_run(6 * MONO_SEC);
		is_int(ice_probe_filtering(w.ice->probe), t[i].finds, "%s", t[i].what);
		ok(w.early == 0, "nothing of ours went there before it was asked from here");
		ok(w.asked[FAR] == t[i].asked[0] && w.asked[NEAR] == t[i].asked[1] && w.asked[BACK] == t[i].asked[2] &&
		    w.ice->probe->fsm.state == ICE_PROBE_KNOWN, "asked %u, %u and %u times, and no more", w.asked[FAR], w.asked[NEAR], w.asked[BACK]);
		world_end();
	}
}

/* Two servers answer in one turn: the first is asked, and that is enough. */
static void
test_two_servers(void)
{
	world_make(2);
	w.hold = true;
	ask();
	fake_run(10 * MONO_MS);
	is_int(w.nheld, 2, "two servers");
	fake_at(w.env, 0, arrive_held, NULL);
	fake_run(300 * MONO_MS);
	ok(w.asked[FAR] == 1 && w.asked[BACK] == 1, "answer in the same turn: one of them is asked, once");
	is_int(ice_probe_filtering(w.ice->probe), ICE_FILTERING_ENDPOINT_INDEPENDENT, "and it answers");
	world_end();
}

/* ---- answers at odd moments --------------------------------------------------------------- */

static void
first_gather(struct ice_gather *g, void *arg)
{
	struct ice_gather **to = arg;

	*to = g;
}

/* One family is silent at first: what the other said is not held back. */
static void
test_one_family(void)
{
	struct ice_gather *g = NULL;
	unsigned asked;

	world_make(1);
	ice_each_gather(w.ice, first_gather, &g);
	g->server[0] = addr_v4(MAIN, PORT);
	addr_parse(&g->server[1], "2001:db8::9");	/* as a lookup of both leaves them */
	g->server[1].port = PORT;
	w.hold = true;
	ask();
	ok(w.nheld == 2 && w.told == 0, "a server of both families");
	take(w.held[0]);
	w.held[0] = w.held[1];
	w.nheld = 1;
	fsm_drain(w.loop);
	ok(w.told == 1 && g->mapped[0].family == ADDR_V4 && g->fsm.state == ICE_GATHER_ASKING, "one has answered: sessions hear it at once");
	asked = w.asked[PLAIN];
	fake_run(310 * MONO_MS);
	is_int(w.asked[PLAIN], asked + 1, "only the other is asked again");
	arrive_held(NULL);
	fsm_drain(w.loop);
	ok(g->mapped[1].family == ADDR_V6 && g->fsm.state == ICE_GATHER_FRESH, "until it answers as well");
	world_end();
}

/* In one turn the network changes and the old one's answer comes. */
static void
test_old_answer(void)
{
	struct ice_gather *g = NULL;

	world_make(1);
	ice_each_gather(w.ice, first_gather, &g);
	w.hold = true;
	ask();
	fake_run(10 * MONO_MS);
	is_int(w.nheld, 1, "a server is asked");
	ice_gather_post(g, ICE_GATHER_EV_NET_CHANGE, NULL);
	ice_gather_post(g, ICE_GATHER_EV_WANT, NULL);
	arrive_held(NULL);
	fsm_drain(w.loop);
	ok(g->fsm.state == ICE_GATHER_RESOLVING && w.told == 0 && g->mapped[0].family == ADDR_NONE,
	    "what it saw of us in the old network is told nobody");
	w.hold = false;
	w.mapped = addr_v4(0xcb007102u, 40002);
	fake_run(MONO_SEC);
	ok(w.told > 0 && addr_equal(&g->mapped[0], &w.mapped), "what it sees in the new one is");
	world_end();
}

int
main(void)
{
	test_routers();
	test_two_servers();
	test_one_family();
	test_old_answer();
	return tap_done();
}
