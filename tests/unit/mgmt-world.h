/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_MGMT_WORLD_H
#define GODWIT_TESTS_MGMT_WORLD_H
/*
 * mgmt-world.h -- an agent's login, Sync and Job machines over pipes (net_pipes.h),
 * told of each other as fsm/agent.wire says, and a management server of the
 * test's: what it does with each method is set beforehand.
 */
#include "mgmt/job.h"
#include "mgmt/session.h"
#include "mgmt/stream.h"
#include "net/grpc.h"

/* What becomes of a call. */
enum deed {
	DO,		/* what the method promises */
	HANG,		/* nothing, for ever */
	CUT,		/* its connection ends */
	REFUSE		/* ends with `code` */
};
struct manner {
	enum deed deed;
	int code;
};

struct mgmt_world {
	struct env *env;
	struct fsm_loop *loop;
	struct grpc_server *server;
	struct env_listener *listener;		/* NULL: nobody listens */
	struct env_stream *newest;		/* the connection accepted last */
	struct mgmt_conf conf;
	uint8_t secret[32], public[32];		/* the server's */
	struct manner key, login, logout, sync, job;
	bool job_at_once;			/* what job_say says comes with the headers */
	const char *job_id;			/* "" a beat, else a job */
	struct grpc_call *syncing, *jobbing;	/* streams that stand */
	unsigned conns, keys, logins, logouts, syncs, jobs;	/* calls that came */
	char setup_key[64];			/* of the last Login */
	char answered[64];			/* the id of the job that was answered last */
	int status;				/* that answer's */

	struct session *session;
	struct mgmt_stream *mgmt;
	struct job_stream *jobs_here;
	unsigned starts, refreshed, stops, lefts, maps;	/* what the hooks heard */
	char left[200];				/* why the last logout was not heard; "" it was */
};

void mgmt_world_open(struct mgmt_world *);
void mgmt_world_close(struct mgmt_world *);	/* one result: nothing is left open */
void mgmt_world_run(struct mgmt_world *, int64_t us);
void mgmt_world_listen(struct mgmt_world *, bool);	/* or nobody: dials are refused */
void mgmt_world_cut(struct mgmt_world *);	/* the newest connection ends, as both sides see it */
void mgmt_world_job(struct mgmt_world *, const char *id);	/* a JobRequest on the stream that stands */
#endif
