/* SPDX-License-Identifier: ISC */
/*
 * env_host-runs.c -- runs of TCP through two TUNs, tied together in this process.
 */
#include "config.h"
#include <sched.h>
#include <stdlib.h>
#include "tests/lab/env_host.h"
#include "tests/shell.h"
#include "tests/tap.h"

static void
forward(struct world *w, int to, struct env_pkt *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		w->runs += p[i].segment != 0;
		w->plain += p[i].segment == 0;
	}
	env_tun_write(w->tun[to], p, n);
}

static void on_tun0(void *arg, struct env_pkt *p, size_t n) { forward(arg, 1, p, n); }
static void on_tun1(void *arg, struct env_pkt *p, size_t n) { forward(arg, 0, p, n); }

static void
on_server(void *arg, const struct env_stream_note *n)
{
	struct world *w = arg;

	if (n->event == ENV_STREAM_DATA)
		w->got += n->len;
	else
		env_stop(w->env);
}

static void
on_client(void *arg, const struct env_stream_note *n)
{
	struct world *w = arg;

	w->connected |= n->event == ENV_STREAM_CONNECTED;
	env_stop(w->env);
}

static void
on_accept(void *arg, struct env_stream *s)
{
	struct world *w = arg;

	w->server = s;
	env_stream_set_fn(s, on_server, w);
}

void
test_runs(struct world *w, const char *kind, const char *left, const char *right)
{
	const size_t size = 50 << 20;
	struct env_listen on = { 0 };
	struct env_dial to = { .host = left, .port = 5001 };
	struct env_listener *l;
	struct mono begun;
	uint8_t *bytes = calloc(1, size);
	int err;

	unshare(CLONE_NEWNET);
	w->tun[0] = env_tun_open(w->env, "gw0", 1280, on_tun0, w, &err);
	shell("ip addr add %s dev gw0 nodad; ip route add %s dev gw0", left, right);
	addr_parse(&on.addr, left);
	on.addr.port = to.port;
	l = env_listen(w->env, &on, on_accept, w, &err);
	unshare(CLONE_NEWNET);
	w->tun[1] = env_tun_open(w->env, "gw0", 1280, on_tun1, w, &err);
	shell("ip addr add %s dev gw0 nodad; ip route add %s dev gw0", right, left);
	w->got = 0;
	w->runs = w->plain = 0;
	w->connected = false;
	w->server = NULL;
	begun = env_now(w->env);
	w->client = env_stream_dial(w->env, &to, on_client, w);
	lab_run(w, 3 * MONO_SEC);
	if (ok(w->connected && l != NULL, "%s: two TUNs carry a connection", kind)) {
		env_stream_write(w->client, bytes, size);
		env_stream_finish(w->client);
		for (int i = 0; i < 10 && w->got < size; i++)
			lab_run(w, MONO_SEC);
		is_int(w->got, size, "%s: fifty megabytes arrive", kind);
		ok(w->runs > 500, "%s: in runs: %d, and %d single packets, %lld us", kind, w->runs, w->plain,
		    (long long)mono_diff(env_now(w->env), begun));
	}
	env_stream_close(w->server);
	env_listener_close(l);
	env_tun_close(w->tun[0]);
	env_tun_close(w->tun[1]);
	free(bytes);
}
