/* SPDX-License-Identifier: ISC */
/*
 * idle.c -- what a mesh costs that nobody uses, and what the first packet meets
 * after a path has died while nobody looked.
 *
 *	idle [--seed N] [--log]
 *
 * Bytes are those on the wire: IP and UDP, or IP and TCP with timestamps, an
 * acknowledgement for each packet that carries something (kernels send fewer),
 * and a TLS 1.3 record around it.  Budgets: 2 MB a day for control streams, 0.25 each way a peer.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/mesh.h"
#include "tests/tap.h"

#define SERVER_IP	"203.0.113.10"
#define IP_UDP		28
#define IP_TCP		52
#define TLS_RECORD	22
#define IDLE_HOURS	3

static uint64_t seed = 1;
static bool logged;

/* ---- bytes ------------------------------------------------------------------------- */

enum kind { PEER, STUN, CONTROL, RELAY, KINDS };

#define CONNS	256

/* What one agent sent and received, by kind. */
struct bytes {
	struct mesh *m;
	unsigned who;			/* whose */
	uint64_t in[KINDS], out[KINDS];
	struct addr relay[CONNS];	/* as the server sees them, and as the agent does: connections to the relay */
	size_t nrelay;
};

static bool
is_relay(struct bytes *b, const struct addr *a)
{
	for (size_t i = 0; i < b->nrelay; i++)
		if (addr_equal(&b->relay[i], a))
			return true;
	return false;
}

/* A WebSocket begins with GET at the server, and with HTTP/1.1 at the agent. */
static void
note_relay(struct bytes *b, const struct addr *a, const uint8_t *data, size_t len)
{
	if (len > 8 && (memcmp(data, "GET ", 4) == 0 || memcmp(data, "HTTP/1.1", 8) == 0) && b->nrelay < CONNS && !is_relay(b, a))
		b->relay[b->nrelay++] = *a;
}

static void
on_packet(void *arg, unsigned proto, const struct addr *src, const struct addr *dst, const uint8_t *data, size_t len)
{
	struct bytes *b = arg;
	struct addr server, home = sim_if_addr(b->m->node[b->who].iface), outside = sim_nat_addr(b->m->node[b->who].nat);
	bool in = addr_same_ip(dst, &home), out = addr_same_ip(src, &outside);
	uint64_t n = len + (proto == SIM_UDP ? IP_UDP : IP_TCP + (len > 0 ? TLS_RECORD : 0));
	enum kind k;

	addr_parse(&server, SERVER_IP);
	if (!in && !out)
		return;
	if (proto == SIM_TCP) {
		note_relay(b, in ? dst : src, data, len);
		k = is_relay(b, in ? dst : src) ? RELAY : CONTROL;
	} else
		k = addr_same_ip(in ? src : dst, &server) ? STUN : PEER;
	if (in)
		b->in[k] += n;
	else
		b->out[k] += n;
}

static double
a_day(uint64_t n)
{
	return (double)n * 24 / IDLE_HOURS / 1e6;
}

static struct mesh *
settled(enum mesh_nat nat, unsigned hosts)
{
	struct mesh_conf conf = { .seed = seed, .hosts = hosts, .nat = nat, .log = logged };
	struct mesh *m = mesh_new(&conf);

	ok(mesh_until_all(m, 5 * MONO_SEC), "%u agents ping each other", hosts);
	mesh_no_pings(m);
	return m;
}

static void
budget(enum mesh_nat nat, bool direct, const char *what)
{
	struct mesh *m = settled(nat, 2);
	struct bytes b = { .m = m };
	uint64_t relay_in, relay_out;

	sim_tap(m->s, on_packet, &b);
	sim_run(m->s, 20 * MONO_MIN);
	/* the streams began before we listened: tell the relay's connection by a life of its own */
	mesh_kill_server(m);
	sim_run(m->s, MONO_SEC);
	mesh_start_server(m);
	sim_run(m->s, 40 * MONO_MIN);
	ok(mesh_direct(m, 0, 1) == (direct ? 1 : 0), "%s: the pair is %s", what, direct ? "direct" : "relayed");
	ok(b.nrelay > 0, "%s: the relay's connection is known", what);
	memset(b.in, 0, sizeof(b.in));
	memset(b.out, 0, sizeof(b.out));
	sim_run(m->s, IDLE_HOURS * MONO_HOUR);
	sim_tap(m->s, NULL, NULL);
	relay_in = b.in[RELAY];
	relay_out = b.out[RELAY];
	printf("# %s, MB a day in and out: peer %.3f %.3f, control streams %.3f %.3f, relay link %.3f %.3f, STUN %.3f %.3f\n", what,
	    a_day(b.in[PEER]), a_day(b.out[PEER]), a_day(b.in[CONTROL]), a_day(b.out[CONTROL]), a_day(relay_in), a_day(relay_out),
	    a_day(b.in[STUN]), a_day(b.out[STUN]));
	ok(!direct || (b.in[PEER] > 0 && b.out[PEER] > 0), "%s: the path is held open", what);
	ok(a_day(b.in[PEER]) <= 0.25 && a_day(b.out[PEER]) <= 0.25, "%s: at most 0.25 MB a day each way for the peer", what);
	ok(b.in[CONTROL] > 0 && a_day(b.in[CONTROL] + b.out[CONTROL]) <= 2.0, "%s: at most 2 MB a day for the control streams", what);
	/* the server's word every 25 s and our answer: 0.92; what the peer costs on it comes on top */
	ok(a_day(relay_in) <= 0.46 + 0.25 && a_day(relay_out) <= 0.47 + 0.25, "%s: nor over the relay", what);
	mesh_free(m);
}

/* A peer of the map that is switched off. */
static void
forlorn(void)
{
	struct mesh *m = settled(MESH_EIM, 2);
	struct bytes b = { .m = m };
	double control;

	sim_run(m->s, MONO_MIN);
	mesh_kill_agent(m, 1);
	sim_run(m->s, 30 * MONO_MIN);
	sim_tap(m->s, on_packet, &b);
	mesh_kill_server(m);
	sim_run(m->s, MONO_SEC);
	mesh_start_server(m);
	sim_run(m->s, 30 * MONO_MIN);
	memset(b.in, 0, sizeof(b.in));
	memset(b.out, 0, sizeof(b.out));
	sim_run(m->s, IDLE_HOURS * MONO_HOUR);
	sim_tap(m->s, NULL, NULL);
	control = a_day(b.in[CONTROL] + b.out[CONTROL]);
	printf("# a peer that is off, MB a day in and out: control streams %.3f %.3f\n", a_day(b.in[CONTROL]), a_day(b.out[CONTROL]));
	ok(control > 1 && control <= 2.0 + 2 * 0.25, "a peer that is off costs at most what one does that is on");
	mesh_start_agent(m, 1);
	ok(mesh_until_all(m, 5 * MONO_SEC), "and is reached as soon as it is back");
	mesh_free(m);
}

/* ---- the first packet ------------------------------------------------------------------ */

static void
forget(struct mesh *m, unsigned i, unsigned protos)
{
	sim_nat_strict(m->node[i].nat, true);
	sim_nat_forget(m->node[i].nat, protos, 100);
}

struct wait {
	struct sim_ping *ping;
};

static bool
answered(void *arg)
{
	return sim_ping_stats(((struct wait *)arg)->ping).got > 0;
}

/* From the first packet to the first answer. */
static double
first_answer(struct mesh *m, unsigned from, unsigned to)
{
	struct addr dst = sim_overlay_addr(m->node[to].host);
	struct wait w = { sim_ping(m->node[from].host, &dst, 20 * MONO_MS) };
	int64_t began = sim_now(m->s);
	bool good = sim_until(m->s, answered, &w, 60 * MONO_SEC);
	double took = (double)(sim_now(m->s) - began) / 1e6;

	sim_ping_stop(w.ping);
	return good ? took : 99;
}

static void
first_packet(enum mesh_nat nat, unsigned who, unsigned protos, double limit, const char *what)
{
	double worst = 0, took, sum = 0;

	for (int age = 0; age < 6; age++) {
		struct mesh *m = settled(nat, 2);

		sim_run(m->s, 20 * MONO_MIN + age * 4300 * MONO_MS);
		forget(m, who, protos);
		sim_run(m->s, 300 * MONO_MS);
		took = first_answer(m, 0, 1);
		if (logged)
			printf("# age %d: %.3f\n", age, took);
		sum += took;
		worst = took > worst ? took : worst;
		mesh_free(m);
	}
	printf("# %s: %.3f s in the middle, %.3f s at worst\n", what, sum / 6, worst);
	ok(worst <= limit, "%s: the first packet is answered within %.1f s (%.3f s)", what, limit, worst);
}

/* Only its connection to the relay is forgotten: signal can still reach it. */
static void
relay_only_forgotten(void)
{
	double worst = 0, took;

	for (int age = 0; age < 6; age++) {
		struct mesh *m = settled(MESH_SYM, 2);
		struct bytes b = { .m = m, .who = 1 };

		sim_tap(m->s, on_packet, &b);
		mesh_kill_server(m);
		sim_run(m->s, MONO_SEC);
		mesh_start_server(m);
		sim_run(m->s, 20 * MONO_MIN + age * 4300 * MONO_MS);
		sim_tap(m->s, NULL, NULL);
		sim_nat_strict(m->node[1].nat, true);
		for (size_t i = 0; i < b.nrelay; i++)
			sim_nat_forget_one(m->node[1].nat, &b.relay[i]);
		sim_run(m->s, 300 * MONO_MS);
		took = first_answer(m, 0, 1);
		worst = took > worst ? took : worst;
		mesh_free(m);
	}
	ok(worst <= 3, "relayed, the peer's router forgot its relay connection only: it is told over signal (%.3f s)", worst);
}

/* The peer only answers, once a second, and its router forgets it: what goes to it
 * is lost, and it must miss the next question by itself. */
static void
listens(enum mesh_nat nat, const char *what)
{
	double worst = 0, gap;

	for (int age = 0; age < 6; age++) {
		struct mesh *m = settled(nat, 2);
		struct addr dst = sim_overlay_addr(m->node[1].host);
		struct sim_ping *ping = sim_ping(m->node[0].host, &dst, MONO_SEC);

		sim_run(m->s, 20 * MONO_SEC + age * 170 * MONO_MS);
		sim_ping_reset(ping);
		forget(m, 1, SIM_UDP | SIM_TCP);
		sim_run(m->s, 20 * MONO_SEC);
		gap = (double)sim_ping_stats(ping).longest_gap / 1e6;
		worst = gap > worst ? gap : worst;
		sim_ping_stop(ping);
		mesh_free(m);
	}
	ok(worst <= 4, "%s, the peer answers once a second and its router forgot everything: %.3f s between two answers", what, worst);
}

/* Nobody sends anything: when is the dead path noticed and mended? */
static void
asleep(enum mesh_nat nat, unsigned who, unsigned protos, const char *what)
{
	struct mesh *m = settled(nat, 2);
	double took;

	sim_run(m->s, 20 * MONO_MIN);
	forget(m, who, protos);
	sim_run(m->s, 40 * MONO_SEC);
	took = first_answer(m, 0, 1);
	ok(took <= 0.3, "%s, 40 s later: mended before anybody needed it (%.3f s)", what, took);
	mesh_free(m);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' }, { "log", no_argument, NULL, 'g' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'g':
			logged = true;
			break;
		default:
			return 2;
		}
	budget(MESH_EIM, true, "direct");
	budget(MESH_SYM, false, "relayed");
	forlorn();
	first_packet(MESH_EIM, 0, 0, 0.3, "direct, alive");
	first_packet(MESH_SYM, 0, 0, 0.3, "relayed, alive");
	first_packet(MESH_EIM, 0, SIM_UDP, 1.2, "direct, our router forgot UDP");
	first_packet(MESH_EIM, 1, SIM_UDP, 1.2, "direct, the peer's router forgot UDP");
	first_packet(MESH_SYM, 0, SIM_TCP, 1.5, "relayed, our router forgot TCP");
	/* nobody can tell the peer: it finds out by the server's word that does not come, and asks signal then */
	first_packet(MESH_SYM, 1, SIM_TCP, 25 + 2 + 1 + 3 + 1, "relayed, the peer's router forgot TCP");
	relay_only_forgotten();
	listens(MESH_EIM, "direct");
	listens(MESH_SYM, "relayed");
	asleep(MESH_EIM, 0, SIM_UDP, "direct, our router forgot UDP");
	asleep(MESH_EIM, 0, SIM_UDP | SIM_TCP, "direct, our router forgot everything");
	asleep(MESH_SYM, 0, SIM_UDP | SIM_TCP, "relayed, our router forgot everything");
	asleep(MESH_SYM, 1, SIM_UDP | SIM_TCP, "relayed, the peer's router forgot everything");
	return tap_done();
}
