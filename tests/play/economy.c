/* SPDX-License-Identifier: ISC */
/*
 * economy.c -- what a mesh does to become well again, and what it does at rest.
 */
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "fsm/fsm.h"
#include "server/server.h"
#include "tests/play/play.h"

#define LOOK_EVERY	(20 * MONO_MS)

/* STUN requests on their way to a server or a peer (RFC 8489 section 5: type 1, the cookie). */
static void
count_packet(void *arg, unsigned proto, const struct addr *src, const struct addr *dst, const uint8_t *data, size_t len)
{
	uint64_t *stun = arg;
	static const uint8_t head[] = { 0x00, 0x01 }, cookie[] = { 0x21, 0x12, 0xa4, 0x42 };

	(void)src;
	(void)dst;
	if (proto == SIM_UDP && len >= 20 && memcmp(data, head, sizeof head) == 0 && memcmp(data + 4, cookie, sizeof cookie) == 0)
		++*stun;
}

void
count_packets(struct run *r)
{
	sim_tap(r->m->s, count_packet, &r->stun);
}

struct efforts
efforts(const struct run *r)
{
	const struct mesh *m = r->m;
	struct efforts e = { .stun = r->stun, .bytes = sim_stats(m->s)->bytes };

	for (unsigned i = 0; i < m->n; i++) {
		const struct mesh_work *w = &m->node[i].work;

		e.dials += w->dials;
		e.stream_dials += w->stream_dials;
		e.offers += w->offers;
		e.handshakes += w->handshakes;
		e.letters += w->letters;
		e.twins += w->twins;
		e.moves += w->moves;
		if (m->node[i].agent == NULL || m->node[i].agent->engine == NULL)
			continue;
		e.stale += fsm_loop_stale(agent_loop(m->node[i].agent));
		LIST_EACH(l, &m->node[i].agent->engine->remotes) {
			const struct peer *p = LIST_OF(l, struct remote, all)->peer;

			e.restless += p->path.fsm.state != PATH_BOTH;	/* not what the guard thinks */
		}
	}
	return e;
}

/* ---- all that was there is there again ------------------------------------------------------ */

static bool
streams_are_up(const struct mesh *m)
{
	struct server_counts c;

	if (m->server == NULL)
		return false;
	c = server_counts(m->server);
	if (c.sync != m->n || c.job != m->n || c.signal != m->n || c.relay != m->n)
		return false;
	for (unsigned i = 0; i < m->n; i++) {
		const struct agent *a = m->node[i].agent;

		if (a == NULL || a->engine == NULL || !mgmt_stream_is_up(a->sync) || !signal_stream_is_up(a->signal) ||
		    relay_pool_home_url(a->engine->pool) == NULL)
			return false;
	}
	return true;
}

/* From now until all talk, for at least `least` and at most `most`. */
struct recovery
recover(struct mesh *m, int64_t least, int64_t most)
{
	struct recovery b = { -1, 0, 0 };
	int64_t began = sim_now(m->s), passed = 0;
	bool streams, direct;

	for (;;) {
		if (b.talk < 0 && m->all)
			b.talk = passed;
		streams = streams_are_up(m);
		direct = all_direct(m);
		if (passed >= most || (b.talk >= 0 && passed >= least))
			break;
		sim_run(m->s, LOOK_EVERY);
		passed = sim_now(m->s) - began;
		if (!streams)		/* it may be up until it is known to be dead: the last time counts */
			b.streams = passed;
		if (!direct)
			b.direct = passed;
	}
	b.streams = streams ? b.streams : -1;
	b.direct = direct ? b.direct : -1;
	return b;
}

/* ---- what it may cost ----------------------------------------------------------------------- */

/* After one short fault.  Four connections an agent, and each is begun once for each
 * change of the network: a link that is down for a moment makes two, told 0.5 s apart. */
#define DIALS_EACH	9
#define OFFERS_PAIR	5	/* 0.8, 1.6, 3.2 s: the guard's tries within the window, and one for news */
#define KEYS_PAIR	5	/* two changes of the network, each knocks at both ends; both may begin at once */

/* All rounds of a run together, ten seconds each: what 700 seeds of five hosts took, and
 * half as much again or more: of three hosts each is struck more often. */
static const struct {
	const char *what;
	double most;
	bool pairs;	/* for each two agents; else for each agent */
} means[] = {
	{ "connections begun", 1.6, false }, { "steps", 75, false }, { "offers", 0.7, true }, { "handshakes", 1.1, true },
	{ "letters", 4.5, true }, { "STUN requests", 7.5, true }, { "letters told twice", 0.6, true },
};
#define MEANS	(sizeof means / sizeof means[0])
static double sum[MEANS];
static unsigned heals;

static double
pairs_of(const struct mesh *m)
{
	return (double)m->n * (m->n - 1);
}

static unsigned
hit_by(const struct run *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->m->n; i++)
		n += r->server_hit || (r->hit >> i & 1) != 0;
	return n;
}

/* Sync, job and signal: 0.8 s, 1.7 times as long each time, 10 s at most; from nothing to twice that. */
const char *
outage_cost(const struct run *r, const struct efforts *a, const struct efforts *b)
{
	double tries = (double)(b->stream_dials - a->stream_dials) / r->m->n;

	if (r->struck != 1 || strcmp(faults[r->kind].name, "server restarts") != 0)
		return NULL;
	if (tries <= 3 * (8 + (double)r->lasted / (5.0 * MONO_SEC)))
		return NULL;
	printf("# %.1f dials an agent in %.1f s\n", tries, (double)r->lasted / 1e6);
	return "a server that is away is dialled too often";
}

const char *
heal_cost(const struct run *r, const struct efforts *a, const struct efforts *b)
{
	double pairs = pairs_of(r->m), agents = r->m->n;
	const double now[MEANS] = { (double)(b->dials - a->dials) / agents, (double)(b->moves - a->moves) / agents,
		(double)(b->offers - a->offers) / pairs, (double)(b->handshakes - a->handshakes) / pairs,
		(double)(b->letters - a->letters) / pairs, (double)(b->stun - a->stun) / pairs, (double)(b->twins - a->twins) / pairs };

	for (size_t i = 0; i < MEANS; i++)
		sum[i] += now[i];
	heals++;
	if (r->struck != 1 || r->lasted > BRIEF)
		return NULL;
	if (b->dials - a->dials > DIALS_EACH * hit_by(r)) {
		printf("# %llu dials, %u agents were struck\n", (unsigned long long)(b->dials - a->dials), hit_by(r));
		return "too many connections are begun after one fault";
	}
	if (now[2] > OFFERS_PAIR)
		return "too many offers after one fault";
	if (now[3] > KEYS_PAIR)
		return "too many handshakes after one fault";
	return NULL;
}

int
heal_mean(size_t i, char *line, size_t len)
{
	double mean = heals > 0 ? sum[i < MEANS ? i : 0] / heals : 0;

	if (i >= MEANS)
		return -1;
	snprintf(line, len, "a round costs %.2f %s each %s", mean, means[i].what, means[i].pairs ? "pair" : "agent");
	return heals < 50 ? 2 : mean <= means[i].most;
}

/* At rest, where every pair is direct with its relay beside it; a ping a minute each way.
 * Idle budget: 2 MB a day of control streams, 0.25 each way a peer; a relay
 * link's health checks are 0.93; the pings and their keys.  Each byte passes up to three networks. */
#define LEGS		3
#define AGENT_MINUTE	((2000000 + 930000) / 1440)
#define PEER_MINUTE	(2 * 250000 / 1440 + 4 * 200 + 240)
#define KEYS_MINUTE	0.65	/* every 120 s one end asks; both at once, now and then */
#define STUN_MINUTE	8.0	/* who spoke last asks once; each ping is such a flow */
#define MOVES_MINUTE	15.0

const char *
rest_cost(const struct run *r, const struct efforts *a, const struct efforts *b, int64_t us)
{
	double pairs = pairs_of(r->m), minutes = (double)us / (double)MONO_MIN;
	double bytes = (double)(b->bytes - a->bytes) / r->m->n / minutes, keys = (double)(b->handshakes - a->handshakes) / pairs / minutes;
	double stun = (double)(b->stun - a->stun) / pairs / minutes, moves = (double)(b->moves - a->moves) / pairs / minutes;
	const char *wrong = NULL;

	if (us < 5 * MONO_MIN || a->restless > 0 || b->restless > 0 || r->m->conf.ping_every < MONO_MIN)
		return NULL;
	if (bytes > LEGS * (AGENT_MINUTE + PEER_MINUTE * (r->m->n - 1)) * 1.5)
		wrong = "a mesh at rest talks too much";
	else if (keys > KEYS_MINUTE)
		wrong = "a mesh at rest shakes hands too often";
	else if (stun > STUN_MINUTE)
		wrong = "a mesh at rest asks for its addresses and pairs too often";
	else if (moves > MOVES_MINUTE)
		wrong = "machines at rest do not rest";
	else if (b->letters - a->letters > 0)
		wrong = "a mesh at rest sends letters";
	if (wrong != NULL)
		printf("# a minute: %.0f bytes each agent; each pair %.2f handshakes, %.1f STUN requests, %.1f steps; %llu letters in all\n",
		    bytes, keys, stun, moves, (unsigned long long)(b->letters - a->letters));
	return wrong;
}
