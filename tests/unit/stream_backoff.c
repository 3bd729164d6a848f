/* SPDX-License-Identifier: ISC */
/*
 * stream_backoff.c -- the back-off of long-lived streams (story 1 of the tables): the
 * real Sync and signal clients and a server that cuts, serves or refuses as the
 * test says (backoff-world.h).
 *
 * Looked at is the base interval, not the randomised wait: it grows to 10 s
 * under a server that accepts and cuts before the first message, and is the
 * first again after a stream that served.
 */
#include <string.h>
#include "backoff-world.h"
#include "tests/tap.h"

static void
test_sync(void)
{
	struct world w;
	int n, conns;

	world_make(&w);
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_START, NULL);
	run(&w, 300 * MONO_SEC);
	ok(w.mgmt->backoff.base == 10 * MONO_SEC, "Sync cut before its first message, five minutes: the base is 10 s (%lld ms)",
	    (long long)(w.mgmt->backoff.base / MONO_MS));
	ok(w.syncs > 15 && w.syncs < 75, "tries: %d", w.syncs);
	is_int(w.conns, w.syncs, "each on a connection of its own");
	w.mode = CANCELED;
	n = w.syncs;
	run(&w, 100 * MONO_SEC);
	ok(w.syncs > n, "Canceled that is not ours is retried");
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && w.told == 1, "served: up, one map");
	ok(w.mgmt->backoff.base == 0 || w.mgmt->backoff.base == 800 * MONO_MS, "the first message makes the base the first again");
	run(&w, MONO_HOUR);
	ok(mgmt_stream_is_up(w.mgmt) && w.told == 1, "an hour later: the same stream");
	conns = w.conns;
	grpc_finish(w.sync, GRPC_UNAVAILABLE, "cut");
	w.sync = NULL;
	run(&w, 50 * MONO_MS);
	ok(w.told == 2 && w.conns == conns + 1, "cut after an hour: synchronised again at once, on a new connection");
	w.mode = FORBID;
	grpc_finish(w.sync, GRPC_OK, NULL);
	w.sync = NULL;
	n = w.syncs;
	run(&w, 60 * MONO_SEC);
	ok(w.denied == 0 && w.syncs > n + 2, "a proxy's 403 is not PermissionDenied: retried (%d times in a minute)", w.syncs - n);
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt), "and up when it is gone");
	w.mode = DENY;
	grpc_finish(w.sync, GRPC_OK, NULL);
	w.sync = NULL;
	run(&w, 10 * MONO_SEC);
	ok(w.denied == 1, "PermissionDenied is told");
	n = w.syncs;
	run(&w, MONO_HOUR);
	is_int(w.syncs, n, "and is final");
	ok(world_end(&w), "nothing is left open");
}

static void
test_signal(void)
{
	struct world w;
	int n, conns;

	world_make(&w);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	run(&w, 300 * MONO_SEC);
	ok(w.signal->backoff.base == 10 * MONO_SEC, "signal cut before it registered, five minutes: the base is 10 s");
	is_int(w.conns, w.connects, "each try on a connection of its own");
	w.mode = SERVE;
	run(&w, 30 * MONO_SEC);
	ok(signal_stream_is_up(w.signal) && w.ups == 1, "served: up, told once");
	ok(w.signal->backoff.base == 0 || w.signal->backoff.base == 800 * MONO_MS, "the first message makes the base the first again");
	conns = w.conns;
	grpc_finish(w.letters, GRPC_CANCELED, "context canceled");
	w.letters = NULL;
	run(&w, 50 * MONO_MS);
	ok(signal_stream_is_up(w.signal) && w.conns == conns + 1, "Canceled by a proxy: up again at once, on a new connection");
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_STOP, NULL);
	run(&w, MONO_SEC);
	n = w.connects;
	run(&w, MONO_HOUR);
	ok(w.connects == n && !signal_stream_is_up(w.signal), "stopped by ourselves: stopped");
	ok(world_end(&w), "nothing is left open");
}

/* A quarter of a year: the clock jumps, or each try would be played. */
#define DAYS(n)	((n) * 24 * MONO_HOUR)

static void
test_months(void)
{
	struct world w;
	int n;

	world_make(&w);
	w.mode = SERVE;
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_START, NULL);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_START, NULL);
	run(&w, 30 * MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && signal_stream_is_up(w.signal), "both streams served");
	w.env->clock.now += DAYS(100);	/* management had nothing to say; signal hears its own probe */
	say_letter(&w);
	run(&w, MONO_SEC);
	w.mode = CUT;
	grpc_finish(w.sync, GRPC_UNAVAILABLE, "cut");
	grpc_finish(w.letters, GRPC_UNAVAILABLE, "cut");
	w.sync = w.letters = NULL;
	run(&w, 10 * MONO_MIN);
	ok(w.mgmt->fsm.state != MGMT_STREAM_SPENT && w.syncs > 10, "a hundred good days, then cuts: Sync is tried on");
	ok(w.signal->fsm.state != SIGNAL_STREAM_SPENT && w.connects > 10, "so is signal");
	ok(w.mgmt->backoff.base == 10 * MONO_SEC && w.signal->backoff.base == 10 * MONO_SEC, "at 10 s");
	w.env->clock.now += DAYS(89);
	n = w.syncs + w.connects;
	run(&w, 10 * MONO_MIN);
	ok(w.syncs + w.connects > n, "89 days later: still");
	w.env->clock.now += DAYS(1);
	run(&w, 10 * MONO_MIN);
	n = w.syncs + w.connects;
	ok(w.mgmt->fsm.state == MGMT_STREAM_SPENT && w.signal->fsm.state == SIGNAL_STREAM_SPENT, "three months after the last good one: given up");
	ok(strstr(mgmt_stream_why(w.mgmt), "three months") != NULL, "and said: %s", mgmt_stream_why(w.mgmt));
	run(&w, DAYS(1));
	is_int(w.syncs + w.connects, n, "nobody dials any more");
	w.mode = SERVE;
	mgmt_stream_post(w.mgmt, MGMT_STREAM_EV_NET_CHANGE, NULL);
	signal_stream_post(w.signal, SIGNAL_STREAM_EV_NUDGE, NULL);
	run(&w, MONO_SEC);
	ok(mgmt_stream_is_up(w.mgmt) && signal_stream_is_up(w.signal), "a new network, or who reached the server, begins anew");
	ok(world_end(&w), "nothing is left open");
}

int
main(void)
{
	test_sync();
	test_signal();
	test_months();
	return tap_done();
}
