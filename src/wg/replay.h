/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_REPLAY_H
#define GODWIT_WG_REPLAY_H
/*
 * replay.h -- which counters of a key have been seen: RFC 6479, a ring of bits
 * that is never shifted.  A counter more than REPLAY_WINDOW behind the greatest
 * counts as seen.
 */
#include <stdbool.h>
#include <stdint.h>

#define REPLAY_BITS	8192
#define REPLAY_WORDS	(REPLAY_BITS / 64)
#define REPLAY_WINDOW	(REPLAY_BITS - 64)

struct replay {
	uint64_t next;		/* greatest seen, plus one */
	uint64_t seen[REPLAY_WORDS];
};

/* True the first time; only for counters of authentic packets. */
bool replay_accept(struct replay *, uint64_t counter);
#endif
