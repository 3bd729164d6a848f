/* SPDX-License-Identifier: ISC */
/* status.c -- status: asks once, then shows; checks and short forms. */
#include <string.h>
#include "ctl/call.h"
#include "ctl/cmd.h"
#include "ctl/show.h"
#include "proto/inspect.pb-c.h"
#include "wire/pb.h"

static const Daemon__LocalPeerState *
local_of(const Daemon__StatusResponse *st)
{
	return st->full_status != NULL ? st->full_status->local_peer_state : NULL;
}

static void
show_address(const char *prefix)
{
	int n = (int)strcspn(prefix, "/");

	if (n > 0)
		printf("%.*s\n", n, prefix);
}

static bool
started(const Daemon__FullStatus *f)
{
	bool relays = false, up = false;

	if (f == NULL || f->management_state == NULL || !f->management_state->connected ||
	    f->signal_state == NULL || !f->signal_state->connected)
		return false;
	for (size_t i = 0; i < f->n_relays; i++)
		if (strncmp(wire_pb_str(f->relays[i]->uri), "rel", 3) == 0) {
			relays = true;
			up = up || f->relays[i]->available;
		}
	return !relays || up;
}

static int
check(const char *what, const Daemon__StatusResponse *st)
{
	const char *s = wire_pb_str(st->status);

	if (strcmp(what, "live") == 0)
		return 0;
	if (strcmp(what, "ready") == 0)
		return !(strcmp(s, "Idle") == 0 || strcmp(s, "Connecting") == 0 || strcmp(s, "Connected") == 0);
	if (strcmp(what, "startup") == 0)
		return !started(st->full_status);
	fprintf(stderr, "Error: --check: \"%s\" is none of live, ready, startup\n", what);
	return 1;
}

static bool
has_filter(const struct opts *o)
{
	return o->value[OPT_FILTER_IPS] != NULL || o->value[OPT_FILTER_NAMES] != NULL ||
	    o->value[OPT_FILTER_STATUS] != NULL || o->value[OPT_FILTER_TYPE] != NULL;
}

static void
show(const struct opts *o, Daemon__StatusResponse *st)
{
	const char *s = wire_pb_str(st->status);
	const char *why = "";

	if (st->full_status != NULL)
		show_select(st->full_status, o);
	if (opt_on(o, OPT_JSON)) {
		show_json(st);
		return;
	}
	if (st->full_status != NULL && st->full_status->management_state != NULL)
		why = wire_pb_str(st->full_status->management_state->error);
	if (strcmp(s, "NeedsLogin") == 0 || strcmp(s, "LoginFailed") == 0 || strcmp(s, "SessionExpired") == 0) {
		printf("Daemon status: %s\n", s);
		if (why[0] != '\0')
			printf("Reason: %s\n", why);
		printf("\nJoin with a setup key:\n\n    godwit up --management-url URL --setup-key KEY\n");
		return;
	}
	if (opt_on(o, OPT_DETAIL) || has_filter(o))
		show_detail(st);
	else
		show_summary(st, false);
}

/* How the daemon's one loop is doing; a stock daemon has no such call. */
static void
show_loop(struct call *c)
{
	Godwit__V1__LoopRequest req;
	Godwit__V1__LoopResponse *l;

	godwit__v1__loop_request__init(&req);
	l = call_unary(c, "/godwit.v1.Inspect/Loop", &req.base, &godwit__v1__loop_response__descriptor, CALL_PATIENCE);
	if (l != NULL)
		printf("Event loop: %llu turns, longest %.1f ms, %llu over 20 ms\n", (unsigned long long)l->turns,
		    (double)l->longest_us / 1e3, (unsigned long long)l->over_20ms);
	wire_pb_free(l);
}

int
cmd_status(const struct opts *o)
{
	int exclusive = opt_on(o, OPT_DETAIL) + opt_on(o, OPT_JSON) + opt_on(o, OPT_IPV4) + opt_on(o, OPT_IPV6);
	Daemon__StatusRequest req;
	Daemon__StatusResponse *st;
	struct call *c;
	int rc = 0;

	if (exclusive > 1) {
		fprintf(stderr, "Error: --detail, --json, --ipv4 and --ipv6 exclude each other\n");
		return 1;
	}
	if ((c = call_open(o)) == NULL)
		return 1;
	daemon__status_request__init(&req);
	req.get_full_peer_status = true;
	st = call_unary(c, "/daemon.DaemonService/Status", &req.base, &daemon__status_response__descriptor, CALL_PATIENCE);
	if (st == NULL)
		rc = call_complain(c);
	else if (o->value[OPT_CHECK] != NULL)
		rc = check(o->value[OPT_CHECK], st);
	else if (opt_on(o, OPT_IPV4))
		show_address(local_of(st) != NULL ? wire_pb_str(local_of(st)->ip) : "");
	else if (opt_on(o, OPT_IPV6))
		show_address(local_of(st) != NULL ? wire_pb_str(local_of(st)->ipv6) : "");
	else
		show(o, st);
	if (st != NULL && opt_on(o, OPT_DETAIL) && o->value[OPT_CHECK] == NULL)
		show_loop(c);
	wire_pb_free(st);
	call_close(c);
	return rc;
}
