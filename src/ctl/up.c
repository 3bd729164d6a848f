/* SPDX-License-Identifier: ISC */
/*
 * up.c -- up and login.  Both say once a second what they wait for, and give up
 * after --timeout; the daemon goes on trying.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mono.h"
#include "ctl/call.h"
#include "ctl/cmd.h"
#include "proto/daemon.pb-c.h"
#include "wire/pb.h"

#define SERVICE "/daemon.DaemonService/"

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* The key itself, or the first word of a file.  NULL after one line on stderr. */
static const char *
setup_key(const struct opts *o, char *room, size_t size)
{
	const char *path = opt_str(o, OPT_SETUP_KEY_FILE, NULL);
	size_t n;
	FILE *f;

	if (path == NULL)
		return opt_str(o, OPT_SETUP_KEY, "");
	if (opt_str(o, OPT_SETUP_KEY, NULL) != NULL) {
		fprintf(stderr, "Error: --setup-key and --setup-key-file exclude each other\n");
		return NULL;
	}
	if ((f = fopen(path, "r")) == NULL) {
		fprintf(stderr, "Error: setup key file %s cannot be read\n", path);
		return NULL;
	}
	n = fread(room, 1, size - 1, f);
	fclose(f);
	room[n] = '\0';
	room[strcspn(room, " \t\r\n")] = '\0';
	return room;
}

/* A switch goes along only if it was given: the others keep their stored value. */
#define GIVE_SWITCH(req, opt, member, tag) do {				\
	if (o->value[opt] != NULL) {					\
		(req)->has_##member##_case = DAEMON__LOGIN_REQUEST__HAS_##tag##_##tag; \
		(req)->member = opt_on(o, opt);				\
	}								\
} while (0)

static bool
parse_int(const struct opts *o, enum opt_id id, const char *name, long max, int64_t *out)
{
	char *end;
	long v = strtol(o->value[id], &end, 10);

	if (o->value[id][0] == '\0' || *end != '\0' || v < 0 || v > max) {
		fprintf(stderr, "Error: --%s: \"%s\" is not a number up to %ld\n", name, o->value[id], max);
		return false;
	}
	*out = v;
	return true;
}

static bool
fill_login(const struct opts *o, Daemon__LoginRequest *r)
{
	r->management_url = borrow(opt_str(o, OPT_MANAGEMENT_URL, ""));
	r->admin_url = borrow(opt_str(o, OPT_ADMIN_URL, ""));
	r->hostname = borrow(opt_str(o, OPT_HOSTNAME, ""));
	r->godwit_server_key = borrow(opt_str(o, OPT_SERVER_KEY, ""));
	if (o->value[OPT_PRESHARED_KEY] != NULL) {
		r->has_optional_pre_shared_key_case = DAEMON__LOGIN_REQUEST__HAS_OPTIONAL_PRE_SHARED_KEY_OPTIONAL_PRE_SHARED_KEY;
		r->optional_pre_shared_key = borrow(o->value[OPT_PRESHARED_KEY]);
	}
	if (o->value[OPT_INTERFACE_NAME] != NULL) {
		r->has_interface_name_case = DAEMON__LOGIN_REQUEST__HAS_INTERFACE_NAME_INTERFACE_NAME;
		r->interface_name = borrow(o->value[OPT_INTERFACE_NAME]);
	}
	if (o->value[OPT_WIREGUARD_PORT] != NULL) {
		r->has_wireguard_port_case = DAEMON__LOGIN_REQUEST__HAS_WIREGUARD_PORT_WIREGUARD_PORT;
		if (!parse_int(o, OPT_WIREGUARD_PORT, "wireguard-port", 65535, &r->wireguard_port))
			return false;
	}
	if (o->value[OPT_MTU] != NULL) {
		r->has_mtu_case = DAEMON__LOGIN_REQUEST__HAS_MTU_MTU;
		if (!parse_int(o, OPT_MTU, "mtu", 8192, &r->mtu))
			return false;
		if (r->mtu < 576) {
			fprintf(stderr, "Error: --mtu: %lld is below 576\n", (long long)r->mtu);
			return false;
		}
	}
	GIVE_SWITCH(r, OPT_DISABLE_AUTO_CONNECT, disable_auto_connect, DISABLE_AUTO_CONNECT);
	GIVE_SWITCH(r, OPT_DISABLE_CLIENT_ROUTES, disable_client_routes, DISABLE_CLIENT_ROUTES);
	GIVE_SWITCH(r, OPT_DISABLE_SERVER_ROUTES, disable_server_routes, DISABLE_SERVER_ROUTES);
	GIVE_SWITCH(r, OPT_DISABLE_DNS, disable_dns, DISABLE_DNS);
	GIVE_SWITCH(r, OPT_DISABLE_FIREWALL, disable_firewall, DISABLE_FIREWALL);
	GIVE_SWITCH(r, OPT_BLOCK_INBOUND, block_inbound, BLOCK_INBOUND);
	GIVE_SWITCH(r, OPT_DISABLE_IPV6, disable_ipv6, DISABLE_IPV6);
	return true;
}

struct wait {
	const struct opts *o;
	struct call *ask;	/* a second connection: the first one waits */
	char last[400];
	bool dead;
};

/* Once a second: what the daemon is at, said when it changes. */
static bool
tell(void *arg, struct call *c)
{
	struct wait *w = arg;
	Daemon__StatusRequest req;
	Daemon__StatusResponse *st;
	char line[400];

	if (w->ask == NULL && (w->ask = call_open(w->o)) == NULL) {
		w->dead = true;
		return false;
	}
	daemon__status_request__init(&req);
	req.get_full_peer_status = true;
	st = call_unary(w->ask, SERVICE "Status", &req.base, &daemon__status_response__descriptor, CALL_PATIENCE);
	if (st == NULL) {
		call_complain(w->ask);
		w->dead = true;
		return false;
	}
	snprintf(line, sizeof(line), "waiting: %s%s%s", wire_pb_str(st->status),
	    st->full_status != NULL && st->full_status->management_state != NULL &&
	    wire_pb_str(st->full_status->management_state->error)[0] != '\0' ? ", " : "",
	    st->full_status != NULL && st->full_status->management_state != NULL ?
	    wire_pb_str(st->full_status->management_state->error) : "");
	wire_pb_free(st);
	if (strcmp(line, w->last) != 0)
		fprintf(stderr, "%s\n", line);
	strcpy(w->last, line);
	return true;
}

static int
failed(const struct call *c, const struct wait *w, const char *timeout)
{
	if (w->dead)
		return 1;
	if (call_code(c) == GRPC_DEADLINE_EXCEEDED) {
		fprintf(stderr, "Error: not done within %s%s%s; the daemon goes on trying\n", timeout,
		    w->last[0] != '\0' ? ": " : "", w->last);
		return 1;
	}
	return call_complain(c);
}

static bool
already_up(struct call *c, bool *answered)
{
	Daemon__StatusRequest req;
	Daemon__StatusResponse *st;
	bool up;

	daemon__status_request__init(&req);
	st = call_unary(c, SERVICE "Status", &req.base, &daemon__status_response__descriptor, CALL_PATIENCE);
	*answered = st != NULL;
	up = st != NULL && strcmp(wire_pb_str(st->status), "Connected") == 0;
	wire_pb_free(st);
	return up;
}

static int
do_login(struct call *c, const struct opts *o, struct wait *w, int64_t limit, const char *timeout)
{
	Daemon__LoginRequest req;
	Daemon__LoginResponse *resp;
	char room[128];
	bool sso;

	daemon__login_request__init(&req);
	if ((req.setup_key = borrow(setup_key(o, room, sizeof(room)))) == NULL || !fill_login(o, &req))
		return 1;
	resp = call_slow(c, SERVICE "Login", &req.base, &daemon__login_response__descriptor, limit, tell, w);
	if (resp == NULL)
		return failed(c, w, timeout);
	sso = resp->needs_sso_login;
	wire_pb_free(resp);
	if (sso) {
		fprintf(stderr, "Error: the server wants a login in a browser, which is not supported: use --setup-key\n");
		return 1;
	}
	return 0;
}

static int
with_daemon(const struct opts *o, bool up)
{
	const char *timeout = opt_str(o, OPT_TIMEOUT, "60s");
	int64_t limit = opt_duration(timeout);
	struct wait w = { .o = o };
	Daemon__UpRequest req;
	Daemon__UpResponse *resp;
	struct call *c;
	bool answered;
	int rc;

	if (limit < 0) {
		fprintf(stderr, "Error: --timeout: \"%s\" is no time (30s, 2m)\n", timeout);
		return 1;
	}
	if ((c = call_open(o)) == NULL)
		return 1;
	if (already_up(c, &answered) && up) {
		puts("Already connected");
		call_close(c);
		return 0;
	}
	rc = answered ? do_login(c, o, &w, limit, timeout) : call_complain(c);
	if (rc == 0 && up) {
		daemon__up_request__init(&req);
		resp = call_slow(c, SERVICE "Up", &req.base, &daemon__up_response__descriptor, limit, tell, &w);
		rc = resp == NULL ? failed(c, &w, timeout) : 0;
		wire_pb_free(resp);
	}
	if (rc == 0)
		puts(up ? "Connected" : "Logging successfully");
	call_close(w.ask);
	call_close(c);
	return rc;
}

int
cmd_up(const struct opts *o)
{
	return with_daemon(o, true);
}

int
cmd_login(const struct opts *o)
{
	return with_daemon(o, false);
}
