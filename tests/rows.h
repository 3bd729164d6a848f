/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_ROWS_H
#define GODWIT_TESTS_ROWS_H
/*
 * rows.h -- which rows of a table a test has fired, summed over all machines of
 * that table.  For a file that can still see them when they end.
 */
#include <stdio.h>
#include <string.h>
#include "fsm/fsm.h"

struct rows {
	uint64_t hits[200];	/* a row of the table */
};

static inline void
rows_count(struct rows *r, const struct fsm *m)
{
	for (int i = 0; i < m->def->nrow && i < 200; i++)
		r->hits[i] += m->hits[i];
}

/* How many rows nothing has fired; says which. */
static inline int
rows_not_fired(const struct rows *r, const struct fsm_def *d)
{
	int n = 0;

	for (int i = 0; i < d->nrow; i++) {
		if (r->hits[i] != 0 || strcmp(d->row[i].to, "never") == 0)
			continue;
		n++;
		printf("# %s, line %d: %s %s [%s]\n", d->name, d->row[i].line, d->row[i].from, d->row[i].on,
		    d->row[i].guard != NULL ? d->row[i].guard : "");
	}
	return n;
}

/* How many rows that never must have fired. */
static inline int
rows_nevers(const struct rows *r, const struct fsm_def *d)
{
	int n = 0;

	for (int i = 0; i < d->nrow; i++)
		n += r->hits[i] != 0 && strcmp(d->row[i].to, "never") == 0;
	return n;
}
#endif
