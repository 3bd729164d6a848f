/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_KETTLE_WORLD_H
#define GODWIT_TESTS_KETTLE_WORLD_H
/*
 * kettle-world.h -- the machine of tests/gen/kettle.fsm, in an env that is a clock which
 * the test moves and nothing else.  Its actions write down that they ran.
 */
#include <stdbool.h>
#include "env/env.h"
#include "tests/gen/kettle-machine.h"
#include "tests/unit/fake-clock.h"

struct env {
	struct fake_clock clock;
	void (*turn)(void *);
	void *turn_arg;
};

/* Lets time pass; one turn per timer, or one for all that are due when `together`. */
void pass(struct env *, int64_t us, bool together);

void kettle_init(struct kettle *, struct fsm_loop *, const char *subject);
void kettle_fini(struct kettle *);
void note(struct kettle *, const char *what);
const char *taken(struct kettle *);	/* what was written down since the last call */

/* Data is counted, so that a leak or a double free shows. */
extern int data_alive;
struct fsm_data *leaf(int what);

/* The loop's router: READY to the kettle itself, TEA to its neighbour. */
void kettle_route(void *arg, struct fsm *from, int send, struct fsm_data *);
extern int heard_tea, heard_what;
/* Every step, one behind the other. */
void kettle_trace(void *arg, const struct fsm_trace *);
extern char trace_text[1024];
#endif
