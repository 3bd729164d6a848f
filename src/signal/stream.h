/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SIGNAL_STREAM_H
#define GODWIT_SIGNAL_STREAM_H
/*
 * stream.h -- the signal stream (fsm/signal-stream.fsm) and what we send to peers.
 *
 * Messages to one peer leave in order, one at a time (an ANSWER before the
 * candidates of its session): the server handles calls side by side and would
 * mix them.  What waits for a connection is kept, bounded: a newer OFFER or
 * ANSWER replaces what is older for that peer, since the latest wins.
 *
 * Facts: signalexchange.SignalExchange, ConnectStream and Send.
 */
#include "base/list.h"
#include "fsm/backoff.h"
#include "fsm/fsm.h"
#include "fsm/signal-stream.h"
#include "net/grpc.h"
#include "wire/signal.h"

#define SIGNAL_QUEUE_MAX	512	/* messages waiting, all peers; the oldest goes first */

struct signal_conf {
	char *host;			/* owned by the agent */
	uint16_t port;
	bool tls;
	const char *ca_file;
	uint8_t private_key[WIRE_KEY_LEN], public_key[WIRE_KEY_LEN];
};

struct signal_hooks {
	/* A message whose box proved its sender.  Borrowed. */
	void (*message)(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *);
	void (*changed)(void *arg);
};

struct signal_stream {
	struct fsm fsm;
	struct env *env;
	const struct signal_conf *conf;
	struct signal_hooks hooks;
	void *arg;
	struct backoff backoff;
	int64_t wait, silence, beat;	/* microseconds, read by the table; beat -1: the server asked for none */
	uint32_t gen;
	struct grpc_channel *channel;
	struct grpc_call *stream;
	struct list queue;		/* struct out, waiting or under way */
	size_t queued;
	uint64_t dropped;		/* pushed out of the full queue */
	struct mono born;		/* when the stream registered */
	struct mono healthy;		/* the last time a stream served, or somebody bade us begin */
	struct mono dialled;		/* the last time */
	char why[256];
};

struct signal_stream *signal_stream_new(struct env *, struct fsm_loop *, const struct signal_conf *,
    const struct signal_hooks *, void *arg);
void signal_stream_free(struct signal_stream *);	/* fine with NULL */
/* Queues a message to a peer.  0 or -errno (no memory, a key that is none). */
int signal_stream_send(struct signal_stream *, const uint8_t to[WIRE_KEY_LEN], const struct wire_signal *);
/* The peer is gone: nothing more is sent to it. */
void signal_stream_forget(struct signal_stream *, const uint8_t to[WIRE_KEY_LEN]);
bool signal_stream_is_up(const struct signal_stream *);
const char *signal_stream_why(const struct signal_stream *);	/* "" when up */
#endif
