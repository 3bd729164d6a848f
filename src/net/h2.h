/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_H2_H
#define GODWIT_NET_H2_H
/*
 * h2.h -- one HTTP/2 connection (RFC 9113) over an env_stream, either end.
 *
 * nghttp2 does the protocol, env the transport; this file joins the two, bounds
 * what is queued and says when the connection can no longer be trusted.  It
 * knows nothing of gRPC: net/grpc.h is its only user, REST may be another.
 *
 * One struct h2 is one life of one connection.  It is never dialled again: the
 * owner closes it and makes another.
 *
 * Callbacks come from within the env's callbacks and never from within a call of
 * this header.  They may call any function here, h2_close included.  After
 * h2_close no callback comes; streams die with their connection.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;
struct env_stream;
struct h2;
struct h2_stream;

/* Bytes a stream may have queued before h2_write refuses with -EAGAIN, and where
 * `writable` comes again. */
#define H2_HIGH_WATER	(1024 * 1024)
#define H2_LOW_WATER	(256 * 1024)

struct h2_header {
	const char *name;	/* lower case; ":path" and so on for pseudo headers */
	const char *value;	/* NUL-terminated; header values hold no NUL */
};

struct h2_ops {
	/* The far end's SETTINGS are in: requests may be sent (client), or the
	 * client is known to speak HTTP/2 (server). */
	void (*ready)(void *arg);
	/* Server: a request came.  Return an argument for the stream's callbacks
	 * by h2_stream_set_arg; h2_reset refuses it. */
	void (*request)(void *arg, struct h2_stream *, const struct h2_header *, size_t n, bool end);
	/* Client: the response's headers, once (1xx answers are swallowed). */
	void (*response)(void *arg, struct h2_stream *, const struct h2_header *, size_t n, bool end);
	void (*data)(void *arg, struct h2_stream *, const uint8_t *, size_t len);
	void (*trailers)(void *arg, struct h2_stream *, const struct h2_header *, size_t n);
	/* The far end sends no more on this stream (after data and trailers). */
	void (*end)(void *arg, struct h2_stream *);
	/* Queued bytes fell to H2_LOW_WATER after a refusal. */
	void (*writable)(void *arg, struct h2_stream *);
	/* The stream is over and its handle dies when this returns.  `code` is the
	 * RST_STREAM code, 0 for an orderly end on both sides. */
	void (*closed)(void *arg, struct h2_stream *, uint32_t code);
	/* The far end wants no new streams; those under way may finish. */
	void (*goaway)(void *arg, uint32_t code);
	/* The connection is gone: all streams have had `closed` (code
	 * H2_CODE_GONE) before.  The owner still calls h2_close. */
	void (*gone)(void *arg, int err, const char *why);
};

#define H2_CODE_GONE	UINT32_MAX	/* not on the wire: the connection went away */

struct h2_options {
	bool server;
	/* PING when nothing was read for `keepalive_us`, and gone when no answer in
	 * `keepalive_timeout_us`.  0: never.  A client pings only while a stream is
	 * open unless `ping_idle`: stock servers answer idle pings with GOAWAY. */
	int64_t keepalive_us, keepalive_timeout_us;
	bool ping_idle;
	uint32_t max_streams;		/* the far end may open; 0: 1000 */
	uint32_t stream_window;		/* receive window a stream; 0: 1 MiB */
};

/* Takes the stream over (its callbacks too).  A client's stream may still be
 * connecting.  NULL: no memory, and the stream is closed. */
struct h2 *h2_new(struct env *, struct env_stream *, const struct h2_options *, const struct h2_ops *, void *arg);
/* Server: bytes read before h2_new, the preface included.  The one call here
 * that calls back before it returns. */
void h2_input(struct h2 *, const uint8_t *, size_t len);
void h2_close(struct h2 *);		/* at once, without callbacks; fine with NULL */
/* GOAWAY, streams under way may finish for `us`, then `gone` comes. */
void h2_shutdown(struct h2 *, int64_t us);
struct env_stream *h2_transport(const struct h2 *);	/* borrowed; for its addresses */
size_t h2_streams(const struct h2 *);			/* open ones */

/* Client: a request.  `end`: no body follows.  NULL: the connection takes no more. */
struct h2_stream *h2_request(struct h2 *, const struct h2_header *, size_t n, bool end, void *arg);
/* Server: response headers, at most once; `end`: nothing follows.  0 or -errno. */
int h2_respond(struct h2_stream *, const struct h2_header *, size_t n, bool end);
/* Body bytes, queued: 0, -EAGAIN above H2_HIGH_WATER (nothing taken), -EPIPE, -ENOMEM. */
int h2_write(struct h2_stream *, const void *, size_t);
int h2_write2(struct h2_stream *, const void *head, size_t nhead, const void *, size_t);	/* two parts, both or none */
int h2_end(struct h2_stream *);				/* no more from us */
int h2_end_trailers(struct h2_stream *, const struct h2_header *, size_t n);	/* the same, with trailers */
void h2_reset(struct h2_stream *, uint32_t code);	/* RST_STREAM; `closed` does not come any more */
/* The owner is done: what was queued still goes out; a server that has ended its
 * side tells a client that has not to stop.  `closed` does not come any more. */
void h2_release(struct h2_stream *);
size_t h2_queued(const struct h2_stream *);		/* bytes taken and not yet with the transport */
void h2_stream_set_arg(struct h2_stream *, void *arg);
void *h2_stream_arg(const struct h2_stream *);
struct h2 *h2_of(const struct h2_stream *);
#endif
