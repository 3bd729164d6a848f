/* SPDX-License-Identifier: ISC */
/* fsm.c -- fsm and watch: the machines of the running daemon. */
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "base/mono.h"
#include "ctl/call.h"
#include "ctl/cmd.h"
#include "proto/inspect.pb-c.h"
#include "wire/pb.h"

static const char *
machine_word(const struct opts *o)
{
	return o->nword > 1 ? o->word[1] : "";
}

/* ---- fsm ------------------------------------------------------------------------- */

static void
print_transition(const Godwit__V1__Transition *t)
{
	printf("    %10.3f s ago  %s --%s--> %s, row %d: %s\n", (double)t->ago_us / 1e6, wire_pb_str(t->from),
	    wire_pb_str(t->event), wire_pb_str(t->to), t->row, wire_pb_str(t->why));
}

static const Godwit__V1__Table *
table_of(const Godwit__V1__FsmResponse *r, const char *name)
{
	for (size_t i = 0; i < r->n_tables; i++)
		if (strcmp(wire_pb_str(r->tables[i]->name), name) == 0)
			return r->tables[i];
	return NULL;
}

static void
print_machine(const Godwit__V1__Machine *m, const Godwit__V1__Table *t, bool whole)
{
	printf("%s %s: %s for %.1f s, %llu steps, %llu stale events dropped\n", wire_pb_str(m->name),
	    wire_pb_str(m->subject), wire_pb_str(m->state), (double)m->since_us / 1e6,
	    (unsigned long long)m->steps, (unsigned long long)m->stale);
	if (!whole)
		return;
	for (size_t i = 0; i < m->n_last; i++)
		print_transition(m->last[i]);
	for (size_t i = 0; t != NULL && i < t->n_rows && i < m->n_hits; i++)
		if (m->hits[i] != 0)
			printf("    row %3d  %8u times  %s %s -> %s\n", t->rows[i]->line, m->hits[i],
			    wire_pb_str(t->rows[i]->from), wire_pb_str(t->rows[i]->on), wire_pb_str(t->rows[i]->to));
}

static void
print_dot(const Godwit__V1__Table *t)
{
	printf("digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box, style=rounded];\n", wire_pb_str(t->name));
	for (size_t i = 0; i < t->n_states; i++)
		printf("\t\"%s\" [tooltip=\"%s\"];\n", wire_pb_str(t->states[i]->name), wire_pb_str(t->states[i]->why));
	for (size_t i = 0; i < t->n_rows; i++) {
		const Godwit__V1__Row *r = t->rows[i];
		char from[256], *state, *rest = from;

		if (strcmp(r->to, "never") == 0 || strcmp(r->to, "stay") == 0 || strcmp(r->from, "*") == 0)
			continue;
		snprintf(from, sizeof(from), "%s", r->from);
		while ((state = strsep(&rest, ",")) != NULL)
			printf("\t\"%s\" -> \"%s\" [label=\"%s%s%s\\n%s\"];\n", state, r->to, wire_pb_str(r->on),
			    wire_pb_str(r->guard)[0] != '\0' ? " if " : "", wire_pb_str(r->guard), wire_pb_str(r->act));
	}
	printf("}\n");
}

static json_t *
json_transition(const Godwit__V1__Transition *t)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:i, s:s}", "machine", wire_pb_str(t->machine), "subject",
	    wire_pb_str(t->subject), "agoUs", (json_int_t)t->ago_us, "from", wire_pb_str(t->from), "event",
	    wire_pb_str(t->event), "to", wire_pb_str(t->to), "row", t->row, "why", wire_pb_str(t->why));
}

static void
print_json(const Godwit__V1__FsmResponse *r)
{
	json_t *all = json_array();
	char *text;

	for (size_t i = 0; i < r->n_machines; i++) {
		const Godwit__V1__Machine *m = r->machines[i];
		json_t *last = json_array();

		for (size_t k = 0; k < m->n_last; k++)
			json_array_append_new(last, json_transition(m->last[k]));
		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o}", "name", wire_pb_str(m->name),
		    "subject", wire_pb_str(m->subject), "state", wire_pb_str(m->state), "sinceUs", (json_int_t)m->since_us,
		    "steps", (json_int_t)m->steps, "stale", (json_int_t)m->stale, "last", last));
	}
	text = json_dumps(all, JSON_COMPACT);
	puts(text != NULL ? text : "[]");
	free(text);
	json_decref(all);
}

static int
show(const struct opts *o, const Godwit__V1__FsmResponse *r)
{
	bool whole = machine_word(o)[0] != '\0';

	if (r->n_machines == 0 && r->n_tables == 0) {
		fprintf(stderr, "Error: no machine \"%s\" runs now\n", machine_word(o));
		return 1;
	}
	if (opt_on(o, OPT_JSON)) {
		print_json(r);
	} else if (opt_on(o, OPT_DOT)) {
		for (size_t i = 0; i < r->n_tables; i++)
			print_dot(r->tables[i]);
	} else {
		for (size_t i = 0; i < r->n_machines; i++)
			print_machine(r->machines[i], table_of(r, r->machines[i]->name), whole);
	}
	return 0;
}

int
cmd_fsm(const struct opts *o)
{
	Godwit__V1__FsmRequest req;
	Godwit__V1__FsmResponse *r;
	struct call *c = call_open(o);
	int rc;

	if (c == NULL)
		return 1;
	godwit__v1__fsm_request__init(&req);
	req.machine = (char *)(uintptr_t)machine_word(o);
	req.rows = machine_word(o)[0] != '\0' || opt_on(o, OPT_DOT);
	r = call_unary(c, "/godwit.v1.Inspect/Fsm", &req.base, &godwit__v1__fsm_response__descriptor, CALL_PATIENCE);
	rc = r != NULL ? show(o, r) : call_complain(c);
	wire_pb_free(r);
	call_close(c);
	return rc;
}

/* ---- watch ------------------------------------------------------------------------- */

static void
on_transition(void *arg, const uint8_t *bytes, size_t len)
{
	const struct opts *o = arg;
	Godwit__V1__Transition *t = wire_pb_get(&godwit__v1__transition__descriptor, bytes, len);

	if (t == NULL)
		return;
	if (opt_on(o, OPT_JSON)) {
		json_t *j = json_transition(t);
		char *text = json_dumps(j, JSON_COMPACT);

		puts(text != NULL ? text : "{}");
		free(text);
		json_decref(j);
	} else {
		printf("%s %s: %s --%s--> %s, row %d: %s\n", wire_pb_str(t->machine), wire_pb_str(t->subject),
		    wire_pb_str(t->from), wire_pb_str(t->event), wire_pb_str(t->to), t->row, wire_pb_str(t->why));
	}
	fflush(stdout);
	wire_pb_free(t);
}

int
cmd_watch(const struct opts *o)
{
	Godwit__V1__WatchRequest req;
	struct call *c = call_open(o);
	int rc;

	if (c == NULL)
		return 1;
	godwit__v1__watch_request__init(&req);
	req.machine = (char *)(uintptr_t)machine_word(o);
	rc = call_stream(c, "/godwit.v1.Inspect/Watch", &req.base, on_transition, (void *)(uintptr_t)o);
	if (rc != GRPC_OK)
		call_complain(c);
	call_close(c);
	return rc != GRPC_OK;
}
