/* SPDX-License-Identifier: ISC */
/*
 * worlds.c -- does the simulated world behave like the one it stands for?
 *
 * NATs map and filter as RFC 4787 names it, links lose what they were told to,
 * streams survive loss and notice resets, power cuts and sleep do what they do,
 * and the same seed gives the same hash.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sodium.h>
#include "env/env.h"
#include "tests/sim/sim.h"
#include "tests/tap.h"

/* ---- a program to look through: a socket, a listener, a stream ------------------ */

#define SEEN	64

struct node {
	struct env *env;
	struct env_dgram *udp;
	struct env_tun *tun;
	struct env_listener *l;
	struct env_stream *in, *out;
	struct env_timer *tick;
	uint64_t got, disorder, last_no;
	struct addr from[SEEN];		/* senders of the last packets */
	int connected, eof, error, err, truncated, resumed, signals, changes, ticks;
	int64_t slept;
	size_t bytes;
	uint8_t sum;
	bool echo;
	struct node *tun_peer;
};

static struct node *last_started;

static void
on_udp(void *arg, struct env_pkt *p, size_t n)
{
	struct node *w = arg;

	for (size_t i = 0; i < n; i++) {
		size_t seg = p[i].segment != 0 ? p[i].segment : p[i].len;

		for (size_t at = 0; at < p[i].len; at += seg) {
			uint64_t no;

			w->from[w->got++ % SEEN] = p[i].peer;
			memcpy(&no, p[i].data + at, 8);
			if (no < w->last_no)
				w->disorder++;
			w->last_no = no;
			if (w->echo) {
				struct env_pkt back = { .data = p[i].data + at, .len = 8, .peer = p[i].peer };

				env_dgram_send(w->udp, &back, 1);
			}
		}
	}
}

static void
on_note(void *arg, const struct env_stream_note *n)
{
	struct node *w = arg;

	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		w->connected++;
		break;
	case ENV_STREAM_DATA:
		w->bytes += n->len;
		for (size_t i = 0; i < n->len; i++)
			w->sum = (uint8_t)(w->sum * 31 + n->data[i]);
		break;
	case ENV_STREAM_EOF:
		w->eof++;
		break;
	case ENV_STREAM_TRUNCATED:
		w->truncated++;
		break;
	case ENV_STREAM_ERROR:
		w->error++;
		w->err = n->err;
		break;
	case ENV_STREAM_DRAINED:
		break;
	}
}

static void
on_accept(void *arg, struct env_stream *s)
{
	struct node *w = arg;

	env_stream_close(w->in);
	w->in = s;
	env_stream_set_fn(s, on_note, w);
}

static void
on_resumed(void *arg, int64_t slept)
{
	struct node *w = arg;

	w->resumed++;
	w->slept = slept;
}

static void
on_sig(void *arg, int signo)
{
	((struct node *)arg)->signals++;
}

static void
on_change(void *arg)
{
	((struct node *)arg)->changes++;
}

static void
on_tick(void *arg)
{
	struct node *w = arg;

	w->ticks++;
	env_timer_set(w->tick, MONO_SEC);
}

static void *
node_start(struct env *e, void *arg)
{
	struct node *w = calloc(1, sizeof *w);
	struct addr any = { .family = ADDR_V4, .port = 4000 };
	struct env_listen listen = { .addr = { .port = 80 } };
	struct env_tls_server tls = { "c", "k" };

	w->env = e;
	w->udp = env_dgram_open(e, &any, on_udp, w, NULL);
	if (arg != NULL)
		listen.tls = &tls;
	w->l = env_listen(e, &listen, on_accept, w, NULL);
	w->tick = env_timer_new(e, on_tick, w);
	env_timer_set(w->tick, MONO_SEC);
	env_on_resume(e, on_resumed, w);
	env_on_signal(e, SIGTERM, on_sig, w);
	env_on_host_change(e, on_change, w);
	last_started = w;
	return w;
}

static void
node_stop(void *arg)
{
	struct node *w = arg;

	env_dgram_close(w->udp);
	env_listener_close(w->l);
	env_stream_close(w->in);
	env_stream_close(w->out);
	env_timer_free(w->tick);
	env_tun_close(w->tun);
	free(w);
}

static const struct sim_prog prog = { "node", node_start, node_stop };

static struct node *
node_on(struct sim_host *h)
{
	sim_start(h, &prog, NULL);
	return last_started;
}

static void
send_no(struct node *w, struct addr to, uint16_t port, uint64_t no)
{
	uint8_t data[8];
	struct env_pkt p = { .data = data, .len = 8 };

	memcpy(data, &no, 8);
	to.port = port;
	p.peer = to;
	env_dgram_send(w->udp, &p, 1);
}

static void
dial(struct node *w, struct addr to, const struct env_tls_client *tls)
{
	char text[ADDR_STRLEN];
	struct env_dial d = { .host = addr_str(&to, text), .port = 80, .tls = tls };

	env_stream_close(w->out);
	w->out = env_stream_dial(w->env, &d, on_note, w);
}

static struct addr
last_from(const struct node *w)
{
	return w->from[(w->got + SEEN - 1) % SEEN];
}

/* ---- the usual place: a public server or two, homes behind routers ------------------ */

struct place {
	struct sim *s;
	struct sim_net *inet, *home[2];
	struct sim_nat *nat[2];
	struct sim_host *host[2], *server[2];
	struct sim_if *hif[2], *sif[2];
	struct node *n[2], *sv[2];
};

static void
place_make(struct place *p, uint64_t seed, const struct sim_nat_conf *a, const struct sim_nat_conf *b)
{
	memset(p, 0, sizeof *p);
	p->s = sim_new(seed);
	p->inet = sim_net_new(p->s, "inet", "203.0.113.0/24", NULL);
	for (int i = 0; i < 2; i++) {
		p->home[i] = sim_net_new(p->s, i ? "home1" : "home0", i ? "192.168.1.0/24" : "192.168.0.0/24", NULL);
		p->nat[i] = sim_nat_new(p->s, i ? "nat1" : "nat0", p->home[i], p->inet, NULL, i ? b : a);
		p->host[i] = sim_host_new(p->s, i ? "host1" : "host0");
		p->hif[i] = sim_attach(p->host[i], p->home[i], "eth0", NULL);
		p->server[i] = sim_host_new(p->s, i ? "server1" : "server0");
		p->sif[i] = sim_attach(p->server[i], p->inet, "eth0", NULL);
	}
	for (int i = 0; i < 2; i++) {
		p->n[i] = node_on(p->host[i]);
		p->sv[i] = node_on(p->server[i]);
	}
	sim_run(p->s, 10 * MONO_MS);
}

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
	second = env_dgram_open(p.sv[0]->env, &any, on_udp, p.sv[0], NULL);
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

/* ---- streams -------------------------------------------------------------------------- */

static uint8_t
sum_of(const uint8_t *b, size_t n)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum * 31 + b[i]);
	return sum;
}

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
	ok(p.sv[0]->sum == sum_of(big, sizeof big), "unharmed and in order");

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
	sim_start(p.server[0], &prog, &p);
	p.sv[0] = last_started;
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
	nats();
	streams();
	hosts();
	tuns();
	ok(chaos(1) == chaos(1), "the same seed, the same hash");
	ok(chaos(1) != chaos(2), "another seed, another hash");
	return tap_done();
}
