/* SPDX-License-Identifier: ISC */
/*
 * kettle-world.c -- the env and the machine of kettle-world.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/kettle-world.h"
#include "tests/gen/kettle.inc"

/* ---- an env: a clock, timers, one turn end --------------------------------------------- */

void
env_on_turn_end(struct env *e, void (*fn)(void *arg), void *arg)
{
	e->turn = fn;
	e->turn_arg = arg;
}

void
env_off_turn_end(struct env *e, void (*fn)(void *arg), void *arg)
{
	e->turn = NULL;
}

uint64_t
env_random_below(struct env *e, uint64_t bound)
{
	return bound - 1;
}

struct fake_clock *
fake_clock_of(struct env *e)
{
	return &e->clock;
}

void
pass(struct env *e, int64_t us, bool together)
{
	int64_t end = e->clock.now + us;
	struct env_timer *next;

	while ((next = fake_clock_next(&e->clock, end)) != NULL) {
		fake_timer_run(next);
		if (!together)
			e->turn(e->turn_arg);
	}
	e->clock.now = end;
	e->turn(e->turn_arg);
}

/* ---- the machine: actions write down that they ran ---------------------------------------- */

void
note(struct kettle *k, const char *what)
{
	size_t n = strlen(k->log);

	snprintf(k->log + n, sizeof(k->log) - n, "%s%s", n > 0 ? " " : "", what);
}

const char *
taken(struct kettle *k)
{
	static char text[sizeof(k->log)];

	memcpy(text, k->log, sizeof(text));
	k->log[0] = '\0';
	return text;
}

static bool
kettle_if_plugged(const struct kettle *k)
{
	return k->plugged;
}

static bool
kettle_if_full(const struct kettle *k)
{
	return k->full;
}

static void
kettle_do_close_lid(struct kettle *k)
{
	note(k, "lid");
}

static void
kettle_do_heat(struct kettle *k)
{
	note(k, "heat");
	if (!k->coil) {
		k->coil = true;
		fsm_open(&k->fsm, KETTLE_RES_COIL);
	}
	k->heats++;
}

static void
kettle_do_spill(struct kettle *k)
{
	note(k, "spill");
}

static void
kettle_do_connect(struct kettle *k)
{
	note(k, k->fsm.state == KETTLE_HEATING ? "connect" : "connect-too-late");
	k->mains = true;
	fsm_open(&k->fsm, KETTLE_RES_MAINS);
}

static void
kettle_do_count_look(struct kettle *k)
{
	k->looks++;
}

static void
kettle_do_blow_fuse(struct kettle *k)
{
	note(k, k->coil ? "fuse" : "fuse-after-coil");
}

static void
kettle_do_mend(struct kettle *k)
{
	note(k, "mend");
}

static void
kettle_do_remember_plug(struct kettle *k)
{
	k->plugged = true;
}

static void
kettle_close_coil(struct kettle *k)
{
	note(k, k->coil ? "close-coil" : "close-coil-twice");
	k->coil = false;
}

static void
kettle_close_mains(struct kettle *k)
{
	note(k, k->mains ? "close-mains" : "close-mains-twice");
	k->mains = false;
}

void
kettle_init(struct kettle *k, struct fsm_loop *l, const char *subject)
{
	kettle_fsm_init(k, l, subject);
}

void
kettle_fini(struct kettle *k)
{
	kettle_fsm_fini(k);
}

/* ---- data: counted, so that a leak or a double free shows ------------------------------------ */

int data_alive;

struct leaf {
	struct fsm_data data;
	int what;
};

static void
leaf_free(struct fsm_data *d)
{
	data_alive--;
	free(d);
}

struct fsm_data *
leaf(int what)
{
	struct leaf *l = calloc(1, sizeof(*l));

	l->what = what;
	l->data.free = leaf_free;
	data_alive++;
	return &l->data;
}

static void
kettle_do_give_note(struct kettle *k)
{
	fsm_carry(&k->fsm, leaf(7));
}

int heard_tea, heard_what;

void
kettle_route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct kettle *k = (struct kettle *)(void *)from;

	if (from->def != &kettle_fsm)
		return;
	if (send == KETTLE_SEND_READY)
		kettle_post(k, KETTLE_EV_READY, fsm_data_ref(data));
	if (send == KETTLE_SEND_TEA) {
		heard_tea++;
		heard_what = data != NULL ? ((struct leaf *)(void *)data)->what : 0;
		if (k->neighbour != NULL)
			kettle_post(k->neighbour, KETTLE_EV_PLUG, fsm_data_ref(data));
	}
}

char trace_text[1024];

void
kettle_trace(void *arg, const struct fsm_trace *t)
{
	size_t n = strlen(trace_text);

	snprintf(trace_text + n, sizeof(trace_text) - n, "%s %d %s;", t->machine->subject,
	    t->machine->def->row[t->row].line, t->machine->def->state_name[t->to]);
}
