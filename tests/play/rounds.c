/* SPDX-License-Identifier: ISC */
/*
 * rounds.c -- something breaks, all is well again, and what must be true then.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tests/play/play.h"

/* A connection whose client vanished without a word is asked after two minutes of
 * silence and given ten seconds (src/net/grpc-server.c). */
#define TIDY_LIMIT	(135 * MONO_SEC)
/* A slow guard asks after three minutes at most (src/peer/guard.c), ICE checks for 12 s. */
#define DIRECT_LIMIT	(200 * MONO_SEC)
/* What is under way at any moment (a rekey, a try for a better path, a guard that has
 * yet to see that all is up) is over. */
#define AGREE_LIMIT	(60 * MONO_SEC)
/* A connection that a router forgot: the server's next word never comes, then ours
 * is not answered (fsm/relay-link.fsm, health-timeout and answer-timeout). */
#define UNNOTICED	(30 * MONO_SEC)
/* Until a stream of ours is told nothing and asks: a PING after 33 s, 7 s for its
 * answer, and the dial (src/net/grpc-channel.c). */
#define MUTE		(45 * MONO_SEC)
/* After all is healed, what is done about it is counted for this long. */
#define WINDOW		(10 * MONO_SEC)
#define SLACK		(500 * MONO_MS)	/* beyond the target, for pings 250 ms apart and bad luck */
#define SHORT		MONO_MIN	/* faults no longer than this have a target */

__attribute__((format(printf, 2, 3))) void
say(struct run *r, const char *fmt, ...)
{
	char line[200];
	size_t used = strlen(r->story), half = sizeof r->story / 2;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (used > sizeof r->story - 300) {	/* the last part is what is asked for */
		memmove(r->story, r->story + half, used - half + 1);
		used -= half;
	}
	snprintf(r->story + used, sizeof r->story - used, "#   %10.3f %s\n", (double)sim_now(r->m->s) / 1e6, line);
	if (r->talk)
		fprintf(stderr, "%12.6f fault      %s\n", (double)sim_now(r->m->s) / 1e6, line);
}

/* ---- one round ------------------------------------------------------------------------------ */

static bool
is_tidy(void *arg)
{
	return server_tidy(arg, false) == NULL;
}

static bool
status_is_true(void *arg)
{
	return status_true(arg, false) == NULL;
}

/* Looked at now and then only: it is a look at everything. */
static bool
come_to_agree(struct run *r, int64_t limit)
{
	int64_t until = sim_now(r->m->s) + limit;

	while (ends_agree(r->m, r->rounds == 0, false) != NULL) {
		if (sim_now(r->m->s) >= until)
			return false;
		sim_run(r->m->s, 200 * MONO_MS);
	}
	return true;
}

static const char *
listen(struct mesh *m, int64_t us)
{
	mesh_reset(m);
	sim_run(m->s, us);
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL && sim_ping_stats(m->node[i].ping[j]).longest_gap > m->conf.ping_every + 2 * MONO_SEC) {
				printf("# agent%u did not hear agent%u for %.3f s\n", i, j,
				    (double)sim_ping_stats(m->node[i].ping[j]).longest_gap / 1e6);
				return "silence without a fault";
			}
	return NULL;
}

/* Nobody dials, and only pairs that miss something ask for it: four times with back-off,
 * then every two minutes; and every five minutes the one who answers over the relay (wg-watch, stuck). */
const char *
rest(struct run *r, int64_t us)
{
	struct mesh *m = r->m;
	struct efforts a = efforts(r), b;
	const char *fail = listen(m, us);

	r->totals->calm += us * m->n;
	b = efforts(r);
	if (fail == NULL && b.dials != a.dials) {
		printf("# %llu connections begun\n", (unsigned long long)(b.dials - a.dials));
		fail = "somebody dials without a fault";
	}
	if (fail == NULL && b.offers - a.offers > a.restless * (6 + (uint64_t)us / (120 * MONO_SEC) + (uint64_t)us / (5 * MONO_MIN))) {
		printf("# %llu offers in %.0f s, %u pairs miss a path\n", (unsigned long long)(b.offers - a.offers), (double)us / 1e6, a.restless);
		fail = "a flood of offers";
	}
	if (fail == NULL && b.stale - a.stale > m->n * (1 + (uint64_t)us / MONO_HOUR)) {	/* now and then two things cross */
		printf("# %llu in %.0f s\n", (unsigned long long)(b.stale - a.stale), (double)us / 1e6);
		fail = "events of what is over, without a fault";
	}
	return fail != NULL ? fail : rest_cost(r, &a, &b, us);
}

const char *
settled(struct run *r)
{
	struct mesh *m = r->m;
	const char *fail;

	sim_run(m->s, r->forgot ? MUTE : 10 * MONO_SEC);
	if ((fail = listen(m, 20 * MONO_SEC)) != NULL)
		return fail;
	if (!sim_until(m->s, status_is_true, m, 5 * MONO_SEC))
		return status_true(m, true);
	if (!sim_until(m->s, is_tidy, m, TIDY_LIMIT))
		return server_tidy(m, true);
	if (!sim_until(m->s, all_direct, m, DIRECT_LIMIT)) {
		report_indirect(m);
		return "a path that could be direct is not";
	}
	if (!come_to_agree(r, AGREE_LIMIT))
		return ends_agree(m, r->rounds == 0, true);
	return NULL;
}

static int64_t
gaps_between_pings(const struct mesh *m)
{
	return m->n > 10 ? 3 * MONO_SEC : MONO_SEC;
}

/* The README's recovery table, for what nobody waits for with a ping. */
static const char *
too_late(const struct run *r, const struct recovery *b)
{
	const struct fault *f = &faults[r->kind >= 0 ? r->kind : 0];

	if (r->struck != 1 || r->lasted >= BRIEF)
		return NULL;
	if (f->streams > 0 && !r->forgot && (b->streams < 0 || b->streams > f->streams + SLACK)) {
		printf("# after %s: %.3f s\n", f->name, (double)b->streams / 1e6);
		return "the connections to the server are back too late after that fault";
	}
	if (f->direct > 0 && (b->direct < 0 || b->direct > f->direct + SLACK)) {
		printf("# after %s: %.3f s\n", f->name, (double)b->direct / 1e6);
		return "direct again too late after that fault";
	}
	return NULL;
}

const char *
play_round(struct run *r, unsigned n)
{
	struct mesh *m = r->m;
	struct efforts before, after;
	struct recovery back;
	const char *fail;
	int64_t limit, took;

	r->totals->rounds++;
	r->struck = 0;
	r->lasted = 0;
	r->forgot = false;
	r->hit = 0;
	r->server_hit = false;
	r->rounds++;
	mesh_ping_every(m, gaps_between_pings(m));
	mesh_reset(m);
	note_paths(r);
	before = efforts(r);
	for (unsigned i = 0; i < n && r->fail == NULL; i++) {
		strike(r);
		if (i + 1 < n)
			sim_run(m->s, (int64_t)sim_chance(m->s, 10 * MONO_SEC));
	}
	r->totals->faults += r->struck;
	if (r->fail == NULL && r->struck == 1)
		r->fail = others_untouched(r);
	if (r->fail == NULL) {
		after = efforts(r);
		r->fail = outage_cost(r, &before, &after);
	}
	if (r->fail != NULL)
		return r->fail;
	heal(r);
	mesh_ping_every(m, 250 * MONO_MS);
	mesh_reset(m);
	limit = longest_wait(m) + 5 * MONO_SEC + (r->forgot ? UNNOTICED : 0);
	before = efforts(r);
	back = recover(m, WINDOW, limit);
	if (back.talk < 0) {
		printf("# allowed: %.3f s\n", (double)limit / 1e6);
		return "some pair does not talk after all is healed";
	}
	took = back.talk;
	after = efforts(r);
	if (r->struck == 1 && r->lasted < BRIEF && took > faults[r->kind].target + SLACK) {
		printf("# after %s: %.3f s\n", faults[r->kind].name, (double)took / 1e6);
		return "all talk, but too late after that fault";
	}
	if ((fail = too_late(r, &back)) != NULL || (fail = heal_cost(r, &before, &after)) != NULL)
		return fail;
	keep_heal(r->struck == 1 && r->lasted < SHORT ? (size_t)r->kind : KINDS, took);
	mesh_ping_every(m, gaps_between_pings(m));
	return settled(r);
}

static int64_t
exponential(struct mesh *m, int64_t mean)
{
	int64_t us = 0;

	while (sim_chance(m->s, 32) != 0)	/* geometric: the same without floating point */
		us += mean / 32;
	return us + (int64_t)sim_chance(m->s, (uint64_t)mean / 32);
}

const char *
play_days(struct run *r, int64_t days, int64_t mean)
{
	struct mesh *m = r->m;
	const char *fail = NULL;

	while (fail == NULL && sim_now(m->s) < days) {
		mesh_ping_every(m, MONO_MIN);
		fail = rest(r, exponential(m, mean));
		if (fail == NULL)
			fail = play_round(r, sim_chance(m->s, 4) != 0 ? 1 : 2 + (unsigned)sim_chance(m->s, 4));
	}
	return fail;
}
