/* SPDX-License-Identifier: ISC */
/*
 * replay.h -- read by the search of peers-world: does the model come along with
 * what two agents did?  observed.h, made by replay.sh, has
 *
 *	visible[MACHINES][ROWS][STATES]
 *	observed[] of { agent, life, rows, { machine * 1000 + line ... } }, OBSERVED
 *
 * In the state vector are pos (turns that were met so far), lives[] and off (this
 * is not what happened).  The rows of the turn under way are not: a turn is one
 * step of the search.
 */
#include "observed.h"

static int turn_row[64], turn_n;
static int far_pos, far_first, far_rows[64], far_n;

static void
replay_begin(void)
{
	turn_n = 0;
}

static void
replay_row(int machine, int line, int state)
{
	if (visible[machine][line][state] && turn_n < 64)
		turn_row[turn_n++] = machine * 1000 + line;
}

static int
next_life(int agent, int pos)
{
	for (; pos < OBSERVED; pos++)
		if (observed[pos].agent == agent)
			return observed[pos].life;
	return 255;
}

/* After a turn of the model: 0 nothing was seen of it, 1 it is the next, 2 it is not. */
static int
replay_turn(int agent, int pos, int life)
{
	if (turn_n == 0)
		return life > next_life(agent, pos) ? 2 : 0;
	if (pos >= OBSERVED || observed[pos].agent != agent || observed[pos].life != life || observed[pos].n != turn_n ||
	    memcmp(observed[pos].row, turn_row, sizeof(int) * (size_t)turn_n) != 0)
		return 2;
	if (pos + 1 > far_pos) {
		far_pos = pos + 1;
		fprintf(stderr, "came to %d of %d\n", far_pos, OBSERVED);
	}
	return 1;
}
