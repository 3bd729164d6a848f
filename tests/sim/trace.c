/* SPDX-License-Identifier: ISC */
/*
 * trace.c -- transitions of machines into the hash.  A file of its own, so that
 * tests without machines need not link the runtime.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "fsm/fsm.h"
#include "tests/sim/impl.h"

#define TABLES	64

static struct {
	const struct fsm_def *def;
	uint64_t *taken;	/* by row; kept for the life of the test */
} table[TABLES];

static void
count_row(const struct fsm_def *d, int row)
{
	size_t i = 0;

	while (i < TABLES && table[i].def != NULL && table[i].def != d)
		i++;
	if (i == TABLES)
		return;
	if (table[i].def == NULL) {
		table[i].def = d;
		table[i].taken = calloc((size_t)d->nrow, sizeof *table[i].taken);
		if (table[i].taken == NULL)
			fatal("sim", "no memory");
	}
	if (row >= 0 && row < d->nrow)
		table[i].taken[row]++;
}

void
sim_rows_print(FILE *f)
{
	for (size_t i = 0; i < TABLES && table[i].def != NULL; i++) {
		const struct fsm_def *d = table[i].def;

		for (int r = 0; r < d->nrow; r++)
			fprintf(f, "%s\tline %d\t%llu\t%s --%s--> %s [%s]\n", d->name, d->row[r].line,
			    (unsigned long long)table[i].taken[r], d->row[r].from, d->row[r].on, d->row[r].to,
			    d->row[r].guard != NULL ? d->row[r].guard : "");
	}
}

int64_t
sim_row_taken(const char *row)
{
	int64_t n = -1;
	char text[400];

	for (size_t i = 0; i < TABLES && table[i].def != NULL; i++) {
		const struct fsm_def *d = table[i].def;

		for (int r = 0; r < d->nrow; r++) {
			snprintf(text, sizeof text, "%s\t%s\t%s\t%s", d->name, d->row[r].from, d->row[r].on,
			    d->row[r].guard != NULL ? d->row[r].guard : "");
			if (strcmp(text, row) == 0)
				n = (int64_t)table[i].taken[r];
		}
	}
	return n;
}

static void
on_step(void *arg, const struct fsm_trace *t)
{
	struct sim *s = arg;
	const struct fsm_def *d = t->machine->def;

	count_row(d, t->row);
	sim_mark(s, d->name, (uint64_t)t->from << 32 | (uint64_t)t->to, (uint64_t)t->event, (uint64_t)t->row);
	if (t->machine->subject != NULL)
		sim_hash_add(s, t->machine->subject, strlen(t->machine->subject));
	if (s->verbose)
		sim_say(s, s->cur != NULL ? s->cur->host->name : "-", "%s %s: %s --%s--> %s", d->name,
		    t->machine->subject != NULL ? t->machine->subject : "", d->state_name[t->from],
		    d->event_name[t->event], d->state_name[t->to]);
}

void
sim_hash_loop(struct sim *s, struct fsm_loop *l)
{
	fsm_loop_on_step(l, on_step, s);
}
