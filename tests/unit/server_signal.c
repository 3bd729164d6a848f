/* SPDX-License-Identifier: ISC */
/*
 * server_signal.c -- the signal service: registration, letters, the letter to
 * oneself, replacement, heartbeats, one that does not read.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/signal.pb-c.h"
#include "tests/tap.h"
#include "tests/unit/server-world.h"
#include "wire/signal.h"

struct box {
	struct grpc_call *call;
	bool headers, over;
	int code;
	char text[200], registered[8];
	unsigned letters;
	struct buf last;
};

static void
on_headers(void *arg, struct grpc_call *call)
{
	struct box *b = arg;
	const char *v = grpc_metadata(call, "x-wiretrustee-peer-registered");

	b->headers = true;
	snprintf(b->registered, sizeof(b->registered), "%s", v != NULL ? v : "");
}

static void
on_letter(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct box *b = arg;

	(void)call;
	b->letters++;
	buf_clear(&b->last);
	buf_put(&b->last, bytes, len);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct box *b = arg;

	(void)call;
	b->call = NULL;
	b->over = true;
	b->code = st->code;
	snprintf(b->text, sizeof(b->text), "%s", st->message);
}

static const struct grpc_ops ops = { .headers = on_headers, .message = on_letter, .done = on_done };

static void
box_open(struct world *w, struct box *b, const char *id)
{
	struct grpc_md md = { "x-wiretrustee-peer-id", id };
	struct grpc_request r = { .path = "/signalexchange.SignalExchange/ConnectStream", .md = &md, .nmd = id != NULL };

	memset(b, 0, sizeof(*b));
	if (!grpc_channel_usable(w->channel))
		world_dial(w);
	b->call = grpc_start(w->channel, &r, &ops, b);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
box_close(struct box *b)
{
	grpc_cancel(b->call);
	b->call = NULL;
	buf_free(&b->last);
}

static int
letter(struct world *w, const char *from, const char *to, const void *body, size_t len)
{
	Signalexchange__EncryptedMessage e = SIGNALEXCHANGE__ENCRYPTED_MESSAGE__INIT;
	struct result r;
	struct buf b = { 0 };

	e.key = (char *)(uintptr_t)from;
	e.remote_key = (char *)(uintptr_t)to;
	e.body = (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)body };
	WIRE_PB_PUT(&b, &e);
	world_call(w, "/signalexchange.SignalExchange/Send", buf_bytes(&b), buf_len(&b), &r);
	if (r.code == 0 && buf_len(&r.body) != 0)
		r.code = 99;
	buf_free(&r.body);
	buf_free(&b);
	sim_run(w->sim, 60 * MONO_MS);
	return r.code;
}

int
main(void)
{
	static uint8_t big[60000];
	struct box a, b, a2;
	struct wire_signal sig;
	struct ident ia;
	struct result r;
	struct world w;
	uint8_t sender[32];

	world_open(&w, 3);
	w.conf.beat_us = 20 * MONO_SEC;
	world_start(&w);
	ident_new(&w, &ia);
	box_open(&w, &a, NULL);
	is_int(a.code, GRPC_FAILED_PRECONDITION, "no id: FailedPrecondition");
	is_str(a.text, "missing connection header: x-wiretrustee-peer-id", "in those words");
	box_open(&w, &a, ia.text);
	ok(a.headers && strcmp(a.registered, "1") == 0, "headers come at once, with the registration");
	is_int(a.letters, 1, "and a heartbeat behind them: nginx keeps headers until a first message");
	box_open(&w, &b, "bob");
	ok(b.headers && !b.over, "any text is an id");
	is_int(letter(&w, ia.text, "bob", "sealed", 6), 0, "a letter is taken");
	is_int(b.letters, 1, "and arrives");
	is_int(letter(&w, "bob", ia.text, big, 3000), 0, "a longer one back");
	is_int(a.letters, 2, "arrives too");
	is_int(letter(&w, "bob", "bob", "beat", 4), 0, "one to oneself is taken");
	is_int(b.letters, 2, "and comes back");
	is_int(letter(&w, "bob", "nobody", "x", 1), 0, "one to nobody is OK as well");
	world_call(&w, "/signalexchange.SignalExchange/Send", "\x12\xff", 2, &r);
	ok(r.code != 0, "garbage is no letter");
	buf_free(&r.body);
	box_open(&w, &a2, ia.text);
	ok(a.over && a.code == GRPC_UNKNOWN, "a second registration ends the first with Unknown");
	is_str(a.text, "peer registered again", "in those words");
	sim_run(w.sim, MONO_SEC);
	is_int(letter(&w, "bob", ia.text, "to the new", 10), 0, "a letter after that");
	is_int(a2.letters, 2, "reaches the new stream");
	is_int(server_counts(w.server).signal, 2, "two ids are registered");
	sim_run(w.sim, 21 * MONO_SEC);
	is_int(a2.letters, 3, "silence brings a heartbeat to a WireGuard key");
	is_int(wire_signal_open(&sig, sender, buf_bytes(&a2.last), buf_len(&a2.last), ia.secret), 0, "it opens as any letter");
	ok(sig.type == WIRE_SIGNAL_HEARTBEAT && memcmp(sender, w.server_public, 32) == 0, "a HEARTBEAT from the server's key");
	is_int(b.letters, 2, "an id that is no key gets none");
	for (int i = 0; i < 40; i++)
		letter(&w, "x", "bob", big, sizeof(big));
	ok(b.letters == 42 && w.server->letters_dropped == 0, "a reader gets everything, 2.4 MB");
	box_close(&a);
	box_close(&a2);
	box_close(&b);
	sim_run(w.sim, MONO_SEC);
	is_int(server_counts(w.server).signal, 0, "nobody is left");
	world_close(&w);
	return tap_done();
}
