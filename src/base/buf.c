/* SPDX-License-Identifier: ISC */
/* buf.c -- see buf.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

void
buf_init(struct buf *b)
{
	memset(b, 0, sizeof(*b));
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

void
buf_wipe(struct buf *b)
{
	volatile uint8_t *p = b->data;

	for (size_t i = 0; p != NULL && i < b->cap; i++)
		p[i] = 0;
	buf_free(b);
}

void
buf_clear(struct buf *b)
{
	b->len = b->off = 0;
}

bool
buf_bad(const struct buf *b)
{
	return b->bad;
}

uint8_t *
buf_bytes(const struct buf *b)
{
	return b->data == NULL ? NULL : b->data + b->off;
}

size_t
buf_len(const struct buf *b)
{
	return b->len;
}

int
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	uint8_t *p;

	if (b->bad || more > SIZE_MAX / 4 - b->len) {
		b->bad = true;
		return -ENOMEM;
	}
	need = b->len + more;
	if (b->off + need <= b->cap)
		return 0;
	/* A consumed front is reclaimed before memory is asked for, once it is as
	 * long as what has to move: a long queue is not moved for every append. */
	if (b->off > 0 && b->off >= b->len) {
		memmove(b->data, b->data + b->off, b->len);
		b->off = 0;
		if (need <= b->cap)
			return 0;
	}
	for (cap = b->cap != 0 ? b->cap : 64; cap < b->off + need; cap *= 2)
		;
	if ((p = realloc(b->data, cap)) == NULL) {
		b->bad = true;
		return -ENOMEM;
	}
	b->data = p;
	b->cap = cap;
	return 0;
}

uint8_t *
buf_grow(struct buf *b, size_t n)
{
	uint8_t *p;

	if (buf_reserve(b, n) != 0)
		return NULL;
	p = b->data + b->off + b->len;
	b->len += n;
	return p;
}

void
buf_put(struct buf *b, const void *bytes, size_t n)
{
	uint8_t *p;

	if (n != 0 && (p = buf_grow(b, n)) != NULL)
		memcpy(p, bytes, n);
}

void
buf_put_str(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* One byte more for the NUL, which is not counted as content. */
	if (n < 0 || buf_reserve(b, (size_t)n + 1) != 0)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->off + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

static void
put_be(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *p = buf_grow(b, n);

	for (size_t i = 0; p != NULL && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *p = buf_grow(b, n);

	for (size_t i = 0; p != NULL && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
buf_put_be16(struct buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void
buf_put_be32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void
buf_put_be64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void
buf_put_le32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void
buf_put_le64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = b->off = 0;
		return;
	}
	b->off += n;
	b->len -= n;
}

const char *
buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 1) != 0)
		return "";
	b->data[b->off + b->len] = '\0';
	return (const char *)b->data + b->off;
}

char *
buf_steal_str(struct buf *b)
{
	char *text;

	if (buf_reserve(b, 1) != 0)
		return NULL;
	b->data[b->off + b->len] = '\0';
	if (b->off > 0)
		memmove(b->data, b->data + b->off, b->len + 1);
	text = (char *)b->data;
	buf_init(b);
	return text;
}

struct rd
rd_of(const void *bytes, size_t n)
{
	return (struct rd){ bytes, n, false };
}

struct rd
rd_buf(const struct buf *b)
{
	return rd_of(buf_bytes(b), b->len);
}

const uint8_t *
rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	if (n == 0)
		return p != NULL ? p : (const uint8_t *)"";
	r->p += n;
	r->left -= n;
	return p;
}

static uint64_t
get_be(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint64_t
get_le(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = n; p != NULL && i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)get_be(r, 1);
}

uint16_t
rd_be16(struct rd *r)
{
	return (uint16_t)get_be(r, 2);
}

uint32_t
rd_be32(struct rd *r)
{
	return (uint32_t)get_be(r, 4);
}

uint64_t
rd_be64(struct rd *r)
{
	return get_be(r, 8);
}

uint32_t
rd_le32(struct rd *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t
rd_le64(struct rd *r)
{
	return get_le(r, 8);
}

void
rd_copy(struct rd *r, void *out, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (p != NULL)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

void
rd_skip(struct rd *r, size_t n)
{
	(void)rd_bytes(r, n);
}

bool
rd_done(const struct rd *r)
{
	return !r->bad && r->left == 0;
}
