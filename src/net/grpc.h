/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_GRPC_H
#define GODWIT_NET_GRPC_H
/*
 * grpc.h -- gRPC over HTTP/2, both ends (the gRPC project's PROTOCOL-HTTP2).
 *
 * Three objects.  A struct grpc_channel is a client's connection: one life, with
 * the generation its owner gave it, never dialled again.  A struct grpc_server
 * is a set of methods; grpc_server_attach gives it an accepted stream.  A struct
 * grpc_call is one call at either end, unary or streaming: the same sends, the
 * same callbacks.
 *
 * Doubt.  What a stream error says of its connection cannot be known: a proxy
 * may have cut one stream and left a connection that swallows the next.  So the
 * channel tells its owner GRPC_CHANNEL_DOUBT, once, when a call ended in
 * anything that did not come as a status in the far end's trailers (RST_STREAM,
 * a refused or garbled answer, a deadline).  The owner closes the channel, or
 * lets its other calls run out, and dials anew; grpc_start on a doubtful channel
 * fails.
 *
 * Callbacks come from within the env's callbacks, never from within a call of
 * this header, and may call anything here.  Bytes given to a callback are
 * borrowed until it returns; bytes given to a function are copied.
 *
 * Limits: a message longer than `max_message` ends the call with
 * RESOURCE_EXHAUSTED.  grpc_send refuses with -EAGAIN above H2_HIGH_WATER.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "net/h2.h"

struct env;
struct env_stream;
struct env_tls_client;
struct grpc_call;

enum grpc_code {
	GRPC_OK = 0, GRPC_CANCELED, GRPC_UNKNOWN, GRPC_INVALID_ARGUMENT, GRPC_DEADLINE_EXCEEDED,
	GRPC_NOT_FOUND, GRPC_ALREADY_EXISTS, GRPC_PERMISSION_DENIED, GRPC_RESOURCE_EXHAUSTED,
	GRPC_FAILED_PRECONDITION, GRPC_ABORTED, GRPC_OUT_OF_RANGE, GRPC_UNIMPLEMENTED, GRPC_INTERNAL,
	GRPC_UNAVAILABLE, GRPC_DATA_LOSS, GRPC_UNAUTHENTICATED
};
const char *grpc_code_name(int code);	/* "PermissionDenied", as Go prints it */

#define GRPC_MAX_MESSAGE_CLIENT	(16 * 1024 * 1024)
#define GRPC_MAX_MESSAGE	(4 * 1024 * 1024)	/* servers, and signal's clients */

/* One metadata entry; keys in lower case. */
struct grpc_md {
	const char *key, *value;
};

/* How a call ended. */
struct grpc_status {
	int code;		/* enum grpc_code, or what else the server sent */
	const char *message;	/* percent-decoded; "" when there is none; borrowed */
	bool remote;		/* it came in trailers: the far end said so itself */
};

/* ---- calls, either end ---------------------------------------------------- */

struct grpc_ops {
	/* Client: response headers (also before a trailers-only end they do not
	 * come).  Server: not used. */
	void (*headers)(void *arg, struct grpc_call *);
	void (*message)(void *arg, struct grpc_call *, const uint8_t *, size_t len);
	/* Server: the client sends no more. */
	void (*half_closed)(void *arg, struct grpc_call *);
	/* grpc_send takes more again, after it said -EAGAIN. */
	void (*writable)(void *arg, struct grpc_call *);
	/* The call is over and its handle dies when this returns.  Client: always
	 * once, unless grpc_cancel was called.  Server: only when the call ended
	 * without grpc_finish (cancelled, deadline passed, connection lost). */
	void (*done)(void *arg, struct grpc_call *, const struct grpc_status *);
};

/* One message, framed.  0, -EAGAIN (nothing taken), -EPIPE when the call can take no more. */
int grpc_send(struct grpc_call *, const void *, size_t len);
size_t grpc_queued(const struct grpc_call *);	/* bytes sent and not yet with the transport */
/* The far end's metadata (server: of the request; client: of the response
 * headers or trailers).  First value; NULL when absent; borrowed, lives with the call. */
const char *grpc_metadata(const struct grpc_call *, const char *key);
void *grpc_call_arg(const struct grpc_call *);

/* ---- client ----------------------------------------------------------------- */

struct grpc_channel;

enum grpc_channel_event {
	GRPC_CHANNEL_READY,	/* the server's SETTINGS came: calls may start */
	GRPC_CHANNEL_DOUBT,	/* see above; calls under way go on */
	GRPC_CHANNEL_GOAWAY,	/* as doubt, and the server said so */
	GRPC_CHANNEL_GONE	/* connection lost or never made; every call had its `done` */
};
struct grpc_channel_note {
	enum grpc_channel_event event;
	uint32_t gen;		/* the owner's, from grpc_dial */
	int err;		/* GONE: negative errno */
	const char *text;	/* one line for people; never NULL */
};
typedef void (*grpc_channel_fn)(void *arg, const struct grpc_channel_note *);

struct grpc_target {
	const char *host;	/* name or literal (no brackets); also :authority */
	uint16_t port;
	const char *path;	/* local socket instead of host and port, e.g. the daemon's */
	bool tls;		/* TLS with ALPN h2, else prior knowledge */
	const char *ca_file;	/* TLS: PEM roots; NULL: the system's */
	bool insecure;		/* TLS: tests only */
	const char *user_agent;	/* NULL: "godwit" */
	int64_t keepalive_us;	/* 0: 33 s; negative: none */
	int64_t keepalive_timeout_us;	/* 0: 7 s */
	bool ping_idle;		/* PING also without an open call: our own servers only */
	size_t max_message;	/* received; 0: GRPC_MAX_MESSAGE_CLIENT */
};

/* Dials; strings are copied.  There is no dial limit here: the owner's timer
 * closes.  NULL: no memory or no such thing as a socket. */
struct grpc_channel *grpc_dial(struct env *, const struct grpc_target *, uint32_t gen, grpc_channel_fn, void *arg);
/* Without callbacks: calls under way end silently.  Fine with NULL. */
void grpc_channel_close(struct grpc_channel *);
bool grpc_channel_usable(const struct grpc_channel *);	/* ready, no doubt, not gone */
struct addr grpc_channel_remote(const struct grpc_channel *);
size_t grpc_channel_calls(const struct grpc_channel *);

struct grpc_request {
	const char *path;		/* "/package.Service/Method" */
	const struct grpc_md *md;	/* besides the ordinary headers */
	size_t nmd;
	int64_t timeout_us;		/* sent as grpc-timeout and kept here; 0: none */
};
/* A call; send messages, then grpc_half_close when there are no more.  NULL: the channel is not usable. */
struct grpc_call *grpc_start(struct grpc_channel *, const struct grpc_request *, const struct grpc_ops *, void *arg);
int grpc_half_close(struct grpc_call *);
void grpc_cancel(struct grpc_call *);	/* RST_STREAM CANCEL; no callback any more; fine with NULL */

/* A unary call.  The answer is NULL, 0 unless code is GRPC_OK; an OK without
 * exactly one message is INTERNAL.  The returned call is for grpc_cancel. */
typedef void (*grpc_unary_fn)(void *arg, const struct grpc_status *, const uint8_t *answer, size_t len);
struct grpc_call *grpc_unary(struct grpc_channel *, const struct grpc_request *, const void *body, size_t len, grpc_unary_fn, void *arg);

/* ---- server ----------------------------------------------------------------- */

struct grpc_server;
struct grpc_conn;	/* one accepted connection */

struct grpc_method {
	const char *path;	/* "/package.Service/Method"; borrowed, lives as long as the server */
	/* A unary method (one message in, one out): `unary` is called with the
	 * whole request and answers, at once or later, with grpc_answer or
	 * grpc_finish.  `ops->done` tells when the client went away before. */
	void (*unary)(void *arg, struct grpc_call *, const uint8_t *, size_t len);
	/* A streaming method: request headers are in.  May send, answer headers or
	 * finish at once; messages come through `ops`. */
	void (*open)(void *arg, struct grpc_call *);
	const struct grpc_ops *ops;	/* NULL: nothing of interest (unary) */
	void *arg;			/* first argument of unary and open, and of ops until grpc_set_arg */
	size_t max_message;		/* received; 0: GRPC_MAX_MESSAGE */
};

struct grpc_server *grpc_server_new(struct env *);
void grpc_server_free(struct grpc_server *);		/* closes its connections, without callbacks; fine with NULL */
int grpc_server_add(struct grpc_server *, const struct grpc_method *);	/* copied; 0 or -ENOMEM */
/* An accepted stream whose first bytes (the HTTP/2 preface, or part of it) may
 * have been read already.  Takes it over.  0 or -errno (stream closed). */
int grpc_server_attach(struct grpc_server *, struct env_stream *, const uint8_t *first, size_t len);
/* Requests that are not gRPC (no content-type application/grpc): called instead
 * of the 404 that is otherwise sent.  Answer with h2_respond; see net/h2.h. */
void grpc_server_on_other(struct grpc_server *, void (*fn)(void *arg, struct h2_stream *, const struct h2_header *, size_t n, bool end), void *arg);
/* GOAWAY to all, calls under way may finish for `us`; then `done`, once. */
void grpc_server_shutdown(struct grpc_server *, int64_t us, void (*done)(void *arg), void *arg);
size_t grpc_server_conns(const struct grpc_server *);

void grpc_set_arg(struct grpc_call *, void *arg);	/* first argument of the call's ops from now on */
/* Response headers now, with metadata, before any message.  0 or -errno; -EALREADY after they went. */
int grpc_send_headers(struct grpc_call *, const struct grpc_md *, size_t n);
/* One message and status OK. */
void grpc_answer(struct grpc_call *, const void *, size_t len);
/* Ends the call: what was sent goes out first.  `message` may be NULL.  The
 * handle is dead afterwards and `done` does not come. */
void grpc_finish(struct grpc_call *, int code, const char *message);
struct addr grpc_peer(const struct grpc_call *);	/* where the connection comes from */
int grpc_peer_uid(const struct grpc_call *);		/* local socket: who; -1 unknown */
#endif
