/* SPDX-License-Identifier: ISC */
/*
 * ctlinspect.c -- godwit.v1.Inspect: the tables and their machines, as they are.
 *
 * Fsm answers from the runtime's own structs; Watch is a stream of steps.  A
 * watcher that reads too slowly loses steps (the daemon never waits for one).
 *
 * An answer is a tree of small messages; they are carved from one chain of
 * blocks that is freed when the answer has been packed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "agent/ctlparts.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "net/grpc.h"
#include "proto/inspect.pb-c.h"

struct watcher {
	struct list list;
	struct grpc_call *call;
	char machine[64];	/* "" : all */
	bool told;		/* the filter has come */
};

struct inspect {
	struct env *env;
	struct fsm_loop *loop;
	struct list watchers;
	const struct ctlsrv_hooks *hooks;	/* borrowed: the server's own */
};

/* ---- memory of one answer ------------------------------------------------------ */

struct block {
	struct block *next;
	max_align_t bytes[];
};

struct answer {
	struct block *blocks;
	struct env *env;
	struct mono now;
	const char *machine;
	bool rows, failed;
	Godwit__V1__FsmResponse msg;
};

static void *
carve(struct answer *a, size_t n)
{
	struct block *b = calloc(1, sizeof(*b) + n);

	if (b == NULL) {
		a->failed = true;
		return NULL;
	}
	b->next = a->blocks;
	a->blocks = b;
	return b->bytes;
}

static void
answer_free(struct answer *a)
{
	for (struct block *b = a->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

/* A list of one more; the old list stays in the blocks. */
static void *
longer(struct answer *a, void *old, size_t n)
{
	void **list = carve(a, (n + 1) * sizeof(void *));

	if (list != NULL && n > 0)
		memcpy(list, old, n * sizeof(void *));
	return list;
}

/* ---- Fsm -------------------------------------------------------------------------- */

static void
set_transition(Godwit__V1__Transition *t, const struct fsm *m, int64_t ago, int from, int event, int to, int row)
{
	const struct fsm_def *d = m->def;

	godwit__v1__transition__init(t);
	t->machine = (char *)d->name;
	t->subject = m->subject != NULL ? m->subject : (char *)"";
	t->ago_us = ago;
	t->from = (char *)(from >= 0 && from < d->nstate ? d->state_name[from] : "?");
	t->event = (char *)(event >= 0 && event < d->nevent ? d->event_name[event] : "?");
	t->to = (char *)(to >= 0 && to < d->nstate ? d->state_name[to] : "?");
	if (row >= 0 && row < d->nrow) {
		t->row = d->row[row].line;
		t->why = (char *)wire_pb_str(d->row[row].why);
	}
}

static void
set_past(struct answer *a, Godwit__V1__Machine *out, const struct fsm *m)
{
	unsigned n = m->npast < FSM_RING ? m->npast : FSM_RING;

	out->last = carve(a, (n + 1) * sizeof(*out->last));
	if (out->last == NULL)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct fsm_past *p = &m->past[(m->npast - n + i) % FSM_RING];
		Godwit__V1__Transition *t = carve(a, sizeof(*t));

		if (t == NULL)
			return;
		set_transition(t, m, mono_diff(a->now, p->at), p->from, p->event, p->to, p->row);
		out->last[out->n_last++] = t;
	}
}

static void
set_table(struct answer *a, const struct fsm_def *d)
{
	Godwit__V1__Table *t;

	for (size_t i = 0; i < a->msg.n_tables; i++)
		if (strcmp(a->msg.tables[i]->name, d->name) == 0)
			return;
	t = carve(a, sizeof(*t));
	if (t == NULL)
		return;
	godwit__v1__table__init(t);
	t->name = (char *)d->name;
	t->states = carve(a, ((size_t)d->nstate + 1) * sizeof(*t->states));
	t->rows = carve(a, ((size_t)d->nrow + 1) * sizeof(*t->rows));
	for (int i = 0; t->states != NULL && i < d->nstate; i++) {
		Godwit__V1__State *s = carve(a, sizeof(*s));

		if (s == NULL)
			return;
		godwit__v1__state__init(s);
		s->name = (char *)d->state_name[i];
		s->why = (char *)wire_pb_str(d->state_why != NULL ? d->state_why[i] : NULL);
		t->states[t->n_states++] = s;
	}
	for (int i = 0; t->rows != NULL && i < d->nrow; i++) {
		Godwit__V1__Row *r = carve(a, sizeof(*r));

		if (r == NULL)
			return;
		godwit__v1__row__init(r);
		r->line = d->row[i].line;
		r->from = (char *)wire_pb_str(d->row[i].from);
		r->on = (char *)wire_pb_str(d->row[i].on);
		r->guard = (char *)wire_pb_str(d->row[i].guard);
		r->act = (char *)wire_pb_str(d->row[i].act);
		r->to = (char *)wire_pb_str(d->row[i].to);
		r->why = (char *)wire_pb_str(d->row[i].why);
		t->rows[t->n_rows++] = r;
	}
	a->msg.tables = longer(a, a->msg.tables, a->msg.n_tables);
	if (a->msg.tables != NULL)
		a->msg.tables[a->msg.n_tables++] = t;
}

static void
add_machine(void *arg, struct fsm *m)
{
	struct answer *a = arg;
	Godwit__V1__Machine *out;

	if (a->failed || (a->machine[0] != '\0' && strcmp(a->machine, m->def->name) != 0))
		return;
	out = carve(a, sizeof(*out));
	if (out == NULL)
		return;
	godwit__v1__machine__init(out);
	out->name = (char *)m->def->name;
	out->subject = m->subject != NULL ? m->subject : (char *)"";
	out->state = (char *)fsm_state_name(m);
	out->since_us = mono_diff(a->now, m->since);
	out->steps = m->npast;
	out->stale = m->stale;
	set_past(a, out, m);
	if (a->rows && m->hits != NULL) {
		out->hits = m->hits;
		out->n_hits = (size_t)m->def->nrow;
		set_table(a, m->def);
	}
	a->msg.machines = longer(a, a->msg.machines, a->msg.n_machines);
	if (a->msg.machines != NULL)
		a->msg.machines[a->msg.n_machines++] = out;
}

static void
call_fsm(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct inspect *in = arg;
	Godwit__V1__FsmRequest *r = wire_pb_get(&godwit__v1__fsm_request__descriptor, data, len);
	struct answer a = { .env = in->env, .now = env_now(in->env) };
	struct buf out = { 0 };

	if (r == NULL) {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "the request is garbled");
		return;
	}
	godwit__v1__fsm_response__init(&a.msg);
	a.machine = wire_pb_str(r->machine);
	a.rows = r->rows;
	fsm_each(in->loop, add_machine, &a);
	if (a.failed || WIRE_PB_PUT(&out, &a.msg) != 0)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	else if (a.msg.n_machines == 0 && a.machine[0] != '\0')
		grpc_finish(call, GRPC_NOT_FOUND, "no such machine is alive");
	else
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	answer_free(&a);
	buf_free(&out);
	wire_pb_free(r);
}

static void
call_loop(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct inspect *in = arg;
	const struct env_stalls *s = env_stalls(in->env);
	Godwit__V1__LoopResponse r = GODWIT__V1__LOOP_RESPONSE__INIT;
	struct buf out = { 0 };

	r.turns = s->turns;
	r.over_1ms = s->over_1ms;
	r.over_5ms = s->over_5ms;
	r.over_20ms = s->over_20ms;
	r.over_100ms = s->over_100ms;
	r.longest_us = s->longest_us;
	WIRE_PB_PUT(&out, &r);
	grpc_answer(call, buf_bytes(&out), buf_len(&out));
	buf_free(&out);
}

/* ---- Why -------------------------------------------------------------------------- */

struct history {
	struct answer *a;
	const char *subject;
	Godwit__V1__Transition **list;
	size_t n;
};

static void
add_history(void *arg, struct fsm *m)
{
	struct history *h = arg;
	Godwit__V1__Machine one = GODWIT__V1__MACHINE__INIT;

	if (h->a->failed || m->subject == NULL || strcmp(m->subject, h->subject) != 0)
		return;
	set_past(h->a, &one, m);
	for (size_t i = 0; i < one.n_last; i++) {
		Godwit__V1__Transition **more;

		if (strcmp(one.last[i]->from, one.last[i]->to) == 0)
			continue;	/* `stay` says nothing of why */
		more = longer(h->a, h->list, h->n);
		if (more == NULL)
			return;
		more[h->n++] = one.last[i];
		h->list = more;
	}
}

static int
older_first(const void *x, const void *y)
{
	const Godwit__V1__Transition *const *a = x, *const *b = y;

	return (*a)->ago_us < (*b)->ago_us ? 1 : (*a)->ago_us > (*b)->ago_us ? -1 : 0;
}

static void
set_nat(struct answer *a, Godwit__V1__Nat *out, const struct agent_why_nat *n)
{
	godwit__v1__nat__init(out);
	out->mapping = (char *)n->mapping;
	out->filtering = (char *)n->filtering;
	out->ports = (char *)n->ports;
	out->seen = carve(a, 2 * sizeof(*out->seen));
	for (int i = 0; out->seen != NULL && i < 2; i++)
		if (n->seen[i][0] != '\0')
			out->seen[out->n_seen++] = (char *)n->seen[i];
}

static void
set_pairs(struct answer *a, Godwit__V1__WhyResponse *out, const struct agent_why *w)
{
	out->pairs = carve(a, (w->npair + 1) * sizeof(*out->pairs));
	for (size_t i = 0; out->pairs != NULL && i < w->npair; i++) {
		const struct agent_why_pair *p = &w->pair[i];
		Godwit__V1__Pair *q = carve(a, sizeof(*q));

		if (q == NULL)
			return;
		godwit__v1__pair__init(q);
		q->local_type = (char *)p->local_type;
		q->remote_type = (char *)p->remote_type;
		q->remote = (char *)p->remote;
		q->seen_as = (char *)p->seen_as;
		q->state = (char *)wire_pb_str(p->state);
		q->rtt_us = p->rtt_us;
		q->checks = p->checks;
		q->answers = p->answers;
		q->selected = p->selected;
		out->pairs[out->n_pairs++] = q;
	}
}

static void
answer_why(struct inspect *in, struct grpc_call *call, const struct agent_why *w)
{
	struct answer a = { .env = in->env, .now = env_now(in->env) };
	struct history h = { .a = &a, .subject = w->subject };
	Godwit__V1__WhyResponse r = GODWIT__V1__WHY_RESPONSE__INIT;
	Godwit__V1__Nat ours, theirs;
	struct buf out = { 0 };

	r.fqdn = (char *)w->fqdn;
	r.ip = (char *)w->ip;
	r.pub_key = (char *)w->pub_key;
	r.path = (char *)wire_pb_str(w->path);
	r.since_us = w->since_us;
	r.why = (char *)w->why;
	r.better = (char *)w->better;
	set_nat(&a, &ours, &w->ours);
	set_nat(&a, &theirs, &w->theirs);
	r.ours = &ours;
	r.theirs = &theirs;
	set_pairs(&a, &r, w);
	r.relay_url = (char *)w->relay_url;
	r.relay_state = (char *)wire_pb_str(w->relay_state);
	r.relay_why = (char *)wire_pb_str(w->relay_why);
	fsm_each(in->loop, add_history, &h);
	if (h.n > 0)
		qsort(h.list, h.n, sizeof(*h.list), older_first);
	r.last = h.list;
	r.n_last = h.n;
	if (a.failed || WIRE_PB_PUT(&out, &r) != 0)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	answer_free(&a);
	buf_free(&out);
}

static void
call_why(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct inspect *in = arg;
	Godwit__V1__WhyRequest *r = wire_pb_get(&godwit__v1__why_request__descriptor, data, len);
	struct agent_why *w = calloc(1, sizeof(*w));
	int err;

	if (r == NULL || w == NULL || in->hooks->why == NULL) {
		grpc_finish(call, r == NULL ? GRPC_INVALID_ARGUMENT : GRPC_UNIMPLEMENTED, "the question cannot be answered");
	} else if ((err = in->hooks->why(in->hooks->arg, wire_pb_str(r->peer), w)) != 0) {
		grpc_finish(call, err == -EEXIST ? GRPC_INVALID_ARGUMENT : GRPC_NOT_FOUND,
		    err == -EEXIST ? "more than one peer is called so" : "no peer of the map is called so");
	} else {
		answer_why(in, call, w);
	}
	free(w);
	wire_pb_free(r);
}

/* ---- Watch -------------------------------------------------------------------------- */

static void
on_step(void *arg, const struct fsm_trace *step)
{
	struct inspect *in = arg;
	Godwit__V1__Transition t;
	struct buf out = { 0 };

	set_transition(&t, step->machine, 0, step->from, step->event, step->to, step->row);
	LIST_EACH(l, &in->watchers) {
		struct watcher *w = LIST_OF(l, struct watcher, list);

		if (!w->told || (w->machine[0] != '\0' && strcmp(w->machine, t.machine) != 0))
			continue;
		if (buf_len(&out) == 0)
			WIRE_PB_PUT(&out, &t);
		if (!buf_bad(&out))
			grpc_send(w->call, buf_bytes(&out), buf_len(&out));
	}
	buf_free(&out);
}

static struct watcher *
find_watcher(struct inspect *in, const struct grpc_call *call)
{
	LIST_EACH(l, &in->watchers)
		if (LIST_OF(l, struct watcher, list)->call == call)
			return LIST_OF(l, struct watcher, list);
	return NULL;
}

static void
watch_open(void *arg, struct grpc_call *call)
{
	struct inspect *in = arg;
	struct watcher *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	w->call = call;
	if (list_empty(&in->watchers))
		fsm_loop_on_step(in->loop, on_step, in);
	list_append(&in->watchers, &w->list);
	grpc_send_headers(call, NULL, 0);
}

static void
watch_message(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct watcher *w = find_watcher(arg, call);
	Godwit__V1__WatchRequest *r = wire_pb_get(&godwit__v1__watch_request__descriptor, data, len);

	if (w != NULL && r != NULL && strlen(wire_pb_str(r->machine)) < sizeof(w->machine)) {
		strcpy(w->machine, wire_pb_str(r->machine));
		w->told = true;
	}
	wire_pb_free(r);
}

static void
watch_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct inspect *in = arg;
	struct watcher *w = find_watcher(in, call);

	if (w == NULL)
		return;
	list_remove(&w->list);
	free(w);
	if (list_empty(&in->watchers))
		fsm_loop_off_step(in->loop, on_step, in);
}

static const struct grpc_ops watch_ops = { .message = watch_message, .done = watch_done };

struct inspect *
ctl_inspect_new(struct env *env, struct fsm_loop *loop, struct grpc_server *server, const struct ctlsrv_hooks *hooks)
{
	struct inspect *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->env = env;
	in->loop = loop;
	in->hooks = hooks;
	list_init(&in->watchers);
	struct grpc_method methods[] = {
		{ .path = "/godwit.v1.Inspect/Fsm", .unary = call_fsm, .arg = in },
		{ .path = "/godwit.v1.Inspect/Loop", .unary = call_loop, .arg = in },
		{ .path = "/godwit.v1.Inspect/Why", .unary = call_why, .arg = in },
		{ .path = "/godwit.v1.Inspect/Watch", .open = watch_open, .ops = &watch_ops, .arg = in },
	};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (grpc_server_add(server, &methods[i]) != 0) {
			free(in);
			return NULL;
		}
	return in;
}

void
ctl_inspect_free(struct inspect *in)
{
	if (in == NULL)
		return;
	if (!list_empty(&in->watchers))
		fsm_loop_off_step(in->loop, on_step, in);
	LIST_EACH(l, &in->watchers)
		free(LIST_OF(l, struct watcher, list));
	free(in);
}
