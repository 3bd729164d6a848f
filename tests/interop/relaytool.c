/* SPDX-License-Identifier: ISC */
/*
 * relaytool.c -- two relay pools and a channel each way, against a real relay.
 *
 *	relaytool URL SECRET|hex:SECRET [SECONDS]
 *
 * Makes its own tokens from the server's secret.  Prints what happens with times
 * and ends with one TAP line a fact: links up, channels up, packets both ways,
 * reopen after the watcher's word, throughput.  With SECONDS it goes on sending
 * a packet every 20 ms each way and reports the longest silence: cut and restart
 * the server meanwhile.
 */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "env/env.h"
#include "net/notes.h"
#include "relay/channel.h"
#include "relay/link.h"
#include "relay/pool.h"
#include "tests/tap.h"
#include "wire/keys.h"

struct end {
	struct app *app;
	const char *name;
	uint8_t key[32];
	struct relay_pool *pool;
	struct relay_channel *ch;
	struct end *other;
	int ups, downs, home_ups;
	uint64_t got, got_bytes, sent;
	struct mono last_got;
	int64_t worst;
};

struct app {
	struct env *env;
	struct fsm_loop *loop;
	struct env_timer *limit, *tick;
	struct end a, b;
	bool late;
	bool steady;
	bool (*until)(struct app *);
};

static void
check(struct app *p)
{
	if (p->until != NULL && p->until(p))
		env_stop(p->env);
}

static void
on_limit(void *arg)
{
	struct app *p = arg;

	p->late = true;
	env_stop(p->env);
}

static bool
wait_for(struct app *p, bool (*until)(struct app *), int64_t us)
{
	p->late = false;
	p->until = until;
	fsm_drain(p->loop);	/* what main posted: no callback of the env ends here */
	if (until != NULL && until(p))
		return true;
	env_timer_set(p->limit, us);
	env_run(p->env);
	env_timer_stop(p->limit);
	p->until = NULL;
	return !p->late;
}

static struct end *
end_of(struct app *p, struct relay_channel *ch)
{
	return ch == p->a.ch ? &p->a : &p->b;
}

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct app *p = arg;
	struct relay_channel *ch = (struct relay_channel *)(void *)from;
	struct relay_link *l = (struct relay_link *)(void *)from;

	(void)data;
	if (from->def == &relay_link_fsm) {
		if (send == RELAY_LINK_SEND_HOME_UP) {
			(l->pool == p->a.pool ? &p->a : &p->b)->home_ups++;
			return;
		}
		LIST_EACH(it, &l->channels)
			relay_channel_post(LIST_OF(it, struct relay_channel, on_link),
			    send == RELAY_LINK_SEND_LINK_UP ? RELAY_CHANNEL_EV_LINK_UP : RELAY_CHANNEL_EV_LINK_LOST, NULL);
	} else if (send == RELAY_CHANNEL_SEND_WANT_LINK) {
		if (ch->link != NULL)
			relay_link_post(ch->link, RELAY_LINK_EV_START, NULL);
	} else if (send == RELAY_CHANNEL_SEND_RELAY_UP)
		end_of(p, ch)->ups++;
	else
		end_of(p, ch)->downs++;
}

static void
on_input(void *arg, struct way *w, struct env_pkt *pkts, size_t n)
{
	struct end *e = arg;
	struct mono now = env_now(e->app->env);

	(void)w;
	for (size_t i = 0; i < n; i++) {
		e->got++;
		e->got_bytes += pkts[i].len;
	}
	if (mono_is_set(e->last_got) && mono_diff(now, e->last_got) > e->worst)
		e->worst = mono_diff(now, e->last_got);
	e->last_got = now;
}

static void
on_turn(void *arg)
{
	check(arg);
}

static void
make_end(struct app *p, struct end *e, const char *name, const char *url, const uint8_t secret[32])
{
	char payload[32];
	uint8_t sig[32];
	struct buf b = { 0 };

	e->app = p;
	e->name = name;
	env_random(p->env, e->key, 32);
	e->pool = relay_pool_new(p->env, p->loop, e->key, NULL, NULL, NULL);
	snprintf(payload, sizeof(payload), "%" PRId64, env_wall(p->env) / 1000000 + 3600);
	wire_relay_token_sign(sig, secret, payload);
	wire_b64_put(&b, sig, 32);
	relay_pool_set_token(e->pool, payload, buf_cstr(&b));
	buf_free(&b);
	relay_pool_set_home(e->pool, &url, 1);
}

static void
offer(struct end *e)
{
	struct wire_signal m = { .type = WIRE_SIGNAL_OFFER };
	const char *u = relay_pool_home_url(e->other->pool);
	struct note_signal *n;

	snprintf(m.relay_url, sizeof(m.relay_url), "%s", u != NULL ? u : "");
	m.relay_ip = relay_pool_home_ip(e->other->pool);
	n = note_signal_new(&m);
	relay_channel_post(e->ch, RELAY_CHANNEL_EV_OFFER, &n->data);
}

static bool
homes_up(struct app *p)
{
	return p->a.home_ups > 0 && p->b.home_ups > 0;
}

static bool
both_open(struct app *p)
{
	return relay_channel_is_open(p->a.ch) && relay_channel_is_open(p->b.ch);
}

static bool
all_got(struct app *p)
{
	return p->a.got >= 100 && p->b.got >= 100;
}

static void
send_some(struct end *e, int n, size_t len)
{
	uint8_t room[64 + 1500] = { 0 };
	struct way *w = relay_channel_way(e->ch);

	for (int i = 0; i < n; i++) {
		struct env_pkt p = { .data = room + 64, .len = (uint32_t)len, .headroom = 64 };

		w->ops->send(w, &p, 1);
		e->sent++;
	}
}

static bool
lots(struct app *p)
{
	return p->b.got_bytes >= 200000000;
}

static void
on_tick(void *arg)
{
	struct app *p = arg;

	if (p->steady) {
		send_some(&p->a, 1, 100);
		send_some(&p->b, 1, 100);
		env_timer_set(p->tick, 20 * MONO_MS);
		return;
	}
	while (relay_link_is_up(p->a.ch->link) && ws_queued(p->a.ch->link->ws) < 300000)
		send_some(&p->a, 32, 1350);
	env_timer_set(p->tick, 200);
}

int
main(int argc, char **argv)
{
	struct app p = { 0 };
	uint8_t key[32];
	struct relay_channel_hooks hooks = { .input = on_input };
	struct buf secret = { 0 };
	struct rusage before, after;
	struct mono t0;
	int64_t took;
	int seconds = argc > 3 ? atoi(argv[3]) : 0;

	if (argc < 3) {
		fprintf(stderr, "usage: relaytool URL SECRET [SECONDS]\n");
		return 2;
	}
	if (getenv("RELAYTOOL_DEBUG") != NULL)
		log_set_level(LOG_LV_DEBUG);
	p.env = env_new();
	p.loop = fsm_loop_new(p.env, route, &p);
	p.limit = env_timer_new(p.env, on_limit, &p);
	p.tick = env_timer_new(p.env, on_tick, &p);
	env_on_turn_end(p.env, on_turn, &p);
	if (strncmp(argv[2], "hex:", 4) == 0 && wire_hex_get(&secret, argv[2] + 4) == 0)
		wire_relay_token_key(key, buf_bytes(&secret), buf_len(&secret));
	else
		wire_relay_token_key(key, argv[2], strlen(argv[2]));
	buf_wipe(&secret);
	make_end(&p, &p.a, "a", argv[1], key);
	make_end(&p, &p.b, "b", argv[1], key);
	p.a.other = &p.b;
	p.b.other = &p.a;
	p.a.ch = relay_channel_new(p.a.pool, p.b.key, "b", &hooks, &p.a);
	p.b.ch = relay_channel_new(p.b.pool, p.a.key, "a", &hooks, &p.b);
	t0 = env_now(p.env);
	ok(wait_for(&p, homes_up, 10 * MONO_SEC), "both home links come up (%d ms)", (int)(mono_diff(env_now(p.env), t0) / 1000));
	offer(&p.a);
	offer(&p.b);
	t0 = env_now(p.env);
	ok(wait_for(&p, both_open, 5 * MONO_SEC), "both channels open (%d ms)", (int)(mono_diff(env_now(p.env), t0) / 1000));
	ok(p.a.ups == 1 && p.b.ups == 1, "each told once");
	send_some(&p.a, 100, 1350);
	send_some(&p.b, 100, 40);
	ok(wait_for(&p, all_got, 5 * MONO_SEC), "a hundred packets each way");
	offer(&p.a);
	wait_for(&p, NULL, 200 * MONO_MS);
	ok(p.a.ups == 1 && p.a.downs == 0, "another offer reuses the channel");
	relay_channel_post(p.a.ch, RELAY_CHANNEL_EV_MARK_STALE, NULL);
	wait_for(&p, NULL, 200 * MONO_MS);
	ok(p.a.downs == 1 && !relay_channel_is_open(p.a.ch), "the watcher's word makes it stale");
	offer(&p.a);
	ok(wait_for(&p, both_open, 5 * MONO_SEC) && p.a.ups == 2, "an offer reopens it");
	if (seconds > 0) {
		p.steady = true;
		p.a.worst = p.b.worst = 0;
		env_timer_set(p.tick, 1000);
		wait_for(&p, NULL, seconds * MONO_SEC);
		printf("# longest silence a %d ms, b %d ms; sent %" PRIu64 "/%" PRIu64 " got %" PRIu64 "/%" PRIu64 "\n",
		    (int)(p.a.worst / 1000), (int)(p.b.worst / 1000), p.a.sent, p.b.sent, p.b.got, p.a.got);
	} else {
		p.b.got_bytes = 0;
		t0 = env_now(p.env);
		env_timer_set(p.tick, 200);
		getrusage(RUSAGE_SELF, &before);
		ok(wait_for(&p, lots, 60 * MONO_SEC), "200 MB through the relay, all on this machine");
		getrusage(RUSAGE_SELF, &after);
		took = mono_diff(env_now(p.env), t0);
		printf("# %d Mbit/s, %d CPU-ms here\n", (int)(1600000000 / (took + 1)),
		    (int)((after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
		    (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000));
	}
	env_timer_free(p.tick);
	relay_channel_free(p.a.ch);
	relay_channel_free(p.b.ch);
	relay_pool_free(p.a.pool);
	relay_pool_free(p.b.pool);
	env_timer_free(p.limit);
	fsm_loop_free(p.loop);
	env_off_turn_end(p.env, on_turn, &p);
	env_free(p.env);
	return tap_done();
}
