/* SPDX-License-Identifier: ISC */
/* link.c -- see link.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/url.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "mgmt/link.h"
#include "net/beat.h"

#define SERVICE	"/management.ManagementService/"

void
mgmt_link_init(struct mgmt_link *l, struct env *env, const struct mgmt_conf *conf, struct fsm *machine,
    const struct mgmt_link_events *ev)
{
	memset(l, 0, sizeof(*l));
	l->env = env;
	l->conf = conf;
	l->machine = machine;
	l->ev = *ev;
}

void
mgmt_link_note(struct mgmt_link *l, const struct grpc_status *st)
{
	snprintf(l->why, sizeof(l->why), "%s: %s", grpc_code_name(st->code), st->message);
}

static void
on_channel(void *arg, const struct grpc_channel_note *note)
{
	struct mgmt_link *l = arg;

	switch (note->event) {
	case GRPC_CHANNEL_READY:
		fsm_post_gen(l->machine, l->ev.connected, note->gen, NULL);
		break;
	case GRPC_CHANNEL_GONE:
		snprintf(l->why, sizeof(l->why), "%s", note->text);
		fsm_post_gen(l->machine, l->ev.gone, note->gen, NULL);
		break;
	case GRPC_CHANNEL_DOUBT:
	case GRPC_CHANNEL_GOAWAY:
		/* the call that is under way says how it ends; the next is on a new connection */
		break;
	}
}

static void
gone_at_once(struct mgmt_link *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
	fsm_post_gen(l->machine, l->ev.gone, l->gen, NULL);
}

void
mgmt_link_dial(struct mgmt_link *l)
{
	struct grpc_target target;
	struct url u;

	mgmt_link_close(l);
	l->gen = fsm_open(l->machine, l->ev.res);
	if (l->conf->url == NULL || url_parse(&u, l->conf->url) != 0) {
		gone_at_once(l, "no valid management URL");
		return;
	}
	memset(&target, 0, sizeof(target));
	target.host = u.host;
	target.port = u.port;
	target.tls = u.tls;
	target.ca_file = l->conf->ca_file;
	l->channel = grpc_dial(l->env, &target, l->gen, on_channel, l);
	if (l->channel == NULL)
		gone_at_once(l, "cannot dial: out of memory or sockets");
}

void
mgmt_link_close(struct mgmt_link *l)
{
	l->call = NULL;		/* it goes with its channel, silently */
	grpc_channel_close(l->channel);
	l->channel = NULL;
}

static void
post(struct mgmt_link *l, int ev)
{
	fsm_post_gen(l->machine, ev, l->gen, NULL);
}

static void
on_key(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct mgmt_link *l = arg;
	Management__ServerKeyResponse *msg;
	uint8_t key[WIRE_KEY_LEN];
	int bad;

	l->call = NULL;
	if (st->code != GRPC_OK) {
		mgmt_link_note(l, st);
		post(l, l->ev.ended);
		return;
	}
	msg = wire_pb_get(&management__server_key_response__descriptor, bytes, len);
	bad = msg == NULL || wire_key_parse(key, wire_pb_str(msg->key)) != 0;
	wire_pb_free(msg);
	if (bad) {
		snprintf(l->why, sizeof(l->why), "GetServerKey: what came is no key");
		post(l, l->ev.ended);
		return;
	}
	if (l->conf->pinned && !wire_key_equal(key, l->conf->pin)) {
		snprintf(l->why, sizeof(l->why), "%s shows another key than the pinned one: not our server", l->conf->url);
		log_warnx("mgmt", "%s", l->why);
		post(l, l->ev.key_bad);
		return;
	}
	memcpy(l->server_key, key, sizeof(key));
	post(l, l->ev.key_ok);
}

void
mgmt_link_ask_key(struct mgmt_link *l)
{
	struct grpc_request req = { .path = SERVICE "GetServerKey", .timeout_us = 10 * MONO_SEC };

	l->call = grpc_unary(l->channel, &req, NULL, 0, on_key, l);
	if (l->call == NULL)
		post(l, l->ev.ended);
}

static int
seal(struct mgmt_link *l, struct buf *out, const ProtobufCMessage *msg)
{
	uint8_t nonce[WIRE_BOX_NONCE];

	env_random(l->env, nonce, sizeof(nonce));
	return wire_mgmt_seal(out, nonce, msg, l->server_key, l->conf->public_key, l->conf->private_key);
}

static void
on_unary(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct mgmt_link *l = arg;

	l->call = NULL;
	if (st->code != GRPC_OK)
		mgmt_link_note(l, st);
	l->unary_done(l->unary_arg, st, bytes, len);
}

int
mgmt_link_unary(struct mgmt_link *l, const char *method, const ProtobufCMessage *msg,
    void (*done)(void *, const struct grpc_status *, const uint8_t *, size_t), void *arg)
{
	struct grpc_request req = { .timeout_us = 30 * MONO_SEC };
	char path[128];
	struct buf body;
	int rc;

	snprintf(path, sizeof(path), SERVICE "%s", method);
	req.path = path;
	buf_init(&body);
	rc = seal(l, &body, msg);
	if (rc == 0) {
		l->unary_done = done;
		l->unary_arg = arg;
		l->call = grpc_unary(l->channel, &req, buf_bytes(&body), buf_len(&body), on_unary, l);
		rc = l->call == NULL ? -EPIPE : 0;
	}
	buf_free(&body);
	return rc;
}

int
mgmt_link_open(struct mgmt_link *l, const char *method, const struct grpc_ops *ops, void *arg)
{
	static const struct grpc_md beats = { NET_BEAT_HEADER, "1" };
	struct grpc_request req = { .md = &beats, .nmd = 1 };
	char path[128];

	snprintf(path, sizeof(path), SERVICE "%s", method);
	req.path = path;
	l->call = grpc_start(l->channel, &req, ops, arg);
	return l->call == NULL ? -EPIPE : 0;
}

int
mgmt_link_send(struct mgmt_link *l, const ProtobufCMessage *msg)
{
	struct buf body;
	int rc;

	buf_init(&body);
	rc = seal(l, &body, msg);
	if (rc == 0)
		rc = l->call == NULL ? -EPIPE : grpc_send(l->call, buf_bytes(&body), buf_len(&body));
	buf_free(&body);
	return rc;
}

void *
mgmt_link_unseal(struct mgmt_link *l, const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len)
{
	enum wire_mgmt_fault fault;
	void *msg = wire_mgmt_open(type, bytes, len, l->server_key, NULL, l->conf->private_key, &fault);

	if (msg == NULL) {
		snprintf(l->why, sizeof(l->why), "a message of %zu bytes from %s: %s", len, l->conf->url,
		    wire_mgmt_fault_text(fault));
		log_warnx("mgmt", "%s", l->why);
	}
	return msg;
}
