/* SPDX-License-Identifier: ISC */
/*
 * loop.c -- one libevent base and the rule of turns.
 *
 * libevent does the polling; timers are our own, because its clock stops while
 * the machine sleeps (timer.c).  The loop runs one poll at a time, so that what
 * a round of callbacks left behind (bytes to write, memory to free, the next
 * alarm) is done once a round and not once a packet.
 *
 * Everything called from here must be quick.  The time between begin and end of
 * each turn is counted in struct env_stalls.
 */
#include "config.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/helper.h"
#include "env/loop.h"
#include "sys/clock.h"
#include "sys/proc.h"

struct hook {
	struct list node;
	void (*fn)(void *arg);
	void (*resume)(void *arg, int64_t slept_us);
	void *arg;
};

struct signal_hook {
	struct list node;
	struct env *env;
	struct event ev;
	int signo;
	void (*fn)(void *arg, int signo);
	void *arg;
};

#define COOL_US		(5 * MONO_SEC)

/* A suspend shorter than this is not worth telling. */
#define SLEPT_MIN_US	(500 * MONO_MS)

/* ---- turns -------------------------------------------------------------- */

void
loop_turn_begin(struct env *env)
{
	env->now_us = sys_clock_boot_us();
	env->turn_began = sys_clock_running_us();
	env->in_turn = true;
}

static void
count_stall(struct env_stalls *s, int64_t us)
{
	s->turns++;
	s->over_1ms += us > 1 * MONO_MS;
	s->over_5ms += us > 5 * MONO_MS;
	s->over_20ms += us > 20 * MONO_MS;
	s->over_100ms += us > 100 * MONO_MS;
	if (us > s->longest_us)
		s->longest_us = us;
}

void
loop_turn_end(struct env *env)
{
	LIST_EACH(it, &env->turn_hooks) {
		struct hook *h = LIST_OF(it, struct hook, node);

		if (h->fn != NULL)
			h->fn(h->arg);
	}
	env->in_turn = false;
	count_stall(&env->stalls, sys_clock_running_us() - env->turn_began);
}

void
env_on_turn_end(struct env *env, void (*fn)(void *), void *arg)
{
	struct hook *h = calloc(1, sizeof *h);

	if (h == NULL)
		fatal("env", "no memory for a hook");
	h->fn = fn;
	h->arg = arg;
	list_append(&env->turn_hooks, &h->node);
}

/* May be called from a hook: the memory stays until the round is over. */
void
env_off_turn_end(struct env *env, void (*fn)(void *), void *arg)
{
	LIST_EACH(it, &env->turn_hooks) {
		struct hook *h = LIST_OF(it, struct hook, node);

		if (h->fn == fn && h->arg == arg) {
			struct list *next = h->node.next, *prev = h->node.prev;

			next->prev = prev;
			prev->next = next;
			h->fn = NULL;	/* node.next stays valid for a walk that is under way */
			loop_bury(env, h);
			return;
		}
	}
}

int64_t
env_turn_us(const struct env *env)
{
	return env->in_turn ? sys_clock_running_us() - env->turn_began : 0;
}

const struct env_stalls *
env_stalls(const struct env *env)
{
	return &env->stalls;
}

/* ---- soon, and graves ----------------------------------------------------- */

void
loop_soon_init(struct loop_soon *s, void (*fn)(void *), void *arg)
{
	list_init(&s->node);
	s->fn = fn;
	s->arg = arg;
}

void
loop_soon(struct env *env, struct loop_soon *s)
{
	if (list_empty(&s->node))
		list_append(&env->soon, &s->node);
}

void
loop_soon_cancel(struct loop_soon *s)
{
	list_remove(&s->node);
}

/* Only what is there now: what these ask for comes in the next round. */
static void
run_soon(struct env *env)
{
	struct list now;

	if (list_empty(&env->soon))
		return;
	now = env->soon;
	now.next->prev = now.prev->next = &now;
	list_init(&env->soon);
	while (!list_empty(&now)) {
		struct loop_soon *s = LIST_OF(now.next, struct loop_soon, node);

		list_remove(&s->node);
		s->fn(s->arg);
	}
}

void
loop_bury(struct env *env, void *mem)
{
	if (env->graves_n == env->graves_cap) {
		size_t cap = env->graves_cap ? 2 * env->graves_cap : 64;
		void **more = realloc(env->graves, cap * sizeof *more);

		if (more == NULL)
			return;		/* leaked rather than freed under somebody's feet */
		env->graves = more;
		env->graves_cap = cap;
	}
	env->graves[env->graves_n++] = mem;
}

static void
free_graves(struct env *env)
{
	for (size_t i = 0; i < env->graves_n; i++)
		free(env->graves[i]);
	env->graves_n = 0;
}

uint8_t *
loop_slot(struct env *env, unsigned i)
{
	if (env->slots == NULL) {
		/* Mapped, not touched: a slot costs memory when a packet lies in it. */
		void *p = mmap(NULL, (size_t)LOOP_SLOTS * LOOP_SLOT, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);

		if (p == MAP_FAILED)
			return NULL;
		env->slots = p;
	}
	return env->slots + (size_t)i * LOOP_SLOT + LOOP_HEADROOM;
}

/* A burst touches up to 4 MB; some seconds after the last one they go back, and
 * with them what start-up and the burst have freed. */
static void
on_cool(void *arg)
{
	struct env *env = arg;

	if (env->slots_used) {
		env->slots_used = false;
		env_timer_set(env->cool, COOL_US);
		return;
	}
	if (env->slots != NULL)
		madvise(env->slots, (size_t)LOOP_SLOTS * LOOP_SLOT, MADV_DONTNEED);
	sys_mem_trim();
}

void
loop_slots_used(struct env *env, unsigned n, size_t bytes)
{
	if (n < 8 && bytes < 64 * 1024)
		return;
	env->slots_used = true;
	if (!env_timer_pending(env->cool))
		env_timer_set(env->cool, COOL_US);
}

size_t
loop_slot_room(void)
{
	return LOOP_SLOT - LOOP_HEADROOM;
}

/* ---- the loop --------------------------------------------------------------- */

/* How long the machine has slept since boot.  The two clocks cannot be read at
 * once: when we lost the processor in between, again. */
static int64_t
slept_so_far(void)
{
	int64_t before, boot, after;

	for (int i = 0; ; i++) {
		before = sys_clock_running_us();
		boot = sys_clock_boot_us();
		after = sys_clock_running_us();
		if (after - before < MONO_MS || i == 10)
			return boot - before;
	}
}

/* Tells of a suspend that ended since we looked last. */
static void
check_resume(struct env *env)
{
	int64_t slept = slept_so_far();
	int64_t more = slept - env->slept_us;

	if (more < SLEPT_MIN_US)
		return;
	env->slept_us = slept;
	log_info("env", "the machine slept for %lld.%03lld s", (long long)(more / MONO_SEC),
	    (long long)(more % MONO_SEC / MONO_MS));
	LIST_EACH(it, &env->resume_hooks) {
		struct hook *h = LIST_OF(it, struct hook, node);

		loop_turn_begin(env);
		h->resume(h->arg, more);
		loop_turn_end(env);
	}
}

static void
on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct env *env = arg;

	env->alarm_at = -1;
	check_resume(env);	/* first: timers of a former life should find out */
	timers_run(env);
}

static void
on_jump(evutil_socket_t fd, short what, void *arg)
{
	struct env *env = arg;

	sys_jump_ack((int)fd);
	check_resume(env);
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_hook *h = arg;

	loop_turn_begin(h->env);
	h->fn(h->arg, h->signo);
	loop_turn_end(h->env);
}

int
env_run(struct env *env)
{
	env->stop = false;
	while (!env->stop) {
		int flags = EVLOOP_ONCE;

		streams_flush(env);
		free_graves(env);
		timers_arm(env);
		if (env->stop)
			break;
		if (!list_empty(&env->soon) || !list_empty(&env->dirty))
			flags |= EVLOOP_NONBLOCK;
		if (event_base_loop(env->base, flags) < 0)
			return -EIO;
		run_soon(env);
	}
	streams_flush(env);
	free_graves(env);
	return 0;
}

void
env_stop(struct env *env)
{
	env->stop = true;
}

struct mono
env_now(struct env *env)
{
	return (struct mono){ env->in_turn ? env->now_us : sys_clock_boot_us() };
}

int64_t
env_wall(struct env *env)
{
	return sys_clock_wall_us();
}

void
env_on_resume(struct env *env, void (*fn)(void *, int64_t), void *arg)
{
	struct hook *h = calloc(1, sizeof *h);

	if (h == NULL)
		fatal("env", "no memory for a hook");
	h->resume = fn;
	h->arg = arg;
	list_append(&env->resume_hooks, &h->node);
}

void
env_on_signal(struct env *env, int signo, void (*fn)(void *, int), void *arg)
{
	struct signal_hook *h = calloc(1, sizeof *h);

	if (h == NULL)
		fatal("env", "no memory for a signal");
	h->env = env;
	h->signo = signo;
	h->fn = fn;
	h->arg = arg;
	event_assign(&h->ev, env->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, h);
	event_add(&h->ev, NULL);
	list_append(&env->signals, &h->node);
}

void
env_random(struct env *env, void *out, size_t len)
{
	sys_random(out, len);
}

/* Draws again where a plain remainder would favour small numbers. */
uint64_t
env_random_below(struct env *env, uint64_t bound)
{
	uint64_t x, first_fair = -bound % bound;

	do {
		sys_random(&x, sizeof x);
	} while (x < first_fair);
	return x % bound;
}

/* ---- birth and death ---------------------------------------------------------- */

struct env *
env_new(void)
{
	struct env *env = calloc(1, sizeof *env);

	if (env == NULL)
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	list_init(&env->turn_hooks);
	list_init(&env->resume_hooks);
	list_init(&env->signals);
	list_init(&env->soon);
	list_init(&env->dirty);
	list_init(&env->streams);
	list_init(&env->tls);
	list_init(&env->lookups);
	list_init(&env->locks);
	env->slept_us = slept_so_far();
	env->helper = helper_start();	/* before anything is open that it should not have */
	env->base = event_base_new();
	if (env->helper == NULL || env->base == NULL) {
		helper_stop(env->helper);
		if (env->base != NULL)
			event_base_free(env->base);
		free(env);
		return NULL;
	}
	env->cool = env_timer_new(env, on_cool, env);
	if (env->cool == NULL)
		fatal("env", "no memory for a timer");
	env_timer_set(env->cool, COOL_US);	/* once after the start */
	env->alarm_fd = sys_alarm_open();
	if (env->alarm_fd >= 0) {
		event_assign(&env->alarm, env->base, env->alarm_fd, EV_READ | EV_PERSIST, on_alarm, env);
		event_add(&env->alarm, NULL);
	} else {
		event_assign(&env->alarm, env->base, -1, 0, on_alarm, env);
	}
	env->jump_fd = sys_jump_open();
	if (env->jump_fd >= 0) {
		event_assign(&env->jump, env->base, env->jump_fd, EV_READ | EV_PERSIST, on_jump, env);
		event_add(&env->jump, NULL);
	}
	return env;
}

static void
free_hooks(struct list *head)
{
	while (!list_empty(head)) {
		struct hook *h = LIST_OF(head->next, struct hook, node);

		list_remove(&h->node);
		free(h);
	}
}

void
env_free(struct env *env)
{
	if (env == NULL)
		return;
	streams_flush(env);
	streams_free(env);
	host_free(env);
	resolve_free(env);
	while (!list_empty(&env->signals)) {
		struct signal_hook *h = LIST_OF(env->signals.next, struct signal_hook, node);

		event_del(&h->ev);
		list_remove(&h->node);
		free(h);
	}
	event_del(&env->alarm);
	if (env->alarm_fd >= 0)
		close(env->alarm_fd);
	if (env->jump_fd >= 0) {
		event_del(&env->jump);
		close(env->jump_fd);
	}
	disk_free(env);
	helper_stop(env->helper);
	tls_free(env);
	free_hooks(&env->turn_hooks);
	free_hooks(&env->resume_hooks);
	env_timer_free(env->cool);
	timers_free(env);
	free_graves(env);
	free(env->graves);
	if (env->slots != NULL)
		munmap(env->slots, (size_t)LOOP_SLOTS * LOOP_SLOT);
	event_base_free(env->base);
	free(env->sysinfo);
	free(env);
}
