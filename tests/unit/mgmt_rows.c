/* SPDX-License-Identifier: ISC */
/*
 * mgmt_rows.c -- the Sync and Job streams at a server that is silent, is another,
 * refuses, has no such service, or speaks at once (mgmt-world.h).
 */
#include <string.h>
#include "net_pipes.h"
#include "tests/tap.h"
#include "tests/unit/mgmt-world.h"

#define SYNC(w, ev)	mgmt_stream_post((w)->mgmt, MGMT_STREAM_EV_ ## ev, NULL)
#define JOB(w, ev)	job_stream_post((w)->jobs_here, JOB_STREAM_EV_ ## ev, NULL)
#define FIRST		(800 * MONO_MS)

static void
test_sync(void)
{
	struct mgmt_world w;
	unsigned n;

	mgmt_world_open(&w);
	w.sync.deed = HANG;
	SYNC(&w, START);
	SYNC(&w, START);
	SYNC(&w, TRY_AGAIN);
	mgmt_world_run(&w, 29 * MONO_SEC);
	ok(w.conns == 1 && w.syncs == 1, "two starts, and a try again, are one dial");
	mgmt_world_run(&w, 33 * MONO_SEC);
	ok(w.syncs == 2 && w.conns == 2, "a server that takes the request and says nothing is given up after 30 s");
	w.conf.pinned = true;
	mgmt_world_run(&w, 3 * MONO_MIN);
	n = w.keys;
	mgmt_world_run(&w, MONO_MIN);
	ok(w.keys > n + 2 && w.keys < n + 30 && w.syncs <= 3 && w.maps == 0, "one with another key than the pinned one is asked for no map");
	ok(strstr(mgmt_stream_why(w.mgmt), "pinned") != NULL, "and it is said: %s", mgmt_stream_why(w.mgmt));
	memcpy(w.conf.pin, w.public, 32);
	w.sync.deed = DO;
	mgmt_world_run(&w, 21 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && w.maps == 1, "the right one: a map");
	n = w.conns;
	SYNC(&w, START);
	SYNC(&w, TRY_AGAIN);
	mgmt_world_run(&w, MONO_MIN);
	ok(mgmt_stream_is_up(w.mgmt) && w.conns == n && w.maps == 1, "a start, or a try again, of what runs changes nothing");
	mgmt_world_close(&w);
}

/* Refused by a server whose Login knows us: tried again, but the two do not chase each other. */
static void
test_sync_again(void)
{
	struct mgmt_world w;

	mgmt_world_open(&w);
	SYNC(&w, TRY_AGAIN);
	fsm_drain(w.loop);
	ok(w.mgmt->fsm.state == MGMT_STREAM_BACKOFF && w.conns == 0, "try again is not at once");
	is_int(w.mgmt->backoff.base, FIRST * 17 / 10, "it counts as a failure");
	mgmt_world_run(&w, 2 * FIRST + MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && w.maps == 1, "and leads to a map");
	mgmt_world_close(&w);
}

static void
test_job_refused(void)
{
	struct mgmt_world w;
	unsigned n;

	mgmt_world_open(&w);
	JOB(&w, STOP);
	mgmt_world_run(&w, MONO_SEC);
	is_int(w.conns, 0, "stop before any start: nothing");
	w.key.deed = HANG;
	JOB(&w, START);
	JOB(&w, START);
	mgmt_world_run(&w, 9 * MONO_SEC);
	is_int(w.conns, 1, "two starts are one dial");
	mgmt_world_run(&w, 51 * MONO_SEC);
	ok(w.conns >= 3 && w.conns <= 6 && w.jobs == 0, "a server that does not say its key is given up after 10 s: %u dials in a minute", w.conns);
	ok(w.jobs_here->backoff.base > 2 * FIRST, "in waits that grow");
	w.key = (struct manner){ REFUSE, GRPC_INTERNAL };
	mgmt_world_run(&w, MONO_MIN);
	ok(w.jobs == 0 && w.jobs_here->backoff.base == 10 * MONO_SEC, "one that refuses its key is no server: waits grow to 10 s");
	w.key.deed = DO;
	w.conf.pinned = true;
	n = w.keys;
	mgmt_world_run(&w, MONO_MIN);
	ok(w.keys > n + 2 && w.keys < n + 30 && w.jobs == 0, "one with another key than the pinned one is not told what we can do");
	w.conf.pinned = false;
	w.job = (struct manner){ REFUSE, GRPC_PERMISSION_DENIED };
	mgmt_world_run(&w, MONO_MIN);
	ok(w.jobs > 2 && w.jobs < 30 && w.jobs_here->backoff.base == 10 * MONO_SEC, "PermissionDenied here is Sync's to judge: asked again in waits of 10 s (%u times in a minute)", w.jobs);
	w.job.code = GRPC_UNIMPLEMENTED;
	mgmt_world_run(&w, MONO_MIN);
	n = w.jobs;
	JOB(&w, START);
	mgmt_world_run(&w, MONO_HOUR);
	ok(w.jobs_here->fsm.state == JOB_STREAM_OFF && w.jobs == n, "no such service: nobody asks again");
	JOB(&w, STOP);
	JOB(&w, START);
	w.job.deed = DO;
	mgmt_world_run(&w, MONO_SEC);
	ok(w.jobbing != NULL, "until the next login");
	mgmt_world_close(&w);
}

/* Refusals alone make the waits grow, of both streams. */
static void
test_refused_from_the_start(void)
{
	struct mgmt_world w;

	mgmt_world_open(&w);
	w.conf.pinned = true;
	SYNC(&w, START);
	mgmt_world_run(&w, 3 * MONO_MIN);
	ok(w.mgmt->backoff.base == 10 * MONO_SEC && w.keys < 40, "another key than the pinned one: waits of 10 s");
	mgmt_world_close(&w);
	mgmt_world_open(&w);
	w.conf.pinned = true;
	JOB(&w, START);
	mgmt_world_run(&w, 3 * MONO_MIN);
	ok(w.jobs_here->backoff.base == 10 * MONO_SEC && w.keys < 40, "the same of the Job stream");
	mgmt_world_close(&w);
	mgmt_world_open(&w);
	w.job = (struct manner){ REFUSE, GRPC_PERMISSION_DENIED };
	JOB(&w, START);
	mgmt_world_run(&w, 3 * MONO_MIN);
	ok(w.jobs_here->backoff.base == 10 * MONO_SEC && w.jobs < 40, "and when it is denied");
	mgmt_world_close(&w);
}

/* A server that has something to say before the stream is a second old. */
static void
test_job_at_once(const char *id)
{
	struct mgmt_world w;

	mgmt_world_open(&w);
	w.job.deed = CUT;
	JOB(&w, START);
	mgmt_world_run(&w, MONO_MIN);
	is_int(w.jobs_here->backoff.base, 10 * MONO_SEC, "a server that cuts: waits of 10 s");
	w.job.deed = DO;
	w.job_at_once = true;
	w.job_id = id;
	while (w.jobbing == NULL)
		pipes_step(w.env, w.env->clock.now + MONO_MIN);
	mgmt_world_run(&w, 100 * MONO_MS);
	ok(w.jobs_here->fsm.state == JOB_STREAM_PROVEN && w.jobs_here->backoff.base == 0, "one that speaks at once is good at once");
	is_str(w.answered, id, id[0] != '\0' ? "its job is answered" : "its beat is not answered");
	JOB(&w, START);
	mgmt_world_run(&w, MONO_HOUR);
	ok(w.jobbing != NULL, "an hour later the stream stands");
	mgmt_world_job(&w, "later");
	mgmt_world_run(&w, MONO_SEC);
	is_str(w.answered, "later", "and so is a job that comes then");
	is_int(w.status, MANAGEMENT__JOB_STATUS__failed, "failed: we do none");
	mgmt_world_close(&w);
}

int
main(void)
{
	test_sync();
	test_sync_again();
	test_job_refused();
	test_refused_from_the_start();
	test_job_at_once("");
	test_job_at_once("soon");
	return tap_done();
}
