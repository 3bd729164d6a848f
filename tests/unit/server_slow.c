/* SPDX-License-Identifier: ISC */
/*
 * server_slow.c -- streams of clients that do not read, do not ask, or are gone
 * before they asked: letters are dropped and counted, of maps only the newest is
 * kept, and nobody else waits.
 */
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "net/beat.h"
#include "net/ws.h"
#include "proto/signal.pb-c.h"
#include "server/signal.h"
#include "server/stream.h"
#include "tests/tap.h"
#include "tests/unit/slow-reader.h"

#define CONNECT		"/signalexchange.SignalExchange/ConnectStream"
#define SYNC		"/management.ManagementService/Sync"
#define JOB		"/management.ManagementService/Job"
#define BEAT		(20 * MONO_SEC)
#define PEERS		40	/* so that a map has some weight */

/* ---- signal ----------------------------------------------------------------------- */

static uint8_t big[60000];
static unsigned freed;

/* One letter, of 60 kB or `len`. */
static void
letter(struct world *w, const char *to, size_t len)
{
	Signalexchange__EncryptedMessage e = SIGNALEXCHANGE__ENCRYPTED_MESSAGE__INIT;
	struct result r;
	struct buf b = { 0 };

	e.key = (char *)(uintptr_t)"somebody";
	e.remote_key = (char *)(uintptr_t)to;
	e.body = (ProtobufCBinaryData){ len, big };
	WIRE_PB_PUT(&b, &e);
	world_call(w, "/signalexchange.SignalExchange/Send", buf_bytes(&b), buf_len(&b), &r);
	buf_free(&r.body);
	buf_free(&b);
	sim_run(w->sim, 60 * MONO_MS);
}

static int
letters_state(struct world *w, const char *id)
{
	const struct srv_signal *m = map_get_str(w->server->signal_by_id, id);

	return m != NULL ? m->fsm.state : -1;
}

static void
test_letters(struct world *w)
{
	struct reader bob, eve;
	unsigned sent = 0, kept;

	reader_open(w, &bob, CONNECT, "x-wiretrustee-peer-id", "bob");
	reader_open(w, &eve, CONNECT, "x-wiretrustee-peer-id", "eve");
	reader_pause(&bob, true);
	while (w->server->letters_dropped == 0 && sent < 40) {
		letter(w, "bob", sizeof(big));
		sent++;
	}
	kept = sent - 1;
	ok(sent < 20 && letters_state(w, "bob") == SRV_SIGNAL_CHOKED, "letters for one who does not read are dropped from the %uth on", sent);
	letter(w, "bob", 10);
	is_int(w->server->letters_dropped, 2, "small ones as well: order is kept");
	letter(w, "eve", 10);
	is_int(eve.messages, 1, "who reads is served meanwhile");
	sim_run(w->sim, 3 * MONO_SEC);
	ok(letters_state(w, "bob") == SRV_SIGNAL_CHOKED, "looked at each second: not yet");
	reader_pause(&bob, false);
	sim_run(w->sim, 3 * MONO_SEC);
	is_int(bob.messages, kept, "it reads again: all that was kept comes");
	letter(w, "bob", 10);
	ok(bob.messages == kept + 1 && w->server->letters_dropped == 2, "and so do new ones");
	reader_close(&bob);
	reader_close(&eve);
	sim_run(w->sim, MONO_SEC);
}

/* Full to the brim without a drop: the next thing is the server's own beat. */
static void
test_no_room_for_a_beat(struct world *w)
{
	struct reader bob;
	uint64_t dropped = w->server->letters_dropped;
	const struct srv_signal *m;
	int64_t began = env_now(w->probe).us, full;

	reader_open(w, &bob, CONNECT, "x-wiretrustee-peer-id", "bob");
	reader_pause(&bob, true);
	m = map_get_str(w->server->signal_by_id, "bob");
	while (grpc_queued(m->call) < H2_LOW_WATER)
		letter(w, "bob", sizeof(big));
	full = env_now(w->probe).us;
	ok(w->server->letters_dropped == dropped && m->fsm.state == SRV_SIGNAL_LIVE, "full, and nothing dropped (after %lld ms)", (long long)((full - began) / MONO_MS));
	sim_run(w->sim, BEAT + MONO_SEC);
	ok(letters_state(w, "bob") == SRV_SIGNAL_CHOKED, "not even a beat fits");
	sim_run(w->sim, 10 * MONO_SEC);
	ok(letters_state(w, "bob") == -1, "ten seconds later it has no letter box any more");
	reader_pause(&bob, false);
	sim_run(w->sim, 5 * MONO_SEC);
	ok(bob.over && bob.code == GRPC_UNKNOWN && strstr(bob.text, "not read") != NULL, "and reads why, when it reads: %d %s", bob.code, bob.text);
	reader_close(&bob);
}

static void
count_freed(struct fsm_data *d)
{
	(void)d;
	freed++;
}

/* Two sockets were readable in one turn: the client left on one, and on the other came a letter for it. */
static void
test_letter_to_the_dead(struct world *w)
{
	static struct fsm_data late = { .free = count_freed };
	struct reader bob, heir;
	struct srv_signal *m;

	reader_open(w, &bob, CONNECT, "x-wiretrustee-peer-id", "bob");
	m = map_get_str(w->server->signal_by_id, "bob");
	srv_signal_post_gen(m, SRV_SIGNAL_EV_GONE, m->gen, NULL);
	late.refs = 1;
	srv_signal_post(m, SRV_SIGNAL_EV_LETTER, &late);
	srv_signal_post(m, SRV_SIGNAL_EV_STOP, NULL);
	fsm_drain(w->server->loop);
	sim_run(w->sim, MONO_SEC);
	ok(freed == 1 && bob.messages == 0, "a letter to one who left in the same moment is forgotten");
	reader_open(w, &heir, CONNECT, "x-wiretrustee-peer-id", "bob");
	letter(w, "bob", 10);
	is_int(heir.messages, 1, "and his next stream has a letter box of its own");
	reader_close(&bob);
	reader_close(&heir);
	sim_run(w->sim, MONO_SEC);
	ok(list_empty(&w->server->signals), "nothing is left of either");
}

/* ---- Sync --------------------------------------------------------------------------- */

struct maps {
	struct world *w;
	const struct ident *id;
	uint64_t serial;
	size_t peers;		/* of the last map */
	unsigned maps;
};

static void
on_map(struct reader *r, const uint8_t *p, size_t n)
{
	struct maps *m = r->arg;
	Management__SyncResponse *s = n > 0 ? world_unseal(m->w, m->id, &management__sync_response__descriptor, p, n) : NULL;

	if (s != NULL && s->network_map != NULL) {
		m->maps++;
		m->serial = s->network_map->serial;
		m->peers = s->network_map->n_remote_peers;
	}
	wire_pb_free(s);
}

static void
ask_for_maps(struct world *w, struct reader *r, struct maps *m, const struct ident *id)
{
	Management__SyncRequest q = MANAGEMENT__SYNC_REQUEST__INIT;
	struct buf b = { 0 };

	reader_open(w, r, SYNC, NULL, NULL);
	*m = (struct maps){ .w = w, .id = id };
	r->message = on_map;
	r->arg = m;
	world_seal(w, id, &q.base, &b);
	reader_send(r, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	sim_run(w->sim, 500 * MONO_MS);
}

static int
maps_state(struct world *w, const struct ident *id)
{
	const struct srv_stream *m = map_get_str(w->server->sync_by_key, id->text);

	return m != NULL ? m->fsm.state : -1;
}

/* Changes the map every `us` until the stream is held; how many it took, 0: it never was. */
static unsigned
until_held(struct world *w, const struct ident *id, int64_t us)
{
	for (unsigned n = 1; n < 1000; n++) {
		server_map_changed(w->server);
		fsm_drain(w->server->loop);
		sim_run(w->sim, us);
		if (maps_state(w, id) == SRV_STREAM_HELD)
			return n;
	}
	return 0;
}

static void
test_maps(struct world *w, const struct ident *id, int64_t us)
{
	struct reader r, other;
	struct maps m, n;
	struct ident late;
	struct result res;
	unsigned took, before;

	ask_for_maps(w, &r, &m, id);
	ok(m.maps == 1 && m.peers >= PEERS, "a map of %zu peers", m.peers);
	reader_pause(&r, true);
	took = until_held(w, id, us);
	ok(took > 0 && took < 500, "who does not read is held back after %u changes, one every %lld ms", took, (long long)(us / MONO_MS));
	sim_run(w->sim, 2 * MONO_SEC);
	ok(maps_state(w, id) == SRV_STREAM_HELD, "and looked at each second");
	ident_new(w, &late);
	world_login(w, &late, w->key, "late", &res);
	buf_free(&res.body);
	ask_for_maps(w, &other, &n, &late);
	sim_run(w->sim, 2 * MONO_SEC);
	ok(maps_state(w, id) == SRV_STREAM_HELD && n.maps > 0, "somebody new is served meanwhile");
	reader_pause(&r, false);
	sim_run(w->sim, 3 * MONO_SEC);
	ok(m.peers == n.peers && maps_state(w, id) == SRV_STREAM_LIVE, "it reads again: the last map that it gets knows the new one (%u maps)", m.maps);
	ok(m.maps <= took + 2 && m.serial == n.serial, "maps that waited were one");
	reader_close(&other);
	sim_run(w->sim, MONO_SEC);
	before = m.maps;
	reader_pause(&r, true);
	took = until_held(w, id, us);
	reader_pause(&r, false);
	sim_run(w->sim, 3 * MONO_SEC);
	if (us >= 300 * MONO_MS)	/* else changes are collected */
		is_int(m.maps - before, took, "the change that found no room is not forgotten: a map for each");
	reader_pause(&r, true);
	took = until_held(w, id, us);
	sim_run(w->sim, 29 * MONO_SEC);
	ok(took > 0 && maps_state(w, id) == SRV_STREAM_HELD, "held again, for 29 s");
	sim_run(w->sim, 2 * MONO_SEC);
	ok(maps_state(w, id) == -1, "half a minute without reading: cut");
	reader_pause(&r, false);
	sim_run(w->sim, 5 * MONO_SEC);
	ok(r.over && r.code == GRPC_UNAVAILABLE && strstr(r.text, "not read") != NULL, "and it reads why: %d %s", r.code, r.text);
	reader_close(&r);
	sim_run(w->sim, MONO_SEC);
}

/* Streams on which nothing is asked. */
static void
test_silent(struct world *w, const struct ident *id)
{
	Management__JobRequest hello = MANAGEMENT__JOB_REQUEST__INIT;
	struct reader r;
	struct buf b = { 0 };

	reader_open(w, &r, SYNC, NULL, NULL);
	is_int(list_count(&w->server->streams), 1, "a stream on which nothing is asked");
	reader_cancel(&r);
	sim_run(w->sim, MONO_SEC);
	ok(list_empty(&w->server->streams), "is forgotten when its client leaves");
	reader_close(&r);
	reader_open(w, &r, JOB, NULL, NULL);
	sim_run(w->sim, 9 * MONO_SEC);
	ok(!r.over, "or waits");
	sim_run(w->sim, 2 * MONO_SEC);
	ok(r.over && r.code == GRPC_DEADLINE_EXCEEDED && list_empty(&w->server->streams), "for ten seconds: %s", r.text);
	reader_close(&r);
	reader_open(w, &r, JOB, NET_BEAT_HEADER, "1");
	world_seal(w, id, &hello.base, &b);
	reader_send(&r, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	sim_run(w->sim, 3 * BEAT);
	ok(!r.over, "who promised to beat on its Job stream is given three beats");
	sim_run(w->sim, 4 * BEAT);
	ok(r.over && r.code == GRPC_UNAVAILABLE && strstr(r.text, "heartbeats") != NULL, "and let go: %s", r.text);
	reader_close(&r);
}

static void
on_relay(void *arg, const struct ws_note *n)
{
	*(bool *)arg |= n->event == WS_CLOSED || n->event == WS_LOST;
}

/* The server ends while a stream and a relay connection have said nothing yet. */
static void
test_stop(struct world *w)
{
	struct ws_dial d = { .host = "203.0.113.10", .port = 80, .target = "/relay" };
	bool relay_over = false;
	struct ws *relay = ws_dial(w->probe, &d, on_relay, &relay_over);
	struct reader r;

	reader_open(w, &r, SYNC, NULL, NULL);
	is_int(list_count(&w->server->streams), 1, "a stream on which nothing is asked, and a relay connection");
	world_stop(w, false);
	sim_run(w->sim, MONO_SEC);
	ok((r.over || r.lost) && relay_over, "end with their server");
	ws_free(relay);
	reader_close(&r);
}

int
main(void)
{
	struct ident id, more;
	struct result res;
	struct world w;

	world_open(&w, 7);
	w.conf.beat_us = BEAT;
	world_start(&w);
	test_letters(&w);
	test_no_room_for_a_beat(&w);
	test_letter_to_the_dead(&w);
	ident_new(&w, &id);
	is_int(world_login(&w, &id, w.key, "slow", &res), GRPC_OK, "a peer");
	buf_free(&res.body);
	for (int i = 0; i < PEERS; i++) {
		ident_new(&w, &more);
		world_login(&w, &more, w.key, "one-of-many-with-a-long-name", &res);
		buf_free(&res.body);
	}
	test_maps(&w, &id, 300 * MONO_MS);
	test_maps(&w, &id, 100 * MONO_MS);
	test_silent(&w, &id);
	test_stop(&w);
	world_close(&w);
	return tap_done();
}
