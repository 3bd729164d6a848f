/* SPDX-License-Identifier: ISC */
/* env_loop.c -- turns, timers, suspend, signals and chance of the real loop.
 * The clock is ours: sys/clock.h is defined here, so that the machine sleeps
 * when the test says so. */
#include "config.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "env/env.h"
#include "sys/clock.h"
#include "tests/tap.h"

static int64_t slept;

static int64_t
now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t sys_clock_running_us(void) { return now_us(CLOCK_MONOTONIC); }
int64_t sys_clock_boot_us(void) { return now_us(CLOCK_MONOTONIC) + slept; }
int64_t sys_clock_wall_us(void) { return now_us(CLOCK_REALTIME); }
/* No alarm clock: the way of the BSDs, which looks up now and then. */
int sys_alarm_open(void) { return -ENOTSUP; }
int sys_alarm_set(int fd, int64_t us) { return -ENOTSUP; }
int sys_jump_open(void) { return -ENOTSUP; }
void sys_jump_ack(int fd) { }
void sys_random(void *out, size_t len) { for (size_t i = 0; i < len; i++) ((char *)out)[i] = (char)rand(); }

struct world {
	struct env *env;
	struct env_timer *t[8];
	char order[64];
	int turn_ends, resumes, signals;
	int64_t slept_told;
	struct mono first, second;
};

static void
note(struct world *w, char c)
{
	w->order[strlen(w->order)] = c;
}

static void on_turn_end(void *arg) { struct world *w = arg; w->turn_ends++; note(w, '.'); }
static void on_a(void *arg) { note(arg, 'a'); }
static void on_b(void *arg) { struct world *w = arg; note(w, 'b'); env_timer_stop(w->t[2]); }
static void on_c(void *arg) { note(arg, 'c'); }
static void on_stop(void *arg) { struct world *w = arg; note(w, 'S'); env_stop(w->env); }

static void
on_slow(void *arg)
{
	struct world *w = arg;

	w->first = env_now(w->env);
	usleep(30000);
	w->second = env_now(w->env);
	env_stop(w->env);
}

static void
on_resume(void *arg, int64_t us)
{
	struct world *w = arg;

	w->resumes++;
	w->slept_told = us;
	note(w, 'R');
}

static void
on_signal(void *arg, int signo)
{
	struct world *w = arg;

	w->signals += signo == SIGUSR1;
	env_stop(w->env);
}

static void
on_sleep(void *arg)
{
	slept += 3600 * MONO_SEC;
}

int
main(void)
{
	struct world w = { .env = env_new() };
	const struct env_stalls *stalls = env_stalls(w.env);
	uint64_t seen = 0;

	env_on_turn_end(w.env, on_turn_end, &w);
	w.t[0] = env_timer_new(w.env, on_a, &w);
	w.t[1] = env_timer_new(w.env, on_b, &w);
	w.t[2] = env_timer_new(w.env, on_c, &w);
	w.t[3] = env_timer_new(w.env, on_stop, &w);
	env_timer_set(w.t[3], 40 * MONO_MS);
	env_timer_set(w.t[2], 20 * MONO_MS);
	env_timer_set(w.t[1], 10 * MONO_MS);
	env_timer_set(w.t[0], 10 * MONO_MS);
	env_timer_set(w.t[0], 5 * MONO_MS);
	ok(env_timer_pending(w.t[0]), "a timer that is set is pending");
	env_run(w.env);
	is_str(w.order, "a.b.S.", "timers in order of time, a turn end after each, a stopped one not at all");
	ok(!env_timer_pending(w.t[0]) && !env_timer_pending(w.t[2]), "fired and stopped timers are not pending");

	memset(w.order, 0, sizeof w.order);
	env_timer_set(w.t[0], 0);
	env_timer_set(w.t[1], 0);
	env_timer_set(w.t[3], 0);
	env_run(w.env);
	is_str(w.order, "a.b.S.", "timers due together fire in the order they were set");

	w.t[4] = env_timer_new(w.env, on_slow, &w);
	env_timer_set(w.t[4], 0);
	env_run(w.env);
	ok(w.first.us == w.second.us, "time stands still within a turn");
	ok(stalls->over_20ms >= 1, "a turn of 30 ms is counted as a stall over 20 ms");
	ok(stalls->longest_us >= 30000, "the longest turn is told");

	memset(w.order, 0, sizeof w.order);
	env_on_resume(w.env, on_resume, &w);
	w.t[5] = env_timer_new(w.env, on_sleep, &w);
	env_timer_set(w.t[5], 0);
	env_timer_set(w.t[0], 3600 * MONO_SEC);		/* due by the end of the nap */
	env_timer_set(w.t[3], 3600 * MONO_SEC + 50 * MONO_MS);
	{
		struct env_timer *tick = env_timer_new(w.env, on_c, &w);

		env_timer_set(tick, 20 * MONO_MS);	/* what wakes the loop after the nap */
		env_run(w.env);
		env_timer_free(tick);
	}
	is_int(w.resumes, 1, "one resume is told after a suspend");
	ok(w.slept_told / MONO_SEC >= 3599 && w.slept_told / MONO_SEC <= 3601, "with the time slept");
	ok(strchr(w.order, 'R') != NULL && strchr(w.order, 'R') < strchr(w.order, 'a'),
	    "before the timers of the time before fire (%s)", w.order);
	ok(strchr(w.order, 'a') < strchr(w.order, 'S'), "timers count the time asleep");

	env_on_signal(w.env, SIGUSR1, on_signal, &w);
	kill(getpid(), SIGUSR1);
	env_run(w.env);
	is_int(w.signals, 1, "a signal arrives as a callback");

	for (int i = 0; i < 1000; i++)
		seen |= UINT64_C(1) << env_random_below(w.env, 10);
	is_int(seen, 0x3ff, "numbers below ten are just 0 to 9");

	env_off_turn_end(w.env, on_turn_end, &w);
	w.turn_ends = 0;
	env_timer_set(w.t[3], 0);
	env_run(w.env);
	is_int(w.turn_ends, 0, "a hook taken off is not called");
	for (int i = 0; i < 8; i++)
		env_timer_free(w.t[i]);
	env_free(w.env);
	return tap_done();
}
