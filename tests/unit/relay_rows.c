/* SPDX-License-Identifier: ISC */
/*
 * relay_rows.c -- every row of relay-link.fsm and relay-channel.fsm, fired with
 * the real src/relay over pipes (net_pipes.h) against a relay server made of
 * src/net in this file, which does what the test tells it.
 *
 * The last test asks the row counters: a row that nothing here fired fails it,
 * and so does a `never` row that something fired.
 */
#include "net_pipes.h"
#include "fsm/fsm.h"
#include "net/http1.h"
#include "net/notes.h"
#include "net/ws.h"
#include "relay/channel.h"
#include "relay/channel-impl.h"
#include "relay/link.h"
#include "relay/pool.h"
#include "relay/pool-impl.h"
#include "tests/tap.h"
#include "wire/keys.h"
#include "wire/relaymsg.h"

#define HOME	"rel://home:1000"
#define OTHER	"rel://other:2000"

struct relayd {
	struct world *w;
	uint16_t port;
	const char *url;
	struct env_listener *listener;
	struct http1_front *front;
	struct ws *ws;			/* the one connection under test */
	bool mute;			/* takes the auth and says nothing */
	bool early_health, quiet;	/* health before the answer; no presence answers */
	bool peer_there;
	int conns, auths, healths, subs, unsubs, closes, packets, lost;
};

struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct relay_pool *pool;
	struct relay_channel *ch;
	struct relayd home, other;
	uint8_t peer[32];
	int ups, downs, home_ups, inputs;
	size_t input_len;
};

static uint32_t link_hits[200], channel_hits[200];

/* ---- the server ----------------------------------------------------------------- */

static void
say(struct relayd *d, const struct buf *b)
{
	if (d->ws != NULL)
		ws_send(d->ws, buf_bytes(b), buf_len(b), NULL, 0);
}

static void
say_plain(struct relayd *d, enum wire_relay_type t)
{
	struct buf b = { 0 };

	wire_relay_put_plain(&b, t);
	say(d, &b);
	buf_free(&b);
}

static void
say_ids(struct relayd *d, enum wire_relay_type t)
{
	struct buf b = { 0 };

	wire_relay_put_ids(&b, t, d->w->ch->id, 1);
	say(d, &b);
	buf_free(&b);
}

static void
say_auth_ok(struct relayd *d)
{
	struct buf b = { 0 };

	wire_relay_put_auth_response(&b, d->url);
	say(d, &b);
	buf_free(&b);
}

static void
say_packet(struct relayd *d, const void *data, size_t len)
{
	uint8_t head[WIRE_RELAY_HEADER];

	wire_relay_transport_header(head, d->w->ch->id);
	ws_send(d->ws, head, sizeof(head), data, len);
}

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct relayd *d = arg;
	struct wire_relay_msg m;

	if (n->event == WS_CLOSED || n->event == WS_LOST) {
		d->lost++;
		ws_free(d->ws);
		d->ws = NULL;
		return;
	}
	if (n->event != WS_MESSAGE || wire_relay_parse(&m, n->data, n->len) != 0)
		return;
	switch ((int)m.type) {
	case WIRE_RELAY_AUTH:
		d->auths++;
		if (d->early_health)
			say_plain(d, WIRE_RELAY_HEALTH);
		if (!d->mute)
			say_auth_ok(d);
		break;
	case WIRE_RELAY_HEALTH:
		d->healths++;
		break;
	case WIRE_RELAY_CLOSE:
		d->closes++;
		break;
	case WIRE_RELAY_SUBSCRIBE:
		d->subs++;
		if (d->peer_there && !d->quiet)
			say_ids(d, WIRE_RELAY_ONLINE);
		break;
	case WIRE_RELAY_UNSUBSCRIBE:
		d->unsubs++;
		break;
	case WIRE_RELAY_TRANSPORT:
		d->packets++;
		break;
	default:
		break;
	}
}

static void
on_h2(void *arg, struct env_stream *st, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	env_stream_close(st);
}

static void
on_request(void *arg, struct env_stream *st, const struct http1_head *h, const uint8_t *p, size_t n)
{
	struct relayd *d = arg;

	d->conns++;
	ws_free(d->ws);
	d->ws = ws_accept(d->w->env, st, h, p, n, NULL, on_ws, d);
}

static const struct http1_front_ops front_ops = { on_h2, on_request };

static void
on_accept(void *arg, struct env_stream *st)
{
	struct relayd *d = arg;

	http1_front_take(d->front, st);
}

static void
relayd_start(struct world *w, struct relayd *d, uint16_t port, const char *url)
{
	struct env_listen l = { .addr.port = port };
	int err;

	d->w = w;
	d->port = port;
	d->url = url;
	d->peer_there = true;
	if (d->front == NULL)
		d->front = http1_front_new(w->env, &front_ops, d);
	d->listener = env_listen(w->env, &l, on_accept, d, &err);
}

static void
relayd_stop(struct relayd *d)
{
	if (d->listener != NULL)
		env_listener_close(d->listener);
	d->listener = NULL;
	ws_free(d->ws);
	d->ws = NULL;
}

/* ---- the agent ------------------------------------------------------------------------ */

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct world *w = arg;
	struct relay_link *l = (struct relay_link *)(void *)from;
	struct relay_channel *ch = (struct relay_channel *)(void *)from;

	if (from->def == &relay_link_fsm) {
		if (send == RELAY_LINK_SEND_HOME_UP)
			w->home_ups++;
		else
			LIST_EACH(it, &l->channels)
				relay_channel_post(LIST_OF(it, struct relay_channel, on_link), send == RELAY_LINK_SEND_LINK_DOWN ?
				    RELAY_CHANNEL_EV_LINK_LOST : RELAY_CHANNEL_EV_LINK_UP, NULL);
	} else if (send == RELAY_CHANNEL_SEND_WANT_LINK)
		relay_link_post(ch->link, RELAY_LINK_EV_START, NULL);
	else if (send == RELAY_CHANNEL_SEND_DOUBT)
		relay_link_post(ch->link, RELAY_LINK_EV_DOUBT, NULL);
	else if (send == RELAY_CHANNEL_SEND_RELAY_UP) {
		const struct note_way *n = (const struct note_way *)(const void *)data;

		w->ups += n != NULL && n->way == relay_channel_way(ch) && n->server[0] != '\0';
	} else
		w->downs++;
}

static void
on_input(void *arg, struct way *way, struct env_pkt *p, size_t n)
{
	struct world *w = arg;

	(void)way;
	w->inputs += (int)n;
	w->input_len = p->len;
}

static void
run(struct world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}

/* own: whether our key is the larger, so that we meet at our home. */
static void
world_make_with(struct world *w, bool own, const struct relay_options *opt)
{
	static const struct relay_channel_hooks hooks = { on_input };
	uint8_t us[32] = { 0 };

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(1000000);
	w->env->local = (struct addr){ .family = ADDR_V4, .ip = { 10, 1, 0, 2 } };
	w->loop = fsm_loop_new(w->env, route, w);
	us[0] = own ? 0xff : 0x04;
	w->peer[0] = own ? 0x04 : 0xff;
	if ((wire_key_cmp_text(us, w->peer) > 0) != own) {
		us[0] = own ? 0x04 : 0xff;
		w->peer[0] = own ? 0xff : 0x04;
	}
	relayd_start(w, &w->home, 1000, HOME);
	relayd_start(w, &w->other, 2000, OTHER);
	w->pool = relay_pool_new(w->env, w->loop, us, opt, NULL, NULL);
	w->ch = relay_channel_new(w->pool, w->peer, "peer", &hooks, w);
}

static void
world_make(struct world *w, bool own)
{
	world_make_with(w, own, NULL);
}

static void
home(struct world *w, const char *a, const char *b)
{
	const char *urls[] = { a, b };

	relay_pool_set_home(w->pool, urls, a == NULL ? 0 : b == NULL ? 1 : 2);
	run(w, 100 * MONO_MS);
}

static void
offer(struct world *w, const char *url, uint32_t generation)
{
	struct wire_signal m = { .has_generation = generation != 0, .generation = generation };

	snprintf(m.relay_url, sizeof(m.relay_url), "%s", url);
	relay_channel_post(w->ch, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(w, 100 * MONO_MS);
}

static void
post(struct world *w, enum relay_channel_event ev)
{
	relay_channel_post(w->ch, ev, NULL);
	run(w, 100 * MONO_MS);
}

static void
post_link(struct world *w, struct relay_link *l, enum relay_link_event ev)
{
	relay_link_post(l, ev, NULL);
	run(w, 100 * MONO_MS);
}

static void
count(void *arg, struct fsm *m)
{
	uint32_t *hits = m->def == &relay_link_fsm ? link_hits : channel_hits;

	(void)arg;
	for (int i = 0; i < m->def->nrow && i < 200; i++)
		hits[i] += m->hits[i];
}

static void
take_link(struct relay_link *l, void *arg)
{
	struct relay_link **out = arg;

	if (l->home == (out[1] == NULL) && out[0] == NULL)
		out[0] = l;
}

static struct relay_link *
the_home(struct world *w)
{
	struct relay_link *out[2] = { NULL, NULL };

	relay_pool_each_link(w->pool, take_link, out);
	return out[0];
}

/* The first foreign link, or NULL. */
static struct relay_link *
the_foreign(struct world *w)
{
	struct relay_link *out[2] = { NULL, (void *)w };

	relay_pool_each_link(w->pool, take_link, out);
	return out[0];
}

static void
world_end(struct world *w)
{
	fsm_each(w->loop, count, NULL);
	relay_channel_free(w->ch);
	relay_pool_free(w->pool);
	fsm_loop_free(w->loop);
	relayd_stop(&w->home);
	relayd_stop(&w->other);
	http1_front_free(w->home.front);
	http1_front_free(w->other.front);
	pipes_reap(w->env);
	ok(list_empty(&w->env->streams) && list_empty(&w->env->timers), "nothing is left open");
	pipes_free(w->env);
}

#define LINK_IS(l, s)		((l)->fsm.state == RELAY_LINK_##s)
#define CHANNEL_IS(w, s)	((w)->ch->fsm.state == RELAY_CHANNEL_##s)

/* ---- the link ---------------------------------------------------------------------------- */

static void
test_link_up_and_down(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE), "stopping what never ran is harmless");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	post_link(&w, l, RELAY_LINK_EV_DOUBT);
	post_link(&w, l, RELAY_LINK_EV_NUDGE);
	home(&w, HOME, NULL);
	ok(LINK_IS(l, UP) && w.home_ups == 1 && w.home.auths == 1, "the home link comes up");
	is_str(relay_pool_home_url(w.pool), HOME, "under the name that the server gave itself");
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(w.home.conns == 1, "a second start does not dial");
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_MS);
	is_int(w.home.healths, 1, "a health check is answered");
	say_auth_ok(&w.home);
	run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, UP), "a second answer changes nothing");
	run(&w, 20 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 20 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "40 s with a beat every 20: up");
	run(&w, 16 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "36 s without: asked, and the answer satisfies");
	w.home.listener = (env_listener_close(w.home.listener), NULL);
	w.env->hole = true;
	run(&w, 24 * MONO_SEC);
	ok(!LINK_IS(l, UP) && w.home.conns == 1 && relay_pool_home_url(w.pool) == NULL, "neither beat nor answer: down in a second, and no address for offers");
	w.env->hole = false;
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE), "stopped while waiting or dialling");
	relayd_start(&w, &w.home, 1000, HOME);
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(LINK_IS(l, UP), "started again");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	ok(LINK_IS(l, IDLE) && w.home.closes == 1, "a goodbye when it is stopped");
	world_end(&w);
}

static void
test_link_dialling(void)
{
	struct world w;
	struct relay_link *l;
	int64_t t0;

	world_make(&w, true);
	l = the_home(&w);
	home(&w, "rel://nobody:7", HOME);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "the second address when the first refuses");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	w.env->hole = true;
	post_link(&w, l, RELAY_LINK_EV_START);
	run(&w, 11 * MONO_SEC);
	ok(LINK_IS(l, BACKOFF) || LINK_IS(l, DIALING), "a black hole: given up and tried again");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DIALING), "a new network dials at once");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DIALING), "and again when it changes under the dial");
	run(&w, 40 * MONO_SEC);
	w.env->hole = false;
	t0 = w.env->now;
	for (int i = 0; i < 300 && !LINK_IS(l, UP); i++)
		run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, UP) && w.env->now - t0 <= 3500 * MONO_MS, "after a hole of 50 s it is up in %d ms", (int)((w.env->now - t0) / MONO_MS));
	world_end(&w);

	world_make(&w, true);
	l = the_home(&w);
	home(&w, "rel://nobody:7", NULL);
	ok(LINK_IS(l, BACKOFF), "nobody there: waiting");
	for (int i = 0; i < 200 && !LINK_IS(l, BACKOFF); i++)
		run(&w, 10 * MONO_MS);
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	run(&w, 300 * MONO_SEC);
	ok(l->wait > 5 * MONO_SEC && l->wait <= 90 * MONO_SEC, "after minutes the waits are long (%d s)", (int)(l->wait / MONO_SEC));
	relay_link_post(l, RELAY_LINK_EV_NUDGE, NULL);
	fsm_drain(w.loop);
	ok(LINK_IS(l, DIALING), "another stream reached the server: dialled at once");
	world_end(&w);
}

static void
test_link_handshake(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	w.home.early_health = true;
	home(&w, HOME, NULL);
	ok(LINK_IS(l, UP), "a health check before the answer disturbs nothing");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	w.home.mute = true;
	w.home.early_health = false;
	post_link(&w, l, RELAY_LINK_EV_START);
	ok(LINK_IS(l, HANDSHAKING), "the answer is awaited");
	l->want_alive = true;	/* what a ping of a former state would leave */
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, HANDSHAKING), "nothing but the answer ends that");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(w.home.conns == 3, "a network change dials anew");
	run(&w, 9 * MONO_SEC);
	ok(w.home.conns >= 4, "no answer in 8 s: the next try");
	post_link(&w, l, RELAY_LINK_EV_STOP);
	world_end(&w);
}

/* RH-5: management names another server while the old one is being dialled. */
static void
test_link_list_changes(void)
{
	struct world w;
	struct relay_link *l;

	world_make(&w, true);
	l = the_home(&w);
	w.other.mute = true;
	home(&w, OTHER, NULL);
	ok(LINK_IS(l, HANDSHAKING) && w.other.auths == 1, "asked, and not answered yet");
	home(&w, HOME, NULL);
	say_auth_ok(&w.other);
	run(&w, 100 * MONO_MS);
	ok(LINK_IS(l, UP) && w.other.lost == 1, "another server meanwhile: the old one is let go");
	is_str(relay_pool_home_url(w.pool), HOME, "and the new one is our home");
	home(&w, OTHER, HOME);
	ok(LINK_IS(l, UP) && w.home.conns == 1 && l->at == 1, "a list in which it stays, elsewhere: nothing moves");
	home(&w, HOME, OTHER);
	ok(LINK_IS(l, UP) && w.home.conns == 1 && l->at == 0, "and back");
	world_end(&w);
}

static void
test_link_doubt(void)
{
	struct world w;
	struct relay_link *l;
	uint8_t packet[100] = { 0 };
	struct env_pkt p = { .data = packet, .len = sizeof(packet) };
	struct way *way;

	world_make(&w, true);
	l = the_home(&w);
	way = relay_channel_way(w.ch);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN), "a channel");
	run(&w, 5 * MONO_SEC);
	way->ops->send(way, &p, 1);
	run(&w, 9 * MONO_SEC);
	ok(LINK_IS(l, UP) && w.home.packets == 1, "packets out and none back: a ping asks, its answer satisfies");
	way->ops->send(way, &p, 1);
	w.env->hole = true;
	for (int i = 0; i < 1000 && !LINK_IS(l, DOUBTED); i++)
		run(&w, 10 * MONO_MS);
	ok(LINK_IS(l, DOUBTED), "in a hole: doubted within 8 s");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, DOUBTED), "already asking");
	w.env->hole = false;
	run(&w, 100 * MONO_MS);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "the hole ends in time: the same connection");
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(LINK_IS(l, UP) && w.home.conns == 1, "a network change asks, too");
	w.env->hole = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	ok(LINK_IS(l, DOUBTED), "doubted");
	relay_link_post_gen(l, RELAY_LINK_EV_HEALTH, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
	run(&w, 0);
	ok(LINK_IS(l, UP), "the server's beat is an answer");
	relay_link_post_gen(l, RELAY_LINK_EV_ALIVE, fsm_gen(&l->fsm, RELAY_LINK_RES_CONN), NULL);
	run(&w, 0);
	ok(LINK_IS(l, UP), "and the pong that comes after it disturbs nothing");
	w.downs = 0;
	relay_link_post(l, RELAY_LINK_EV_DOUBT, NULL);
	run(&w, 0);
	ok(LINK_IS(l, DOUBTED), "somebody's doubt asks as well");
	relay_link_post(l, RELAY_LINK_EV_DOUBT, NULL);
	run(&w, 5 * MONO_SEC);
	ok(w.downs == 1 && CHANNEL_IS(&w, STALE), "no answer: the link is lost, the channel hears it once");
	w.env->hole = false;
	run(&w, 4 * MONO_SEC);
	ok(LINK_IS(l, UP) && CHANNEL_IS(&w, OPEN) && w.ups == 2, "and both come back by themselves");
	w.env->local_gone = true;
	post_link(&w, l, RELAY_LINK_EV_NET_CHANGE);
	ok(w.downs == 2 && w.home.conns == 3 && LINK_IS(l, UP), "our address went: a new connection within a tenth of a second");
	w.env->local_gone = false;
	w.env->hole = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	w.env->local_gone = true;
	relay_link_post(l, RELAY_LINK_EV_NET_CHANGE, NULL);
	run(&w, 0);
	ok(LINK_IS(l, BACKOFF), "the same while doubted");
	run(&w, 700 * MONO_MS);
	ok(LINK_IS(l, DIALING), "and dialled soon");
	w.env->hole = false;
	world_end(&w);
}

/* The peer's side of the rule: it chooses its home, we go there. */
static void
test_link_foreign(void)
{
	struct world w;
	struct relay_link *f;

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	f = the_foreign(&w);
	ok(f != NULL && LINK_IS(f, UP) && CHANNEL_IS(&w, OPEN) && w.home_ups == 1, "a foreign link for the address of the offer");
	run(&w, 61 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	ok(f == the_foreign(&w), "a used one is kept");
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	for (int i = 0; i < 5 && LINK_IS(f, UP); i++) {
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
	}
	ok(LINK_IS(f, IDLE) && w.other.closes == 1, "an unused one is closed at the next sweep");
	relayd_stop(&w.other);
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, STALE) && !LINK_IS(f, IDLE), "an offer wants it again; it is dialled");
	relay_channel_free(w.ch);
	w.ch = relay_channel_new(w.pool, w.peer, "peer", NULL, &w);
	run(&w, 60 * MONO_SEC);
	ok(LINK_IS(f, IDLE), "nobody waits for it any more: no more tries");
	world_end(&w);

	world_make(&w, false);
	{
		struct wire_signal m = { .relay_ip = { .family = ADDR_V4, .ip = { 192, 0, 2, 9 } } };

		snprintf(m.relay_url, sizeof(m.relay_url), OTHER);
		home(&w, HOME, NULL);
		relay_channel_post(w.ch, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
		run(&w, 100 * MONO_MS);
		ok(CHANNEL_IS(&w, OPEN), "with a hint");
	}
	world_end(&w);
}

/* Story 3: options of the instance; zero or less keeps the default. */
static void
test_options(void)
{
	static const struct { int mtu; size_t longest; } mtu[] = {
		{ 0, 1327 }, { -1, 1327 }, { 576, 1327 }, { 1280, 1327 }, { 1400, 1447 }, { 8600, 8647 },
		{ 65535, WIRE_RELAY_MAX - WIRE_RELAY_HEADER }, { 2000000000, WIRE_RELAY_MAX - WIRE_RELAY_HEADER }
	};
	struct relay_options quick = { .cleanup_us = 2 * MONO_SEC, .unused_us = MONO_SEC }, usual = { .cleanup_us = -1, .unused_us = 0 };
	static uint8_t packet[WIRE_RELAY_MAX];
	struct world w;

	for (size_t i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		struct relay_options opt = { .mtu = mtu[i].mtu };
		size_t longest = mtu[i].longest;

		world_make_with(&w, true, &opt);
		home(&w, HOME, NULL);
		ok(relay_link_send(w.pool->home, w.ch->id, packet, longest) == 0 &&
		    relay_link_send(w.pool->home, w.ch->id, packet, longest + 1) == -EMSGSIZE && w.pool->home->dropped == 1,
		    "MTU %d: packets of up to %zu bytes leave", mtu[i].mtu, longest);
		world_end(&w);
	}
	for (int i = 0; i < 2; i++) {
		struct relay_link *f;

		world_make_with(&w, false, i == 0 ? &quick : &usual);
		home(&w, HOME, NULL);
		offer(&w, OTHER, 0);
		f = the_foreign(&w);
		post(&w, RELAY_CHANNEL_EV_CLOSE);
		run(&w, 5 * MONO_SEC);
		ok(LINK_IS(f, IDLE) == (i == 0), i == 0 ? "clean-up every 2 s: an unused server is left within 5" :
		    "zero and less keep the default: it is not");
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
		run(&w, 20 * MONO_SEC);
		say_plain(&w.other, WIRE_RELAY_HEALTH);
		run(&w, 20 * MONO_SEC);
		ok(LINK_IS(f, IDLE), "but after a minute it is");
		world_end(&w);
	}
}

/* Management calls our home by another name than it calls itself, and while it is
 * down a peer names it so.  One id, one server: the newer connection evicts the
 * older, so two links to it would do that to each other for ever. */
static void
test_link_twins(void)
{
	struct world w;
	int conns;

	world_make(&w, false);
	relayd_stop(&w.home);
	home(&w, "rel://alias:1000", NULL);
	offer(&w, HOME, 0);
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 10 * MONO_SEC);
	conns = w.home.conns;
	ok(LINK_IS(the_home(&w), UP) && CHANNEL_IS(&w, OPEN), "our home under two names: up, and the peer is met there");
	ok(w.ch->link == the_home(&w) && (the_foreign(&w) == NULL || LINK_IS(the_foreign(&w), IDLE)), "by one link");
	run(&w, 20 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 10 * MONO_SEC);
	ok(w.home.conns == conns && conns <= 4, "and neither name evicts the other (%d connections)", w.home.conns);
	offer(&w, "rel://other-alias:1000", 0);
	run(&w, 5 * MONO_SEC);
	offer(&w, "rel://other-alias:1000", 0);
	run(&w, 5 * MONO_SEC);
	ok(LINK_IS(the_home(&w), UP) && CHANNEL_IS(&w, OPEN) && w.ch->link == the_home(&w), "a third name is learnt, and costs one connection");
	is_int(w.home.conns, conns + 2, "and ours back");
	w.other.url = HOME;
	offer(&w, OTHER, 0);
	run(&w, MONO_SEC);
	ok(w.other.conns == 1 && LINK_IS(the_home(&w), UP) && w.ch->link == the_home(&w), "told at once that it is our home: given up at once");
	world_end(&w);

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	relayd_stop(&w.other);
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	relayd_start(&w, &w.home, 1000, OTHER);		/* our home moved to where the peer's is */
	run(&w, 5 * MONO_SEC);
	ok(w.ch->link == the_home(&w) && CHANNEL_IS(&w, OPEN) && LINK_IS(the_foreign(&w), IDLE), "our home has become the peer's while we waited for that: met there");
	world_end(&w);
}

/* ---- the channel --------------------------------------------------------------------------- */

static void
test_channel_life(void)
{
	struct world w;
	uint8_t packet[100] = { 0 };
	struct env_pkt p = { .data = packet, .len = 90, .segment = 40 };
	struct way *way;

	world_make(&w, true);
	way = relay_channel_way(w.ch);
	way->ops->send(way, &p, 1);
	is_int(w.ch->dropped, 3, "before anything is open packets are dropped");
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	offer(&w, "", 0);
	ok(CHANNEL_IS(&w, IDLE), "an offer without a relay opens nothing");
	home(&w, HOME, NULL);
	offer(&w, "http://x", 0);
	ok(CHANNEL_IS(&w, IDLE), "nor one with something else");
	w.home.quiet = true;
	for (size_t i = 1; i <= 3; i++)
		say_packet(&w.home, packet, 40 + i);
	run(&w, 10 * MONO_MS);
	is_int(w.inputs, 0, "packets that come before any offer wait for it");
	offer(&w, OTHER, 1);
	ok(w.inputs == 3 && w.input_len == 41, "all three of them, in order");
	w.inputs = 0;
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "an offer asks for the peer's presence, at our home");
	say_packet(&w.home, packet, 50);
	run(&w, 10 * MONO_MS);
	ok(w.inputs == 1 && w.input_len == 50, "a packet that comes before the answer is not lost");
	offer(&w, "", 1);
	offer(&w, OTHER, 1);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "more offers ask nothing new");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	run(&w, 10 * MONO_MS);
	is_int(w.home.subs, 2, "told offline while asking: ask once more");
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	run(&w, 25 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 6 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 3, "not there for 30 s: asked again, at home");
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1, "there: the path is told");
	way->ops->send(way, &p, 1);
	run(&w, 10 * MONO_MS);
	ok(w.home.packets == 3, "a run of packets goes out one by one");
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	offer(&w, "", 1);
	offer(&w, OTHER, 1);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1 && w.downs == 0 && w.home.subs == 3, "a healthy channel is reused");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	say_ids(&w.home, WIRE_RELAY_ONLINE);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, OPEN) && w.downs == 0, "offline and online together: the peer reconnected, nothing is dropped");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, CHECKING) && w.downs == 0, "a newer generation: asked, nothing dropped");
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	offer(&w, OTHER, 2);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, CHECKING), "the answer is awaited");
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1 && w.home.unsubs == 1, "none in 2 s: stale, told once, no interest left at the server");
	offer(&w, "", 2);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	ok(CHANNEL_IS(&w, STALE), "stale is left by a reopen only");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, REOPENING) && w.ups == 1, "an offer begins one");
	offer(&w, "", 2);
	offer(&w, OTHER, 2);
	say_ids(&w.home, WIRE_RELAY_OFFLINE);
	post(&w, RELAY_CHANNEL_EV_LINK_UP);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	ok(CHANNEL_IS(&w, REOPENING), "which waits for the peer");
	run(&w, 12 * MONO_SEC);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 20 * MONO_SEC);
	ok(CHANNEL_IS(&w, REOPENING), "at home for as long as it takes");
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, STALE), "unless it is closed");
	w.home.quiet = false;
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 2, "reopened");
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 2, "the watcher's word");
	offer(&w, OTHER, 2);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 3, "the owner's word");
	world_end(&w);
}

static void
test_channel_without_link(void)
{
	struct world w;

	world_make(&w, true);
	w.home.listener = (env_listener_close(w.home.listener), NULL);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	offer(&w, OTHER, 0);
	offer(&w, "", 0);
	ok(CHANNEL_IS(&w, WAITING), "the link is down: the offer waits");
	post(&w, RELAY_CHANNEL_EV_LINK_LOST);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, IDLE), "until it is closed");
	offer(&w, OTHER, 0);
	relayd_start(&w, &w.home, 1000, HOME);
	w.home.quiet = true;
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING), "the link comes up: it goes on from there");
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	ok(CHANNEL_IS(&w, WAITING), "the link goes while asking");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	ok(CHANNEL_IS(&w, IDLE), "closed while asking");
	w.home.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN), "open");
	w.home.quiet = true;
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1, "the link goes: stale");
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, STALE), "an offer meanwhile keeps it so");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, REOPENING), "back: both sides ask, without an offer");
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	ok(CHANNEL_IS(&w, STALE) && w.downs == 1, "gone again: nobody is told twice");
	world_end(&w);
}

static void
test_channel_moves(void)
{
	struct world w;

	world_make(&w, false);
	home(&w, HOME, NULL);
	w.home.quiet = w.other.quiet = true;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.other.subs == 1, "at the peer's home");
	run(&w, 29 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, IDLE), "not there for 30 s: let go of a foreign server");
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, MONO_SEC);
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.home.subs == 1, "its home is ours now");
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPENING) && w.other.subs == 2 && w.home.unsubs == 1, "and another again, while asking");
	relayd_stop(&w.home);
	run(&w, 100 * MONO_MS);
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, WAITING), "one whose link is down");
	w.other.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 1, "one that is at hand, while waiting");
	offer(&w, HOME, 0);
	ok(CHANNEL_IS(&w, WAITING) && w.downs == 1, "open, and the peer moves where we cannot follow at once");
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	ok(CHANNEL_IS(&w, OPENING), "then we can");
	w.home.quiet = false;
	offer(&w, OTHER, 0);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 2, "open there");
	offer(&w, HOME, 1);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 3 && w.downs == 2, "open, and the peer moves where we are");
	w.home.quiet = true;
	offer(&w, HOME, 2);
	ok(CHANNEL_IS(&w, CHECKING), "asked");
	offer(&w, OTHER, 2);
	ok(CHANNEL_IS(&w, OPEN) && w.ups == 4 && w.downs == 3, "moves while we ask");
	w.other.quiet = true;
	offer(&w, OTHER, 3);
	relayd_stop(&w.home);
	run(&w, 10 * MONO_MS);
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, WAITING) && w.downs == 4, "moves while we ask, where we cannot follow");
	w.other.quiet = false;
	offer(&w, OTHER, 3);
	post(&w, RELAY_CHANNEL_EV_MARK_STALE);
	w.other.quiet = true;
	offer(&w, OTHER, 3);
	ok(CHANNEL_IS(&w, REOPENING), "stale, reopening");
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, STALE), "moves where we cannot follow: still stale");
	offer(&w, OTHER, 3);
	relayd_start(&w, &w.home, 1000, HOME);
	run(&w, 3 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	w.home.quiet = true;
	offer(&w, HOME, 3);
	ok(CHANNEL_IS(&w, REOPENING), "moves where we can");
	offer(&w, OTHER, 3);
	say_plain(&w.home, WIRE_RELAY_HEALTH);
	run(&w, 29 * MONO_SEC);
	say_plain(&w.other, WIRE_RELAY_HEALTH);
	run(&w, 2 * MONO_SEC);
	ok(CHANNEL_IS(&w, STALE), "not there for 30 s: stale, and the foreign server let go");
	world_end(&w);
}

/* Several channels at one link: each hears of its loss (RF-3), and the end of one
 * takes nothing from another, not even of the same peer (EP-3). */
static void
test_channels_together(void)
{
	static const struct relay_channel_hooks hooks = { on_input };
	struct world w;
	struct relay_channel *second, *third;
	uint8_t key[32] = { 1, 2, 3 };
	struct wire_signal m = { 0 };
	int unsubs;

	world_make(&w, false);
	home(&w, HOME, NULL);
	offer(&w, OTHER, 0);
	second = relay_channel_new(w.pool, key, "second", &hooks, &w);
	third = relay_channel_new(w.pool, w.peer, "the first one's successor", &hooks, &w);
	snprintf(m.relay_url, sizeof(m.relay_url), OTHER);
	relay_channel_post(second, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(&w, 100 * MONO_MS);
	if (second->link == w.ch->link)
		relay_channel_told(second, true);
	run(&w, 10 * MONO_MS);
	ok(w.ups == 2 && second->link == the_foreign(&w), "two peers are met at one foreign server");
	relayd_stop(&w.other);
	run(&w, 100 * MONO_MS);
	ok(w.downs == 2 && CHANNEL_IS(&w, STALE) && second->fsm.state == RELAY_CHANNEL_STALE, "its loss is told to both, once");

	relayd_start(&w, &w.other, 2000, OTHER);
	run(&w, 5 * MONO_SEC);
	relay_channel_post(third, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(&w, 100 * MONO_MS);
	unsubs = w.other.unsubs;
	w.inputs = 0;
	post(&w, RELAY_CHANNEL_EV_CLOSE);
	relay_channel_free(w.ch);
	w.ch = third;
	say_packet(&w.other, "late", 4);
	run(&w, 10 * MONO_MS);
	ok(w.other.unsubs == unsubs && w.inputs == 1 && CHANNEL_IS(&w, OPEN), "the old channel of a peer takes nothing from the new one");
	relay_channel_free(second);
	world_end(&w);
}

static void
rows_fired(const struct fsm_def *def, const uint32_t *hits)
{
	int missing = 0, nevers = 0;

	for (int i = 0; i < def->nrow; i++) {
		bool never = strcmp(def->row[i].to, "never") == 0;

		if (!never && hits[i] == 0) {
			missing++;
			printf("# not fired: row %d: %s %s %s\n", def->row[i].line, def->row[i].from, def->row[i].on,
			    def->row[i].guard != NULL ? def->row[i].guard : "");
		}
		nevers += never && hits[i] != 0;
	}
	ok(missing == 0, "%s: every row was fired", def->name);
	ok(nevers == 0, "%s: no row that must never fire was", def->name);
}

int
main(void)
{
	test_link_up_and_down();
	test_link_dialling();
	test_link_handshake();
	test_link_list_changes();
	test_link_doubt();
	test_link_foreign();
	test_link_twins();
	test_options();
	test_channel_life();
	test_channel_without_link();
	test_channel_moves();
	test_channels_together();
	rows_fired(&relay_link_fsm, link_hits);
	rows_fired(&relay_channel_fsm, channel_hits);
	return tap_done();
}
