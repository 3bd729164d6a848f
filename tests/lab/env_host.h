/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_LAB_ENV_HOST_H
#define GODWIT_TESTS_LAB_ENV_HOST_H
/*
 * env_host.h -- what the files of env_host.t share: one env, and what came of it.
 */
#include "env/env.h"

struct world {
	struct env *env;
	struct env_timer *limit;
	struct env_tun *tun[2];
	int answers, err, changes, pings, runs, plain, gone;
	size_t got;
	bool timed_out, connected;
	struct env_stream *client, *server;
};

extern char lab_dir[];				/* ours; full/ in it has 1 MB */

void lab_run(struct world *, int64_t us);	/* until env_stop, or the time is over: timed_out */
void lab_answer(void *world, int err);		/* an env_host_fn and the like: ends lab_run */

/* env_host-runs.c; kind begins what is said of it. */
void test_runs(struct world *, const char *kind, const char *left, const char *right);
/* env_host-disk.c */
void test_full_disk(struct world *);
#endif
