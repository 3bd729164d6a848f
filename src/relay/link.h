/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_LINK_H
#define GODWIT_RELAY_LINK_H
/*
 * link.h -- one connection to one relay server (fsm/relay-link.fsm).
 *
 * A link outlives its connections: it dials again while somebody uses it.
 * Channels sit on a link (relay_link_join) whether it is up or not and hear of
 * link-up and link-lost as events.  Packets do not go through the machine.
 */
#include "base/addr.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/url.h"
#include "env/env.h"
#include "fsm/backoff.h"
#include "fsm/fsm.h"
#include "fsm/relay-link.h"
#include "net/ws.h"
#include "wire/relaymsg.h"

struct map;
struct relay_channel;
struct relay_pool;

#define RELAY_LINK_URLS	8	/* servers of a home link */
#define RELAY_BATCH	64	/* packets handed on together */

struct relay_link {
	struct fsm fsm;
	struct relay_pool *pool;	/* borrowed */
	struct list all;		/* of the pool */
	bool home;
	struct url url[RELAY_LINK_URLS];	/* candidates; a foreign link has one */
	size_t nurl, at;		/* `at`: the last one that answered, the first to be dialled */
	size_t step, dialled;		/* of this round of dialling; index of the one being dialled */
	struct addr hint;		/* foreign: where the peer says it is; ADDR_NONE: no hint */

	struct ws *ws;			/* resource conn, owned */
	char answered[256];		/* what the server just called itself */
	char instance[256];		/* the server's own URL; "" unless up */
	struct url alias;		/* another name of this server, learnt in this life; host "" : none */
	struct addr remote;		/* of the connection that is or was up */
	int64_t wait;			/* $wait: backoff */
	int64_t dial_limit;		/* $dial_limit */
	int64_t answer;			/* $answer: how long a ping may take */
	uint64_t tx_mark;		/* tx_bytes at the last beat */
	int64_t opened_in;		/* what the last good dial took, or less by what a ping took since; 0: there was none */
	struct mono pinged_at;		/* not set: no ping is out */
	struct mono dialled_at;
	int64_t sweep;			/* $sweep: pool's clean-up interval */
	struct backoff backoff;
	unsigned failures;		/* rounds since the last good life */
	struct mono trouble_since;	/* the last loss or start: tries are frequent for a while */
	struct mono up_at;		/* this life's, or the last one's */
	char failure[160];		/* last reason, for people */

	struct map *entries;		/* relay id -> struct relay_channel */
	struct list channels;		/* joined or waiting, in order of arrival */
	struct mono unused_since;	/* the last channel left, or the beginning */
	struct list early;		/* packets for ids without a channel */
	size_t nearly;
	struct env_pkt batch[RELAY_BATCH];	/* packets of one peer out of one read, not yet handed on */
	size_t nbatch, batch_used;
	struct relay_channel *batch_to;	/* borrowed; NULL unless nbatch > 0 */
	uint8_t *batch_room;		/* owned: their bytes */
	bool want_alive;		/* a ping is out: the next message answers it */
	bool sent;			/* since the last beat */
	bool heard;			/* since the last beat */
	uint64_t rx_bytes, tx_bytes, dropped;
};

bool relay_link_is_up(const struct relay_link *);
const char *relay_link_name(const struct relay_link *);	/* instance URL, or the one being dialled */
/* True if that URL is this link's server: instance or configured, compared as
 * scheme, host and port. */
bool relay_link_serves(const struct relay_link *, const struct url *);

/* ---- for channels ------------------------------------------------------------- */

/* The channel waits at this link or sits on it: it hears link-up and link-lost. */
void relay_link_attach(struct relay_link *, struct relay_channel *);
void relay_link_detach(struct relay_link *, struct relay_channel *);
/* Packets of that peer go to the channel, its presence is asked for (and asked
 * again by another call). */
int relay_link_join(struct relay_link *, struct relay_channel *);
void relay_link_leave(struct relay_link *, struct relay_channel *);
/* Early packets of that peer, given once. */
void relay_link_flush_early(struct relay_link *, struct relay_channel *);
/* One packet; 0, -EAGAIN (the queue is full: dropped), -EPIPE (not up), -EMSGSIZE. */
int relay_link_send(struct relay_link *, const uint8_t id[WIRE_RELAY_ID_LEN], const void *, size_t);

/* ---- for the pool --------------------------------------------------------------- */

struct relay_link *relay_link_new(struct relay_pool *, const char *subject, bool home);
void relay_link_free(struct relay_link *);		/* fine with NULL */
#endif
