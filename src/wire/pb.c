/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include "base/buf.h"
#include "wire/pb.h"

int
wire_pb_put(struct buf *out, const ProtobufCMessage *msg)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	uint8_t *p;

	if (n == 0)
		return 0;
	p = buf_grow(out, n);
	if (p == NULL)
		return -ENOMEM;
	protobuf_c_message_pack(msg, p);
	return 0;
}

void *
wire_pb_get(const ProtobufCMessageDescriptor *desc, const void *data, size_t len)
{
	static const uint8_t none[1];

	return protobuf_c_message_unpack(desc, NULL, len, len ? data : none);
}

void
wire_pb_free(void *msg)
{
	if (msg != NULL)
		protobuf_c_message_free_unpacked(msg, NULL);
}

const char *
wire_pb_str(const char *s)
{
	return s != NULL ? s : "";
}
