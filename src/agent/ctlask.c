/* SPDX-License-Identifier: ISC */
/*
 * ctlask.c -- questions to daemon.DaemonService, answered at once from a hook: the
 * status, the profile, the log level.
 */
#include <string.h>
#include "agent/config.h"
#include "agent/ctlparts.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/grpc.h"

static void
answer(struct grpc_call *call, const ProtobufCMessage *m)
{
	struct buf out = { 0 };

	if (wire_pb_put(&out, m) == 0)
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	else
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	buf_free(&out);
}

void
ctl_garbled(struct grpc_call *call)
{
	grpc_finish(call, GRPC_INVALID_ARGUMENT, "the request is garbled");
}

int
ctl_say_status(struct ctlsrv *s, struct buf *out, bool full)
{
	struct agent_status st;
	int err;

	memset(&st, 0, sizeof(st));
	s->hooks.status(s->hooks.arg, &st);
	err = ctl_put_status(out, &st, full);
	agent_status_free(&st);
	return err;
}

static void
status(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__StatusRequest *r = wire_pb_get(&daemon__status_request__descriptor, data, len);
	struct buf out = { 0 };

	if (r == NULL)
		ctl_garbled(call);
	else if (ctl_say_status(arg, &out, r->get_full_peer_status) == 0)
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	else
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	buf_free(&out);
	wire_pb_free(r);
}

static void
get_config(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	struct buf out = { 0 };

	if (ctl_put_config(&out, s->hooks.config(s->hooks.arg), s->config_path) == 0)
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	else
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	buf_free(&out);
}

static void
set_config(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	Daemon__SetConfigRequest *r = wire_pb_get(&daemon__set_config_request__descriptor, data, len);
	json_t *patch = r != NULL ? ctl_patch_of(&r->base) : NULL;
	char why[256] = "";

	if (r == NULL)
		ctl_garbled(call);
	else if (patch == NULL)
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	else if (s->hooks.set_config(s->hooks.arg, patch, why, sizeof(why)) != 0)
		grpc_finish(call, GRPC_INVALID_ARGUMENT, why);
	else
		grpc_answer(call, "", 0);
	json_decref(patch);
	wire_pb_free(r);
}

/* There is one profile; the calls that NetBird's tools make on their way are answered. */
static void
get_profile(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__GetActiveProfileResponse r = DAEMON__GET_ACTIVE_PROFILE_RESPONSE__INIT;

	r.profile_name = r.id = (char *)"default";
	answer(call, &r.base);
}

static void
list_profiles(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__ListProfilesResponse r = DAEMON__LIST_PROFILES_RESPONSE__INIT;
	Daemon__Profile p = DAEMON__PROFILE__INIT, *list[1] = { &p };

	p.name = p.id = (char *)"default";
	p.is_active = true;
	r.profiles = list;
	r.n_profiles = 1;
	answer(call, &r.base);
}

static void
switch_profile(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__SwitchProfileRequest *r = wire_pb_get(&daemon__switch_profile_request__descriptor, data, len);
	Daemon__SwitchProfileResponse a = DAEMON__SWITCH_PROFILE_RESPONSE__INIT;
	bool known = r != NULL && (!r->has_profile_name_case || strcmp(wire_pb_str(r->profile_name), "default") == 0);

	wire_pb_free(r);
	a.id = (char *)"default";
	if (known)
		answer(call, &a.base);
	else
		grpc_finish(call, GRPC_NOT_FOUND, "godwit has one profile, \"default\"");
}

static void
empty(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	grpc_answer(call, "", 0);
}

static void
get_log_level(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__GetLogLevelResponse r = DAEMON__GET_LOG_LEVEL_RESPONSE__INIT;

	r.level = DAEMON__LOG_LEVEL__ERROR;
	for (int i = LOG_LV_ERROR; i <= LOG_LV_TRACE; i++)
		if (log_enabled((enum log_level)i))
			r.level = (Daemon__LogLevel)(DAEMON__LOG_LEVEL__ERROR + i);
	answer(call, &r.base);
}

static void
set_log_level(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__SetLogLevelRequest *r = wire_pb_get(&daemon__set_log_level_request__descriptor, data, len);
	int level = r != NULL ? (int)r->level : 0;

	wire_pb_free(r);
	if (level < DAEMON__LOG_LEVEL__PANIC || level > DAEMON__LOG_LEVEL__TRACE) {
		grpc_finish(call, GRPC_INVALID_ARGUMENT, "no such log level");
		return;
	}
	log_set_level(level <= DAEMON__LOG_LEVEL__ERROR ? LOG_LV_ERROR : (enum log_level)(level - DAEMON__LOG_LEVEL__ERROR));
	grpc_answer(call, "", 0);
}

int
ctl_add_methods(struct ctlsrv *s, const struct grpc_method *methods, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		struct grpc_method m = methods[i];

		m.arg = s;
		err = grpc_server_add(s->server, &m);
	}
	return err;
}

int
ctl_ask_new(struct ctlsrv *s)
{
	const struct grpc_method methods[] = {
		{ .path = SERVICE "Status", .unary = status },
		{ .path = SERVICE "GetEvents", .unary = empty },
		{ .path = SERVICE "GetFeatures", .unary = empty },
		{ .path = SERVICE "ListNetworks", .unary = empty },
		{ .path = SERVICE "ForwardingRules", .unary = empty },
		{ .path = SERVICE "GetConfig", .unary = get_config },
		{ .path = SERVICE "SetConfig", .unary = set_config },
		{ .path = SERVICE "GetActiveProfile", .unary = get_profile },
		{ .path = SERVICE "ListProfiles", .unary = list_profiles },
		{ .path = SERVICE "SwitchProfile", .unary = switch_profile },
		{ .path = SERVICE "GetLogLevel", .unary = get_log_level },
		{ .path = SERVICE "SetLogLevel", .unary = set_log_level },
	};

	return ctl_add_methods(s, methods, sizeof(methods) / sizeof(methods[0]));
}
