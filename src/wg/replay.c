/* SPDX-License-Identifier: ISC */
/*
 * replay.c -- see replay.h.  Moving the window clears the words it enters.
 */
#include "wg/replay.h"

bool
replay_accept(struct replay *r, uint64_t counter)
{
	uint64_t word = counter / 64, bit = UINT64_C(1) << (counter % 64), *w;

	if (counter == UINT64_MAX || (r->next > REPLAY_WINDOW && counter < r->next - REPLAY_WINDOW))
		return false;
	if (counter >= r->next) {
		/* words in use until now: those up to that of next - 1 */
		uint64_t have = r->next == 0 ? 0 : (r->next - 1) / 64;
		uint64_t enter = word - have;

		if (enter > REPLAY_WORDS)
			enter = REPLAY_WORDS;
		for (uint64_t i = 1; i <= enter; i++)
			r->seen[(have + i) % REPLAY_WORDS] = 0;
		r->next = counter + 1;
	}
	w = &r->seen[word % REPLAY_WORDS];
	if ((*w & bit) != 0)
		return false;
	*w |= bit;
	return true;
}
