/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_FLOW_STREAM_H
#define GODWIT_FLOW_STREAM_H
/*
 * stream.h -- the flow stream (fsm/flow-stream.fsm): FlowService/Events.
 */
#include "fsm/backoff.h"
#include "fsm/flow-stream.h"
#include "fsm/fsm.h"
#include "flow/store.h"

struct env;
struct grpc_call;
struct grpc_channel;

struct flow_server {
	char *host;		/* owned */
	uint16_t port;
	bool tls;
	const char *ca_file;	/* borrowed */
	char *token;		/* owned: "signature.payload" */
};

struct flow_stream {
	struct fsm fsm;
	struct env *env;
	struct flow_server server;
	struct flow_store *store;	/* borrowed */
	struct grpc_channel *channel;	/* owned while conn is held */
	struct grpc_call *call;
	uint32_t gen;
	struct backoff backoff;
	int64_t wait;			/* read by the table */
	char why[160];			/* the last failure, for people */
	uint64_t dials, streams;	/* made in all */
};

struct flow_stream *flow_stream_new(struct env *, struct fsm_loop *, struct flow_store *);
void flow_stream_free(struct flow_stream *);	/* fine with NULL */
/* Where to, from the next start on; strings are copied.  A url as FlowConfig has
 * it: host and port needed or 443; "https" is TLS.  `token` NULL: the one there
 * is.  0, -EINVAL or -ENOMEM. */
int flow_stream_set_server(struct flow_stream *, const char *url, const char *token, const char *ca_file);
/* The longest base of the back-off: half the window, by NetBird's rule. */
void flow_stream_set_patience(struct flow_stream *, int64_t us);
#endif
