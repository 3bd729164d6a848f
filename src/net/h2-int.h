/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_H2_INT_H
#define GODWIT_NET_H2_INT_H
/* h2-int.h -- what h2.c, h2-in.c and h2-stream.c share; nobody else's. */
#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mono.h"
#include "net/h2.h"

#define H2_HEADERS_MAX		100		/* of one block */

struct h2_block {
	struct buf text;			/* name NUL value NUL ... */
	size_t at[H2_HEADERS_MAX][2];		/* offsets into text */
	size_t n;
	bool over;				/* too many, or too long */
};

struct h2_stream {
	struct h2 *h;
	struct list all, pending;
	int32_t id;
	void *arg;			/* the owner's */
	struct buf out;
	struct h2_block *block;		/* headers being received */
	bool got_head;			/* final response or request was told */
	bool got_end;
	bool end_out;			/* nothing is written after `out` */
	bool deferred;			/* nghttp2 waits for h2_flush to resume it */
	bool refused;			/* -EAGAIN was given */
	bool data_on;			/* a data provider was given to nghttp2 */
	bool writable;			/* pending: to be told */
	bool over;			/* pending: nghttp2 let go */
	bool let_go;			/* the owner did */
	uint32_t code;
	struct h2_block *trailers_out;
};

struct h2 {
	struct env *env;
	struct env_stream *tr;		/* owned */
	nghttp2_session *ng;		/* owned */
	struct h2_options opt;
	const struct h2_ops *ops;
	void *arg;
	struct list streams, pending;
	size_t nstream;			/* not let go */
	unsigned depth;			/* env callbacks of ours on the stack */
	unsigned in_ng;			/* nghttp2 calls on the stack */
	bool up;			/* the transport takes bytes */
	bool ready;
	bool dead;			/* h2_close was called */
	bool lost, lost_told;
	bool shutting;
	bool pinged;			/* and nothing was read since */
	struct mono last_read;
	int lost_err;
	char lost_why[160];
	struct env_timer *later, *keep, *grace;
};

/* h2.c: the connection */
void h2_later(struct h2 *h);			/* deliver what is pending, soon */
void h2_flush(struct h2 *h);			/* hands the transport what it may have; never calls the owner */
void h2_arm_keepalive(struct h2 *h);

/* h2-in.c: what comes in */
nghttp2_session *h2_session_new(struct h2 *h);	/* NULL: out of memory */
int h2_block_add(struct h2_block *b, const uint8_t *name, size_t nlen, const uint8_t *value, size_t vlen);	/* 0 or -ENOMEM */
size_t h2_block_list(const struct h2_block *b, struct h2_header *out);	/* how many; borrowed from b */

/* h2-stream.c: one stream */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_free(struct h2_stream *s);
void h2_pend(struct h2_stream *s);		/* its owner is to be told something */

#endif
