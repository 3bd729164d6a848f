/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_MGMT_STREAM_H
#define GODWIT_MGMT_STREAM_H
/*
 * stream.h -- the Sync stream (fsm/mgmt-stream.fsm): every SyncResponse goes to
 * the hook; empty ones (heartbeats of our own server) do not.
 */
#include "fsm/backoff.h"
#include "fsm/fsm.h"
#include "fsm/mgmt-stream.h"
#include "mgmt/link.h"

struct mgmt_stream_hooks {
	void (*sync)(void *arg, const Management__SyncResponse *);	/* borrowed */
	void (*changed)(void *arg);		/* connected or not: for status */
};

struct mgmt_stream {
	struct fsm fsm;
	struct env *env;
	const struct mgmt_conf *conf;
	struct mgmt_link link;
	struct mgmt_stream_hooks hooks;
	void *arg;
	struct backoff backoff;
	int64_t wait;			/* microseconds, read by the table */
	bool fresh;			/* no map of this stream was taken yet: for the owner, who clears it */
	struct mono last_message;
	struct mono healthy;		/* the last time a stream served, or somebody bade us begin */
	struct mono dialled;		/* the last time */
};

struct mgmt_stream *mgmt_stream_new(struct env *, struct fsm_loop *, const struct mgmt_conf *,
    const struct mgmt_stream_hooks *, void *arg);
void mgmt_stream_free(struct mgmt_stream *);		/* fine with NULL */
bool mgmt_stream_is_up(const struct mgmt_stream *);
const char *mgmt_stream_why(const struct mgmt_stream *);	/* "" when up */
#endif
