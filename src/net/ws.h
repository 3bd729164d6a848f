/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_WS_H
#define GODWIT_NET_WS_H
/*
 * ws.h -- one WebSocket (RFC 6455), client or server, binary messages only.
 *
 * wslay parses frames and answers pings; the opening handshake is ours over
 * net/http1.h.  One message goes out as one frame (NetBird's relay wants that).
 *
 * The queue is bounded and visible: ws_send refuses with -EAGAIN when
 * `queue_max` bytes are on their way, and the owner decides what to drop.
 *
 * Callbacks come from within the env's callbacks, never from within a call of
 * this header, and may call anything here, ws_free included.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

struct env;
struct env_stream;
struct http1_head;
struct ws;

enum ws_event {
	WS_OPEN,		/* client: the handshake is through (a server's is at once, without event) */
	WS_MESSAGE,		/* data, len: one whole binary message */
	WS_PONG,		/* the answer to ws_ping */
	WS_DRAINED,		/* after -EAGAIN: queued bytes fell to a quarter of queue_max */
	WS_CLOSED,		/* the far end said close: `code` (1005: none given) */
	WS_LOST			/* end or failure of the transport, refused handshake, broken rules: text */
};
struct ws_note {
	enum ws_event event;
	const uint8_t *data;
	size_t len;
	unsigned code;		/* WS_CLOSED */
	int err;		/* WS_LOST: negative errno */
	const char *text;	/* WS_LOST: one line for people; never NULL there */
};
/* After WS_CLOSED and WS_LOST nothing more comes; the owner still frees. */
typedef void (*ws_fn)(void *arg, const struct ws_note *);

struct ws_options {
	size_t message_max;	/* received; longer: close 1009 and WS_LOST.  0: 64 KiB */
	size_t queue_max;	/* 0: 1 MiB */
};

struct ws_dial {
	const char *host;	/* where to connect: name or literal */
	uint16_t port;
	const char *name;	/* Host header and TLS name; NULL: host (a relay reached by its address keeps its name) */
	const char *target;	/* "/relay" */
	bool tls;
	const char *ca_file;	/* TLS: NULL: the system's roots */
	bool insecure;		/* TLS: tests only */
	struct ws_options options;
};

struct ws *ws_dial(struct env *, const struct ws_dial *, ws_fn, void *arg);	/* strings copied; NULL: no memory */
/* Server: a request from http1_front and the bytes behind it.  Answers 101 and
 * takes the stream over; or answers 400 or 426 and finishes the stream: NULL. */
struct ws *ws_accept(struct env *, struct env_stream *, const struct http1_head *, const uint8_t *rest, size_t len, const struct ws_options *, ws_fn, void *arg);
void ws_set_fn(struct ws *, ws_fn, void *arg);
/* Called when the messages of one read were told: for owners that gather them. */
typedef void (*ws_batch_fn)(void *arg);
void ws_on_batch(struct ws *, ws_batch_fn, void *arg);
/* One binary message made of two parts (the second may be NULL, 0).  0, -EAGAIN
 * (nothing taken), -EPIPE before WS_OPEN and after the end. */
int ws_send(struct ws *, const void *head, size_t nhead, const void *body, size_t nbody);
int ws_ping(struct ws *);			/* asks whether anybody is there: WS_PONG; 0 or -EPIPE */
size_t ws_queued(const struct ws *);		/* bytes taken and not yet with the kernel */
/* Sends a close frame with `code` (1000, 1001, ...) behind what is queued, and frees. */
void ws_finish(struct ws *, unsigned code);
void ws_free(struct ws *);			/* at once; fine with NULL */
struct addr ws_remote(const struct ws *);
struct env_stream *ws_transport(const struct ws *);	/* borrowed */
#endif
