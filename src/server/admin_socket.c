/* SPDX-License-Identifier: ISC */
/*
 * admin_socket.c -- requests over the local socket in the data folder: a line of
 * JSON each way, one request a connection.  The folder is 0700 and the socket
 * 0600, so whoever reaches it may do everything.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "server/admin.h"
#include "server/inside.h"

#define REQUEST_MAX	((size_t)64 * 1024)

struct server_admin {
	struct server *server;
	struct env_listener *listener;
	struct list clients;
};

struct client {
	struct server_admin *admin;	/* NULL: the server is going */
	struct env_stream *stream;	/* NULL: the client left */
	bool asked;			/* an answer is still to come */
	struct buf in;
	struct list list;
};

static void
client_free(struct client *c)
{
	list_remove(&c->list);
	env_stream_close(c->stream);
	buf_wipe(&c->in);
	free(c);
}

static void
send_json(struct env_stream *stream, const json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	if (text != NULL) {
		env_stream_write(stream, text, strlen(text));
		env_stream_write(stream, "\n", 1);
		sodium_memzero(text, strlen(text));
	}
	free(text);
}

static void
answered(void *arg, json_t *answer)
{
	struct client *c = arg;

	if (c->stream != NULL) {
		send_json(c->stream, answer);
		env_stream_finish(c->stream);
		c->stream = NULL;
	}
	json_decref(answer);
	client_free(c);
}

static void
serve(struct client *c, const char *line, size_t len)
{
	json_t *req = json_loadb(line, len, 0, NULL);

	c->asked = true;
	if (req == NULL)
		answered(c, json_pack("{ss}", "error", "not a JSON object"));
	else
		server_admin_do(c->admin->server->store, c->admin->server, req, answered, c);
	json_decref(req);
}

static void
on_stream(void *arg, const struct env_stream_note *n)
{
	struct client *c = arg;
	const char *nl;

	switch (n->event) {
	case ENV_STREAM_DATA:
		if (c->asked)
			break;
		buf_put(&c->in, n->data, n->len);
		nl = buf_len(&c->in) > 0 ? memchr(buf_bytes(&c->in), '\n', buf_len(&c->in)) : NULL;
		if (nl != NULL)
			serve(c, (const char *)buf_bytes(&c->in), (size_t)(nl - (const char *)buf_bytes(&c->in)));
		else if (buf_len(&c->in) > REQUEST_MAX)
			client_free(c);
		break;
	case ENV_STREAM_EOF:
	case ENV_STREAM_TRUNCATED:
	case ENV_STREAM_ERROR:
		if (c->asked) {
			env_stream_close(c->stream);
			c->stream = NULL;
		} else {
			client_free(c);
		}
		break;
	case ENV_STREAM_CONNECTED:
	case ENV_STREAM_DRAINED:
		break;
	}
}

static void
on_accept(void *arg, struct env_stream *stream)
{
	struct server_admin *a = arg;
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		env_stream_close(stream);
		return;
	}
	c->admin = a;
	c->stream = stream;
	list_append(&a->clients, &c->list);
	env_stream_set_fn(stream, on_stream, c);
}

int
server_admin_start(struct server *s, const char *dir)
{
	struct server_admin *a = calloc(1, sizeof(*a));
	char path[4096];
	struct env_listen l = { .path = path, .mode = 0600 };
	int err = 0;

	if (a == NULL)
		return -ENOMEM;
	s->admin = a;
	a->server = s;
	list_init(&a->clients);
	snprintf(path, sizeof(path), "%s/%s", dir, SERVER_ADMIN_SOCKET);
	a->listener = env_listen(s->env, &l, on_accept, a, &err);
	/* A world without local sockets (the simulator) has no administrator either. */
	return a->listener != NULL || err == -ENOTSUP || err == -ENOSYS ? 0 : err;
}

void
server_admin_free(struct server_admin *a)
{
	if (a == NULL)
		return;
	if (a->listener != NULL)
		env_listener_close(a->listener);
	LIST_EACH(l, &a->clients) {
		struct client *c = LIST_OF(l, struct client, list);

		/* Who waits for the disk is answered, or let go, by the store's end. */
		if (!c->asked) {
			client_free(c);
			continue;
		}
		env_stream_close(c->stream);
		c->stream = NULL;
		list_remove(&c->list);
	}
	free(a);
}

/* ---- the other end --------------------------------------------------------------------- */

struct question {
	struct env *env;
	struct env_stream *stream;
	const json_t *request;
	struct buf in;
	int err;
	bool over;
};

static void
question_over(struct question *q, int err)
{
	q->err = err;
	q->over = true;
	env_stop(q->env);
}

static void
on_answer(void *arg, const struct env_stream_note *n)
{
	struct question *q = arg;

	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		send_json(q->stream, q->request);
		break;
	case ENV_STREAM_DATA:
		buf_put(&q->in, n->data, n->len);
		break;
	case ENV_STREAM_EOF:
	case ENV_STREAM_TRUNCATED:
		question_over(q, 0);
		break;
	case ENV_STREAM_ERROR:
		question_over(q, n->err);
		break;
	case ENV_STREAM_DRAINED:
		break;
	}
}

static void
too_long(void *arg)
{
	question_over(arg, -ETIMEDOUT);
}

json_t *
server_admin_ask(struct env *env, const char *dir, const json_t *request, int *err)
{
	struct question q = { .env = env, .request = request };
	char path[4096];
	struct env_dial d = { .path = path };
	struct env_timer *t = env_timer_new(env, too_long, &q);
	json_t *answer = NULL;

	snprintf(path, sizeof(path), "%s/%s", dir, SERVER_ADMIN_SOCKET);
	q.stream = env_stream_dial(env, &d, on_answer, &q);
	if (q.stream != NULL && t != NULL) {
		env_timer_set(t, 10 * MONO_SEC);
		env_run(env);
	} else {
		q.err = -ENOMEM;
	}
	if (q.err == 0 && (answer = json_loadb((const char *)buf_bytes(&q.in), buf_len(&q.in), 0, NULL)) == NULL)
		q.err = -EBADMSG;
	*err = q.err;
	env_stream_close(q.stream);
	env_timer_free(t);
	buf_wipe(&q.in);
	return answer;
}
