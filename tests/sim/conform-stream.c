/* SPDX-License-Identifier: ISC */
/*
 * conform-stream.c -- what env.h promises (conform.h) of streams and local sockets.
 */
#include <errno.h>
#include <unistd.h>
#include "tests/sim/conform.h"
#include "tests/sum.h"
#include "tests/tap.h"

struct side {
	struct env_stream *s;
	int connected, eof, error, drained, truncated, err;
	size_t got;
	uint32_t sum;
	bool echo;		/* sends back what comes */
	bool stop_on_end;
	size_t stop_at;		/* env_stop when this much came */
};
static struct side client, server;
static struct env_listener *listener;
static bool close_in_accept;

static void
on_note(void *arg, const struct env_stream_note *n)
{
	struct side *w = arg;

	ENTER();
	if (w->s == NULL || w->eof + w->error + w->truncated > 0)
		broken++;	/* after close, or after the end */
	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		w->connected++;
		break;
	case ENV_STREAM_DATA:
		if (n->len == 0)
			broken++;
		w->sum = sum_add(w->sum, n->data, n->len);
		w->got += n->len;
		if (w->echo && env_stream_write(w->s, n->data, n->len) != 0)
			broken++;
		if (w->stop_at != 0 && w->got >= w->stop_at)
			env_stop(env);
		break;
	case ENV_STREAM_DRAINED:
		w->drained++;
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
		if (n->text == NULL || n->err >= 0)
			broken++;
		break;
	}
	if (w->stop_on_end && (w->eof || w->error || w->truncated))
		env_stop(env);
	LEAVE();
}

static void
on_accept(void *arg, struct env_stream *s)
{
	ENTER();
	if (close_in_accept)
		env_stream_close(s);
	else {
		server.s = s;
		env_stream_set_fn(s, on_note, &server);
	}
	LEAVE();
}

static void
sides_reset(void)
{
	env_stream_close(client.s);
	env_stream_close(server.s);
	memset(&client, 0, sizeof client);
	memset(&server, 0, sizeof server);
	close_in_accept = false;
}

static void
dial(const char *path)
{
	struct env_dial d = { .host = path ? NULL : "127.0.0.1", .port = path ? 0 : env_listener_port(listener), .path = path };

	client.s = env_stream_dial(env, &d, on_note, &client);
	ok(client.s != NULL && client.connected == 0, "dialling answers later");
}

static void
talk(const char *path)
{
	static uint8_t big[1000000];
	size_t queued;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	/* an echo, and then the end */
	dial(path);
	client.stop_at = 5;
	is_int(env_stream_write(client.s, "hel", 3), 0, "what is written before the connection stands is queued");
	env_stream_write(client.s, "lo", 2);
	server.echo = true;
	run("an echo");
	is_int(client.connected, 1, "connected once");
	is_int(client.got, 5, "five bytes came back");
	if (path == NULL) {
		struct addr r = env_stream_remote(client.s), l = env_stream_local(server.s);

		ok(r.port == env_listener_port(listener) && addr_equal(&r, &l), "both ends agree on the server's address");
	} else
		ok(env_stream_uid(server.s) == (int)getuid(), "a local socket knows who calls");
	ok(env_stream_alpn(client.s) == NULL, "no TLS, no ALPN");
	server.echo = false;
	server.stop_on_end = true;
	env_stream_finish(client.s);
	client.s = NULL;
	run("the end");
	ok(server.eof == 1 && server.error == 0, "finish ends with EOF at the other side");
	sides_reset();

	/* a megabyte through finish */
	dial(path);
	run_for(100 * MONO_MS);
	server.stop_on_end = true;
	env_stream_write(client.s, big, sizeof big);
	is_int(env_stream_queued(client.s), sizeof big, "the queue is counted");
	env_stream_finish(client.s);
	client.s = NULL;
	run("a megabyte");
	is_int(server.got, sizeof big, "all of it came");
	ok(server.sum == sum_add(0, big, sizeof big), "in order");
	is_int(server.eof, 1, "and then the end");
	sides_reset();

	/* back-pressure */
	dial(path);
	run_for(100 * MONO_MS);
	ok(client.connected == 1 && server.s != NULL, "both ends are there");
	env_stream_pause(server.s, true);
	for (int i = 0; i < 8; i++)
		env_stream_write(client.s, big, sizeof big);
	env_stream_set_low(client.s, 1000);
	run_for(300 * MONO_MS);
	queued = env_stream_queued(client.s);
	ok(server.got == 0 && queued > 0 && queued < 8 * sizeof big, "a paused reader stops the writer");
	is_int(client.drained, 0, "which is not drained");
	server.stop_at = 8 * sizeof big;
	env_stream_pause(server.s, false);
	run("eight megabytes");
	is_int(server.got, 8 * sizeof big, "and goes on when the reader does");
	run_for(50 * MONO_MS);
	is_int(client.drained, 1, "drained, once");
	is_int(env_stream_queued(client.s), 0, "nothing is queued");

	/* close loses what is queued, and nothing comes afterwards */
	client.stop_on_end = true;
	env_stream_close(server.s);
	server.s = NULL;
	run("the end");
	ok(client.eof + client.error == 1, "close is seen at the other side");
	sides_reset();
	close_in_accept = true;
	dial(path);
	client.stop_on_end = true;
	run("the end of a refused stream");
	ok(client.eof + client.error == 1, "an accepted stream can be closed at once");
	sides_reset();
	dial(path);
	env_stream_close(client.s);
	client.s = NULL;
	run_for(50 * MONO_MS);
	sides_reset();
}

static void
streams(void)
{
	struct env_listen any = { .addr = { .family = ADDR_NONE } }, same;
	struct env_dial d = { .host = "127.0.0.1" };
	int err = 0;

	listener = env_listen(env, &any, on_accept, NULL, &err);
	ok(listener != NULL && env_listener_port(listener) != 0, "a port is picked");
	talk(NULL);
	same = any;
	same.addr.port = env_listener_port(listener);
	ok(env_listen(env, &same, on_accept, NULL, &err) == NULL && err == -EADDRINUSE, "one port, one listener");
	d.port = env_listener_port(listener);
	env_listener_close(listener);
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("a refusal");
	ok(client.error == 1 && client.err == -ECONNREFUSED && client.connected == 0, "nobody listens: refused");
	sides_reset();
	d.host = "nowhere.invalid";
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("a name that does not exist");
	ok(client.error == 1, "a name that does not exist is an error");
	sides_reset();
}

static void
local_sockets(void)
{
	char path[200];
	struct env_listen l = { .path = path, .mode = 0600 };
	struct env_dial d = { .path = path };
	int err = 0;

	snprintf(path, sizeof path, "%s", in_dir("socket"));
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("no socket");
	ok(client.error == 1 && client.err == -ENOENT, "no such socket");
	sides_reset();
	listener = env_listen(env, &l, on_accept, NULL, &err);
	ok(listener != NULL, "a local socket");
	talk(path);
	ok(env_listen(env, &l, on_accept, NULL, &err) == NULL && err == -EADDRINUSE, "a live one is not replaced");
	env_listener_close(listener);
}

int
main(void)
{
	if (!conform_begin())
		return 99;
	streams();
	local_sockets();
	is_int(broken, 0, "the rule of turns held throughout");
	ok(turn_ends > 100, "turns ended %d times", turn_ends);
	return conform_end() ? tap_done() : 99;
}
