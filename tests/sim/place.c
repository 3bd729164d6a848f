/* SPDX-License-Identifier: ISC */
/*
 * place.c -- the program and the place of place.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/place.h"
#include "tests/sum.h"

/* ---- the program ------------------------------------------------------------------ */

static struct node *last_started;

void
node_on_udp(void *arg, struct env_pkt *p, size_t n)
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
		w->sum = sum_add(w->sum, n->data, n->len);
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
	w->udp = env_dgram_open(e, &any, node_on_udp, w, NULL);
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
started(struct sim_host *h, void *tls)
{
	sim_start(h, &prog, tls);
	return last_started;
}

struct node *
node_on(struct sim_host *h)
{
	return started(h, NULL);
}

struct node *
node_on_tls(struct sim_host *h)
{
	return started(h, &last_started);
}

void
send_no(struct node *w, struct addr to, uint16_t port, uint64_t no)
{
	uint8_t data[8];
	struct env_pkt p = { .data = data, .len = 8 };

	memcpy(data, &no, 8);
	to.port = port;
	p.peer = to;
	env_dgram_send(w->udp, &p, 1);
}

void
dial(struct node *w, struct addr to, const struct env_tls_client *tls)
{
	char text[ADDR_STRLEN];
	struct env_dial d = { .host = addr_str(&to, text), .port = 80, .tls = tls };

	env_stream_close(w->out);
	w->out = env_stream_dial(w->env, &d, on_note, w);
}

struct addr
last_from(const struct node *w)
{
	return w->from[(w->got + SEEN - 1) % SEEN];
}

/* ---- the place -------------------------------------------------------------------- */

void
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
