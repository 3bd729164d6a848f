/* SPDX-License-Identifier: ISC */
/*
 * ctlsrv.c -- daemon.DaemonService on a local socket.
 *
 * Three kinds of call.  Questions are answered at once from a hook.  Jobs (Login,
 * Up, Down, Logout) begin something in the agent; who asked is kept in `waiting`
 * until ctlsrv_done says how it went, or he goes away.  SubscribeStatus and
 * SubscribeEvents are streams; their callers are kept in `watching`.
 *
 * Calls are found in those lists by their handle: a handle in a list is alive,
 * because every end of a call comes through on_gone or through a finish here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "agent/config.h"
#include "agent/ctlparts.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "env/env.h"
#include "net/grpc.h"

#define SERVICE		"/daemon.DaemonService/"
#define STATUS_GAP	(200 * MONO_MS)
#define SOCKET_MODE	0666

struct caller {
	struct list list;
	struct grpc_call *call;
	enum ctlsrv_job job;	/* in waiting */
	bool full, status;	/* in watching: SubscribeStatus with all peers */
};

struct ctlsrv {
	struct env *env;
	struct ctlsrv_hooks hooks;
	char *config_path;
	struct grpc_server *server;
	struct env_listener *listener;
	struct inspect *inspect;
	struct list waiting, watching;
	struct env_timer *push;		/* runs while a change is held back */
	bool dirty;
};

/* ---- callers ----------------------------------------------------------------------- */

static struct caller *
keep(struct list *where, struct grpc_call *call)
{
	struct caller *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	c->call = call;
	list_append(where, &c->list);
	return c;
}

static struct caller *
find(struct list *where, const struct grpc_call *call)
{
	LIST_EACH(l, where)
		if (LIST_OF(l, struct caller, list)->call == call)
			return LIST_OF(l, struct caller, list);
	return NULL;
}

static void
drop(struct caller *c)
{
	if (c == NULL)
		return;
	list_remove(&c->list);
	free(c);
}

/* The caller hung up before the answer. */
static void
on_gone(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct ctlsrv *s = arg;

	drop(find(&s->waiting, call));
	drop(find(&s->watching, call));
}

static const struct grpc_ops job_ops = { .done = on_gone };

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

static void
garbled(struct grpc_call *call)
{
	grpc_finish(call, GRPC_INVALID_ARGUMENT, "the request is garbled");
}

/* ---- jobs ---------------------------------------------------------------------------- */

static const char *
job_name(enum ctlsrv_job job)
{
	switch (job) {
	case CTLSRV_LOGIN: return "login";
	case CTLSRV_UP: return "up";
	case CTLSRV_DOWN: return "down";
	case CTLSRV_LOGOUT: return "logout";
	}
	return "?";
}

void
ctlsrv_done(struct ctlsrv *s, enum ctlsrv_job job, int code, const char *text)
{
	if (s == NULL)
		return;
	LIST_EACH(l, &s->waiting) {
		struct caller *c = LIST_OF(l, struct caller, list);
		struct grpc_call *call = c->call;

		if (c->job != job)
			continue;
		drop(c);
		if (code == GRPC_OK)
			grpc_answer(call, "", 0);	/* every field at its default */
		else
			grpc_finish(call, code, text != NULL ? text : "it failed");
	}
	if (code != GRPC_OK)
		log_info("ctl", "%s: %s", job_name(job), text != NULL ? text : grpc_code_name(code));
}

static bool
begin(struct ctlsrv *s, struct grpc_call *call, enum ctlsrv_job job)
{
	struct caller *c = keep(&s->waiting, call);

	if (c == NULL)
		return false;
	c->job = job;
	return true;
}

/* ctlsrv_done for a job that nobody waits for says nothing: ask first. */
static void
supersede(struct ctlsrv *s, enum ctlsrv_job job, const char *text)
{
	LIST_EACH(l, &s->waiting)
		if (LIST_OF(l, struct caller, list)->job == job) {
			ctlsrv_done(s, job, GRPC_CANCELED, text);
			return;
		}
}

static void
call_login(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	Daemon__LoginRequest *r = wire_pb_get(&daemon__login_request__descriptor, data, len);
	struct ctlsrv_login login;
	json_t *patch = r != NULL ? ctl_patch_of(&r->base) : NULL;

	if (r == NULL) {
		garbled(call);
	} else if (patch == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	} else if (begin(s, call, CTLSRV_LOGIN)) {
		login.setup_key = wire_pb_str(r->setup_key);
		login.hostname = wire_pb_str(r->hostname);
		login.patch = patch;
		s->hooks.login(s->hooks.arg, &login);
	}
	json_decref(patch);
	if (r != NULL && r->setup_key != NULL)
		sodium_memzero(r->setup_key, strlen(r->setup_key));
	wire_pb_free(r);
}

static void
call_wait_sso(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	grpc_finish(call, GRPC_UNIMPLEMENTED, "login with a browser (SSO) is not supported by godwit yet: use a setup key");
}

static void
call_up(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	Daemon__UpRequest *r = wire_pb_get(&daemon__up_request__descriptor, data, len);

	if (r == NULL) {
		garbled(call);
	} else if (r->async) {
		grpc_answer(call, "", 0);
		s->hooks.up(s->hooks.arg);
	} else if (begin(s, call, CTLSRV_UP)) {
		s->hooks.up(s->hooks.arg);
	}
	wire_pb_free(r);
}

static void
call_down(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;

	supersede(s, CTLSRV_LOGIN, "down was asked for meanwhile");
	supersede(s, CTLSRV_UP, "down was asked for meanwhile");
	if (begin(s, call, CTLSRV_DOWN))
		s->hooks.down(s->hooks.arg);
}

static void
call_logout(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;

	supersede(s, CTLSRV_LOGIN, "logout was asked for meanwhile");
	supersede(s, CTLSRV_UP, "logout was asked for meanwhile");
	if (begin(s, call, CTLSRV_LOGOUT))
		s->hooks.logout(s->hooks.arg);
}

/* ---- questions -------------------------------------------------------------------------- */

static int
put_status(struct ctlsrv *s, struct buf *out, bool full)
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
call_status(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__StatusRequest *r = wire_pb_get(&daemon__status_request__descriptor, data, len);
	struct buf out = { 0 };

	if (r == NULL)
		garbled(call);
	else if (put_status(arg, &out, r->get_full_peer_status) == 0)
		grpc_answer(call, buf_bytes(&out), buf_len(&out));
	else
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	buf_free(&out);
	wire_pb_free(r);
}

static void
call_get_config(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
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
call_set_config(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	Daemon__SetConfigRequest *r = wire_pb_get(&daemon__set_config_request__descriptor, data, len);
	json_t *patch = r != NULL ? ctl_patch_of(&r->base) : NULL;
	char why[256] = "";

	if (r == NULL)
		garbled(call);
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
call_get_profile(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__GetActiveProfileResponse r = DAEMON__GET_ACTIVE_PROFILE_RESPONSE__INIT;

	r.profile_name = r.id = (char *)"default";
	answer(call, &r.base);
}

static void
call_list_profiles(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
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
call_switch_profile(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
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
call_empty(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	grpc_answer(call, "", 0);
}

static void
call_get_log_level(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	Daemon__GetLogLevelResponse r = DAEMON__GET_LOG_LEVEL_RESPONSE__INIT;

	r.level = DAEMON__LOG_LEVEL__ERROR;
	for (int i = LOG_LV_ERROR; i <= LOG_LV_TRACE; i++)
		if (log_enabled((enum log_level)i))
			r.level = (Daemon__LogLevel)(DAEMON__LOG_LEVEL__ERROR + i);
	answer(call, &r.base);
}

static void
call_set_log_level(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
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

/* ---- streams ------------------------------------------------------------------------------ */

static void
send_status(struct ctlsrv *s, struct caller *c)
{
	struct buf out = { 0 };

	if (c->status && put_status(s, &out, c->full) == 0)
		grpc_send(c->call, buf_bytes(&out), buf_len(&out));	/* -EAGAIN: the next one says it */
	buf_free(&out);
}

static void
on_push(void *arg)
{
	struct ctlsrv *s = arg;

	if (!s->dirty)
		return;
	s->dirty = false;
	LIST_EACH(l, &s->watching)
		send_status(s, LIST_OF(l, struct caller, list));
	env_timer_set(s->push, STATUS_GAP);
}

void
ctlsrv_changed(struct ctlsrv *s)
{
	if (s == NULL || list_empty(&s->watching))
		return;
	s->dirty = true;
	if (!env_timer_pending(s->push))
		env_timer_set(s->push, 0);
}

static void
watch_open(void *arg, struct grpc_call *call)
{
	struct ctlsrv *s = arg;

	if (keep(&s->watching, call) != NULL)
		grpc_send_headers(call, NULL, 0);
}

static void
status_message(void *arg, struct grpc_call *call, const uint8_t *data, size_t len)
{
	struct ctlsrv *s = arg;
	struct caller *c = find(&s->watching, call);
	Daemon__StatusRequest *r = wire_pb_get(&daemon__status_request__descriptor, data, len);

	if (c != NULL && r != NULL) {
		c->status = true;
		c->full = r->get_full_peer_status;
		send_status(s, c);
	}
	wire_pb_free(r);
}

static const struct grpc_ops status_ops = { .message = status_message, .done = on_gone };

/* ---- the socket ------------------------------------------------------------------------------ */

static void
on_accept(void *arg, struct env_stream *stream)
{
	struct ctlsrv *s = arg;

	grpc_server_attach(s->server, stream, NULL, 0);
}

static int
add_methods(struct ctlsrv *s)
{
	const struct grpc_method methods[] = {
		{ .path = SERVICE "Login", .unary = call_login, .ops = &job_ops },
		{ .path = SERVICE "WaitSSOLogin", .unary = call_wait_sso },
		{ .path = SERVICE "Up", .unary = call_up, .ops = &job_ops },
		{ .path = SERVICE "Down", .unary = call_down, .ops = &job_ops },
		{ .path = SERVICE "Logout", .unary = call_logout, .ops = &job_ops },
		{ .path = SERVICE "Status", .unary = call_status },
		{ .path = SERVICE "SubscribeStatus", .open = watch_open, .ops = &status_ops },
		{ .path = SERVICE "SubscribeEvents", .open = watch_open, .ops = &job_ops },
		{ .path = SERVICE "GetEvents", .unary = call_empty },
		{ .path = SERVICE "GetFeatures", .unary = call_empty },
		{ .path = SERVICE "ListNetworks", .unary = call_empty },
		{ .path = SERVICE "ForwardingRules", .unary = call_empty },
		{ .path = SERVICE "GetConfig", .unary = call_get_config },
		{ .path = SERVICE "SetConfig", .unary = call_set_config },
		{ .path = SERVICE "GetActiveProfile", .unary = call_get_profile },
		{ .path = SERVICE "ListProfiles", .unary = call_list_profiles },
		{ .path = SERVICE "SwitchProfile", .unary = call_switch_profile },
		{ .path = SERVICE "GetLogLevel", .unary = call_get_log_level },
		{ .path = SERVICE "SetLogLevel", .unary = call_set_log_level },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && err == 0; i++) {
		struct grpc_method m = methods[i];

		m.arg = s;
		err = grpc_server_add(s->server, &m);
	}
	return err;
}

struct ctlsrv *
ctlsrv_new(struct env *env, const struct ctlsrv_options *opt, const struct ctlsrv_hooks *hooks, int *err)
{
	struct ctlsrv *s = calloc(1, sizeof(*s));
	struct env_listen l = { .path = opt->path, .mode = SOCKET_MODE };

	*err = -ENOMEM;
	if (s == NULL)
		return NULL;
	s->env = env;
	s->hooks = *hooks;
	list_init(&s->waiting);
	list_init(&s->watching);
	s->config_path = strdup(opt->config_path != NULL ? opt->config_path : "");
	s->server = grpc_server_new(env);
	s->push = env_timer_new(env, on_push, s);
	if (s->config_path == NULL || s->server == NULL || s->push == NULL || add_methods(s) != 0)
		goto out;
	if (opt->loop != NULL && (s->inspect = ctl_inspect_new(env, opt->loop, s->server, &s->hooks)) == NULL)
		goto out;
	s->listener = env_listen(env, &l, on_accept, s, err);
	if (s->listener == NULL)
		goto out;
	*err = 0;
	return s;
out:
	ctlsrv_free(s);
	return NULL;
}

void
ctlsrv_free(struct ctlsrv *s)
{
	if (s == NULL)
		return;
	if (s->listener != NULL)
		env_listener_close(s->listener);
	/* Closes connections without callbacks: the lists are ours to free. */
	grpc_server_free(s->server);
	ctl_inspect_free(s->inspect);
	LIST_EACH(l, &s->waiting)
		free(LIST_OF(l, struct caller, list));
	LIST_EACH(l, &s->watching)
		free(LIST_OF(l, struct caller, list));
	env_timer_free(s->push);
	free(s->config_path);
	free(s);
}
