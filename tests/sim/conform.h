/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_CONFORM_H
#define GODWIT_TESTS_SIM_CONFORM_H
/*
 * conform.h -- what env.h promises, asked of both worlds.
 *
 * Each conform-*.c is linked twice, with libenv.a and with libsim.a, and must
 * pass on both.  Wherever a scenario relies on the simulator, the promise behind
 * it is tested here.  The rule of turns is watched all the time: every callback
 * begins with ENTER() and ends with LEAVE().
 */
#include <stdbool.h>
#include <stdint.h>
#include "env/env.h"

extern struct env *env;
extern int depth, turn_ends, broken;	/* broken: a promise, by anybody */

#define ENTER()	do { if (depth++ != 0) broken++; } while (0)
#define LEAVE()	do { depth--; } while (0)

bool conform_begin(void);	/* env, and a folder; false: no folder */
bool conform_end(void);		/* both gone; false: the folder stayed */
const char *in_dir(const char *name);	/* a path in it; good until the next call */

bool ran(void);			/* until env_stop; false: 20 s went by */
void run_for(int64_t us);
#define run(what)	do { if (!ran()) ok(false, "%s came in time", what); } while (0)
#endif
