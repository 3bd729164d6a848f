/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_GRPC_CALL_H
#define GODWIT_NET_GRPC_CALL_H
/*
 * grpc-call.h -- what grpc-call.c, grpc-channel.c and grpc-server.c share.
 *
 * A call is entered before it calls its owner and left afterwards; a call that
 * was given up meanwhile (cancelled, finished) goes in grpc_call_leave().
 */
#include "base/buf.h"
#include "base/list.h"
#include "net/grpc.h"
#include "wire/grpcframe.h"

#define GRPC_MD_MAX	64

struct grpc_call {
	struct list all;		/* of its channel or connection */
	struct env *env;
	struct grpc_channel *channel;	/* client; borrowed */
	struct grpc_conn *conn;		/* server; borrowed */
	const struct grpc_method *method;	/* server; borrowed */
	struct h2_stream *st;		/* NULL once given up */
	const struct grpc_ops *ops;
	void *arg;
	struct wire_grpcframe in;
	struct buf md_text;		/* name NUL value NUL ... */
	size_t md_at[GRPC_MD_MAX];
	size_t nmd;
	struct env_timer *deadline;	/* NULL: none */
	struct buf message;		/* status message decoded; unary request or answer */
	struct buf unary;
	unsigned nmessage;
	int code;
	bool has_status;		/* grpc-status came */
	bool headers_out;		/* server: response headers went */
	bool ended_out;			/* we send no more */
	bool is_unary;
	bool got_request;		/* server: the client half closed */
	bool over;			/* given up; freed at grpc_call_leave */
	unsigned depth;
	grpc_unary_fn unary_fn;
	void *unary_arg;
};

struct grpc_call *grpc_call_new(struct env *, size_t max_message);
void grpc_call_enter(struct grpc_call *);
void grpc_call_leave(struct grpc_call *);
/* Takes it off its list and frees it, now or when its callback returns. */
void grpc_call_drop(struct grpc_call *);
int grpc_call_keep_md(struct grpc_call *, const struct h2_header *, size_t n);
/* Starts the deadline; `fn` gets the call. */
int grpc_call_set_deadline(struct grpc_call *, int64_t us, void (*fn)(void *call));
/* Takes DATA and hands messages on.  0, or the grpc code that ends the call with *why set. */
int grpc_call_take(struct grpc_call *, const uint8_t *, size_t len, const char **why);
#endif
