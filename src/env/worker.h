/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_WORKER_H
#define GODWIT_ENV_WORKER_H
/*
 * worker.h -- the parent's end of a worker that answers in order.
 *
 * Messages both ways are a length (4 bytes, host order) and that many bytes.
 * Sending never blocks: what the socket does not take waits in `out`.  Every
 * message that asks for an answer is counted in `awaited`.  When the worker
 * dies, what it owes is answered with -EIO and the next message starts another.
 */
#include "base/buf.h"
#include "env/helper.h"
#include "env/loop.h"

struct worker {
	struct env *env;
	enum helper_kind kind;
	char *path;		/* owned */
	int fd;			/* -1: none is running */
	struct event rd, wr;
	struct buf out, in;
	size_t awaited;
	struct loop_soon told;
	/* These three only take note, they call nobody. */
	void (*on_message)(void *arg, struct rd *);
	void (*on_death)(void *arg);	/* nothing that is awaited will be answered */
	void (*on_start)(void *arg);	/* a new one runs: first messages go out here; may be NULL */
	/* Tells the owners what was noted, each in a turn; never on a caller's stack. */
	void (*deliver)(void *arg);
	void *arg;
};

int worker_init(struct worker *, struct env *, enum helper_kind, const char *path);
int worker_start(struct worker *);	/* sending does it too */
int worker_send(struct worker *, const struct buf *message);	/* 0 or -errno */
/* Blocks until `awaited` is 0, at most `limit_us`; 0, -ETIMEDOUT or -EPIPE.
 * `deliver` comes afterwards, from the loop. */
int worker_drain(struct worker *, int64_t limit_us);
void worker_rest(struct worker *);	/* ends the process when nothing is awaited; sending starts another */
/* Tells it that nothing more comes and waits until it has closed its files. */
void worker_see_off(struct worker *, int64_t limit_us);
void worker_fini(struct worker *);

/* The worker's end: a whole message into `in`, which is emptied first. */
int worker_receive(int fd, struct buf *in);
int worker_answer(int fd, const struct buf *message);
#endif
