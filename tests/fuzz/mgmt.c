/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as each of management's messages: parsed, written, parsed again; the
 * second reading must say the same as the first.  The first byte picks the message.
 */
#include <stdlib.h>
#include "base/buf.h"
#include "wire/mgmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const ProtobufCMessageDescriptor *const desc[] = {
	&management__encrypted_message__descriptor, &management__server_key_response__descriptor,
	&management__login_request__descriptor, &management__login_response__descriptor,
	&management__sync_request__descriptor, &management__sync_response__descriptor,
	&management__job_request__descriptor, &management__job_response__descriptor,
	&management__network_map__descriptor, &management__pkceauthorization_flow__descriptor,
};

/* protobuf-c takes field number 0 when its tag is spelled in two bytes, and then
 * cannot read what it wrote.  Harmless, and not ours. */
static bool
has_field_zero(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->n_unknown_fields; i++)
		if (m->unknown_fields[i].tag == 0)
			return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const char *at = (const char *)m + f->offset, *q = (const char *)m + f->quantifier_offset;
		ProtobufCMessage *const *list = (ProtobufCMessage *const *)(const void *)at;
		size_t n = 1;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			list = *(ProtobufCMessage *const *const *)(const void *)at;
			n = *(const size_t *)(const void *)q;
		} else if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)(const void *)q != f->id) {
			continue;
		}
		for (size_t k = 0; k < n; k++)
			if (list[k] != NULL && has_field_zero(list[k]))
				return true;
	}
	return false;
}

static void
look(const ProtobufCMessage *m)
{
	struct addr_prefix v4, v6;

	if (m->descriptor == &management__sync_response__descriptor) {
		const Management__SyncResponse *r = (const Management__SyncResponse *)(const void *)m;

		wire_mgmt_map(r);
		wire_mgmt_address(r->peer_config, &v4, &v6);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t priv[32] = { 8, 1, [31] = 64 };
	const ProtobufCMessageDescriptor *d;
	enum wire_mgmt_fault fault;
	ProtobufCMessage *m, *again;
	struct buf a = { 0 }, b = { 0 };

	if (size < 1)
		return 0;
	d = desc[data[0] % (sizeof(desc) / sizeof(desc[0]))];
	wire_pb_free(wire_mgmt_open(d, data + 1, size - 1, NULL, NULL, priv, &fault));
	m = wire_pb_get(d, data + 1, size - 1);
	if (m == NULL)
		return 0;
	look(m);
	if (has_field_zero(m)) {
		wire_pb_free(m);
		return 0;
	}
	wire_pb_put(&a, m);
	again = wire_pb_get(d, buf_bytes(&a), buf_len(&a));
	if (again == NULL)
		abort();
	wire_pb_put(&b, again);
	if (buf_len(&a) != buf_len(&b))
		abort();
	wire_pb_free(m);
	wire_pb_free(again);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
