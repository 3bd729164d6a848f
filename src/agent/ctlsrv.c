/* SPDX-License-Identifier: ISC */
/*
 * ctlsrv.c -- daemon.DaemonService on a local socket.
 *
 * Three kinds of call.  Questions are answered at once (ctlask.c).  Jobs (Login,
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

#define STATUS_GAP	(200 * MONO_MS)
#define SOCKET_MODE	0666

struct caller {
	struct list list;
	struct grpc_call *call;
	enum ctlsrv_job job;	/* in waiting */
	bool full, status;	/* in watching: SubscribeStatus with all peers */
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
		ctl_garbled(call);
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
		ctl_garbled(call);
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

/* ---- streams ------------------------------------------------------------------------------ */

static void
send_status(struct ctlsrv *s, struct caller *c)
{
	struct buf out = { 0 };

	if (c->status && ctl_say_status(s, &out, c->full) == 0)
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
		{ .path = SERVICE "SubscribeStatus", .open = watch_open, .ops = &status_ops },
		{ .path = SERVICE "SubscribeEvents", .open = watch_open, .ops = &job_ops },
	};

	return ctl_add_methods(s, methods, sizeof(methods) / sizeof(methods[0]));
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
	if (s->config_path == NULL || s->server == NULL || s->push == NULL || add_methods(s) != 0 ||
	    ctl_ask_new(s) != 0)
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
