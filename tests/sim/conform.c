/* SPDX-License-Identifier: ISC */
/*
 * conform.c -- the env of conform.h, and the rule of turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include "tests/sim/conform.h"

struct env *env;
int depth, turn_ends, broken;
static char dir[] = "/tmp/godwit-conform.XXXXXX";
static bool late;

static void
on_turn_end(void *arg)
{
	if (depth != 0)
		broken++;	/* a hook while a callback is on the stack */
	turn_ends++;
}

bool
conform_begin(void)
{
	if (mkdtemp(dir) == NULL)
		return false;
	env = env_new();
	env_on_turn_end(env, on_turn_end, NULL);
	return true;
}

bool
conform_end(void)
{
	char cmd[100];

	env_free(env);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) == 0;
}

const char *
in_dir(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
stop_fn(void *arg)
{
	ENTER();
	env_stop(env);
	LEAVE();
}

static void
on_limit(void *arg)
{
	late = true;
	stop_fn(arg);
}

bool
ran(void)
{
	struct env_timer *limit = env_timer_new(env, on_limit, NULL);

	late = false;
	env_timer_set(limit, 20 * MONO_SEC);
	env_run(env);
	env_timer_free(limit);
	return !late;
}

void
run_for(int64_t us)
{
	struct env_timer *t = env_timer_new(env, stop_fn, NULL);

	env_timer_set(t, us);
	env_run(env);
	env_timer_free(t);
}
