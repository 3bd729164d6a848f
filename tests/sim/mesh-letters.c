/* SPDX-License-Identifier: ISC */
/*
 * mesh-letters.c -- signal messages on their last step, where single ones can be
 * lost, doubled or late; and how many came.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/sim/mesh-impl.h"

#define TWIN		(20 * MONO_MS)

/* One that is late comes in a turn of its own, if the same process still runs. */
struct letter {
	struct mesh_node *to;
	struct env *env;
	uint8_t from[WIRE_KEY_LEN];
	struct wire_signal msg;
};

static void
deliver(void *arg)
{
	struct letter *l = arg;

	l->to->on_message(l->to->agent, l->from, &l->msg);
}

static void
deliver_late(void *arg)
{
	struct letter *l = arg;

	if (l->to->env == l->env && l->to->agent != NULL)
		sim_call(l->env, deliver, l);
	free(l);
}

static void
post_late(struct mesh_node *n, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct letter *l = calloc(1, sizeof *l);

	if (l == NULL)
		fatal("sim", "no memory");
	*l = (struct letter){ .to = n, .env = n->env, .msg = *msg };
	memcpy(l->from, from, sizeof l->from);
	sim_after(n->mesh->s, (int64_t)sim_chance(n->mesh->s, (uint64_t)n->mesh->bad_signal.late), deliver_late, l);
}

static uint64_t
letter_hash(const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	uint64_t h = 14695981039346656037u ^ (uint64_t)msg->type;
	const char *text = msg->candidate;

	for (size_t i = 0; i < WIRE_KEY_LEN; i++)
		h = (h ^ from[i]) * 1099511628211u;
	for (size_t i = 0; i < sizeof msg->session; i++)
		h = (h ^ msg->session[i]) * 1099511628211u;
	while (*text != '\0')
		h = (h ^ (uint8_t)*text++) * 1099511628211u;
	return h;
}

/* The same letter again, sooner than anybody says it twice. */
static void
count_letter(struct mesh_node *n, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	uint64_t what = letter_hash(from, msg);
	int64_t now = sim_now(n->mesh->s);

	n->work.letters++;
	for (size_t i = 0; i < sizeof n->heard / sizeof n->heard[0]; i++)
		if (n->heard[i].what == what && now - n->heard[i].at < TWIN && msg->type != WIRE_SIGNAL_HEARTBEAT) {
			n->work.twins++;
			break;
		}
	n->heard[n->nheard % (sizeof n->heard / sizeof n->heard[0])].what = what;
	n->heard[n->nheard++ % (sizeof n->heard / sizeof n->heard[0])].at = now;
}

static void
on_letter(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct mesh *m = mesh_made;
	struct mesh_node *n = m->node;
	uint64_t luck = m->bad_signal.late > 0 ? sim_chance(m->s, 1000000) : UINT64_MAX;

	while (n->agent != arg)
		n++;
	count_letter(n, from, msg);
	if (luck < m->bad_signal.loss) {
		m->signals_lost++;
		return;
	}
	luck -= m->bad_signal.loss;
	if (luck < m->bad_signal.late_ppm) {
		m->signals_late++;
		post_late(n, from, msg);
		return;
	}
	n->on_message(arg, from, msg);
	if (luck - m->bad_signal.late_ppm < m->bad_signal.dup) {
		m->signals_doubled++;
		post_late(n, from, msg);
	}
}

void
mesh_bad_signal(struct mesh *m, uint32_t loss, uint32_t dup, uint32_t late_ppm, int64_t late)
{
	m->bad_signal.loss = loss;
	m->bad_signal.dup = dup;
	m->bad_signal.late_ppm = late_ppm;
	m->bad_signal.late = late;
}

void
mesh_hear(struct mesh_node *n)
{
	n->on_message = n->agent->signal->hooks.message;
	n->agent->signal->hooks.message = on_letter;
}
