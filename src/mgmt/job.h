/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_MGMT_JOB_H
#define GODWIT_MGMT_JOB_H
/*
 * job.h -- the Job stream (fsm/job-stream.fsm).  We do no jobs yet: each is
 * answered "failed" with a reason, at once; heartbeats (no id) in silence.  We
 * beat towards servers that ask for it (net/beat.h).
 */
#include "fsm/backoff.h"
#include "fsm/fsm.h"
#include "fsm/job-stream.h"
#include "mgmt/link.h"

struct job_stream {
	struct fsm fsm;
	struct env *env;
	const struct mgmt_conf *conf;
	struct mgmt_link link;
	struct backoff backoff;
	int64_t wait, beat;	/* microseconds, read by the table */
};

struct job_stream *job_stream_new(struct env *, struct fsm_loop *, const struct mgmt_conf *);
void job_stream_free(struct job_stream *);	/* fine with NULL */
#endif
