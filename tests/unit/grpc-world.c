/* SPDX-License-Identifier: ISC */
/*
 * grpc-world.c -- the two ends of grpc-world.h.
 */
#include "grpc-world.h"

/* ---- the client ---------------------------------------------------------------- */

static void
on_channel(void *arg, const struct grpc_channel_note *n)
{
	struct world *w = arg;

	w->gen = n->gen;
	switch (n->event) {
	case GRPC_CHANNEL_READY:
		w->ready++;
		break;
	case GRPC_CHANNEL_DOUBT:
		w->doubt++;
		break;
	case GRPC_CHANNEL_GOAWAY:
		w->goaway++;
		break;
	case GRPC_CHANNEL_GONE:
		w->gone++;
		break;
	}
	snprintf(w->text, sizeof(w->text), "%s", n->text);
	w->done = true;
	if (w->close_in_note) {
		grpc_channel_close(w->ch);
		w->ch = NULL;
	}
}

void
on_answer(void *arg, const struct grpc_status *st, const uint8_t *answer, size_t len)
{
	struct world *w = arg;

	w->dones++;
	w->code = st->code;
	w->remote = st->remote;
	snprintf(w->text, sizeof(w->text), "%s", st->message);
	w->answer_len = len;
	if (answer != NULL && len < sizeof(w->answer)) {
		memcpy(w->answer, answer, len);
		w->answer[len] = '\0';
	}
	w->done = true;
}

static void
on_headers(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	const char *v = grpc_metadata(c, "x-wiretrustee-peer-registered");

	w->headers++;
	snprintf(w->md, sizeof(w->md), "%s", v != NULL ? v : "");
	w->done = true;
}

static void
on_message(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	w->messages++;
	w->answer_len = len;
	if (len < sizeof(w->answer)) {
		memcpy(w->answer, data, len);
		w->answer[len] = '\0';
	}
	if (w->cancel_in_message)
		grpc_cancel(c);
	w->done = true;
}

static void
on_writable(void *arg, struct grpc_call *c)
{
	struct world *w = arg;

	(void)c;
	w->writable++;
	w->done = true;
}

static void
on_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)c;
	w->call = NULL;
	on_answer(w, st, NULL, 0);
}

const struct grpc_ops client_ops = {
	.headers = on_headers, .message = on_message, .writable = on_writable, .done = on_done,
};

/* ---- the server's methods ------------------------------------------------------ */

static void
echo(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	(void)arg;
	grpc_answer(c, data, len);
}

static void
deny(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	grpc_finish(c, GRPC_PERMISSION_DENIED, "peer login has expired, 100% s\xc3\xbcre\n");
}

static void
hold(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	(void)data;
	(void)len;
	w->held = c;
	w->done = true;
}

static void
stream_open(void *arg, struct grpc_call *c)
{
	struct world *w = arg;
	struct grpc_md md = { "x-wiretrustee-peer-registered", "1" };
	const char *id = grpc_metadata(c, "x-wiretrustee-peer-id");

	w->held = c;
	if (id == NULL) {
		grpc_finish(c, GRPC_FAILED_PRECONDITION, "no id");
		w->held = NULL;
		return;
	}
	grpc_send_headers(c, &md, 1);
}

static void
stream_message(void *arg, struct grpc_call *c, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	w->server_messages++;
	w->server_bytes += len;
	if (len < 100)
		grpc_send(c, data, len);
}

static void
stream_half(void *arg, struct grpc_call *c)
{
	struct world *w = arg;

	w->server_half++;
	w->held = NULL;
	grpc_finish(c, GRPC_OK, NULL);
}

static void
server_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct world *w = arg;

	(void)c;
	w->server_dones++;
	w->server_code = st->code;
	w->held = NULL;
}

static const struct grpc_ops server_ops = { .message = stream_message, .half_closed = stream_half, .done = server_done };

static void
front_h2(void *arg, struct env_stream *st, const uint8_t *p, size_t n)
{
	struct world *w = arg;

	grpc_server_attach(w->server, st, p, n);
}

static void
front_request(void *arg, struct env_stream *st, const struct http1_head *h, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)h;
	(void)p;
	(void)n;
	http1_answer(st, 404, "Not Found", NULL, "404 page not found\n");
}

static const struct http1_front_ops front_ops = { front_h2, front_request };

static void
on_accept(void *arg, struct env_stream *st)
{
	struct world *w = arg;

	http1_front_take(w->front, st);
}

/* ---- both ------------------------------------------------------------------------ */

void
world_dial(struct world *w)
{
	struct grpc_target t = { .host = "localhost", .port = PORT };

	w->ch = grpc_dial(w->env, &t, 7, on_channel, w);
	w->done = false;
	pipes_run(w->env, &w->done, 10 * MONO_SEC);
}

void
world_make(struct world *w, size_t cut)
{
	struct env_listen l = { .addr.port = PORT };
	int err;

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(cut);
	w->server = grpc_server_new(w->env);
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Echo", .unary = echo, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Deny", .unary = deny, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Hold", .unary = hold, .ops = &server_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Stream", .open = stream_open, .ops = &server_ops, .arg = w });
	grpc_server_add(w->server, &(struct grpc_method){ .path = "/t.T/Small", .unary = echo, .ops = &server_ops, .arg = w, .max_message = 10 });
	w->front = http1_front_new(w->env, &front_ops, w);
	w->listener = env_listen(w->env, &l, on_accept, w, &err);
	world_dial(w);
}

bool
world_end(struct world *w)
{
	grpc_channel_close(w->ch);
	grpc_server_free(w->server);
	http1_front_free(w->front);
	env_listener_close(w->listener);
	return pipes_free(w->env);
}

void
wait_done(struct world *w)
{
	w->done = false;
	pipes_run(w->env, &w->done, 60 * MONO_SEC);
}

struct grpc_call *
unary(struct world *w, const char *path, const void *body, size_t len, int64_t timeout)
{
	struct grpc_request r = { .path = path, .timeout_us = timeout };
	struct grpc_call *c = grpc_unary(w->ch, &r, body, len, on_answer, w);

	w->dones = 0;
	w->code = -1;
	wait_done(w);
	return c;
}

void
stream(struct world *w, bool with_id)
{
	struct grpc_md md = { "x-wiretrustee-peer-id", "me" };
	struct grpc_request r = { .path = "/t.T/Stream", .md = &md, .nmd = with_id ? 1 : 0 };

	w->call = grpc_start(w->ch, &r, &client_ops, w);
	wait_done(w);
}
