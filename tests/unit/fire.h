/* SPDX-License-Identifier: ISC */
/*
 * fire.h -- the fixed half of the programs that to-fire.awk makes.
 */
#include "env/env.h"

struct fire_row {
	int line, from, event;
	const char *guards;	/* the true ones, each between spaces */
	const char *acts;	/* " a b !send ~resource" */
	int to, never;
};

static struct fsm_loop *fire_loop;
static const char *fire_guards;
static char fire_done[1024];

static inline bool
fire_guard(const char *name)
{
	char word[80];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(fire_guards, word) != NULL;
}

static inline void
fire_did(const char *what)
{
	size_t n = strlen(fire_done);

	snprintf(fire_done + n, sizeof(fire_done) - n, " %s", what);
}

static void
fire_route(void *arg, struct fsm *m, int send, struct fsm_data *data)
{
	char word[80];

	(void)arg;
	(void)data;
	snprintf(word, sizeof(word), "!%s", m->def->send_name[send]);
	fire_did(word);
}

static void
fire_begin(void)
{
	fire_loop = fsm_loop_new((struct env *)&fire_loop, fire_route, NULL);
}

/* The step only, without queue and clock: those are the runtime's tests. */
static void
fire_all(struct fsm *m, const struct fire_row *r, size_t n, int nrow)
{
	int unfired = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t never = fsm_loop_nevers(fire_loop);

		m->state = r[i].from;
		fire_guards = r[i].guards;
		fire_done[0] = '\0';
		m->def->step(m, r[i].event);
		if (!ok(strcmp(fire_done, r[i].acts) == 0 && m->state == r[i].to &&
		    fsm_loop_nevers(fire_loop) == never + (uint64_t)r[i].never, "line %d: %s on %s%s%s", r[i].line,
		    m->def->state_name[r[i].from], m->def->event_name[r[i].event], r[i].guards[1] ? ", if" : "",
		    r[i].guards[1] ? r[i].guards : ""))
			printf("# did '%s', not '%s'; state %s\n", fire_done, r[i].acts, m->def->state_name[m->state]);
	}
	for (int i = 0; i < nrow; i++)
		unfired += m->hits[i] == 0;
	ok(unfired == 0, "%s: all %d rows fired", m->def->name, nrow);
}

/* ---- an env in which nothing happens ---- */

void
env_on_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	(void)e, (void)fn, (void)arg;
}

void
env_off_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	(void)e, (void)fn, (void)arg;
}

struct mono
env_now(struct env *e)
{
	(void)e;
	return (struct mono){ 1 };
}

uint64_t
env_random_below(struct env *e, uint64_t bound)
{
	(void)e;
	return bound - 1;
}

struct env_timer *
env_timer_new(struct env *e, void (*fn)(void *), void *arg)
{
	(void)e, (void)fn, (void)arg;
	return malloc(1);
}

void
env_timer_set(struct env_timer *t, int64_t us)
{
	(void)t, (void)us;
}

void
env_timer_stop(struct env_timer *t)
{
	(void)t;
}

bool
env_timer_pending(const struct env_timer *t)
{
	(void)t;
	return false;
}

void
env_timer_free(struct env_timer *t)
{
	free(t);
}
