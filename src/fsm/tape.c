/* SPDX-License-Identifier: ISC */
/*
 * tape.c -- everything that the machines of one loop do, as text, for a judge
 * that knows the tables only: tests/conform.
 *
 * A line is the name of the process and words; a word is a letter and what
 * belongs to it, joined by commas.  One step is one line.
 *
 *	@US				the time, when it is another than before
 *	N,ID,MACHINE,STATE,SUBJECT	a machine begins
 *	E,ID				and ends; what was queued for it goes
 *	O,ID,RESOURCE,GEN		a new life of a resource
 *	T,ID,TIMER,ARM,US		a timer is armed; US is -1 when it is off
 *	P,SEQ,ID,EVENT,TAG		posted by a callback or an action
 *	D,SEQ,ID,EVENT,TAG		posted by the send before it
 *	X,SEQ				taken from the queue and dropped: of a former life
 *	B,SEQ,ID,STATE,EVENT		taken from the queue: a step begins
 *	G,GUARD,0 or 1			a guard was asked
 *	S,SEND				something was sent
 *	R,LINE,STATE			this row was taken and led there
 *	U				no row: the table says that it cannot occur
 *	F				a deferred call begins
 *	Q				the queue is empty, the drain ends
 *
 * TAG is gGEN for events of a resource, tTIMER.ARM for expiries, - for others.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/env.h"
#include "fsm/loop.h"

struct fsm_tape {
	struct fsm_tape_to to;
	char *line;
	size_t head, len, cap;	/* head: the name, which begins each line */
	int64_t at;
	bool in_step;
};

void
fsm_tape(struct fsm_loop *l, const struct fsm_tape_to *to)
{
	struct fsm_tape *t;
	size_t n;

	if (to->fn == NULL)
		return;
	if (l->tape != NULL || !list_empty(&l->machines))
		fatal("fsm", "a tape begins before the first machine");
	n = strlen(to->name);
	if ((t = calloc(1, sizeof(*t))) == NULL || (t->line = malloc(n + 256)) == NULL)
		fatal("fsm", "out of memory");
	memcpy(t->line, to->name, n + 1);
	*t = (struct fsm_tape){ .to = *to, .line = t->line, .head = n, .len = n, .cap = n + 256, .at = -1 };
	l->tape = t;
}

static void
to_file(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

void
fsm_tape_asked(const char *program, char name[FSM_TAPE_NAME], struct fsm_tape_to *to)
{
	const char *path = getenv("GODWIT_TAPE");
	FILE *f;

	if (path == NULL)
		return;
	f = fopen(path, "a");	/* to the end of the process: no one closes it */
	if (f == NULL) {
		log_error("fsm", "tape %s: %s", path, strerror(errno));
		return;
	}
	setvbuf(f, NULL, _IOLBF, BUFSIZ);
	snprintf(name, FSM_TAPE_NAME, "%s/%d", program, (int)getpid());
	*to = (struct fsm_tape_to){ name, to_file, f };
}

void
tape_free(struct fsm_tape *t)
{
	if (t != NULL)
		free(t->line);
	free(t);
}

__attribute__((format(printf, 2, 3))) static void
word(struct fsm_tape *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		t->line[t->len] = ' ';
		va_start(ap, fmt);
		n = vsnprintf(t->line + t->len + 1, t->cap - t->len - 1, fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < t->cap - t->len - 1)
			break;
		t->cap = 2 * t->cap + (size_t)(n > 0 ? n : 0);
		if ((t->line = realloc(t->line, t->cap)) == NULL)
			fatal("fsm", "out of memory");
	}
	t->len += (size_t)n + 1;
}

static void
end_line(struct fsm_tape *t)
{
	if (t->in_step)
		return;
	t->to.fn(t->to.arg, t->line);
	t->len = t->head;
	t->line[t->len] = '\0';
}

static void
tell_time(struct fsm_loop *l)
{
	int64_t now = env_now(l->env).us;

	if (now != l->tape->at)
		word(l->tape, "@%lld", (long long)now);
	l->tape->at = now;
}

void
tape_born(const struct fsm *m)
{
	struct fsm_tape *t = m->loop->tape;

	tell_time(m->loop);
	word(t, "N,%u,%s,%s,%s", m->number, m->def->name, fsm_state_name(m), m->subject);
	end_line(t);
}

void
tape_ended(const struct fsm *m)
{
	word(m->loop->tape, "E,%u", m->number);
	end_line(m->loop->tape);
}

void
tape_opened(const struct fsm *m, int res)
{
	word(m->loop->tape, "O,%u,%s,%u", m->number, m->def->res_name[res], m->gen[res]);
	end_line(m->loop->tape);
}

void
tape_armed(const struct fsm_timer *timer)
{
	struct fsm_loop *l = timer->machine->loop;

	tell_time(l);
	word(l->tape, "T,%u,%d,%u,%lld", timer->machine->number, timer->index, timer->arm, (long long)timer->us);
	end_line(l->tape);
}

void
tape_posted(struct fsm_loop *l, const struct fsm_queued *q)
{
	const struct fsm_def *d = q->machine->def;
	char tag[40] = "-";

	if (q->timer >= 0)
		snprintf(tag, sizeof(tag), "t%d.%u", q->timer, q->gen);
	else if (d->event_res[q->event] >= 0)
		snprintf(tag, sizeof(tag), "g%u", q->gen);
	tell_time(l);
	word(l->tape, "%c,%llu,%u,%s,%s", l->sending ? 'D' : 'P', (unsigned long long)q->seq, q->machine->number,
	    d->event_name[q->event], tag);
	end_line(l->tape);
}

void
tape_dropped(struct fsm_loop *l, const struct fsm_queued *q)
{
	word(l->tape, "X,%llu", (unsigned long long)q->seq);
	end_line(l->tape);
}

void
tape_step_begins(struct fsm_loop *l, const struct fsm_queued *q)
{
	tell_time(l);
	l->tape->in_step = true;
	word(l->tape, "B,%llu,%u,%s,%s", (unsigned long long)q->seq, q->machine->number, fsm_state_name(q->machine),
	    q->machine->def->event_name[q->event]);
}

void
tape_sent(const struct fsm *m, int send)
{
	word(m->loop->tape, "S,%s", m->def->send_name[send]);
	end_line(m->loop->tape);
}

void
tape_step_ends(struct fsm_loop *l, const struct fsm *m)
{
	if (m->row < 0)
		word(l->tape, "U");
	else
		word(l->tape, "R,%d,%s", m->def->row[m->row].line, fsm_state_name(m));
	l->tape->in_step = false;
	end_line(l->tape);
}

void
tape_deferred(struct fsm_loop *l)
{
	word(l->tape, "F");
	end_line(l->tape);
}

void
tape_drained(struct fsm_loop *l)
{
	word(l->tape, "Q");
	end_line(l->tape);
}

void
fsm_asked(const struct fsm *m, int guard, bool yes)
{
	word(m->loop->tape, "G,%s,%d", m->def->guard_name[guard], yes);
	end_line(m->loop->tape);
}
