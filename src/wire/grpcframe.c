/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include "wire/grpcframe.h"

void
wire_grpcframe_init(struct wire_grpcframe *f, size_t max)
{
	*f = (struct wire_grpcframe){ .max = max };
	buf_init(&f->in);
}

void
wire_grpcframe_free(struct wire_grpcframe *f)
{
	buf_wipe(&f->in);
}

int
wire_grpcframe_feed(struct wire_grpcframe *f, const void *data, size_t len)
{
	buf_put(&f->in, data, len);
	return buf_bad(&f->in) ? -ENOMEM : 0;
}

int
wire_grpcframe_next(struct wire_grpcframe *f, const uint8_t **msg, size_t *len)
{
	struct rd r;
	uint8_t flag;
	uint32_t n;

	if (f->err != 0)
		return f->err;
	buf_consume(&f->in, f->given);
	f->given = 0;
	if (buf_len(&f->in) == 0)
		return 0;
	r = rd_buf(&f->in);
	flag = rd_u8(&r);
	if (flag != 0)
		return f->err = -EPROTO;	/* told at its first byte */
	n = rd_be32(&r);
	if (r.bad)
		return 0;
	if (n > f->max)
		return f->err = -EMSGSIZE;
	if (r.left < n)
		return 0;
	*msg = r.p;
	*len = n;
	f->given = WIRE_GRPC_PREFIX + n;
	return 1;
}

bool
wire_grpcframe_partial(const struct wire_grpcframe *f)
{
	return buf_len(&f->in) > f->given;
}

void
wire_grpcframe_prefix(uint8_t out[WIRE_GRPC_PREFIX], uint32_t len)
{
	out[0] = 0;
	out[1] = (uint8_t)(len >> 24);
	out[2] = (uint8_t)(len >> 16);
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
}

void
wire_grpcframe_put(struct buf *out, const void *msg, size_t len)
{
	uint8_t prefix[WIRE_GRPC_PREFIX];

	wire_grpcframe_prefix(prefix, (uint32_t)len);
	buf_put(out, prefix, sizeof(prefix));
	buf_put(out, msg, len);
}
