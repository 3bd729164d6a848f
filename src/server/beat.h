/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_BEAT_H
#define GODWIT_SERVER_BEAT_H
/*
 * beat.h -- how long a stream may be silent before it gets a heartbeat.
 *
 * As configured, until streams are seen to be cut at a constant idle age: then a
 * proxy stands between that takes silence for death, and half that age serves.
 * (Issue 4, story 4.)
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/mono.h"

#define SERVER_BEAT_LEAST	(500 * MONO_MS)
#define SERVER_BEAT_CUTS	3	/* in a row, at one age, make a proxy */

struct server_beat {
	int64_t most_us;	/* as configured; 0: no heartbeats */
	int64_t us;		/* in force */
	struct mono cut_at;	/* the last cut that counted */
	int64_t age_us;		/* its idle age */
	unsigned row;		/* cuts in a row at about that age */
};

void server_beat_init(struct server_beat *, int64_t most_us);
/* A stream that was opened at `opened`, and last sent or received something at
 * `active`, was ended by the far end now.  Counts only if it was opened after the
 * cut before it: many that fall together are one event.  True when the interval
 * became shorter. */
bool server_beat_cut(struct server_beat *, struct mono opened, struct mono active, struct mono now);
#endif
