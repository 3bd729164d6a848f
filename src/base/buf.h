/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_BUF_H
#define GODWIT_BASE_BUF_H
/*
 * buf.h -- a growing byte buffer, and a reader that cannot run off its end.
 *
 * No parser touches a raw pointer: it asks a struct rd for the next field and
 * looks at `bad` once, at the end.  Integers are read and written in the byte
 * order that the name says (be: network order, le: little endian).
 *
 * A struct buf zero-initialised is empty and valid.  Out of memory sets `bad`;
 * later writes then do nothing, and buf_bad() tells.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;		/* owned */
	size_t len;		/* bytes in use, from data + off */
	size_t off;		/* bytes consumed at the front */
	size_t cap;
	bool bad;		/* an allocation failed */
};

void buf_init(struct buf *);
void buf_free(struct buf *);		/* releases, leaves it empty and valid */
void buf_wipe(struct buf *);		/* as buf_free, after overwriting the bytes */
void buf_clear(struct buf *);		/* length 0, memory kept */
bool buf_bad(const struct buf *);
uint8_t *buf_bytes(const struct buf *);	/* first unread byte; borrowed, valid until the next write */
size_t buf_len(const struct buf *);
int buf_reserve(struct buf *, size_t more);	/* 0 or -ENOMEM */
uint8_t *buf_grow(struct buf *, size_t n);	/* n uninitialised bytes appended; NULL when out of memory */
void buf_put(struct buf *, const void *, size_t);
void buf_put_str(struct buf *, const char *);	/* without the NUL */
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_put_u8(struct buf *, uint8_t);
void buf_put_be16(struct buf *, uint16_t);
void buf_put_be32(struct buf *, uint32_t);
void buf_put_be64(struct buf *, uint64_t);
void buf_put_le32(struct buf *, uint32_t);
void buf_put_le64(struct buf *, uint64_t);
void buf_consume(struct buf *, size_t);		/* drop bytes at the front */
const char *buf_cstr(struct buf *);		/* NUL-terminated view, borrowed; "" when empty */
char *buf_steal_str(struct buf *);		/* malloc'd NUL-terminated copy, buffer emptied; NULL: no memory */

/* A reader over borrowed bytes. */
struct rd {
	const uint8_t *p;
	size_t left;
	bool bad;		/* a read ran past the end; everything read since is zero */
};

struct rd rd_of(const void *, size_t);
struct rd rd_buf(const struct buf *);
uint8_t rd_u8(struct rd *);
uint16_t rd_be16(struct rd *);
uint32_t rd_be32(struct rd *);
uint64_t rd_be64(struct rd *);
uint32_t rd_le32(struct rd *);
uint64_t rd_le64(struct rd *);
const uint8_t *rd_bytes(struct rd *, size_t n);	/* borrowed; NULL and bad when fewer are left */
void rd_copy(struct rd *, void *out, size_t n);	/* zero-filled when fewer are left */
void rd_skip(struct rd *, size_t n);
bool rd_done(const struct rd *);		/* nothing left and nothing went wrong */
#endif
