/* SPDX-License-Identifier: ISC */
/*
 * wire-headers.c -- the metadata vectors of tests/data/vectors.json: what our gRPC
 * client and server put into HTTP/2 headers, caught at the other end of a pipe by
 * a bare HTTP/2 connection.
 */
#include <stdlib.h>
#include <jansson.h>
#include "net/grpc.h"
#include "net/h2.h"
#include "tests/tap.h"
#include "tests/unit/net_pipes.h"

struct caught {
	struct env *env;
	struct h2 *h2;
	json_t *headers;	/* of the request or the response */
	bool ready, data_first;
};

static void
keep(struct caught *c, const struct h2_header *h, size_t n)
{
	c->headers = json_object();
	for (size_t i = 0; i < n; i++)
		json_object_set_new(c->headers, h[i].name, json_string(h[i].value));
}

static void
on_request(void *arg, struct h2_stream *st, const struct h2_header *h, size_t n, bool end)
{
	h2_stream_set_arg(st, arg);
	keep(arg, h, n);
}

static void
on_response(void *arg, struct h2_stream *st, const struct h2_header *h, size_t n, bool end)
{
	keep(arg, h, n);
}

static void
on_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n)
{
	struct caught *c = arg;

	c->data_first = c->data_first || c->headers == NULL;
}

static void
on_ready(void *arg)
{
	((struct caught *)arg)->ready = true;
}

static void on_stream(void *arg, struct h2_stream *st) { }
static void on_trailers(void *arg, struct h2_stream *st, const struct h2_header *h, size_t n) { }
static void on_closed(void *arg, struct h2_stream *st, uint32_t code) { }
static void on_goaway(void *arg, uint32_t code) { }
static void on_gone(void *arg, int err, const char *why) { }

static const struct h2_ops ops = {
	on_ready, on_request, on_response, on_data, on_trailers, on_stream, on_stream, on_closed, on_goaway, on_gone
};

/* ---- our client against a bare server ------------------------------------------------- */

static void
accept_bare(void *arg, struct env_stream *st)
{
	static const struct h2_options options = { .server = true };
	struct caught *c = arg;

	c->h2 = h2_new(c->env, st, &options, &ops, c);
}

static void
on_channel(void *arg, const struct grpc_channel_note *n)
{
	*(bool *)arg = n->event == GRPC_CHANNEL_READY;
}

/* Every header of the vector is sent, and nothing else; <texts> match anything. */
static void
compare(const char *name, json_t *want, json_t *got)
{
	const char *key;
	json_t *v;

	json_object_foreach(want, key, v) {
		const char *w = json_string_value(v), *g = json_string_value(json_object_get(got, key));

		if (w[0] == '<')
			ok(g != NULL && g[0] != '\0', "%s: %s is there (%s)", name, key, g ? g : "not");
		else
			is_str(g, w, "%s: %s", name, key);
		if (strcmp(key, "grpc-timeout") == 0)
			ok(g != NULL && strspn(g, "0123456789") == strlen(g) - 1 && strchr("numSMH", g[strlen(g) - 1]) != NULL,
			    "%s: a time-out as gRPC writes it", name);
	}
	json_object_foreach(got, key, v)
		ok(json_object_get(want, key) != NULL || strcmp(key, ":scheme") == 0 || strcmp(key, ":authority") == 0,
		    "%s: %s is in the vector", name, key);
}

static void
check_request(const json_t *vector, const struct grpc_md *md, size_t nmd, int64_t timeout)
{
	const char *name = json_string_value(json_object_get(vector, "name"));
	json_t *want = json_object_get(vector, "json");
	struct grpc_target target = { .host = "localhost", .port = 80, .user_agent = "grpc-go/1.80.0" };
	struct grpc_request req = { .path = json_string_value(json_object_get(want, ":path")), .md = md, .nmd = nmd, .timeout_us = timeout };
	static const struct grpc_ops none;
	struct env_listen l = { .addr.port = 80 };
	struct caught c = { .env = pipes_new(100) };
	struct env_listener *li;
	struct grpc_channel *ch;
	struct grpc_call *call;
	bool ready = false;
	int err;

	li = env_listen(c.env, &l, accept_bare, &c, &err);
	ch = grpc_dial(c.env, &target, 0, on_channel, &ready);
	pipes_run(c.env, &ready, MONO_SEC);
	call = grpc_start(ch, &req, &none, NULL);
	if (ok(call != NULL, "%s: a call", name)) {
		grpc_send(call, "", 0);
		pipes_run(c.env, NULL, MONO_SEC);
	}
	if (ok(c.headers != NULL, "%s: headers came", name))
		compare(name, want, c.headers);
	json_decref(c.headers);
	grpc_channel_close(ch);
	h2_close(c.h2);
	env_listener_close(li);
	pipes_free(c.env);
}

/* ---- our server against a bare client --------------------------------------------------- */

static void
accept_grpc(void *arg, struct env_stream *st)
{
	grpc_server_attach(arg, st, NULL, 0);
}

/* As the signal server answers, and a message right behind it. */
static void
open_stream(void *arg, struct grpc_call *call)
{
	static const struct grpc_md md = { "x-wiretrustee-peer-registered", "1" };

	grpc_send_headers(call, &md, 1);
	grpc_send(call, "abc", 3);
}

static void
check_response(const json_t *vector)
{
	static const struct h2_header request[] = {
		{ ":method", "POST" }, { ":scheme", "http" }, { ":path", "/signalexchange.SignalExchange/ConnectStream" },
		{ ":authority", "x" }, { "content-type", "application/grpc" }, { "te", "trailers" },
	};
	static const struct h2_options options = { 0 };
	const char *name = json_string_value(json_object_get(vector, "name"));
	struct env_listen l = { .addr.port = 80 };
	struct env_dial d = { .host = "localhost", .port = 80 };
	struct caught c = { .env = pipes_new(100) };
	struct grpc_server *server = grpc_server_new(c.env);
	struct grpc_method m = { .path = request[2].value, .open = open_stream };
	struct env_listener *li;
	int err;

	grpc_server_add(server, &m);
	li = env_listen(c.env, &l, accept_grpc, server, &err);
	c.h2 = h2_new(c.env, env_stream_dial(c.env, &d, NULL, NULL), &options, &ops, &c);
	pipes_run(c.env, &c.ready, MONO_SEC);
	ok(h2_request(c.h2, request, sizeof(request) / sizeof(request[0]), false, &c) != NULL, "%s: a request", name);
	pipes_run(c.env, NULL, MONO_SEC);
	if (ok(c.headers != NULL, "%s: headers came", name))
		compare(name, json_object_get(vector, "json"), c.headers);
	ok(!c.data_first, "%s: before any DATA", name);
	json_decref(c.headers);
	h2_close(c.h2);
	grpc_server_free(server);
	env_listener_close(li);
	pipes_free(c.env);
}

int
main(void)
{
	static const struct grpc_md id = { "x-wiretrustee-peer-id", "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=" };
	static const struct grpc_md bearer = { "authorization", "Bearer S.P" };
	const char *srcdir = getenv("srcdir");
	char path[1024];
	json_t *root, *v;
	size_t i, n = 0;

	snprintf(path, sizeof(path), "%s/tests/data/vectors.json", srcdir ? srcdir : "..");
	root = json_load_file(path, 0, NULL);
	if (!ok(root != NULL, "%s", path))
		return tap_done();
	json_array_foreach(json_object_get(root, "vectors"), i, v) {
		const char *name = json_string_value(json_object_get(v, "name"));

		if (strcmp(name, "grpc_request_headers_management_unary") == 0)
			check_request(v, NULL, 0, 5 * MONO_SEC);
		else if (strcmp(name, "grpc_request_headers_signal_stream") == 0)
			check_request(v, &id, 1, 0);
		else if (strcmp(name, "grpc_request_headers_flow_stream") == 0)
			check_request(v, &bearer, 1, 0);
		else if (strcmp(name, "grpc_response_headers_signal_stream") == 0)
			check_response(v);
		else
			continue;
		n++;
	}
	is_int(n, 4, "all header vectors");
	json_decref(root);
	return tap_done();
}
