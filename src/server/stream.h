/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_STREAM_H
#define GODWIT_SERVER_STREAM_H
/*
 * stream.h -- one Sync or Job stream of one peer: the machine of
 * fsm/srv-stream.fsm, and the registry of the newest stream of each peer.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/list.h"
#include "fsm/fsm.h"
#include "fsm/srv-stream.h"
#include "server/inside.h"
#include "server/peer.h"

struct grpc_call;

enum srv_stream_kind { SRV_STREAM_SYNC, SRV_STREAM_JOB };

struct srv_stream {
	struct fsm fsm;
	struct server *server;
	enum srv_stream_kind kind;
	struct grpc_call *call;		/* NULL once the far end is gone */
	uint32_t gen;			/* of the call */
	char key[SERVER_WG_KEY];	/* of the peer; "" until its request came */
	uint8_t key_raw[32];
	struct buf meta;		/* of the request, until it is stored */
	bool due;			/* a map waits to be sent */
	struct srv_stream *predecessor;	/* whose place it took, during that step only */
	bool ours;			/* an agent of our own: it said that it beats */
	int64_t beat_us;		/* silence before a beat */
	int64_t listen_us;		/* its interval, in which we ask whether it beats; -1: it does not promise to */
	struct mono opened, active;	/* accepted; last sent or received something */
	struct mono heard;		/* last received something */
	struct mono token_at;		/* when the agent got its relay token */
	int64_t token_wall;		/* the same by the clock that it expires by */
	int end_code;			/* status that close gives the call */
	char end_text[160];
	struct server_grave grave;
	struct list push;		/* in the server's, while a change waits for its turn */
	struct list all;
};

/* For grpc: `open` of the two streaming methods; arg is the struct server. */
void server_stream_open_sync(void *arg, struct grpc_call *);
void server_stream_open_job(void *arg, struct grpc_call *);
extern const struct grpc_ops server_stream_ops;
/* Ends all of them and frees them: the server is going. */
void server_stream_free_all(struct server *);
#endif
