/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_STREAM_ENDS_H
#define GODWIT_TESTS_STREAM_ENDS_H
/*
 * stream-ends.h -- a client and a server of env.h's streams in one process, and
 * what every kind of stream must do.
 */
#include "env/env.h"

struct end {
	struct world *w;
	struct env_stream *s;
	char name;
	size_t got, drained, write_more;
	uint32_t sum;
	bool eof, truncated, connected;
	int err;
	char text[300];
};

struct world {
	struct env *env;
	struct env_timer *limit;
	struct end client, server;
	bool timed_out, echo;
	size_t stop_at;		/* bytes the server has got */
	int accepted;
};

void ends_open(struct world *);
void ends_close(struct world *);
void reset(struct world *);		/* both ends closed, nothing has happened */
void dial(struct world *, const struct env_dial *);	/* and waits until both know */
void run(struct world *);		/* until something ends or connects; 5 s at most */
void end_note(void *end, const struct env_stream_note *);
void end_accept(void *world, struct env_stream *);	/* for env_listen */

/* With both connected; kind begins what is said of it. */
void test_bulk(struct world *, const char *kind);
void test_pause(struct world *, const char *kind);
void test_finish(struct world *, const char *kind);
#endif
