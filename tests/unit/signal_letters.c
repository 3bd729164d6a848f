/* SPDX-License-Identifier: ISC */
/*
 * signal_letters.c -- what becomes of messages: none leaves before the server has
 * registered us, those to one peer keep their order over cuts, and one that does
 * not open ends nothing (fsm/DEFECTS.md SG-2, SG-3, d5081cef9).
 */
#include <stdlib.h>
#include <string.h>
#include "net_pipes.h"
#include "deaf.h"
#include "fsm/fsm.h"
#include "net/grpc.h"
#include "signal/stream.h"
#include "tests/tap.h"
#include "tests/tape.h"
#include "wire/keys.h"

#define PORT	443
#define HELD	16
#define SEEN	64

struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct grpc_server *server;
	struct env_listener *listener;
	struct signal_conf conf;
	struct signal_stream *signal;
	uint8_t peer_secret[32], peer[32];
	bool mute;			/* takes streams and does not register */
	struct grpc_call *stream;
	struct grpc_call *held[HELD];	/* Sends to the peer that are not answered yet */
	unsigned nheld, most;		/* most at one time */
	int number[SEEN];		/* of the messages as they came */
	unsigned nseen, connects, heard;
};

static void
stream_open(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	struct grpc_md md = { "x-wiretrustee-peer-registered", "1" };

	w->connects++;
	w->stream = c;
	if (!w->mute)
		grpc_send_headers(c, &md, 1);
}

static void
stream_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)st;
	if (w->stream == c)
		w->stream = NULL;
}

/* A message to the peer is held until the test lets it go; others are answered. */
static void
take_letter(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct world *w = arg;
	struct wire_signal m;
	uint8_t from[32];

	if (wire_signal_open(&m, from, p, n, w->peer_secret) != 0) {
		grpc_answer(c, NULL, 0);
		return;
	}
	if (w->nseen < SEEN)
		w->number[w->nseen++] = m.wg_port;
	w->held[w->nheld++ % HELD] = c;
	if (w->nheld > w->most)
		w->most = w->nheld;
}

static void
let_go(struct world *w)
{
	unsigned n = w->nheld;

	w->nheld = 0;
	for (unsigned i = 0; i < n; i++)
		grpc_answer(w->held[i], NULL, 0);
}

/* The connection of a held one went. */
static void
letter_gone(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)st;
	for (unsigned i = 0; i < w->nheld; i++)
		if (w->held[i] == c)
			w->held[i] = w->held[--w->nheld];
}

static void
on_accept(void *arg, struct env_stream *st)
{
	grpc_server_attach(((struct world *)arg)->server, st, NULL, 0);
}

static void
on_letter(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *m)
{
	(void)from;
	(void)m;
	((struct world *)arg)->heard++;
}

static void
world_make(struct world *w)
{
	static const struct grpc_ops ops = { .done = stream_done }, letter_ops = { .done = letter_gone };
	static const struct signal_hooks hooks = { on_letter, deaf_changed };
	struct env_listen l = { .addr.port = PORT };
	int err;

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(1000000);
	w->loop = fsm_loop_new(w->env, deaf_route, w);
	test_tape(w->loop);
	fresh_keys(w->env, w->peer_secret, w->peer);
	fresh_keys(w->env, w->conf.private_key, w->conf.public_key);
	w->conf.host = (char *)(uintptr_t)"server";
	w->conf.port = PORT;
	w->server = grpc_server_new(w->env);
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/signalexchange.SignalExchange/ConnectStream", .open = stream_open, .ops = &ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/signalexchange.SignalExchange/Send", .unary = take_letter, .ops = &letter_ops, .arg = w });
	w->listener = env_listen(w->env, &l, on_accept, w, &err);
	w->signal = signal_stream_new(w->env, w->loop, &w->conf, &hooks, w);
	signal_stream_post(w->signal, SIGNAL_STREAM_EV_START, NULL);
}

static void
run(struct world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}

static void
world_end(struct world *w)
{
	signal_stream_free(w->signal);
	grpc_server_free(w->server);
	env_listener_close(w->listener);
	fsm_loop_free(w->loop);
	ok(pipes_free(w->env), "nothing is left open");
}

/* Numbered by its port: first an offer, then answers, which replace nothing. */
static void
say(struct world *w, int number, enum wire_signal_type type)
{
	struct wire_signal m = { .type = type, .wg_port = (uint16_t)number };

	is_int(signal_stream_send(w->signal, w->peer, &m), 0, "message %d is taken", number);
}

/* Each at least once, and the first of each in order. */
static bool
in_order(const struct world *w, int upto)
{
	int next = 1;

	for (unsigned i = 0; i < w->nseen; i++) {
		if (w->number[i] > next)
			return false;
		next += w->number[i] == next;
	}
	return next == upto + 1;
}

static void
test_registered_first(void)
{
	struct world w;

	world_make(&w);
	w.mute = true;
	run(&w, 5 * MONO_SEC);
	say(&w, 1, WIRE_SIGNAL_OFFER);
	run(&w, 4 * MONO_SEC);
	ok(w.connects > 0 && w.nseen == 0, "connected and not registered: nothing leaves");
	w.mute = false;
	for (int i = 0; i < 200 && w.nseen == 0; i++)
		run(&w, 100 * MONO_MS);
	ok(signal_stream_is_up(w.signal) && w.nseen == 1, "registered: it leaves");
	let_go(&w);
	run(&w, 10 * MONO_MS);
	world_end(&w);
}

static void
test_order(void)
{
	struct world w;

	world_make(&w);
	run(&w, MONO_SEC);
	say(&w, 1, WIRE_SIGNAL_OFFER);
	for (int i = 2; i <= 6; i++)
		say(&w, i, WIRE_SIGNAL_ANSWER);
	run(&w, 100 * MONO_MS);
	let_go(&w);
	run(&w, 100 * MONO_MS);
	ok(w.nseen == 2 && w.most == 1, "one call at a time to a peer");
	grpc_finish(w.stream, GRPC_UNAVAILABLE, "cut");		/* with the second under way */
	run(&w, 5 * MONO_SEC);
	for (int i = 0; i < 10; i++) {
		let_go(&w);
		run(&w, 100 * MONO_MS);
	}
	ok(in_order(&w, 6) && w.most == 1, "over a cut all arrive, in their order (%u letters)", w.nseen);
	ok(w.nseen <= 7, "and only the one that was under way twice");
	world_end(&w);
}

static void
test_garbage(void)
{
	struct world w;
	unsigned connects;

	world_make(&w);
	run(&w, MONO_SEC);
	connects = w.connects;
	for (int i = 0; i < 5; i++)
		grpc_send(w.stream, (const uint8_t *)"this is no letter at all, whoever wrote it", 42);
	run(&w, 5 * MONO_SEC);
	ok(signal_stream_is_up(w.signal) && w.connects == connects && w.heard == 0, "messages that do not open end nothing");
	world_end(&w);
}

/* What comes before "registered" is not believed, and a second start dials no second time. */
static void
test_message_first(void)
{
	struct wire_signal m = { .type = WIRE_SIGNAL_OFFER };
	uint8_t nonce[WIRE_BOX_NONCE];
	struct buf b = { 0 };
	unsigned connects;
	struct world w;

	world_make(&w);
	w.mute = true;
	run(&w, MONO_SEC);
	env_random(w.env, nonce, sizeof(nonce));
	wire_signal_seal(&b, &m, nonce, w.conf.public_key, w.peer, w.peer_secret);
	grpc_send(w.stream, buf_bytes(&b), buf_len(&b));	/* headers without the word, and an offer */
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	run(&w, 8 * MONO_SEC);
	ok(w.heard == 0 && !signal_stream_is_up(w.signal) && w.connects == 1, "a message from a server that did not register us: not heard");
	run(&w, 2 * MONO_SEC);
	w.mute = false;
	for (int i = 0; i < 200 && !signal_stream_is_up(w.signal); i++)
		run(&w, 100 * MONO_MS);
	connects = w.connects;
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	grpc_send(w.stream, buf_bytes(&b), buf_len(&b));
	run(&w, MONO_SEC);
	ok(w.heard == 1 && connects > 1 && w.connects == connects, "registered, on another stream: the same is");
	buf_free(&b);
	world_end(&w);
}

int
main(void)
{
	test_registered_first();
	test_order();
	test_garbage();
	test_message_first();
	return tap_done();
}
