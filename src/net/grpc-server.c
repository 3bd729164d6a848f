/* SPDX-License-Identifier: ISC */
/*
 * grpc-server.c -- the server's half of gRPC: methods found by path, the calls of
 * every accepted connection, and the answers that need no handler (unknown
 * methods, requests that are not gRPC).
 *
 * A call ends in one of two ways.  grpc_finish() is the handler's: the handle is
 * dead at once, what was queued still goes out.  grpc_server_lost() is
 * everything else, and the handler hears of it through `done`.  Pings are
 * answered by nghttp2 and never counted: no GOAWAY too_many_pings from here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <nghttp2/nghttp2.h>

#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "net/grpc-call.h"
#include "net/grpc-text.h"

/* A client that vanished without a FIN is found.  Stock clients ping every 30 s, ours
 * beat every 45; only the Sync connection of ours says nothing, and a PING costs
 * 0.3 MB a day at that pace: one in two minutes, for what nobody waits for. */
#define GRPC_SERVER_KEEPALIVE		(2 * MONO_MIN)
#define GRPC_SERVER_KEEPALIVE_TIMEOUT	(10 * MONO_SEC)

struct grpc_server {
	struct env *env;
	struct map *methods;		/* path -> struct grpc_method, owned */
	struct list conns;
	void (*other)(void *, struct h2_stream *, const struct h2_header *, size_t, bool);
	void *other_arg;
	void (*down)(void *);
	void *down_arg;
	struct env_timer *down_timer;	/* tells `down` when there was nothing to wait for */
};

struct grpc_conn {
	struct list all;
	struct grpc_server *server;
	struct h2 *h;			/* owned */
	struct list calls;
};

static void
grpc_conn_free(struct grpc_conn *conn)
{
	while (!list_empty(&conn->calls)) {
		struct grpc_call *c = LIST_OF(conn->calls.next, struct grpc_call, all);

		c->st = NULL;
		grpc_call_drop(c);
	}
	list_remove(&conn->all);
	h2_close(conn->h);
	free(conn);
}

/* ---- how a call ends ------------------------------------------------------------ */

static size_t
grpc_status_headers(struct h2_header *hd, char code_text[16], struct buf *message, int code, const char *text)
{
	size_t n = 0;

	snprintf(code_text, 16, "%d", code);
	hd[n++] = (struct h2_header){ "grpc-status", code_text };
	if (text != NULL && *text != '\0') {
		grpc_percent_put(message, text);
		hd[n++] = (struct h2_header){ "grpc-message", buf_cstr(message) };
	}
	return n;
}

static void
grpc_send_status(struct h2_stream *st, bool headers_out, int code, const char *text)
{
	struct h2_header hd[4] = { { ":status", "200" }, { "content-type", "application/grpc" } };
	struct buf message = { 0 };
	char code_text[16];
	size_t n = grpc_status_headers(hd + 2, code_text, &message, code, text);

	if (headers_out)
		h2_end_trailers(st, hd + 2, n);
	else
		h2_respond(st, hd, n + 2, true);
	buf_free(&message);
}

void
grpc_finish(struct grpc_call *c, int code, const char *message)
{
	if (c->over)
		return;
	if (c->st != NULL) {
		grpc_send_status(c->st, c->headers_out, code, message);
		h2_release(c->st);
		c->st = NULL;
	}
	grpc_call_drop(c);
}

void
grpc_answer(struct grpc_call *c, const void *data, size_t len)
{
	int err = grpc_send(c, data, len);

	if (err != 0)
		grpc_finish(c, GRPC_RESOURCE_EXHAUSTED, "the answer does not fit");
	else
		grpc_finish(c, GRPC_OK, NULL);
}

/* The call ended without its handler: tell it. */
static void
grpc_server_lost(struct grpc_call *c, int code, const char *why, bool remote)
{
	struct grpc_status status = { .code = code, .message = why, .remote = remote };

	if (c->over)
		return;
	if (c->st != NULL) {
		grpc_send_status(c->st, c->headers_out, code, why);
		h2_release(c->st);
		c->st = NULL;
	}
	grpc_call_enter(c);
	grpc_call_drop(c);
	if (c->ops != NULL && c->ops->done != NULL)
		c->ops->done(c->arg, c, &status);
	grpc_call_leave(c);
}

static void
grpc_server_deadline(void *arg)
{
	grpc_server_lost(arg, GRPC_DEADLINE_EXCEEDED, "deadline exceeded", false);
}

/* ---- a request comes ---------------------------------------------------------------- */

static const char *
grpc_value(const struct h2_header *hd, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(hd[i].name, name) == 0)
			return hd[i].value;
	return NULL;
}

static void
grpc_not_ours(struct grpc_server *sv, struct h2_stream *st, const struct h2_header *hd, size_t n, bool end)
{
	struct h2_header answer[2] = { { ":status", "404" }, { "content-type", "text/plain; charset=utf-8" } };

	if (sv->other != NULL) {
		sv->other(sv->other_arg, st, hd, n, end);
		return;
	}
	if (h2_respond(st, answer, 2, false) == 0 && h2_write(st, "404 page not found\n", 19) == 0)
		h2_end(st);
	h2_release(st);
}

static void
grpc_unknown(struct h2_stream *st, const char *path)
{
	char text[256];
	const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;

	if (slash == NULL)
		snprintf(text, sizeof(text), "malformed method name: %.100s", path);
	else
		snprintf(text, sizeof(text), "unknown method %.80s for service %.*s", slash + 1,
		    (int)(slash - path - 1 > 80 ? 80 : slash - path - 1), path + 1);
	grpc_send_status(st, false, GRPC_UNIMPLEMENTED, text);
	h2_release(st);
}

static struct grpc_call *
grpc_server_call(struct grpc_conn *conn, struct h2_stream *st, const struct grpc_method *m, const struct h2_header *hd, size_t n)
{
	struct grpc_call *c = grpc_call_new(conn->server->env, m->max_message != 0 ? m->max_message : GRPC_MAX_MESSAGE);
	const char *timeout = grpc_value(hd, n, "grpc-timeout");
	int64_t us;

	if (c == NULL)
		return NULL;
	c->conn = conn;
	c->method = m;
	c->ops = m->ops;
	c->arg = m->arg;
	c->is_unary = m->unary != NULL;
	c->st = st;
	list_append(&conn->calls, &c->all);
	if (grpc_call_keep_md(c, hd, n) != 0 || (timeout != NULL && grpc_timeout_parse(&us, timeout) == 0 &&
	    grpc_call_set_deadline(c, us, grpc_server_deadline) != 0)) {
		c->st = NULL;
		grpc_call_drop(c);
		return NULL;
	}
	h2_stream_set_arg(st, c);
	return c;
}

static void
grpc_server_request(void *arg, struct h2_stream *st, const struct h2_header *hd, size_t n, bool end)
{
	struct grpc_conn *conn = arg;
	const char *path = grpc_value(hd, n, ":path"), *type = grpc_value(hd, n, "content-type");
	const struct grpc_method *m;
	struct grpc_call *c;

	if (path == NULL || type == NULL || strncasecmp(type, "application/grpc", 16) != 0) {
		grpc_not_ours(conn->server, st, hd, n, end);
		return;
	}
	m = map_get_str(conn->server->methods, path);
	if (m == NULL) {
		grpc_unknown(st, path);
		return;
	}
	c = grpc_server_call(conn, st, m, hd, n);
	if (c == NULL) {
		h2_reset(st, NGHTTP2_REFUSED_STREAM);
		return;
	}
	if (m->open != NULL) {
		grpc_call_enter(c);
		m->open(m->arg, c);
		grpc_call_leave(c);
	}
}

static void
grpc_server_data(void *arg, struct h2_stream *st, const uint8_t *data, size_t len)
{
	struct grpc_call *c = arg;
	const char *why;
	int code;

	(void)st;
	if (c == NULL)
		return;		/* a body for something that is not gRPC */
	grpc_call_enter(c);
	code = grpc_call_take(c, data, len, &why);
	if (code != 0)
		grpc_server_lost(c, code, why, false);
	grpc_call_leave(c);
}

static void
grpc_server_end(void *arg, struct h2_stream *st)
{
	struct grpc_call *c = arg;

	(void)st;
	if (c == NULL || c->over)
		return;
	c->got_request = true;
	grpc_call_enter(c);
	if (wire_grpcframe_partial(&c->in))
		grpc_server_lost(c, GRPC_INTERNAL, "the request ends inside a message", false);
	else if (c->is_unary && c->nmessage != 1)
		grpc_server_lost(c, GRPC_INTERNAL, "the request is not one message", false);
	else if (c->is_unary)
		c->method->unary(c->method->arg, c, buf_bytes(&c->unary), buf_len(&c->unary));
	else if (c->ops != NULL && c->ops->half_closed != NULL)
		c->ops->half_closed(c->arg, c);
	grpc_call_leave(c);
}

static void
grpc_server_writable(void *arg, struct h2_stream *st)
{
	struct grpc_call *c = arg;

	(void)st;
	if (c == NULL || c->ops == NULL || c->ops->writable == NULL)
		return;
	grpc_call_enter(c);
	c->ops->writable(c->arg, c);
	grpc_call_leave(c);
}

static void
grpc_server_closed(void *arg, struct h2_stream *st, uint32_t code)
{
	struct grpc_call *c = arg;

	(void)st;
	if (c == NULL)
		return;
	c->st = NULL;
	grpc_server_lost(c, code == H2_CODE_GONE ? GRPC_UNAVAILABLE : GRPC_CANCELED,
	    code == H2_CODE_GONE ? "the client's connection was lost" : "the client cancelled the call", true);
}

static void
grpc_server_gone(void *arg, int err, const char *why)
{
	struct grpc_conn *conn = arg;
	struct grpc_server *sv = conn->server;

	log_debug("grpc", "a client's connection ended: %s (%d)", why, err);
	grpc_conn_free(conn);
	if (sv->down != NULL && list_empty(&sv->conns)) {
		void (*down)(void *) = sv->down;

		sv->down = NULL;
		down(sv->down_arg);
	}
}

static const struct h2_ops grpc_server_h2 = {
	.request = grpc_server_request,
	.data = grpc_server_data,
	.end = grpc_server_end,
	.writable = grpc_server_writable,
	.closed = grpc_server_closed,
	.gone = grpc_server_gone,
};

/* ---- the owner's calls ---------------------------------------------------------------- */

static void
grpc_server_on_down(void *arg)
{
	struct grpc_server *sv = arg;
	void (*down)(void *) = sv->down;

	sv->down = NULL;
	if (down != NULL)
		down(sv->down_arg);
}

struct grpc_server *
grpc_server_new(struct env *env)
{
	struct grpc_server *sv = calloc(1, sizeof(*sv));

	if (sv == NULL)
		return NULL;
	sv->env = env;
	list_init(&sv->conns);
	sv->methods = map_new();
	sv->down_timer = env_timer_new(env, grpc_server_on_down, sv);
	if (sv->methods == NULL || sv->down_timer == NULL) {
		grpc_server_free(sv);
		return NULL;
	}
	return sv;
}

void
grpc_server_free(struct grpc_server *sv)
{
	if (sv == NULL)
		return;
	while (!list_empty(&sv->conns))
		grpc_conn_free(LIST_OF(sv->conns.next, struct grpc_conn, all));
	if (sv->methods != NULL)
		for (struct map_it i = map_first(sv->methods); i.value != NULL; i = map_next(i))
			free(i.value);
	map_free(sv->methods);
	env_timer_free(sv->down_timer);
	free(sv);
}

int
grpc_server_add(struct grpc_server *sv, const struct grpc_method *m)
{
	struct grpc_method *copy = malloc(sizeof(*copy)), *old;

	if (copy == NULL)
		return -ENOMEM;
	*copy = *m;
	old = map_get_str(sv->methods, m->path);
	if (map_put_str(sv->methods, m->path, copy) != 0) {
		free(copy);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

int
grpc_server_attach(struct grpc_server *sv, struct env_stream *st, const uint8_t *first, size_t len)
{
	static const struct h2_options opt = {
		.server = true,
		.keepalive_us = GRPC_SERVER_KEEPALIVE,
		.keepalive_timeout_us = GRPC_SERVER_KEEPALIVE_TIMEOUT,
		.ping_idle = true,
	};
	struct grpc_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		env_stream_close(st);
		return -ENOMEM;
	}
	conn->server = sv;
	list_init(&conn->calls);
	list_append(&sv->conns, &conn->all);
	conn->h = h2_new(sv->env, st, &opt, &grpc_server_h2, conn);
	if (conn->h == NULL) {
		grpc_conn_free(conn);
		return -ENOMEM;
	}
	h2_input(conn->h, first, len);
	return 0;
}

void
grpc_server_on_other(struct grpc_server *sv, void (*fn)(void *, struct h2_stream *, const struct h2_header *, size_t, bool), void *arg)
{
	sv->other = fn;
	sv->other_arg = arg;
}

void
grpc_server_shutdown(struct grpc_server *sv, int64_t us, void (*done)(void *arg), void *arg)
{
	sv->down = done;
	sv->down_arg = arg;
	LIST_EACH(l, &sv->conns)
		h2_shutdown(LIST_OF(l, struct grpc_conn, all)->h, us);
	if (list_empty(&sv->conns))
		env_timer_set(sv->down_timer, 0);
}

size_t
grpc_server_conns(const struct grpc_server *sv)
{
	return list_count(&sv->conns);
}

int
grpc_send_headers(struct grpc_call *c, const struct grpc_md *md, size_t n)
{
	struct h2_header hd[2 + GRPC_MD_MAX] = { { ":status", "200" }, { "content-type", "application/grpc" } };
	int err;

	if (c->headers_out)
		return -EALREADY;
	if (c->over || c->st == NULL || n > GRPC_MD_MAX)
		return -EPIPE;
	for (size_t i = 0; i < n; i++)
		hd[2 + i] = (struct h2_header){ md[i].key, md[i].value };
	err = h2_respond(c->st, hd, 2 + n, false);
	c->headers_out = err == 0;
	return err;
}

struct addr
grpc_peer(const struct grpc_call *c)
{
	return c->conn != NULL ? env_stream_remote(h2_transport(c->conn->h)) : grpc_channel_remote(c->channel);
}

int
grpc_peer_uid(const struct grpc_call *c)
{
	return c->conn != NULL ? env_stream_uid(h2_transport(c->conn->h)) : -1;
}
