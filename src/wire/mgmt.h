/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_MGMT_H
#define GODWIT_WIRE_MGMT_H
/*
 * mgmt.h -- what management's two ends both need beyond protobuf-c: the sealed
 * envelope, the compact prefix, the texts for hosts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "proto/management.pb-c.h"
#include "wire/box.h"
#include "wire/pb.h"

/* Appends a management.EncryptedMessage around `msg`: wg_pub_key is the sender's
 * public key.  0, -ENOMEM or -EINVAL. */
int wire_mgmt_seal(struct buf *out, const uint8_t nonce[WIRE_BOX_NONCE], const ProtobufCMessage *msg,
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t self_public[WIRE_KEY_LEN],
    const uint8_t self_private[WIRE_KEY_LEN]);

enum wire_mgmt_fault {
	WIRE_MGMT_OK,
	WIRE_MGMT_ENVELOPE,	/* not an EncryptedMessage */
	WIRE_MGMT_KEY,		/* wg_pub_key is no key */
	WIRE_MGMT_BOX,		/* the body does not decrypt */
	WIRE_MGMT_BODY		/* what was sealed is not that message */
};
const char *wire_mgmt_fault_text(enum wire_mgmt_fault);
/* Opens an envelope.  Agent: `from` is the server's key (what the envelope says
 * is ignored).  Server: `from` NULL, the envelope's key is used and returned in
 * `sender` (which may be NULL).  Returns the message (wire_pb_free) or NULL with
 * *fault set. */
void *wire_mgmt_open(const ProtobufCMessageDescriptor *, const void *envelope, size_t len,
    const uint8_t *from, uint8_t sender[WIRE_KEY_LEN], const uint8_t self_private[WIRE_KEY_LEN],
    enum wire_mgmt_fault *fault);

/* Compact prefix: 4 or 16 address bytes and a prefix length.  0 or -EINVAL. */
int wire_prefix_get(struct addr_prefix *out, const void *, size_t len);
void wire_prefix_put(struct buf *out, const struct addr_prefix *);

/* The map a SyncResponse carries, or NULL: none, or the component form. */
const Management__NetworkMap *wire_mgmt_map(const Management__SyncResponse *);
/* Overlay address with prefix of the peer config; v6 NULL-able.  0, -ENOENT, -EINVAL. */
int wire_mgmt_address(const Management__PeerConfig *, struct addr_prefix *v4, struct addr_prefix *v6);
#endif
