/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_STREAM_H
#define GODWIT_TESTS_SIM_STREAM_H
/*
 * stream.h -- a program's half of a connection: dial.c brings one about, listen.c
 * takes one in, stream.c is one that is open.  The kernels' half is tcp.h.
 *
 * Each stream has one event, `wake`; running it makes at most one callback and
 * sets it again when there is more to tell.  TLS is a line of greeting each way
 * (with ALPN) and a close_notify that rides on the FIN; the bytes stay plain.
 */
#include "tests/sim/tcp.h"

#define ADDRS		16

enum phase { DIALING, HANDSHAKE, OPEN, ENDED };

struct env_stream {
	struct list in_env;	/* first */
	struct env *env;
	env_stream_fn fn;
	void *arg;
	enum phase phase;
	struct ev wake, limit;
	/* dialling */
	struct env_lookup *lookup;
	struct addr addr[ADDRS];
	struct tcp *attempt[ADDRS];
	size_t naddr, started;
	struct ev race;
	uint16_t port;
	int err;
	char why[360], what[300];
	/* open */
	struct tcp *tcp;
	struct buf out;
	size_t low;
	bool above, paused, finishing, tls, tls_server, path;
	char alpn[64];
	struct env_listener *accepting;	/* TLS: not yet handed over */
	struct addr local, remote;
};

struct env_listener {
	struct list in_env;	/* first */
	struct list in_host;
	struct env *env;
	env_accept_fn fn;
	void *arg;
	struct addr addr;	/* ADDR_NONE: all */
	struct path *path;
	bool tls;
	struct list backlog;
	struct ev wake;
};

struct path {
	struct env_listener *listener;	/* NULL: stale */
	struct addr addr;		/* what stands for it inside the host: 127.7.0.0/16 */
};

struct env_stream *stream_new(struct env *, env_stream_fn, void *arg);
void stream_tell(struct env_stream *, const struct env_stream_note *);
void stream_tell_event(struct env_stream *, enum env_stream_event);
/* The last thing a function does with its stream. */
void stream_fail(struct env_stream *, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What `wake` does while dialling and while greeting. */
void dial_wake(struct env_stream *), tls_wake(struct env_stream *);
void dial_race(void *stream);			/* the next address is due */
void dial_drop(struct env_stream *);		/* every attempt, and the lookup */
void listener_hand_over(struct env_listener *, struct env_stream *);
#endif
