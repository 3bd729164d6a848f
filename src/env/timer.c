/* SPDX-License-Identifier: ISC */
/*
 * timer.c -- timers on boot time, in a binary heap.
 *
 * Ordered by due time, then by the order in which they were set, so that equal
 * timers fire first set, first served.  The loop sets the system's alarm clock
 * for heap[0] before each poll, only when that changed.
 */
#include "config.h"
#include <stdlib.h>
#include "base/log.h"
#include "env/loop.h"
#include "sys/clock.h"

struct env_timer {
	struct env *env;
	void (*fn)(void *arg);
	void *arg;
	int64_t due;		/* boot time */
	uint64_t seq;
	size_t at;		/* place in the heap + 1; 0 when stopped */
};

/* Without an alarm clock on boot time the loop looks up this often, to notice
 * that the machine slept. */
#define LOOK_UP_US	(10 * MONO_SEC)

static bool
before(const struct env_timer *a, const struct env_timer *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void
place(struct env *env, size_t i, struct env_timer *t)
{
	env->heap[i] = t;
	t->at = i + 1;
}

static void
sift_up(struct env *env, size_t i, struct env_timer *t)
{
	while (i > 0 && before(t, env->heap[(i - 1) / 2])) {
		place(env, i, env->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(env, i, t);
}

static void
sift_down(struct env *env, size_t i, struct env_timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < env->heap_n && before(env->heap[child + 1], env->heap[child]))
			child++;
		if (child >= env->heap_n || !before(env->heap[child], t))
			break;
		place(env, i, env->heap[child]);
		i = child;
	}
	place(env, i, t);
}

struct env_timer *
env_timer_new(struct env *env, void (*fn)(void *), void *arg)
{
	struct env_timer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->env = env;
	t->fn = fn;
	t->arg = arg;
	return t;
}

void
env_timer_stop(struct env_timer *t)
{
	struct env *env = t->env;
	size_t i = t->at;
	struct env_timer *last;

	if (i-- == 0)
		return;
	t->at = 0;
	last = env->heap[--env->heap_n];
	if (last == t)
		return;
	if (i > 0 && before(last, env->heap[(i - 1) / 2]))
		sift_up(env, i, last);
	else
		sift_down(env, i, last);
}

void
env_timer_set(struct env_timer *t, int64_t us)
{
	struct env *env = t->env;

	env_timer_stop(t);
	if (env->heap_n == env->heap_cap) {
		size_t cap = env->heap_cap ? 2 * env->heap_cap : 32;
		struct env_timer **more = realloc(env->heap, cap * sizeof(*more));

		if (more == NULL)
			fatal("env", "no memory for timers");
		env->heap = more;
		env->heap_cap = cap;
	}
	t->due = env_now(env).us + (us > 0 ? us : 0);
	t->seq = env->timer_seq++;
	sift_up(env, env->heap_n++, t);
}

bool
env_timer_pending(const struct env_timer *t)
{
	return t->at != 0;
}

void
env_timer_free(struct env_timer *t)
{
	if (t == NULL)
		return;
	env_timer_stop(t);
	free(t);
}

/* Fires what is due and was set before this round: a timer that sets itself
 * to "at once" lets the rest of the world have its turn. */
void
timers_run(struct env *env)
{
	int64_t now = sys_clock_boot_us();
	uint64_t seq = env->timer_seq;

	while (env->heap_n > 0 && env->heap[0]->due <= now && env->heap[0]->seq < seq) {
		struct env_timer *t = env->heap[0];
		void (*fn)(void *) = t->fn;
		void *arg = t->arg;

		env_timer_stop(t);
		loop_turn_begin(env);
		fn(arg);		/* may free t */
		loop_turn_end(env);
	}
}

void
timers_arm(struct env *env)
{
	int64_t at = env->heap_n > 0 ? env->heap[0]->due : 0;
	struct timeval tv;
	int64_t wait;

	if (env->alarm_fd >= 0) {
		/* It is -1 after ringing: the descriptor reads as ready until it is set again. */
		if (at != env->alarm_at)
			sys_alarm_set(env->alarm_fd, at);
		env->alarm_at = at;
		return;
	}
	wait = at != 0 ? at - sys_clock_boot_us() : LOOK_UP_US;
	wait = wait < 0 ? 0 : wait > LOOK_UP_US ? LOOK_UP_US : wait;
	tv.tv_sec = (time_t)(wait / MONO_SEC);
	tv.tv_usec = (suseconds_t)(wait % MONO_SEC);
	event_add(&env->alarm, &tv);
}

void
timers_free(struct env *env)
{
	free(env->heap);
}
