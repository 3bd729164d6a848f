/* SPDX-License-Identifier: ISC */
/* call.c -- see call.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/mono.h"
#include "ctl/call.h"
#include "env/env.h"
#include "wire/pb.h"

#ifndef GODWIT_CTLSOCKET
#error "GODWIT_CTLSOCKET comes from the makefile"
#endif

struct call {
	struct env *env;
	struct env_timer *limit, *second;
	struct grpc_channel *channel;
	const char *address;
	bool ready, waiting;
	int code;
	char text[512];
	/* of the call under way */
	const ProtobufCMessageDescriptor *type;
	void *answer;
	bool (*tick)(void *arg, struct call *);
	void (*message)(void *arg, const uint8_t *, size_t);
	void *arg;
	struct grpc_call *under_way;
};

static void
set_outcome(struct call *c, int code, const char *text)
{
	c->code = code;
	snprintf(c->text, sizeof(c->text), "%s", text);
	c->waiting = false;
	env_stop(c->env);
}

static void
on_channel(void *arg, const struct grpc_channel_note *note)
{
	struct call *c = arg;

	if (note->event == GRPC_CHANNEL_READY) {
		c->ready = true;
		set_outcome(c, GRPC_OK, "");
	} else if (note->event == GRPC_CHANNEL_GONE) {
		c->ready = false;
		set_outcome(c, GRPC_UNAVAILABLE, note->text);
	}
}

static void
on_limit(void *arg)
{
	set_outcome(arg, GRPC_DEADLINE_EXCEEDED, "no answer in time");
}

static void
on_second(void *arg)
{
	struct call *c = arg;

	if (c->tick == NULL || !c->waiting)
		return;
	if (c->tick(c->arg, c))
		env_timer_set(c->second, MONO_SEC);
	else
		set_outcome(c, GRPC_CANCELED, "");
}

static void
run(struct call *c, int64_t limit_us)
{
	c->waiting = true;
	if (limit_us > 0)
		env_timer_set(c->limit, limit_us);
	while (c->waiting && env_run(c->env) == 0)
		;
	env_timer_stop(c->limit);
	env_timer_stop(c->second);
	if (c->under_way != NULL)
		grpc_cancel(c->under_way);
	c->under_way = NULL;
}

struct call *
call_open(const struct opts *o)
{
	struct grpc_target target;
	struct call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	log_set_level(LOG_LV_ERROR);	/* what the library has to say is in our one line */
	c->address = opt_str(o, OPT_DAEMON_ADDR, "unix://" GODWIT_CTLSOCKET);
	c->env = env_new();
	if (strncmp(c->address, "unix://", 7) != 0) {
		fprintf(stderr, "Error: daemon address \"%s\" is not unix://PATH\n", c->address);
		call_close(c);
		return NULL;
	}
	memset(&target, 0, sizeof(target));
	target.host = "localhost";
	target.path = c->address + 7;
	target.keepalive_us = -1;
	if (c->env == NULL || (c->limit = env_timer_new(c->env, on_limit, c)) == NULL ||
	    (c->second = env_timer_new(c->env, on_second, c)) == NULL) {
		call_close(c);
		return NULL;
	}
	c->channel = grpc_dial(c->env, &target, 0, on_channel, c);
	if (c->channel != NULL)
		run(c, CALL_PATIENCE);
	if (!c->ready) {
		call_complain(c);
		call_close(c);
		return NULL;
	}
	return c;
}

void
call_close(struct call *c)
{
	if (c == NULL)
		return;
	grpc_channel_close(c->channel);
	env_timer_free(c->limit);
	env_timer_free(c->second);
	if (c->env != NULL)
		env_free(c->env);
	free(c);
}

static void
on_answer(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct call *c = arg;

	c->under_way = NULL;
	if (st->code == GRPC_OK && (c->answer = wire_pb_get(c->type, bytes, len)) == NULL)
		set_outcome(c, GRPC_INTERNAL, "the daemon's answer cannot be read");
	else
		set_outcome(c, st->code, st->message);
}

void *
call_slow(struct call *c, const char *path, const ProtobufCMessage *msg, const ProtobufCMessageDescriptor *type,
    int64_t limit_us, bool (*tick)(void *, struct call *), void *arg)
{
	struct grpc_request req = { .path = path };
	struct buf body;

	buf_init(&body);
	c->answer = NULL;
	c->type = type;
	c->tick = tick;
	c->arg = arg;
	if (wire_pb_put(&body, msg) == 0)
		c->under_way = grpc_unary(c->channel, &req, buf_bytes(&body), buf_len(&body), on_answer, c);
	buf_wipe(&body);
	if (c->under_way == NULL) {
		c->code = GRPC_UNAVAILABLE;
		snprintf(c->text, sizeof(c->text), "the connection to the daemon is gone");
		return NULL;
	}
	if (tick != NULL)
		env_timer_set(c->second, MONO_SEC);
	run(c, limit_us);
	return c->answer;
}

void *
call_unary(struct call *c, const char *path, const ProtobufCMessage *msg, const ProtobufCMessageDescriptor *type, int64_t limit_us)
{
	return call_slow(c, path, msg, type, limit_us, NULL, NULL);
}

static void
on_stream_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct call *c = arg;

	c->message(c->arg, bytes, len);
}

static void
on_stream_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct call *c = arg;

	c->under_way = NULL;
	set_outcome(c, st->code, st->message);
}

int
call_stream(struct call *c, const char *path, const ProtobufCMessage *msg,
    void (*fn)(void *, const uint8_t *, size_t), void *arg)
{
	static const struct grpc_ops ops = { .message = on_stream_message, .done = on_stream_done };
	struct grpc_request req = { .path = path };
	struct buf body;

	c->message = fn;
	c->arg = arg;
	buf_init(&body);
	if (wire_pb_put(&body, msg) == 0 && (c->under_way = grpc_start(c->channel, &req, &ops, c)) != NULL) {
		grpc_send(c->under_way, buf_bytes(&body), buf_len(&body));
		grpc_half_close(c->under_way);
		run(c, 0);
	}
	buf_free(&body);
	return c->code;
}

int
call_code(const struct call *c)
{
	return c->code;
}

const char *
call_text(const struct call *c)
{
	return c->text;
}

int
call_complain(const struct call *c)
{
	if (!c->ready || c->code == GRPC_DEADLINE_EXCEEDED)
		fprintf(stderr, "Error: godwitd does not answer at %s (%s)\n", c->address,
		    c->text[0] != '\0' ? c->text : "is it running?");
	else
		fprintf(stderr, "Error: %s\n", c->text[0] != '\0' ? c->text : grpc_code_name(c->code));
	return 1;
}
