/* SPDX-License-Identifier: ISC */
/*
 * beat.c -- learning from cuts.
 */
#include "base/log.h"
#include "server/beat.h"

void
server_beat_init(struct server_beat *b, int64_t most_us)
{
	*b = (struct server_beat){ .most_us = most_us, .us = most_us };
}

bool
server_beat_cut(struct server_beat *b, struct mono opened, struct mono active, struct mono now)
{
	int64_t age = mono_diff(now, active), apart = age - b->age_us, slack = b->age_us / 10;
	int64_t us;

	if (mono_is_set(b->cut_at) && mono_before(opened, b->cut_at))
		return false;
	if (slack < 200 * MONO_MS)
		slack = 200 * MONO_MS;
	b->row = b->row > 0 && apart <= slack && apart >= -slack ? b->row + 1 : 1;
	b->cut_at = now;
	b->age_us = age;
	if (b->row < SERVER_BEAT_CUTS || age < SERVER_BEAT_LEAST)
		return false;
	us = age / 2 > SERVER_BEAT_LEAST ? age / 2 : SERVER_BEAT_LEAST;
	if (us >= b->us)
		return false;
	b->us = us;
	b->row = 0;
	log_info("server", "streams are cut after %lld ms of silence: heartbeats every %lld ms from now on",
	    (long long)(age / MONO_MS), (long long)(us / MONO_MS));
	return true;
}
