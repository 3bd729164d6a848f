/* SPDX-License-Identifier: ISC */
/*
 * grpc-call.c -- what a call does at either end: messages framed and unframed,
 * metadata kept, a deadline, and a life that outlasts its own callbacks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "env/env.h"
#include "net/grpc-call.h"

struct grpc_call *
grpc_call_new(struct env *env, size_t max_message)
{
	struct grpc_call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->env = env;
	list_init(&c->all);
	wire_grpcframe_init(&c->in, max_message);
	return c;
}

static void
grpc_call_free(struct grpc_call *c)
{
	env_timer_free(c->deadline);
	wire_grpcframe_free(&c->in);
	buf_free(&c->md_text);
	buf_free(&c->message);
	buf_free(&c->unary);
	free(c);
}

void
grpc_call_enter(struct grpc_call *c)
{
	c->depth++;
}

void
grpc_call_leave(struct grpc_call *c)
{
	if (--c->depth == 0 && c->over)
		grpc_call_free(c);
}

void
grpc_call_drop(struct grpc_call *c)
{
	if (c->over)
		return;
	c->over = true;
	list_remove(&c->all);
	if (c->deadline != NULL)
		env_timer_stop(c->deadline);
	if (c->depth == 0)
		grpc_call_free(c);
}

int
grpc_call_keep_md(struct grpc_call *c, const struct h2_header *hd, size_t n)
{
	for (size_t i = 0; i < n && c->nmd < GRPC_MD_MAX; i++) {
		if (hd[i].name[0] == ':')
			continue;
		c->md_at[c->nmd++] = buf_len(&c->md_text);
		buf_put(&c->md_text, hd[i].name, strlen(hd[i].name) + 1);
		buf_put(&c->md_text, hd[i].value, strlen(hd[i].value) + 1);
	}
	return buf_bad(&c->md_text) ? -ENOMEM : 0;
}

const char *
grpc_metadata(const struct grpc_call *c, const char *key)
{
	const char *text = (const char *)buf_bytes(&c->md_text);

	for (size_t i = 0; i < c->nmd; i++)
		if (strcmp(text + c->md_at[i], key) == 0)
			return text + c->md_at[i] + strlen(key) + 1;
	return NULL;
}

void *
grpc_call_arg(const struct grpc_call *c)
{
	return c->arg;
}

void
grpc_set_arg(struct grpc_call *c, void *arg)
{
	c->arg = arg;
}

size_t
grpc_queued(const struct grpc_call *c)
{
	return c->st != NULL ? h2_queued(c->st) : 0;
}

int
grpc_call_set_deadline(struct grpc_call *c, int64_t us, void (*fn)(void *call))
{
	c->deadline = env_timer_new(c->env, fn, c);
	if (c->deadline == NULL)
		return -ENOMEM;
	env_timer_set(c->deadline, us);
	return 0;
}

/* Unary at either end keeps what came; who answers counts. */
static void
grpc_call_give(struct grpc_call *c, const uint8_t *msg, size_t len)
{
	c->nmessage++;
	if (!c->is_unary) {
		if (c->ops != NULL && c->ops->message != NULL)
			c->ops->message(c->arg, c, msg, len);
		return;
	}
	if (c->nmessage == 1)
		buf_put(&c->unary, msg, len);
}

int
grpc_call_take(struct grpc_call *c, const uint8_t *data, size_t len, const char **why)
{
	const uint8_t *msg;
	size_t n;
	int err;

	*why = "out of memory";
	if (wire_grpcframe_feed(&c->in, data, len) != 0)
		return GRPC_RESOURCE_EXHAUSTED;
	while (!c->over && (err = wire_grpcframe_next(&c->in, &msg, &n)) != 0) {
		if (err == -EMSGSIZE) {
			*why = "received message larger than the limit";
			return GRPC_RESOURCE_EXHAUSTED;
		}
		if (err < 0) {
			*why = "received a compressed or garbled message";
			return GRPC_INTERNAL;
		}
		grpc_call_give(c, msg, n);
	}
	return 0;
}

int
grpc_send(struct grpc_call *c, const void *data, size_t len)
{
	uint8_t prefix[WIRE_GRPC_PREFIX];
	int err;

	if (c->over || c->st == NULL || c->ended_out || len > UINT32_MAX)
		return -EPIPE;
	if (c->conn != NULL && !c->headers_out) {
		err = grpc_send_headers(c, NULL, 0);
		if (err != 0)
			return err;
	}
	wire_grpcframe_prefix(prefix, (uint32_t)len);
	return h2_write2(c->st, prefix, sizeof(prefix), data, len);
}
