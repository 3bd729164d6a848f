/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_DB_H
#define GODWIT_ENV_DB_H
/*
 * db.h -- what db.c and its worker (db_worker.c) say to each other.
 *
 * To the worker: one byte of enum db_ask, then
 *	OPEN	the schema, NUL-terminated
 *	READ	a statement, NUL-terminated
 *	BATCH	count (4), then for each: length of SQL with NUL (4), SQL, count
 *		of values (4), values
 * From it: one byte of enum db_tell, then
 *	ROW	count of values (4), values
 *	DONE	errno (4, negative), text with NUL
 * A value: type (1), then nothing, a number (8), or length (4) and bytes with a
 * NUL behind that is not counted.  Integers in network order.
 */
#include "base/buf.h"
#include "env/env.h"

enum db_ask { DB_OPEN = 1, DB_READ, DB_BATCH };
enum db_tell { DB_ROW = 1, DB_DONE };
#define DB_COLUMNS_MAX	32

static inline void
db_put_value(struct buf *b, const struct env_db_value *v)
{
	buf_put_u8(b, (uint8_t)v->type);
	if (v->type == ENV_DB_INT)
		buf_put_be64(b, (uint64_t)v->num);
	if (v->type == ENV_DB_TEXT || v->type == ENV_DB_BLOB) {
		buf_put_be32(b, (uint32_t)v->len);
		buf_put(b, v->bytes, v->len);
		buf_put_u8(b, 0);
	}
}

static inline struct env_db_value
db_get_value(struct rd *r)
{
	struct env_db_value v = { .type = ENV_DB_NULL };

	switch (rd_u8(r)) {
	case ENV_DB_INT:
		v.type = ENV_DB_INT;
		v.num = (int64_t)rd_be64(r);
		break;
	case ENV_DB_TEXT:
		v.type = ENV_DB_TEXT;
		v.len = rd_be32(r);
		v.bytes = rd_bytes(r, v.len + 1);
		break;
	case ENV_DB_BLOB:
		v.type = ENV_DB_BLOB;
		v.len = rd_be32(r);
		v.bytes = rd_bytes(r, v.len + 1);
		break;
	default:
		break;
	}
	return v;
}
#endif
