/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SLOW_READER_H
#define GODWIT_TESTS_SLOW_READER_H
/*
 * slow-reader.h -- one gRPC stream by hand (HTTP/2, net/h2.h) in the world of
 * server-world.h, by a client that can stop reading its connection.
 */
#include "base/buf.h"
#include "net/h2.h"
#include "tests/unit/server-world.h"

struct reader {
	struct h2 *h;
	struct h2_stream *st;
	struct buf in;			/* of the message that is coming */
	void (*message)(struct reader *, const uint8_t *, size_t);	/* NULL: they are counted */
	void *arg;
	unsigned messages;
	bool ready, headers, over, lost;
	int code;			/* grpc-status, -1 until it came */
	char text[160];			/* grpc-message, as it came */
};

/* Dials and asks; `name` and `value`: one header more, NULL for none. */
void reader_open(struct world *, struct reader *, const char *path, const char *name, const char *value);
void reader_send(struct reader *, const void *, size_t);	/* one message */
void reader_pause(struct reader *, bool);
void reader_cancel(struct reader *);				/* RST_STREAM; the connection stands */
void reader_close(struct reader *);
#endif
