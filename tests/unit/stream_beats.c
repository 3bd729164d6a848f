/* SPDX-License-Identifier: ISC */
/*
 * stream_beats.c -- heartbeats from the agent (story 4 of the tables: idle proxies): the real signal
 * and Job clients against the real server in the simulated world.
 *
 * A server of our own asks for them in a header and lets go of an agent that
 * promised and stopped; one that does not ask, as stock servers, hears nothing.
 */
#include <stdio.h>
#include <string.h>
#include "fsm/fsm.h"
#include "mgmt/job.h"
#include "net/beat.h"
#include "server/signal.h"
#include "server/stream.h"
#include "signal/stream.h"
#include "tests/tap.h"
#include "tests/tape.h"
#include "tests/unit/deaf.h"
#include "tests/unit/server-world.h"
#include "wire/keys.h"

struct agent {
	struct fsm_loop *loop;
	struct mgmt_conf mconf;
	struct signal_conf sconf;
	struct job_stream *job;
	struct signal_stream *signal;
};

static void
agent_start(void *arg)
{
	struct agent *a = arg;

	job_stream_post(a->job, JOB_STREAM_EV_START, NULL);
	signal_stream_post(a->signal, SIGNAL_STREAM_EV_START, NULL);
}

static void
agent_stop(void *arg)
{
	struct agent *a = arg;

	job_stream_free(a->job);
	signal_stream_free(a->signal);
	fsm_loop_free(a->loop);
}

/* A peer that is known to management, with its two streams. */
static void
agent_new(struct world *w, struct agent *a)
{
	static const struct signal_hooks hooks = { deaf_letter, deaf_changed };
	struct ident id;
	struct result r;

	memset(a, 0, sizeof(*a));
	ident_new(w, &id);
	is_int(world_login(w, &id, w->key, "beater", &r), 0, "a peer joins");
	buf_free(&r.body);
	memcpy(a->mconf.private_key, id.secret, 32);
	memcpy(a->mconf.public_key, id.public_key, 32);
	memcpy(a->sconf.private_key, id.secret, 32);
	memcpy(a->sconf.public_key, id.public_key, 32);
	a->mconf.url = w->conf.url != NULL ? (char *)(uintptr_t)w->conf.url : NULL;
	a->mconf.version = "0.0";
	a->sconf.host = (char *)(uintptr_t)"203.0.113.10";
	a->sconf.port = 80;
	a->loop = fsm_loop_new(w->probe, deaf_route, a);
	test_tape(a->loop);
	a->job = job_stream_new(w->probe, a->loop, &a->mconf);
	a->signal = signal_stream_new(w->probe, a->loop, &a->sconf, &hooks, a);
	sim_call(w->probe, agent_start, a);
	sim_run(w->sim, 2 * MONO_SEC);
	ok(signal_stream_is_up(a->signal) && (a->job->fsm.state == JOB_STREAM_OPEN || a->job->fsm.state == JOB_STREAM_PROVEN),
	    "its signal and Job streams stand");
}

static struct srv_signal *
signal_of(struct world *w)
{
	return list_empty(&w->server->signals) ? NULL : LIST_OF(w->server->signals.next, struct srv_signal, all);
}

static struct srv_stream *
job_of(struct world *w)
{
	LIST_EACH(l, &w->server->streams)
		if (LIST_OF(l, struct srv_stream, all)->kind == SRV_STREAM_JOB)
			return LIST_OF(l, struct srv_stream, all);
	return NULL;
}

/* When the server last heard of the agent on both streams, the older of the two: ago. */
static int64_t
unheard(struct world *w)
{
	struct mono now = env_now(w->server_env);
	int64_t s = mono_diff(now, signal_of(w)->heard), j = mono_diff(now, job_of(w)->heard);

	return s > j ? s : j;
}

static void
test_asked(struct world *w)
{
	struct agent a;
	int64_t worst = 0;
	struct mono born;

	agent_new(w, &a);
	is_int(a.signal->beat, 30 * MONO_SEC, "the server beats every 20 s, the signal stream back every 30");
	is_int(a.job->beat, 30 * MONO_SEC, "so does the Job stream");
	born = signal_of(w)->opened;
	for (int i = 0; i < 600; i++) {
		sim_run(w->sim, MONO_SEC);
		worst = unheard(w) > worst ? unheard(w) : worst;
	}
	ok(worst > 25 * MONO_SEC && worst < 32 * MONO_SEC, "ten minutes: both are heard every 30 s (longest silence %.1f s)", (double)worst / 1e6);
	ok(signal_of(w)->opened.us == born.us, "and both stand since the beginning");
	sim_call(w->probe, agent_stop, &a);
	sim_run(w->sim, MONO_SEC);
}

static void
test_not_asked(struct world *w)
{
	struct agent a;

	agent_new(w, &a);
	is_int(a.signal->beat, -1, "a server that asks for nothing: no beat on the signal stream");
	is_int(a.job->beat, -1, "nor on the Job stream");
	sim_run(w->sim, 10 * MONO_MIN);
	is_int(signal_of(w)->heard.us, signal_of(w)->opened.us, "ten minutes: the signal service heard nothing on the stream");
	ok(mono_diff(env_now(w->server_env), job_of(w)->heard) > 10 * MONO_MIN, "nor did management after the Job stream's hello");
	sim_call(w->probe, agent_stop, &a);
	sim_run(w->sim, MONO_SEC);
}

/* Promised and silent, on a connection that answers every PING: a proxy's. */
struct mute {
	bool over;
	int code;
	char text[80];
};

static void
mute_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct mute *m = arg;

	(void)call;
	m->over = true;
	m->code = st->code;
	snprintf(m->text, sizeof(m->text), "%s", st->message);
}

static void
test_mute(struct world *w)
{
	static const struct grpc_ops ops = { .done = mute_done };
	struct grpc_md md[] = { { "x-wiretrustee-peer-id", "" }, { NET_BEAT_HEADER, "1" } };
	struct grpc_request r = { .path = "/signalexchange.SignalExchange/ConnectStream", .md = md, .nmd = 2 };
	struct mute promised = { 0 }, stock = { 0 };
	struct grpc_call *left;

	world_dial(w);
	md[0].value = "promised";
	grpc_start(w->channel, &r, &ops, &promised);
	md[0].value = "stock";
	r.nmd = 1;
	left = grpc_start(w->channel, &r, &ops, &stock);
	sim_run(w->sim, 100 * MONO_SEC);
	ok(!promised.over, "who promised to beat is given three beats and some grace");
	sim_run(w->sim, 40 * MONO_SEC);
	ok(promised.over && promised.code == GRPC_UNAVAILABLE, "and is let go then: his letters would go nowhere");
	is_str(promised.text, "your heartbeats stopped", "in those words");
	sim_run(w->sim, 10 * MONO_MIN);
	ok(!stock.over, "who promised nothing may be silent");
	grpc_cancel(left);
}

int
main(void)
{
	struct world w;

	is_int(net_beat_parse("30000"), 30 * MONO_SEC, "an interval in a header");
	is_int(net_beat_parse("1"), 500 * MONO_MS, "not more often than twice a second");
	is_int(net_beat_parse("fast"), -1, "a word is no interval");
	is_int(net_beat_parse("99999999999999999999"), -1, "nor is a number beyond all days");
	is_int(net_beat_parse(NULL), -1, "nor nothing");
	world_open(&w, 5);
	w.conf.beat_us = 20 * MONO_SEC;
	world_start(&w);
	test_asked(&w);
	test_mute(&w);
	world_close(&w);
	world_open(&w, 6);
	w.conf.beat_us = -1;
	world_start(&w);
	test_not_asked(&w);
	world_close(&w);
	return tap_done();
}
