/* SPDX-License-Identifier: ISC */
/* why.c -- godwit why PEER: one screen, a plain sentence first. */
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "ctl/call.h"
#include "ctl/cmd.h"
#include "proto/inspect.pb-c.h"
#include "wire/pb.h"

static void
print_for(int64_t us)
{
	long s = (long)(us / 1000000);

	if (s < 120)
		printf("%ld s", s);
	else if (s < 7200)
		printf("%ld min", s / 60);
	else
		printf("%ld h", s / 3600);
}

static void
print_nat(const char *whose, const Godwit__V1__Nat *n)
{
	if (n == NULL)
		return;
	printf("%s NAT: %s\n", whose, wire_pb_str(n->mapping));
	if (wire_pb_str(n->ports)[0] != '\0')
		printf("           ports: %s\n", n->ports);
	printf("           filtering: %s\n", wire_pb_str(n->filtering)[0] != '\0' ? n->filtering : "not measured");
	for (size_t i = 0; i < n->n_seen; i++)
		printf("           seen as %s\n", n->seen[i]);
}

static void
print_pairs(const Godwit__V1__WhyResponse *r)
{
	if (r->n_pairs == 0) {
		printf("Pairs: none was tried\n");
		return;
	}
	printf("Pairs:\n  %-6s %-6s %-32s %-10s %9s  %s\n", "LOCAL", "REMOTE", "ADDRESS", "OUTCOME", "RTT", "ASKED/ANSWERED");
	for (size_t i = 0; i < r->n_pairs; i++) {
		const Godwit__V1__Pair *p = r->pairs[i];
		char rtt[32] = "-";

		if (p->rtt_us > 0)
			snprintf(rtt, sizeof(rtt), "%.1f ms", (double)p->rtt_us / 1e3);
		printf("%s %-6s %-6s %-32s %-10s %9s  %u/%u\n", p->selected ? "*" : " ", wire_pb_str(p->local_type),
		    wire_pb_str(p->remote_type), wire_pb_str(p->remote), wire_pb_str(p->state), rtt, p->checks, p->answers);
	}
}

static void
print_text(const Godwit__V1__WhyResponse *r)
{
	const char *path = wire_pb_str(r->path);

	printf("%s (%s): %s for ", wire_pb_str(r->fqdn)[0] != '\0' ? r->fqdn : wire_pb_str(r->pub_key), wire_pb_str(r->ip),
	    strcmp(path, "direct") == 0 ? "direct" : strcmp(path, "relay") == 0 ? "over the relay" : "not reached");
	print_for(r->since_us);
	printf("\n\n%s\n", wire_pb_str(r->why));
	if (wire_pb_str(r->better)[0] != '\0')
		printf("To make it direct: %s\n", r->better);
	printf("\n");
	print_nat("Our  ", r->ours);
	print_nat("Their", r->theirs);
	printf("\n");
	print_pairs(r);
	printf("\nRelay: %s, %s (%s)\n", wire_pb_str(r->relay_url)[0] != '\0' ? r->relay_url : "none", wire_pb_str(r->relay_state),
	    wire_pb_str(r->relay_why));
	printf("\nLast changes:\n");
	for (size_t i = r->n_last > 16 ? r->n_last - 16 : 0; i < r->n_last; i++) {
		const Godwit__V1__Transition *t = r->last[i];

		printf("  %9.1f s ago  %s: %s --%s--> %s (%s)\n", (double)t->ago_us / 1e6, wire_pb_str(t->machine),
		    wire_pb_str(t->from), wire_pb_str(t->event), wire_pb_str(t->to), wire_pb_str(t->why));
	}
}

static json_t *
json_nat(const Godwit__V1__Nat *n)
{
	json_t *seen = json_array();

	for (size_t i = 0; n != NULL && i < n->n_seen; i++)
		json_array_append_new(seen, json_string(n->seen[i]));
	return json_pack("{s:s,s:s,s:s,s:o}", "mapping", n != NULL ? wire_pb_str(n->mapping) : "", "filtering",
	    n != NULL ? wire_pb_str(n->filtering) : "", "ports", n != NULL ? wire_pb_str(n->ports) : "", "seen", seen);
}

static void
print_json(const Godwit__V1__WhyResponse *r)
{
	json_t *pairs = json_array(), *last = json_array(), *all;
	char *text;

	for (size_t i = 0; i < r->n_pairs; i++) {
		const Godwit__V1__Pair *p = r->pairs[i];

		json_array_append_new(pairs, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:i,s:i,s:b}", "localType",
		    wire_pb_str(p->local_type), "remoteType", wire_pb_str(p->remote_type), "remote", wire_pb_str(p->remote),
		    "seenAs", wire_pb_str(p->seen_as), "state", wire_pb_str(p->state), "rttUs", (json_int_t)p->rtt_us,
		    "checks", (int)p->checks, "answers", (int)p->answers, "selected", p->selected));
	}
	for (size_t i = 0; i < r->n_last; i++) {
		const Godwit__V1__Transition *t = r->last[i];

		json_array_append_new(last, json_pack("{s:s,s:I,s:s,s:s,s:s,s:i,s:s}", "machine", wire_pb_str(t->machine),
		    "agoUs", (json_int_t)t->ago_us, "from", wire_pb_str(t->from), "event", wire_pb_str(t->event), "to",
		    wire_pb_str(t->to), "row", t->row, "why", wire_pb_str(t->why)));
	}
	all = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:{s:s,s:s,s:s},s:o}", "fqdn", wire_pb_str(r->fqdn), "ip",
	    wire_pb_str(r->ip), "publicKey", wire_pb_str(r->pub_key), "path", wire_pb_str(r->path), "sinceUs",
	    (json_int_t)r->since_us, "why", wire_pb_str(r->why), "better", wire_pb_str(r->better), "ourNat", json_nat(r->ours),
	    "theirNat", json_nat(r->theirs), "pairs", pairs, "relay", "url", wire_pb_str(r->relay_url), "state",
	    wire_pb_str(r->relay_state), "why", wire_pb_str(r->relay_why), "last", last);
	text = json_dumps(all, JSON_COMPACT);
	puts(text != NULL ? text : "{}");
	free(text);
	json_decref(all);
}

int
cmd_why(const struct opts *o)
{
	Godwit__V1__WhyRequest req;
	Godwit__V1__WhyResponse *r;
	struct call *c;
	int rc = 0;

	if (o->nword < 2) {
		fprintf(stderr, "Error: which peer? godwit why PEER (its name, address or key)\n");
		return 1;
	}
	c = call_open(o);
	if (c == NULL)
		return 1;
	godwit__v1__why_request__init(&req);
	req.peer = (char *)(uintptr_t)o->word[1];
	r = call_unary(c, "/godwit.v1.Inspect/Why", &req.base, &godwit__v1__why_response__descriptor, CALL_PATIENCE);
	if (r == NULL)
		rc = call_complain(c);
	else if (opt_on(o, OPT_JSON))
		print_json(r);
	else
		print_text(r);
	wire_pb_free(r);
	call_close(c);
	return rc;
}
