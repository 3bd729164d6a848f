/* SPDX-License-Identifier: ISC */
/*
 * mgmt.c -- management's envelope and the odd encodings inside its messages.
 *
 * The server knows who speaks only because the box opens with the key that the
 * envelope names; so the key is taken from there, and believed after opening.
 */
#include <errno.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "wire/mgmt.h"

int
wire_mgmt_seal(struct buf *out, const uint8_t nonce[WIRE_BOX_NONCE], const ProtobufCMessage *msg,
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t self_public[WIRE_KEY_LEN],
    const uint8_t self_private[WIRE_KEY_LEN])
{
	Management__EncryptedMessage env = MANAGEMENT__ENCRYPTED_MESSAGE__INIT;
	struct buf plain = { 0 }, body = { 0 };
	char key[WIRE_KEY_TEXTLEN];
	int err;

	err = wire_pb_put(&plain, msg);
	if (err == 0)
		err = wire_box_seal(&body, nonce, buf_bytes(&plain), buf_len(&plain), to_public, self_private);
	if (err == 0) {
		wire_key_text(key, self_public);
		env.wg_pub_key = key;
		env.body.data = buf_bytes(&body);
		env.body.len = buf_len(&body);
		err = WIRE_PB_PUT(out, &env);
	}
	buf_wipe(&plain);
	buf_free(&body);
	return err;
}

const char *
wire_mgmt_fault_text(enum wire_mgmt_fault f)
{
	switch (f) {
	case WIRE_MGMT_OK: return "ok";
	case WIRE_MGMT_ENVELOPE: return "the message is not an envelope";
	case WIRE_MGMT_KEY: return "the sender's key is not a WireGuard key";
	case WIRE_MGMT_BOX: return "the message does not decrypt";
	case WIRE_MGMT_BODY: return "the decrypted message is garbled";
	}
	return "?";
}

static void *
open_body(const ProtobufCMessageDescriptor *desc, const Management__EncryptedMessage *env, const uint8_t *from,
    const uint8_t *self_private, enum wire_mgmt_fault *fault)
{
	struct buf plain = { 0 };
	void *msg = NULL;

	if (wire_box_open(&plain, env->body.data, env->body.len, from, self_private) != 0) {
		*fault = WIRE_MGMT_BOX;
	} else {
		msg = wire_pb_get(desc, buf_bytes(&plain), buf_len(&plain));
		*fault = msg != NULL ? WIRE_MGMT_OK : WIRE_MGMT_BODY;
	}
	buf_wipe(&plain);
	return msg;
}

void *
wire_mgmt_open(const ProtobufCMessageDescriptor *desc, const void *envelope, size_t len, const uint8_t *from,
    uint8_t sender[WIRE_KEY_LEN], const uint8_t self_private[WIRE_KEY_LEN], enum wire_mgmt_fault *fault)
{
	Management__EncryptedMessage *env;
	uint8_t key[WIRE_KEY_LEN];
	void *msg = NULL;

	env = wire_pb_get(&management__encrypted_message__descriptor, envelope, len);
	if (env == NULL) {
		*fault = WIRE_MGMT_ENVELOPE;
		return NULL;
	}
	if (from == NULL && wire_key_parse(key, env->wg_pub_key) != 0) {
		*fault = WIRE_MGMT_KEY;
	} else {
		msg = open_body(desc, env, from != NULL ? from : key, self_private, fault);
		if (msg != NULL && sender != NULL)
			memcpy(sender, from != NULL ? from : key, WIRE_KEY_LEN);
	}
	wire_pb_free(env);
	return msg;
}

int
wire_prefix_get(struct addr_prefix *out, const void *data, size_t len)
{
	const uint8_t *p = data;

	memset(out, 0, sizeof(*out));
	if (len != 5 && len != 17)
		return -EINVAL;
	if (p[len - 1] > (len - 1) * 8)
		return -EINVAL;
	out->addr.family = len == 5 ? ADDR_V4 : ADDR_V6;
	memcpy(out->addr.ip, p, len - 1);
	out->bits = p[len - 1];
	return 0;
}

void
wire_prefix_put(struct buf *out, const struct addr_prefix *p)
{
	buf_put(out, p->addr.ip, addr_ip_len(&p->addr));
	buf_put_u8(out, p->bits);
}

const Management__NetworkMap *
wire_mgmt_map(const Management__SyncResponse *r)
{
	return r->version == 1 ? NULL : r->network_map;
}

int
wire_mgmt_address(const Management__PeerConfig *c, struct addr_prefix *v4, struct addr_prefix *v6)
{
	if (v6 != NULL)
		memset(v6, 0, sizeof(*v6));
	if (c == NULL || wire_pb_str(c->address)[0] == '\0')
		return -ENOENT;
	if (addr_prefix_parse(v4, c->address) != 0 || v4->addr.family != ADDR_V4)
		return -EINVAL;
	if (v6 != NULL && c->address_v6.len != 0)
		return wire_prefix_get(v6, c->address_v6.data, c->address_v6.len);
	return 0;
}
