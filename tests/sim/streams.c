/* SPDX-License-Identifier: ISC */
/*
 * streams.c -- do simulated streams (place.h) survive loss, notice resets and end
 * as real ones do?
 */
#include <errno.h>
#include <sodium.h>
#include "tests/sim/place.h"
#include "tests/sum.h"
#include "tests/tap.h"

static void
streams(void)
{
	static uint8_t big[500000];
	struct sim_link bad = { .delay = 10 * MONO_MS, .jitter = 5 * MONO_MS, .loss = 30000, .dup = 10000, .reorder = 10000 };
	struct env_tls_client tls = { .server_name = "server", .alpn = "h2" };
	struct place p;
	struct sim_cut *cut;
	struct addr to;

	randombytes_buf(big, sizeof big);
	place_make(&p, 21, NULL, NULL);
	to = sim_if_addr(p.sif[0]);
	sim_if_link(p.sif[0], &bad);
	dial(p.n[0], to, NULL);
	env_stream_write(p.n[0]->out, big, sizeof big);
	sim_run(p.s, 250 * MONO_MS);
	ok(p.n[0]->connected == 1 && p.sv[0]->bytes < sizeof big, "a stream over a bad link, under way");
	cut = sim_cut(p.s, "0.0.0.0/0", "203.0.113.0/24", SIM_TCP);
	sim_run(p.s, MONO_SEC);
	{
		size_t before = p.sv[0]->bytes;

		sim_run(p.s, 20 * MONO_SEC);
		is_int(p.sv[0]->bytes, before, "a cut stalls it");
	}
	ok(p.n[0]->error == 0 && p.sv[0]->error == 0, "in silence");
	sim_uncut(cut);
	sim_run(p.s, 200 * MONO_SEC);
	is_int(p.sv[0]->bytes, sizeof big, "afterwards all of it comes");
	ok(p.sv[0]->sum == sum_add(0, big, sizeof big), "unharmed and in order");

	/* the far end dies in several ways */
	sim_if_link(p.sif[0], &(struct sim_link){ .delay = MONO_MS });
	sim_kill(p.sv[0]->env);
	sim_run(p.s, MONO_SEC);
	ok(p.n[0]->eof == 1, "a killed program's kernel says FIN");
	p.sv[0] = node_on(p.server[0]);
	dial(p.n[0], to, NULL);
	sim_run(p.s, MONO_SEC);
	sim_power_cut(p.server[0]);
	sim_run(p.s, 10 * MONO_SEC);
	ok(p.n[0]->eof == 1 && p.n[0]->error == 0, "a power cut says nothing");
	sim_power_on(p.server[0]);
	p.sv[0] = node_on(p.server[0]);
	env_stream_write(p.n[0]->out, "x", 1);
	sim_run(p.s, 10 * MONO_SEC);
	ok(p.n[0]->error == 1 && p.n[0]->err == -ECONNRESET, "the next write finds nobody: reset");
	p.n[0]->error = p.n[0]->connected = 0;
	dial(p.n[0], to, NULL);
	sim_run(p.s, MONO_SEC);
	sim_nat_rebind(p.nat[0], "203.0.113.88");
	env_stream_write(p.n[0]->out, "x", 1);
	sim_run(p.s, MONO_SEC);
	ok(p.n[0]->connected == 1 && p.n[0]->error == 1, "a router that forgot the stream breaks it");
	cut = sim_cut(p.s, "0.0.0.0/0", "203.0.113.0/24", SIM_TCP);
	p.n[0]->error = 0;
	dial(p.n[0], to, NULL);
	sim_run(p.s, 120 * MONO_SEC);
	is_int(p.n[0]->error, 0, "dialling into a black hole waits");
	sim_run(p.s, 20 * MONO_SEC);
	ok(p.n[0]->error == 1 && p.n[0]->err == -ETIMEDOUT, "for some two minutes");
	sim_uncut(cut);
	p.n[0]->error = 0;
	p.n[0]->eof = 0;

	/* TLS is a flag, with its ends */
	dial(p.n[0], to, &tls);
	sim_run(p.s, 2 * MONO_SEC);
	ok(p.n[0]->error == 0 && p.n[0]->connected == 1, "TLS to a plain server hangs, as it does outside");
	sim_exit(p.sv[0]->env);
	p.sv[0] = node_on_tls(p.server[0]);
	dial(p.n[0], to, NULL);
	sim_run(p.s, 2 * MONO_SEC);
	env_stream_write(p.n[0]->out, "GET /", 5);
	p.n[0]->error = p.n[0]->eof = p.n[0]->connected = 0;
	sim_run(p.s, 2 * MONO_SEC);
	ok(p.n[0]->error + p.n[0]->eof == 1 && p.sv[0]->in == NULL, "plain to a TLS server is refused");
	dial(p.n[0], to, &tls);
	sim_run(p.s, 2 * MONO_SEC);
	ok(p.n[0]->connected == 1 && strcmp(env_stream_alpn(p.sv[0]->in), "h2") == 0, "TLS to a TLS server, with ALPN");
	p.n[0]->eof = 0;
	env_stream_finish(p.sv[0]->in);
	p.sv[0]->in = NULL;
	sim_run(p.s, MONO_SEC);
	ok(p.n[0]->eof == 1 && p.n[0]->truncated == 0, "finish ends it with close_notify");
	dial(p.n[0], to, &tls);
	sim_run(p.s, 2 * MONO_SEC);
	sim_kill(p.sv[0]->env);
	sim_run(p.s, MONO_SEC);
	ok(p.n[0]->truncated == 1, "a killed server ends it without");
	is_int(sim_leaks(p.s), 0, "no program left anything behind");
	sim_free(p.s);
}

int
main(void)
{
	streams();
	return tap_done();
}
