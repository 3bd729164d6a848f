/* SPDX-License-Identifier: ISC */
/*
 * fsm.c -- one machine: its timers, its generations, what its rows call.
 *
 * The state itself is written by the generated entry function and nowhere else;
 * fsm_init starts the machine in the first state of its table.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "fsm/loop.h"

/* ---- what an event carries --------------------------------------------------------- */

struct fsm_data *
fsm_data_ref(struct fsm_data *d)
{
	/* a maker that left 0 holds one reference all the same */
	if (d != NULL)
		d->refs = (d->refs == 0 ? 1 : d->refs) + 1;
	return d;
}

void
fsm_data_unref(struct fsm_data *d)
{
	if (d == NULL || (d->refs > 1 && --d->refs > 0))
		return;
	if (d->free != NULL)
		d->free(d);
}

/* ---- birth and death ----------------------------------------------------------------- */

void
fsm_init(struct fsm *m, const struct fsm_def *def, struct fsm_loop *loop, const char *subject)
{
	memset(m, 0, sizeof(*m));
	m->def = def;
	m->loop = loop;
	m->subject = strdup(subject != NULL ? subject : "");
	m->hits = calloc((size_t)def->nrow, sizeof(*m->hits));
	if (m->subject == NULL || m->hits == NULL)
		fatal("fsm", "out of memory");
	m->row = -1;
	m->number = ++loop->births;
	m->taped = loop->tape != NULL;
	for (int i = 0; i < FSM_TIMER_MAX; i++) {
		m->timer[i].machine = m;
		m->timer[i].index = i;
	}
	list_append(&loop->machines, &m->all);
	if (m->taped)
		tape_born(m);
	fsm_timers_enter(m, 0);
}

void
fsm_done(struct fsm *m)
{
	if (m->def == NULL)
		return;
	if (m->loop->current == m)
		fatal("fsm", "%s %s is ended by its own action: use fsm_defer", m->def->name, m->subject);
	fsm_loop_forget(m->loop, m);
	if (m->taped)
		tape_ended(m);
	for (int i = 0; i < FSM_TIMER_MAX; i++) {
		env_timer_free(m->timer[i].timer);
		m->timer[i].timer = NULL;
	}
	list_remove(&m->all);
	free(m->hits);
	free(m->subject);
	memset(m, 0, sizeof(*m));
}

/* ---- posting ---------------------------------------------------------------------------- */

static void
check_event(const struct fsm *m, int event)
{
	if (m->def == NULL)
		fatal("fsm", "event %d for a machine that is not there", event);
	if (event < 0 || event >= m->def->nevent)
		fatal("fsm", "%s has no event %d", m->def->name, event);
}

void
fsm_post(struct fsm *m, int event, struct fsm_data *data)
{
	int res;

	check_event(m, event);
	res = m->def->event_res[event];
	fsm_loop_post(m->loop, m, event, -1, res >= 0 ? m->gen[res] : 0, data);
}

void
fsm_post_gen(struct fsm *m, int event, uint32_t gen, struct fsm_data *data)
{
	check_event(m, event);
	fsm_loop_post(m->loop, m, event, -1, gen, data);
}

/* ---- for actions and guards --------------------------------------------------------------- */

uint32_t
fsm_open(struct fsm *m, int res)
{
	m->gen[res]++;
	if (m->taped)
		tape_opened(m, res);
	return m->gen[res];
}

uint32_t
fsm_gen(const struct fsm *m, int res)
{
	return m->gen[res];
}

struct fsm_data *
fsm_data(const struct fsm *m)
{
	return m->data;
}

void
fsm_carry(struct fsm *m, struct fsm_data *data)
{
	fsm_data_unref(m->carry);
	m->carry = data;
	m->carries = true;
}

struct env *
fsm_env(const struct fsm *m)
{
	return m->loop->env;
}

const char *
fsm_state_name(const struct fsm *m)
{
	return m->def->state_name[m->state];
}

/* ---- for generated code --------------------------------------------------------------------- */

void
fsm_row_hit(struct fsm *m, int row)
{
	m->row = row;
	m->hits[row]++;
}

void
fsm_send(struct fsm *m, int send)
{
	if (m->taped)
		tape_sent(m, send);
	m->loop->sending = true;
	if (m->loop->route != NULL)
		m->loop->route(m->loop->arg, m, send, m->carries ? m->carry : m->data);
	m->loop->sending = false;
}

void
fsm_unexpected(struct fsm *m, int event)
{
	m->stale++;
	m->loop->stale++;
	log_debug("fsm", "%s %s: %s cannot occur in %s, dropped", m->def->name, m->subject,
	    m->def->event_name[event], fsm_state_name(m));
}

void
fsm_never(struct fsm *m, int event, int row)
{
	const struct fsm_def *def = m->def;
	unsigned first = m->npast > FSM_RING ? m->npast - FSM_RING : 0;

	fsm_row_hit(m, row);
	m->loop->nevers++;
	for (unsigned i = first; i < m->npast; i++) {
		const struct fsm_past *p = &m->past[i % FSM_RING];

		log_error("fsm", "%s %s: before: %s --%s--> %s, row %d", def->name, m->subject,
		    def->state_name[p->from], def->event_name[p->event], def->state_name[p->to],
		    def->row[p->row].line);
	}
	if (m->loop->strict)
		fatal("fsm", "%s %s: %s in %s was never to happen, row %d", def->name, m->subject,
		    def->event_name[event], fsm_state_name(m), def->row[row].line);
	log_error("fsm", "%s %s: %s in %s was never to happen, row %d", def->name, m->subject,
	    def->event_name[event], fsm_state_name(m), def->row[row].line);
}

/* ---- timers: the table says which run, nothing else starts or stops them ----------------------- */

static int64_t
timer_length(const struct fsm *m, const struct fsm_timer_def *def)
{
	int64_t us;

	if (def->field >= 0) {
		memcpy(&us, (const char *)m + def->field, sizeof(us));
		return us;
	}
	if (def->lo == def->hi)
		return def->lo;
	return def->lo + (int64_t)env_random_below(m->loop->env, (uint64_t)(def->hi - def->lo) + 1);
}

static void
timer_fired(void *arg)
{
	struct fsm_timer *t = arg;
	const struct fsm_timer_def *def = &t->machine->def->timer[t->index];

	if (def->every) {
		if (def->field < 0)
			t->us = timer_length(t->machine, def);	/* a range is drawn again */
		env_timer_set(t->timer, t->us);
	}
	fsm_loop_post(t->machine->loop, t->machine, def->event, t->index, t->arm, NULL);
	if (def->every && t->machine->taped)
		tape_armed(t);
}

static void
timer_stop(struct fsm_timer *t)
{
	t->arm++;	/* an expiry that is already queued is stale now */
	if (t->timer != NULL)
		env_timer_stop(t->timer);
}

static void
timer_start(struct fsm *m, int index)
{
	struct fsm_timer *t = &m->timer[index];

	timer_stop(t);
	t->us = timer_length(m, &m->def->timer[index]);
	if (m->taped)
		tape_armed(t);
	if (t->us < 0)
		return;
	if (t->timer == NULL) {
		t->timer = env_timer_new(m->loop->env, timer_fired, t);
		if (t->timer == NULL)
			fatal("fsm", "out of memory");
	}
	env_timer_set(t->timer, t->us);
}

void
fsm_timers_enter(struct fsm *m, int to)
{
	unsigned runs = m->def->state_timer[to];

	m->since = env_now(m->loop->env);
	for (int i = 0; i < m->def->ntimer; i++) {
		if (runs & (1u << i))
			timer_start(m, i);
		else
			timer_stop(&m->timer[i]);
	}
}

void
fsm_timer_restart(struct fsm *m, int event)
{
	unsigned runs = m->def->state_timer[m->state];

	for (int i = 0; i < m->def->ntimer; i++)
		if ((runs & (1u << i)) && m->def->timer[i].event == event)
			timer_start(m, i);
}
