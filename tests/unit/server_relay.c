/* SPDX-License-Identifier: ISC */
/*
 * server_relay.c -- the relay service: tokens, packets, subscriptions, beats,
 * slow consumers, garbled messages; and the race that fsm/srv-relay-peer.fsm is
 * for, forced a thousand times.
 */
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "net/ws.h"
#include "server/account.h"
#include "server/relay.h"
#include "tests/tap.h"
#include "tests/unit/server-world.h"
#include "wire/relaymsg.h"

struct rc {
	struct world *w;
	struct ws *ws;
	uint8_t id[WIRE_RELAY_ID_LEN];
	bool up, lost, mute;		/* mute: answers no health check */
	char url[300];
	unsigned packets, beats, closes;
	char seen[4096];		/* '+' online, '-' offline, in order */
	uint8_t last[64];
	size_t last_len;
};

static void
rc_send(struct rc *c, enum wire_relay_type type, const uint8_t *ids, size_t n)
{
	struct buf b = { 0 };

	if (ids != NULL)
		wire_relay_put_ids(&b, type, ids, n);
	else
		wire_relay_put_plain(&b, type);
	ws_send(c->ws, buf_bytes(&b), buf_len(&b), NULL, 0);
	buf_free(&b);
}

static void
on_relay(struct rc *c, const uint8_t *bytes, size_t len)
{
	struct wire_relay_msg m;

	if (wire_relay_parse(&m, bytes, len) != 0)
		return;
	switch (m.type) {
	case WIRE_RELAY_AUTH_RESPONSE:
		c->up = true;
		snprintf(c->url, sizeof(c->url), "%.*s", (int)m.len, (const char *)m.body);
		break;
	case WIRE_RELAY_TRANSPORT:
		c->packets++;
		c->last_len = m.len < sizeof(c->last) ? m.len : sizeof(c->last);
		memcpy(c->last, m.body, c->last_len);
		break;
	case WIRE_RELAY_HEALTH:
		c->beats++;
		if (!c->mute)
			rc_send(c, WIRE_RELAY_HEALTH, NULL, 0);
		break;
	case WIRE_RELAY_ONLINE:
	case WIRE_RELAY_OFFLINE:
		for (size_t i = 0; i < m.nids && strlen(c->seen) + 1 < sizeof(c->seen); i++)
			strcat(c->seen, m.type == WIRE_RELAY_ONLINE ? "+" : "-");
		break;
	case WIRE_RELAY_CLOSE:
		c->closes++;
		break;
	case WIRE_RELAY_AUTH:
	case WIRE_RELAY_SUBSCRIBE:
	case WIRE_RELAY_UNSUBSCRIBE:
		break;
	}
}

static void
on_ws(void *arg, const struct ws_note *n)
{
	struct rc *c = arg;

	if (n->event == WS_MESSAGE)
		on_relay(c, n->data, n->len);
	else if (n->event == WS_CLOSED || n->event == WS_LOST)
		c->lost = true;
}

static void
rc_dial(struct world *w, struct rc *c, const char *name)
{
	struct ws_dial d = { .host = "203.0.113.10", .port = 80, .target = "/relay" };

	memset(c, 0, sizeof(*c));
	c->w = w;
	memset(c->id, 'x', sizeof(c->id));
	memcpy(c->id, "sha-", 4);
	memcpy(c->id + 4, name, strlen(name));
	c->ws = ws_dial(w->probe, &d, on_ws, c);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
rc_auth(struct rc *c, int64_t ttl_s)
{
	char payload[24], sig[48];
	struct buf token = { 0 }, b = { 0 };

	server_account_relay_token(c->w->server->store->account, env_wall(c->w->probe) / MONO_SEC + ttl_s, payload, sig);
	wire_relay_token_put(&token, payload, sig);
	wire_relay_put_auth(&b, c->id, buf_bytes(&token), buf_len(&token));
	ws_send(c->ws, buf_bytes(&b), buf_len(&b), NULL, 0);
	buf_free(&b);
	buf_free(&token);
}

static void
rc_open(struct world *w, struct rc *c, const char *name)
{
	rc_dial(w, c, name);
	rc_auth(c, 3600);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
rc_close(struct rc *c)
{
	ws_free(c->ws);
	c->ws = NULL;
}

static void
rc_packet(struct rc *c, const struct rc *to, const void *bytes, size_t len)
{
	uint8_t head[WIRE_RELAY_HEADER];

	wire_relay_transport_header(head, to->id);
	ws_send(c->ws, head, sizeof(head), bytes, len);
}

static void
test_auth(struct world *w)
{
	struct rc c;

	rc_open(w, &c, "a");
	ok(c.up, "a good token opens");
	is_str(c.url, "rel://203.0.113.10:80", "the answer names the relay as agents are told");
	rc_auth(&c, 3600);
	sim_run(w->sim, 60 * MONO_MS);
	ok(c.lost, "a second auth on one connection ends it");
	rc_close(&c);
	rc_dial(w, &c, "a");
	rc_auth(&c, -10);
	sim_run(w->sim, 60 * MONO_MS);
	ok(!c.up && c.lost, "an expired token closes without an answer");
	rc_close(&c);
	rc_dial(w, &c, "a");
	struct buf b = { 0 };

	wire_relay_put_auth(&b, c.id, "\1nonsense-nonsense-nonsense-nonsense-nonsense", 46);
	ws_send(c.ws, buf_bytes(&b), buf_len(&b), NULL, 0);
	buf_free(&b);
	sim_run(w->sim, 60 * MONO_MS);
	ok(!c.up && c.lost, "a forged token closes without an answer");
	rc_close(&c);
	rc_dial(w, &c, "a");
	rc_send(&c, WIRE_RELAY_HEALTH, NULL, 0);
	sim_run(w->sim, 60 * MONO_MS);
	ok(c.lost, "anything before auth closes");
	rc_close(&c);
	rc_dial(w, &c, "a");
	sim_run(w->sim, 9 * MONO_SEC);
	ok(!c.lost, "auth may take its time");
	sim_run(w->sim, 2 * MONO_SEC);
	ok(c.lost, "but not more than 10 s");
	rc_close(&c);
	sim_run(w->sim, 60 * MONO_MS);
	is_int(server_counts(w->server).relay, 0, "nobody is left");
}

static void
test_packets(struct world *w)
{
	struct rc a, b, nobody;

	rc_open(w, &a, "a");
	rc_open(w, &b, "b");
	memset(&nobody, 0, sizeof(nobody));
	rc_packet(&a, &b, "hello", 5);
	rc_packet(&a, &nobody, "lost", 4);
	rc_packet(&a, &a, "self", 4);
	sim_run(w->sim, 60 * MONO_MS);
	ok(b.packets == 1 && b.last_len == 5 && memcmp(b.last, "hello", 5) == 0, "a packet reaches its peer");
	is_int(a.packets, 1, "one to oneself comes back");
	ok(!a.lost && !b.lost, "one to nobody is dropped");
	sim_run(w->sim, 100 * MONO_SEC);
	ok(!a.lost && a.beats == 4, "a beat every 25 s (%u in 100 s)", a.beats);
	b.mute = true;
	sim_run(w->sim, 50 * MONO_SEC);
	ok(b.lost && !a.lost, "45 s without an echo end a connection");
	rc_close(&b);
	rc_send(&a, WIRE_RELAY_CLOSE, NULL, 0);
	sim_run(w->sim, 60 * MONO_MS);
	ok(a.lost, "Close closes");
	rc_close(&a);
}

static void
test_subscribe(struct world *w)
{
	struct rc a, b, b2;

	rc_open(w, &a, "a");
	memset(&b, 0, sizeof(b));
	rc_open(w, &b, "b");
	rc_send(&a, WIRE_RELAY_SUBSCRIBE, b.id, 1);
	sim_run(w->sim, 60 * MONO_MS);
	is_str(a.seen, "+", "one that is here is told at once");
	rc_close(&b);
	sim_run(w->sim, 60 * MONO_MS);
	is_str(a.seen, "+-", "then that it went");
	rc_open(w, &b, "b");
	is_str(a.seen, "+-+", "then that it came back: the interest of the subscribe");
	rc_close(&b);
	sim_run(w->sim, 60 * MONO_MS);
	rc_open(w, &b, "b");
	is_str(a.seen, "+-+-", "coming is told once a subscribe, going always");
	rc_send(&a, WIRE_RELAY_UNSUBSCRIBE, b.id, 1);
	sim_run(w->sim, 60 * MONO_MS);
	rc_open(w, &b2, "b");
	rc_close(&b2);
	sim_run(w->sim, 60 * MONO_MS);
	is_str(a.seen, "+-+-", "unsubscribed: nothing more");
	ok(b.lost, "a second connection of an id ends the first");
	rc_close(&b);
	rc_close(&a);
	sim_run(w->sim, 60 * MONO_MS);
	is_int(map_count(w->server->relay->topics), 0, "no subscription outlives its connection");
}

/* Alternates, begins with online, and ends as told. */
static bool
alternates(const char *seen, char last)
{
	size_t n = strlen(seen);

	for (size_t i = 0; i < n; i++)
		if (seen[i] != (i % 2 == 0 ? '+' : '-'))
			return false;
	return n > 0 && seen[n - 1] == last;
}

/*
 * A thousand times: the peer comes back while its old connection stands, and the
 * old one's end arrives before, with, or after the new one's auth, or never.
 */
static void
test_races(struct world *w)
{
	struct rc watcher, sender, x[2];
	size_t wrong_order = 0, wrong_entry = 0, silent = 0, wrong_end = 0;
	int cur = 0;

	rc_open(w, &watcher, "w");
	rc_open(w, &sender, "s");
	rc_open(w, &x[0], "x");
	for (int i = 0; i < 1000; i++) {
		struct rc *old = &x[cur], *new = &x[1 - cur];
		unsigned before;

		watcher.seen[0] = '\0';
		rc_send(&watcher, WIRE_RELAY_SUBSCRIBE, old->id, 1);
		sim_run(w->sim, 30 * MONO_MS);
		rc_dial(w, new, "x");
		switch (sim_chance(w->sim, 4)) {
		case 0:		/* the old one's FIN first */
			rc_close(old);
			rc_auth(new, 3600);
			break;
		case 1:		/* auth first, FIN right behind */
			rc_auth(new, 3600);
			rc_close(old);
			break;
		case 2:		/* some while apart */
			rc_auth(new, 3600);
			sim_run(w->sim, (int64_t)sim_chance(w->sim, 30) * MONO_MS);
			rc_close(old);
			break;
		default:	/* the old one never says a word */
			rc_auth(new, 3600);
			break;
		}
		sim_run(w->sim, 80 * MONO_MS);
		wrong_order += !alternates(watcher.seen, '+');
		wrong_entry += map_get(w->server->relay->by_id, new->id, sizeof(new->id)) == NULL;
		before = new->packets;
		rc_packet(&sender, new, "to the new one", 14);
		sim_run(w->sim, 30 * MONO_MS);
		silent += new->packets != before + 1;
		wrong_end += old->ws != NULL && !old->lost;
		rc_close(old);
		cur = 1 - cur;
	}
	is_int(wrong_order, 0, "1,000 races: offline is told before online, and online last");
	is_int(wrong_entry, 0, "the late clean-up removed no entry");
	is_int(silent, 0, "packets went to the new connection every time");
	is_int(wrong_end, 0, "the old connection was ended every time");
	is_int(server_counts(w->server).relay, 3, "three ids are there at the end");
	watcher.seen[0] = '\0';
	rc_send(&watcher, WIRE_RELAY_SUBSCRIBE, x[cur].id, 1);
	sim_run(w->sim, 60 * MONO_MS);
	rc_close(&x[cur]);
	sim_run(w->sim, 60 * MONO_MS);
	is_str(watcher.seen, "+-", "and when it really goes, that is told");
	rc_close(&watcher);
	rc_close(&sender);
	sim_run(w->sim, 60 * MONO_MS);
}

/* One that does not read: packets are dropped, the sender goes on. */
static void
test_slow(struct world *w)
{
	static uint8_t packet[1300];
	struct rc a, b, c;
	uint64_t dropped;

	rc_open(w, &a, "a");
	rc_open(w, &b, "b");
	rc_open(w, &c, "c");
	env_stream_pause(ws_transport(b.ws), true);
	for (int i = 0; i < 3000; i++) {
		rc_packet(&a, &b, packet, sizeof(packet));
		if (i % 100 == 99)
			sim_run(w->sim, 40 * MONO_MS);
	}
	dropped = w->server->relay->dropped;
	ok(dropped > 0, "packets for one that does not read are dropped (%llu)", (unsigned long long)dropped);
	rc_packet(&a, &c, "others", 6);
	sim_run(w->sim, MONO_SEC);
	is_int(c.packets, 1, "others are served meanwhile");
	env_stream_pause(ws_transport(b.ws), false);
	sim_run(w->sim, 5 * MONO_SEC);
	ok(!b.lost && b.packets > 0 && b.packets + dropped >= 3000, "when it reads again it gets what was kept (%u)", b.packets);
	rc_close(&a);
	rc_close(&b);
	rc_close(&c);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
test_garbled(struct world *w)
{
	static const uint8_t bad[][4] = { { 1 }, { 2, 5 }, { 1, 1 }, { 1, 2 }, { 1, 99 }, { 1, 7, 'x' }, { 1, 3, 0, 0 } };
	static const size_t len[] = { 1, 2, 2, 2, 2, 3, 4 };
	static uint8_t big[9000] = { 1, 3 };
	size_t ended = 0;
	struct rc c;

	for (size_t i = 0; i < 7; i++) {
		rc_open(w, &c, "g");
		ws_send(c.ws, bad[i], len[i], NULL, 0);
		sim_run(w->sim, 60 * MONO_MS);
		ended += c.lost;
		rc_close(&c);
	}
	is_int(ended, 7, "garbled messages end their connection");
	rc_open(w, &c, "g");
	ws_send(c.ws, big, sizeof(big), NULL, 0);
	sim_run(w->sim, 100 * MONO_MS);
	ok(c.lost, "so does one that is too long");
	rc_close(&c);
	rc_open(w, &c, "g");
	ok(c.up, "the service goes on");
	server_relay_stop(w->server);
	fsm_drain(server_loop(w->server));
	sim_run(w->sim, 100 * MONO_MS);
	ok(c.closes == 1 && c.lost, "a server that ends says Close");
	rc_close(&c);
}

int
main(void)
{
	struct world w;

	world_open(&w, 11);
	world_start(&w);
	test_auth(&w);
	test_packets(&w);
	test_subscribe(&w);
	test_races(&w);
	test_slow(&w);
	test_garbled(&w);
	world_close(&w);
	return tap_done();
}
