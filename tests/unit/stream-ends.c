/* SPDX-License-Identifier: ISC */
/*
 * stream-ends.c -- the two ends of stream-ends.h.
 */
#include <stdio.h>
#include <string.h>
#include "tests/sum.h"
#include "tests/tap.h"
#include "tests/unit/stream-ends.h"

static void
on_limit(void *arg)
{
	struct world *w = arg;

	w->timed_out = true;
	env_stop(w->env);
}

void
end_note(void *arg, const struct env_stream_note *n)
{
	struct end *e = arg;

	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		e->connected = true;
		break;
	case ENV_STREAM_DATA:
		e->got += n->len;
		e->sum = sum_add(e->sum, n->data, n->len);
		if (e->name == 's' && e->w->echo)
			env_stream_write(e->s, n->data, n->len);
		if (e->w->stop_at && e->w->server.got >= e->w->stop_at)
			env_stop(e->w->env);
		return;
	case ENV_STREAM_DRAINED:
		e->drained++;
		return;
	case ENV_STREAM_EOF:
		e->eof = true;
		break;
	case ENV_STREAM_TRUNCATED:
		e->truncated = true;
		break;
	case ENV_STREAM_ERROR:
		e->err = n->err;
		snprintf(e->text, sizeof e->text, "%s", n->text);
		break;
	}
	if (!e->connected || e->eof || e->truncated || e->err || e->w->server.s)
		env_stop(e->w->env);
}

void
end_accept(void *arg, struct env_stream *s)
{
	struct world *w = arg;

	w->accepted++;
	w->server.s = s;
	env_stream_set_fn(s, end_note, &w->server);
	if (w->client.connected)
		env_stop(w->env);
}

void
run(struct world *w)
{
	w->timed_out = false;
	env_timer_set(w->limit, 5 * MONO_SEC);
	env_run(w->env);
	env_timer_stop(w->limit);
}

void
reset(struct world *w)
{
	env_stream_close(w->client.s);
	env_stream_close(w->server.s);
	memset(&w->client, 0, sizeof w->client);
	memset(&w->server, 0, sizeof w->server);
	w->client.w = w->server.w = w;
	w->client.name = 'c';
	w->server.name = 's';
	w->echo = false;
	w->stop_at = 0;
	w->accepted = 0;
}

void
dial(struct world *w, const struct env_dial *to)
{
	reset(w);
	w->client.s = env_stream_dial(w->env, to, end_note, &w->client);
	run(w);
	if (w->client.connected && w->server.s == NULL)
		run(w);
	if (w->server.s != NULL && !w->client.connected && !w->client.err)
		run(w);
}

void
ends_open(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->env = env_new();
	w->limit = env_timer_new(w->env, on_limit, w);
}

void
ends_close(struct world *w)
{
	reset(w);
	env_timer_free(w->limit);
	env_free(w->env);
}

/* A megabyte there and back, with a low watermark. */
void
test_bulk(struct world *w, const char *kind)
{
	static uint8_t bytes[1 << 20];
	uint32_t sum;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	sum = sum_add(0, bytes, sizeof bytes);
	w->echo = true;
	env_stream_set_low(w->client.s, 1000);
	is_int(env_stream_write(w->client.s, bytes, sizeof bytes), 0, "%s: a megabyte is accepted", kind);
	is_int(env_stream_queued(w->client.s), sizeof bytes, "%s: and queued", kind);
	w->stop_at = sizeof bytes;
	run(w);
	for (int i = 0; i < 200 && w->client.got < sizeof bytes; i++) {
		env_timer_set(w->limit, 10 * MONO_MS);
		env_run(w->env);
	}
	is_int(w->client.got, sizeof bytes, "%s: it comes back whole", kind);
	ok(w->client.sum == sum && w->server.sum == sum, "%s: and unchanged", kind);
	is_int(w->client.drained, 1, "%s: drained is told once", kind);
	is_int(env_stream_queued(w->client.s), 0, "%s: nothing is queued", kind);
}

/* While paused nothing is delivered; afterwards all of it is. */
void
test_pause(struct world *w, const char *kind)
{
	size_t before = w->server.got;
	char hello[5000] = "x";

	w->echo = false;
	w->stop_at = before + 1;
	env_stream_pause(w->server.s, true);
	env_stream_write(w->client.s, hello, sizeof hello);
	env_timer_set(w->limit, 50 * MONO_MS);
	env_run(w->env);
	is_int(w->server.got, before, "%s: a paused stream delivers nothing", kind);
	env_stream_pause(w->server.s, false);
	w->stop_at = before + sizeof hello;
	run(w);
	is_int(w->server.got, before + sizeof hello, "%s: and all of it when resumed", kind);
}

void
test_finish(struct world *w, const char *kind)
{
	size_t before = w->server.got;
	static char bytes[300000];

	w->stop_at = 0;
	env_stream_write(w->client.s, bytes, sizeof bytes);
	env_stream_finish(w->client.s);
	w->client.s = NULL;
	run(w);
	is_int(w->server.got - before, sizeof bytes, "%s: finish sends what is queued", kind);
	ok(w->server.eof && !w->server.truncated && !w->server.err, "%s: and ends in order", kind);
}
