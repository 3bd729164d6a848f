/* SPDX-License-Identifier: ISC */
/*
 * net_pipes.c -- the clock of the pipes and who is told what, one at a time.
 */
#include "tests/unit/net_pipes.h"

struct env *
pipes_new(size_t cut)
{
	struct env *e = calloc(1, sizeof(*e));

	fake_clock_init(&e->clock, 1000 * MONO_SEC);
	e->cut = cut;
	e->seed = 1;
	list_init(&e->streams);
	list_init(&e->listeners);
	return e;
}

void
pipes_reap(struct env *e)
{
	LIST_EACH(l, &e->streams) {
		struct env_stream *s = LIST_OF(l, struct env_stream, all);

		if (s->dead && s->busy == 0) {
			list_remove(&s->all);
			buf_free(&s->in);
			free(s);
		}
	}
}

bool
pipes_free(struct env *e)
{
	bool closed;

	pipes_reap(e);
	closed = list_empty(&e->streams) && list_empty(&e->clock.timers) && list_empty(&e->listeners);
	if (!closed)
		printf("# %zu streams, %zu timers, %zu listeners left\n", list_count(&e->streams),
		    list_count(&e->clock.timers), list_count(&e->listeners));
	free(e);
	return closed;
}

static void
pipes_turn_end(struct env *e)
{
	for (int i = 0; i < 4; i++)
		if (e->turn[i].fn != NULL)
			e->turn[i].fn(e->turn[i].arg);
}

static void
pipes_tell(struct env_stream *s, enum env_stream_event ev, const uint8_t *data, size_t len, int err, const char *text)
{
	struct env_stream_note n = { .event = ev, .data = data, .len = len, .err = err, .text = text };

	s->env->deliveries++;
	s->busy++;
	if (!s->dead && s->fn != NULL)
		s->fn(s->arg, &n);
	pipes_turn_end(s->env);
	s->busy--;
}

static bool
pipes_step_stream(struct env_stream *s)
{
	struct env *e = s->env;
	size_t n;

	if (s->dead || e->hole)
		return false;
	if (s->refused) {
		s->refused = false;
		s->told_end = true;
		pipes_tell(s, ENV_STREAM_ERROR, NULL, 0, -ECONNREFUSED, "connection refused");
		return true;
	}
	if (s->connected && !s->told_connected) {
		s->told_connected = true;
		pipes_tell(s, ENV_STREAM_CONNECTED, NULL, 0, 0, NULL);
		return true;
	}
	if (s->paused || s->told_end)
		return false;
	n = buf_len(&s->in) < e->cut ? buf_len(&s->in) : e->cut;
	if (n > 0) {
		uint8_t *copy = malloc(n);	/* exactly n: the sanitizer sees any read behind it */
		struct env_stream *p = s->peer;

		memcpy(copy, buf_bytes(&s->in), n);
		buf_consume(&s->in, n);
		pipes_tell(s, ENV_STREAM_DATA, copy, n, 0, NULL);
		free(copy);
		p = s->peer;
		if (p != NULL && !p->dead && p->was_above && buf_len(&s->in) <= p->low) {
			p->was_above = false;
			pipes_tell(p, ENV_STREAM_DRAINED, NULL, 0, 0, NULL);
		}
		return true;
	}
	if (s->eof) {
		s->told_end = true;
		pipes_tell(s, ENV_STREAM_EOF, NULL, 0, 0, NULL);
		return true;
	}
	return false;
}

bool
pipes_step(struct env *e, int64_t until)
{
	struct env_timer *next;
	bool did = false;

	LIST_EACH(l, &e->streams) {
		if (pipes_step_stream(LIST_OF(l, struct env_stream, all))) {
			did = true;
			break;
		}
	}
	if (did) {
		/* fairness: the first goes last */
		struct list *l = e->streams.next;

		if (l != &e->streams) {
			list_remove(l);
			list_append(&e->streams, l);
		}
		pipes_reap(e);
		return true;
	}
	next = fake_clock_next(&e->clock, until);
	if (next == NULL)
		return false;
	fake_timer_run(next);
	pipes_turn_end(e);
	pipes_reap(e);
	return true;
}

void
pipes_run(struct env *e, const bool *done, int64_t us)
{
	int64_t until = e->clock.now + us;

	for (unsigned long i = 0; i < 20000000 && (done == NULL || !*done); i++)
		if (!pipes_step(e, until)) {
			e->clock.now = until;
			break;
		}
}
