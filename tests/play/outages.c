/* SPDX-License-Identifier: ISC */
/*
 * outages.c -- the server, the peer or the relay is gone for a while, for real
 * agents in a simulated mesh (told.h): what they say of it, what they spend in
 * vain, and how they come back.  fsm/DEFECTS.md names what each is for.
 */
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include "relay/link.h"
#include "relay/pool-impl.h"
#include "tests/play/told.h"
#include "tests/tap.h"

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

static size_t
in_use(void)
{
#ifdef __GLIBC__
	return mallinfo2().uordblks;
#else
	return 0;
#endif
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
	tokens();
	in_vain();
	asked_at_any_time();
	return tap_done();
}
