/* SPDX-License-Identifier: ISC */
/*
 * signal.c -- Body of signalexchange, checked on the way in.
 *
 * What a peer sends is only as trustworthy as the peer: lengths and counts are
 * bounded here.  A field that stock agents would ignore (a session id of the
 * wrong length, a relay address of 5 bytes) is ignored here too; a payload that
 * is not what its type wants makes the message worthless and is an error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "proto/signal.pb-c.h"
#include "wire/pb.h"
#include "wire/signal.h"

#define DEFAULT_WG_PORT	51820

const char *
wire_signal_type_name(enum wire_signal_type t)
{
	switch (t) {
	case WIRE_SIGNAL_OFFER: return "OFFER";
	case WIRE_SIGNAL_ANSWER: return "ANSWER";
	case WIRE_SIGNAL_CANDIDATE: return "CANDIDATE";
	case WIRE_SIGNAL_MODE: return "MODE";
	case WIRE_SIGNAL_GO_IDLE: return "GO_IDLE";
	case WIRE_SIGNAL_HEARTBEAT: return "HEARTBEAT";
	}
	return "?";
}

static bool
copy_text(char *out, size_t cap, const char *p, size_t len)
{
	if (len >= cap)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

/* "ufrag:pwd": exactly two parts, both empty or both not. */
static int
parse_credentials(struct wire_signal *s, const char *payload)
{
	const char *colon = strchr(payload, ':');

	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return -EBADMSG;
	if (!copy_text(s->ufrag, sizeof(s->ufrag), payload, (size_t)(colon - payload)) ||
	    !copy_text(s->pwd, sizeof(s->pwd), colon + 1, strlen(colon + 1)))
		return -EBADMSG;
	return (s->ufrag[0] == '\0') == (s->pwd[0] == '\0') ? 0 : -EBADMSG;
}

static void
parse_relay_ip(struct addr *out, const ProtobufCBinaryData *ip)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (ip->len == 16 && memcmp(ip->data, mapped, sizeof(mapped)) == 0) {
		out->family = ADDR_V4;
		memcpy(out->ip, ip->data + 12, 4);
	} else if (ip->len == 4 || ip->len == 16) {
		out->family = ip->len == 4 ? ADDR_V4 : ADDR_V6;
		memcpy(out->ip, ip->data, ip->len);
	}
}

static int
parse_offer(struct wire_signal *s, const Signalexchange__Body *b)
{
	const char *relay = b->has_relay_server_address_case ? wire_pb_str(b->relay_server_address) : "";

	if (b->wg_listen_port > 65535)
		return -EBADMSG;
	s->wg_port = b->wg_listen_port ? (uint16_t)b->wg_listen_port : DEFAULT_WG_PORT;
	snprintf(s->version, sizeof(s->version), "%s", wire_pb_str(b->net_bird_version));
	if (!copy_text(s->relay_url, sizeof(s->relay_url), relay, strlen(relay)))
		return -EBADMSG;
	if (b->has_relay_server_ip_case)
		parse_relay_ip(&s->relay_ip, &b->relay_server_ip);
	if (b->has_session_id_case && b->session_id.len == WIRE_SIGNAL_SESSION) {
		s->has_session = true;
		memcpy(s->session, b->session_id.data, WIRE_SIGNAL_SESSION);
	}
	s->rosenpass = b->rosenpass_config != NULL && b->rosenpass_config->rosenpass_pub_key.len > 0;
	if (b->has_godwit_generation_case) {
		s->has_generation = true;
		s->generation = b->godwit_generation;
	}
	return parse_credentials(s, wire_pb_str(b->payload));
}

static int
from_body(struct wire_signal *s, const Signalexchange__Body *b)
{
	const char *payload = wire_pb_str(b->payload);

	s->type = (enum wire_signal_type)b->type;
	switch (s->type) {
	case WIRE_SIGNAL_OFFER:
	case WIRE_SIGNAL_ANSWER:
		return parse_offer(s, b);
	case WIRE_SIGNAL_CANDIDATE:
		return payload[0] != '\0' && copy_text(s->candidate, sizeof(s->candidate), payload, strlen(payload)) ?
		    0 : -EBADMSG;
	case WIRE_SIGNAL_MODE:
	case WIRE_SIGNAL_GO_IDLE:
	case WIRE_SIGNAL_HEARTBEAT:
		return 0;
	}
	return -EBADMSG;
}

int
wire_signal_parse(struct wire_signal *s, const void *data, size_t len)
{
	Signalexchange__Body *b = wire_pb_get(&signalexchange__body__descriptor, data, len);
	int err;

	memset(s, 0, sizeof(*s));
	if (b == NULL)
		return -EBADMSG;
	err = from_body(s, b);
	wire_pb_free(b);
	return err;
}

static int
write_offer(struct buf *out, const struct wire_signal *s)
{
	Signalexchange__Body b = SIGNALEXCHANGE__BODY__INIT;
	Signalexchange__RosenpassConfig none = SIGNALEXCHANGE__ROSENPASS_CONFIG__INIT;
	char payload[sizeof(s->ufrag) + sizeof(s->pwd)];

	if ((s->ufrag[0] == '\0') != (s->pwd[0] == '\0'))
		return -EINVAL;
	snprintf(payload, sizeof(payload), "%s:%s", s->ufrag, s->pwd);
	b.type = (Signalexchange__Body__Type)s->type;
	b.payload = payload;
	b.wg_listen_port = s->wg_port;
	b.net_bird_version = (char *)s->version;
	b.rosenpass_config = &none;
	if (s->relay_url[0] != '\0') {
		b.has_relay_server_address_case = SIGNALEXCHANGE__BODY__HAS_RELAY_SERVER_ADDRESS_RELAY_SERVER_ADDRESS;
		b.relay_server_address = (char *)s->relay_url;
	}
	if (s->has_session) {
		b.has_session_id_case = SIGNALEXCHANGE__BODY__HAS_SESSION_ID_SESSION_ID;
		b.session_id.data = (uint8_t *)s->session;
		b.session_id.len = WIRE_SIGNAL_SESSION;
	}
	if (s->relay_ip.family != ADDR_NONE) {
		b.has_relay_server_ip_case = SIGNALEXCHANGE__BODY__HAS_RELAY_SERVER_IP_RELAY_SERVER_IP;
		b.relay_server_ip.data = (uint8_t *)s->relay_ip.ip;
		b.relay_server_ip.len = addr_ip_len(&s->relay_ip);
	}
	if (s->has_generation) {
		b.has_godwit_generation_case = SIGNALEXCHANGE__BODY__HAS_GODWIT_GENERATION_GODWIT_GENERATION;
		b.godwit_generation = s->generation;
	}
	return WIRE_PB_PUT(out, &b);
}

int
wire_signal_write(struct buf *out, const struct wire_signal *s)
{
	Signalexchange__Body b = SIGNALEXCHANGE__BODY__INIT;

	switch (s->type) {
	case WIRE_SIGNAL_OFFER:
	case WIRE_SIGNAL_ANSWER:
		return write_offer(out, s);
	case WIRE_SIGNAL_CANDIDATE:
		if (s->candidate[0] == '\0')
			return -EINVAL;
		b.payload = (char *)s->candidate;
		break;
	case WIRE_SIGNAL_MODE:
	case WIRE_SIGNAL_GO_IDLE:
	case WIRE_SIGNAL_HEARTBEAT:
		break;
	default:
		return -EINVAL;
	}
	b.type = (Signalexchange__Body__Type)s->type;
	return WIRE_PB_PUT(out, &b);
}

int
wire_signal_seal(struct buf *out, const struct wire_signal *s, const uint8_t nonce[WIRE_BOX_NONCE],
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t self_public[WIRE_KEY_LEN],
    const uint8_t self_private[WIRE_KEY_LEN])
{
	Signalexchange__EncryptedMessage env = SIGNALEXCHANGE__ENCRYPTED_MESSAGE__INIT;
	struct buf plain = { 0 }, body = { 0 };
	char key[WIRE_KEY_TEXTLEN], remote[WIRE_KEY_TEXTLEN];
	int err = wire_signal_write(&plain, s);

	if (err == 0)
		err = wire_box_seal(&body, nonce, buf_bytes(&plain), buf_len(&plain), to_public, self_private);
	if (err == 0) {
		wire_key_text(key, self_public);
		wire_key_text(remote, to_public);
		env.key = key;
		env.remote_key = remote;
		env.body.data = buf_bytes(&body);
		env.body.len = buf_len(&body);
		err = WIRE_PB_PUT(out, &env);
	}
	buf_wipe(&plain);
	buf_free(&body);
	return err;
}

int
wire_signal_open(struct wire_signal *out, uint8_t sender[WIRE_KEY_LEN], const void *envelope, size_t len,
    const uint8_t self_private[WIRE_KEY_LEN])
{
	Signalexchange__EncryptedMessage *env;
	struct buf plain = { 0 };
	int err = 0;

	memset(out, 0, sizeof(*out));
	env = wire_pb_get(&signalexchange__encrypted_message__descriptor, envelope, len);
	if (env == NULL)
		return -EBADMSG;
	if (wire_key_parse(sender, env->key) != 0)
		err = -EINVAL;
	else if (wire_box_open(&plain, env->body.data, env->body.len, sender, self_private) != 0)
		err = -EACCES;
	else if (wire_signal_parse(out, buf_bytes(&plain), buf_len(&plain)) != 0)
		err = -EPROTO;
	buf_wipe(&plain);
	wire_pb_free(env);
	return err;
}

int
wire_signal_addressee(char *out, size_t cap, const void *envelope, size_t len)
{
	Signalexchange__EncryptedMessage *env;
	const char *to;
	int err;

	env = wire_pb_get(&signalexchange__encrypted_message__descriptor, envelope, len);
	if (env == NULL)
		return -EBADMSG;
	to = wire_pb_str(env->remote_key);
	err = copy_text(out, cap, to, strlen(to)) ? 0 : -EBADMSG;
	wire_pb_free(env);
	return err;
}
