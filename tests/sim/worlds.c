/* SPDX-License-Identifier: ISC */
/*
 * worlds.c -- does the simulated world behave like the one it stands for?
 *
 * Links (place.h) lose what they were told to, power cuts and sleep do what they
 * do, an outage is measured, and the same seed gives the same hash.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sodium.h>
#include "tests/sim/place.h"
#include "tests/tap.h"

static void
links(void)
{
	struct place p;
	struct sim_link bad = { .delay = 10 * MONO_MS, .jitter = 5 * MONO_MS, .loss = 100000, .dup = 50000 };
	struct sim_link good = { .delay = 10 * MONO_MS, .jitter = 5 * MONO_MS };
	uint64_t n = 20000, got;

	place_make(&p, 11, NULL, NULL);
	sim_if_link(p.sif[1], &(struct sim_link){ .delay = MONO_MS });
	sim_if_link_dirs(p.sif[0], &bad, &good);
	for (uint64_t i = 1; i <= n; i++) {
		send_no(p.sv[0], sim_if_addr(p.sif[1]), 4000, i);
		sim_run(p.s, 300);
	}
	sim_run(p.s, MONO_SEC);
	got = p.sv[1]->got;
	ok(sim_stats(p.s)->lost > n * 9 / 100 && sim_stats(p.s)->lost < n * 11 / 100, "a tenth is lost: %llu of %llu",
	    (unsigned long long)sim_stats(p.s)->lost, (unsigned long long)n);
	ok(sim_stats(p.s)->duplicated > n * 4 / 100 && sim_stats(p.s)->duplicated < n * 5 / 100 + 60, "some come twice");
	ok(got == n - sim_stats(p.s)->lost + sim_stats(p.s)->duplicated, "the counts add up");
	is_int(p.sv[1]->disorder, 0, "jitter alone keeps the order");
	bad.loss = bad.dup = 0;
	bad.reorder = 100000;
	sim_if_link_dirs(p.sif[0], &bad, &good);
	for (uint64_t i = 1; i <= 2000; i++) {
		send_no(p.sv[0], sim_if_addr(p.sif[1]), 4000, n + i);
		sim_run(p.s, MONO_MS);
	}
	ok(p.sv[1]->disorder > 100, "reordering does not");
	sim_free(p.s);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static int files_done, files_err;

static void
on_file(void *arg, int err)
{
	files_done++;
	files_err = err;
}

static size_t found;
static void
on_found(void *arg, const struct addr *a, size_t n, const char *why)
{
	found = 10 + n;
}

static void
hosts(void)
{
	struct place p;
	struct mono before;
	int64_t wall;
	int ticks;
	size_t len;
	struct addr server;

	place_make(&p, 31, NULL, NULL);
	sim_run(p.s, 5500 * MONO_MS);
	is_int(p.n[0]->ticks, 5, "a tick a second");
	before = env_now(p.n[0]->env);
	wall = env_wall(p.n[0]->env);
	sim_suspend(p.host[0]);
	send_no(p.sv[0], sim_nat_addr(p.nat[0]), 4000, 1);
	sim_run(p.s, 8 * MONO_HOUR);
	is_int(p.n[0]->ticks, 5, "none while it sleeps");
	sim_resume(p.host[0]);
	sim_run(p.s, 2 * MONO_SEC + 500 * MONO_MS);
	ok(p.n[0]->resumed == 1 && p.n[0]->slept == 8 * MONO_HOUR, "it hears of its sleep");
	ok(p.n[0]->ticks >= 7 && p.n[0]->ticks <= 8, "and goes on");
	ok(mono_diff(env_now(p.n[0]->env), before) > 8 * MONO_HOUR, "the boot clock counts the sleep");
	sim_wall_step(p.host[0], -MONO_HOUR);
	ok(env_wall(p.n[0]->env) - wall < 7 * MONO_HOUR + MONO_MIN, "the wall clock can be set back");
	ticks = p.n[0]->ticks;
	sim_freeze(p.n[0]->env, true);
	sim_run(p.s, 10 * MONO_SEC);
	is_int(p.n[0]->ticks, ticks, "a stopped program does nothing");
	sim_freeze(p.n[0]->env, false);
	sim_run(p.s, 100 * MONO_MS);
	is_int(p.n[0]->ticks, ticks + 1, "then catches up");
	sim_signal(p.n[0]->env, SIGTERM);
	sim_if_set_addr(p.hif[0], "192.168.0.99");
	sim_if_set_addr(p.hif[0], "192.168.0.98");
	sim_run(p.s, MONO_SEC);
	ok(p.n[0]->signals == 1 && p.n[0]->changes == 1, "signals and joined host changes arrive");

	env_file_write(p.n[0]->env, "/var/x", 0600, "abc", 3, on_file, NULL);
	sim_run(p.s, MONO_SEC);
	ok(files_done == 1 && files_err == 0 && sim_file_get(p.host[0], "/var/x", &len) != NULL && len == 3, "a file is written");
	sim_disk(p.host[0], &(struct sim_disk_faults){ .full = true });
	env_file_write(p.n[0]->env, "/var/x", 0600, "abcdef", 6, on_file, NULL);
	sim_run(p.s, MONO_SEC);
	ok(files_err == -ENOSPC && sim_file_get(p.host[0], "/var/x", &len) != NULL && len == 3, "a full disk keeps the old one");
	sim_disk(p.host[0], &(struct sim_disk_faults){ .delay = MONO_SEC });
	env_file_write(p.n[0]->env, "/var/x", 0600, "abcdef", 6, on_file, NULL);
	sim_power_cut(p.host[0]);
	ok(sim_file_get(p.host[0], "/var/x", &len) != NULL && len == 3, "what was not complete is lost with the power");
	sim_power_on(p.host[0]);

	addr_parse(&server, "203.0.113.9");
	sim_name(p.s, "vpn.example", &server);
	env_lookup(p.n[1]->env, "vpn.example", on_found, NULL);
	sim_run(p.s, MONO_SEC);
	is_int(found, 11, "a name is found");
	sim_dns_dead(p.s, true);
	found = 0;
	env_lookup(p.n[1]->env, "vpn.example", on_found, NULL);
	sim_run(p.s, 4 * MONO_SEC);
	is_int(found, 0, "a dead resolver keeps us waiting");
	sim_run(p.s, 2 * MONO_SEC);
	is_int(found, 10, "and fails");
	sim_free(p.s);
}

/* ---- TUN and ping ------------------------------------------------------------------------------ */

static void
on_tun(void *arg, struct env_pkt *p, size_t n)
{
	struct node *w = arg;

	if (w->tun_peer != NULL && w->tun_peer->tun != NULL)
		env_tun_write(w->tun_peer->tun, p, n);
}

static void
tuns(void)
{
	struct place p;
	struct addr a0, a1;
	struct sim_ping *ping;
	struct sim_ping_stats st;

	place_make(&p, 41, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		struct env_host_req r = { .op = ENV_HOST_ADDR_ADD, .iface = "wt0" };

		p.n[i]->tun = env_tun_open(p.n[i]->env, "wt0", 1280, on_tun, p.n[i], NULL);
		p.n[i]->tun_peer = p.n[!i];
		addr_prefix_parse(&r.prefix, i ? "100.64.0.2/10" : "100.64.0.1/10");
		env_host_ask(p.n[i]->env, &r, NULL, NULL);
	}
	sim_run(p.s, MONO_SEC);
	a0 = sim_overlay_addr(p.host[0]);
	a1 = sim_overlay_addr(p.host[1]);
	ok(a0.ip[3] == 1 && a1.ip[3] == 2, "two overlay addresses");
	ping = sim_ping(p.host[0], &a1, 100 * MONO_MS);
	sim_run(p.s, 10 * MONO_SEC);
	st = sim_ping_stats(ping);
	ok(st.sent >= 99 && st.got >= 99 && st.last_rtt >= 0, "pings are answered");
	ok(st.longest_gap < 150 * MONO_MS, "without a gap");
	p.n[0]->tun_peer = NULL;
	sim_run(p.s, 5 * MONO_SEC);
	p.n[0]->tun_peer = p.n[1];
	sim_run(p.s, 5 * MONO_SEC);
	st = sim_ping_stats(ping);
	ok(st.longest_gap > 4900 * MONO_MS && st.longest_gap < 5200 * MONO_MS, "an outage is measured");
	is_int(sim_stats(p.s)->ip_bad, 0, "all checksums were right");
	sim_free(p.s);
}

/* ---- the same seed, the same hash ------------------------------------------------------------------ */

static uint64_t
chaos(uint64_t seed)
{
	struct place p;
	struct sim_link bad = { .delay = 3 * MONO_MS, .jitter = 20 * MONO_MS, .loss = 50000, .dup = 50000, .reorder = 50000 };
	uint64_t hash;
	uint8_t key[32];

	place_make(&p, seed, NULL, NULL);
	for (int i = 0; i < 2; i++)
		sim_if_link(p.hif[i], &bad);
	p.sv[0]->echo = true;
	for (uint64_t i = 0; i < 300; i++) {
		struct node *n = p.n[sim_chance(p.s, 2)];

		send_no(n, sim_if_addr(p.sif[sim_chance(p.s, 2)]), 4000, i);
		if (sim_chance(p.s, 10) == 0) {
			dial(n, sim_if_addr(p.sif[0]), NULL);
			randombytes_buf(key, sizeof key);
			env_stream_write(n->out, key, sizeof key);
		}
		if (sim_chance(p.s, 50) == 0)
			sim_nat_rebind(p.nat[sim_chance(p.s, 2)], NULL);
		if (sim_chance(p.s, 50) == 0) {
			sim_kill(p.sv[0]->env);
			p.sv[0] = node_on(p.server[0]);
		}
		sim_run(p.s, (int64_t)sim_chance(p.s, 200 * MONO_MS));
	}
	randombytes_buf(key, sizeof key);
	sim_hash_add(p.s, key, sizeof key);
	hash = sim_hash(p.s);
	sim_free(p.s);
	return hash;
}

int
main(int argc, char **argv)
{
	if (argc > 1) {	/* for the test with several memory layouts */
		printf("%016llx\n", (unsigned long long)chaos(strtoull(argv[1], NULL, 0)));
		return 0;
	}
	links();
	hosts();
	tuns();
	ok(chaos(1) == chaos(1), "the same seed, the same hash");
	ok(chaos(1) != chaos(2), "another seed, another hash");
	return tap_done();
}
