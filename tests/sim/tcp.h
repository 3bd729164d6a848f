/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_TCP_H
#define GODWIT_TESTS_SIM_TCP_H
/*
 * tcp.h -- the kernels' half of a stream: segments, retransmission, windows.
 *
 * A struct tcp outlives the program's stream until what was written is
 * delivered, as a kernel's socket does.  `wake` only ever schedules an event.
 */
#include "tests/sim/impl.h"

enum tcp_state { TCP_SYN_SENT, TCP_SYN_RCVD, TCP_OPEN, TCP_DEAD };

struct tcp {
	struct sim_host *host;
	struct addr local, remote;
	uint64_t conn;
	enum tcp_state state;
	int err;			/* TCP_DEAD: negative errno */
	bool path;			/* a local socket */
	/* sending: snd holds what is not acknowledged, una is its first byte */
	struct buf snd;
	uint64_t una, nxt;
	bool fin_queued, fin_clean, fin_acked;
	uint32_t peer_wnd;
	size_t cwnd;
	unsigned dupacks, retries;
	int64_t srtt, rto, timed_at;
	uint64_t timed_seq;		/* 0: nothing is timed */
	struct ev timer;
	/* receiving */
	struct buf rcv;
	uint64_t rcv_nxt;
	struct list early;		/* struct pkt that came before their turn */
	size_t nearly;
	bool fin_rcvd, fin_rcvd_clean;
	uint32_t told_wnd;
	int64_t active;			/* when bytes went or came last */
	uint64_t broken;		/* by which sim_tcp_break */
	/* above */
	bool discard;			/* finished: what still comes is thrown away */
	struct env_stream *owner;	/* NULL: the kernel's own */
	struct env_listener *listener;	/* until accepted */
	struct list in_backlog;
};

#define TCP_SEND_BUF	65536

/* NULL and *err: no route. */
struct tcp *tcp_dial(struct sim_host *, const struct addr *to, bool path, struct env_stream *owner, int *err);
size_t tcp_room(const struct tcp *);
void tcp_write(struct tcp *, const void *, size_t);	/* at most tcp_room */
void tcp_consumed(struct tcp *);			/* bytes were taken from rcv */
/* The owner lets go.  clean: close_notify was sent.  discard: as after shutdown(2). */
void tcp_close(struct tcp *, bool clean, bool discard);
void tcp_abort(struct tcp *);				/* RST */

struct env_listener *listener_find(struct sim_host *, const struct addr *dst);
bool listener_room(const struct env_listener *);
void listener_ready(struct env_listener *, struct tcp *);
void stream_kick(struct env_stream *);
#endif
