/* SPDX-License-Identifier: ISC */
/*
 * env_db.c -- a database on a disk whose sync takes 500 ms: no turn of the loop
 * is longer than 20 ms, what is told to be done is there after kill -9, and a
 * failed batch leaves nothing.  The slow sync is defined here; SQLite in the
 * worker, forked from this program, uses it.
 */
#include "config.h"
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/late.h"
#include "tests/tap.h"

static int slow_us;	/* as it was when the worker was forked */

int
fsync(int fd)
{
	usleep((useconds_t)slow_us);
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	usleep((useconds_t)slow_us);
	return (int)syscall(SYS_fdatasync, fd);
}

struct world {
	struct env *env;
	struct env_timer *limit;
	struct late late;
	int done, want, err[16];
	struct mono begun;
	int rows, columns;
	int64_t first_num;
	char text[64];
};

static char dir[] = "/tmp/godwit-db.XXXXXX";
static char path[100];

static void
on_limit(void *arg)
{
	struct world *w = arg;

	env_stop(w->env);
}

static void
on_done(void *arg, int err)
{
	struct world *w = arg;

	w->err[w->done++] = err;
	if (w->done == w->want)
		env_stop(w->env);
}

static void
on_row(void *arg, const struct env_db_value *v, int n)
{
	struct world *w = arg;

	w->rows++;
	w->columns = n;
	if (v[0].type == ENV_DB_INT)
		w->first_num = v[0].num;
	if (n > 1 && v[1].type == ENV_DB_TEXT)
		snprintf(w->text, sizeof w->text, "%s", (const char *)v[1].bytes);
}

static void
insert(struct env_db *db, int64_t id, const char *name, env_db_done_fn fn, struct world *w)
{
	struct env_db_batch *b = env_db_begin(db);
	struct env_db_value v[3] = {
		{ .type = ENV_DB_INT, .num = id },
		{ .type = ENV_DB_TEXT, .bytes = name, .len = strlen(name) },
		{ .type = ENV_DB_BLOB, .bytes = "\0\1\2", .len = 3 },
	};

	env_db_exec(b, "INSERT INTO peer VALUES (?, ?, ?)", v, 3);
	env_db_commit(b, fn, w);
}

static void
wait_for(struct world *w, int want)
{
	w->want = want;
	env_timer_set(w->limit, 20 * MONO_SEC);
	env_run(w->env);
	env_timer_stop(w->limit);
}

static int
count(struct world *w, struct env_db *db)
{
	w->rows = 0;
	if (env_db_read(db, "SELECT id, name, key FROM peer ORDER BY id DESC", on_row, w) < 0)
		return -1;
	return w->rows;
}

/* Kills our child, or our child's child, of that name. */
static void
kill_child(const char *name)
{
	char cmd[300];

	snprintf(cmd, sizeof cmd, "for s in /proc/[0-9]*/stat; do read -r pid comm state ppid rest <$s || continue; "
	    "[ \"$comm\" = \"(%s)\" ] || continue; read -r a b c grand d </proc/$ppid/stat; "
	    "case %ld in $ppid|$grand) kill -9 $pid;; esac; done 2>/dev/null", name, (long)getpid());
	(void)!system(cmd);
	usleep(100000);
}

int
main(void)
{
	static const char schema[] = "CREATE TABLE IF NOT EXISTS peer (id INTEGER PRIMARY KEY, name TEXT, key BLOB)";
	struct world w = { 0 };
	struct env_db *db;
	int err;

	if (mkdtemp(dir) == NULL)
		return 99;
	snprintf(path, sizeof path, "%s/store.db", dir);
	slow_us = 500000;
	w.env = env_new();
	w.limit = env_timer_new(w.env, on_limit, &w);
	db = env_db_open(w.env, path, schema, &err);
	if (!ok(db != NULL, "a database is made (%d)", err))
		return tap_done();

	insert(db, 1, "first", on_done, &w);
	insert(db, 1, "the same again", on_done, &w);
	insert(db, 2, "second", on_done, &w);
	late_start(&w.late, w.env);
	w.begun = env_now(w.env);
	wait_for(&w, 3);
	late_stop(&w.late);
	ok(mono_diff(env_now(w.env), w.begun) > 800 * MONO_MS, "the disk was slow");
	ok(w.late.ticks > 50, "the loop went on (%d ticks of 5 ms)", w.late.ticks);
	ok(w.late.longest_us < 20 * MONO_MS, "never late by more than 20 ms (%lld us)", (long long)w.late.longest_us);
	ok(env_stalls(w.env)->over_100ms == 0 && env_stalls(w.env)->turns > 50, "and no turn was anywhere near the disk's 500 ms");
	is_int(w.err[0], 0, "the first batch is done");
	is_int(w.err[1], -EEXIST, "one against a constraint is refused");
	is_int(w.err[2], 0, "the next is fine again: in order");

	{
		struct env_db_batch *b = env_db_begin(db);

		env_db_exec(b, "INSERT INTO peer VALUES (7, 'x', NULL)", NULL, 0);
		env_db_exec(b, "INSERT INTO nowhere VALUES (1)", NULL, 0);
		w.done = 0;
		env_db_commit(b, on_done, &w);
		wait_for(&w, 1);
		is_int(w.err[0], -EINVAL, "a batch with a bad statement fails");
	}
	is_int(count(&w, db), 2, "a failed batch leaves nothing");
	is_int(w.columns, 3, "rows have their columns");
	is_int(w.first_num, 1, "numbers");
	is_str(w.text, "first", "and texts");
	insert(db, 3, "third", NULL, NULL);
	is_int(count(&w, db), 3, "reading waits for what is under way");
	insert(db, 4, "fourth", NULL, NULL);
	env_db_close(db);
	env_timer_free(w.limit);
	env_free(w.env);

	/* What was told to be done survives; the loop dies with it on its lips. */
	slow_us = 0;
	{
		int fds[2], status;
		pid_t pid;

		(void)!pipe(fds);
		pid = fork();
		if (pid == 0) {
			struct world c = { .env = env_new(), .want = 1 };

			db = env_db_open(c.env, path, schema, &err);
			insert(db, 5, "fifth", on_done, &c);
			env_run(c.env);
			(void)!write(fds[1], &c.err[0], sizeof(int));
			kill(getpid(), SIGKILL);
		}
		(void)!read(fds[0], &err, sizeof err);
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status) && err == 0, "a process is killed after its batch was done");
	}
	w = (struct world){ .env = env_new() };
	db = env_db_open(w.env, path, schema, &err);
	is_int(count(&w, db), 5, "all that was done, and what close waited for, is there");
	is_int(env_db_read(db, "SELECT nonsense", on_row, &w), -EINVAL, "a bad query is an error");

	/* Somebody kills the worker, then the helper as well. */
	w.limit = env_timer_new(w.env, on_limit, &w);
	for (int round = 0; round < 2; round++) {
		w.done = 0;
		kill_child("godwit-db");
		if (round == 1)
			kill_child("godwit-helper");
		insert(db, 10 + 2 * round, "lost", on_done, &w);
		wait_for(&w, 1);
		ok(w.err[0] == -EIO || w.err[0] == 0, "a batch that a dead worker owes is answered (%d)", w.err[0]);
		w.done = 0;
		insert(db, 11 + 2 * round, "kept", on_done, &w);
		wait_for(&w, 1);
		is_int(w.err[0], 0, "and the next one gets another worker");
	}
	env_timer_free(w.limit);
	env_db_close(db);

	/* A database that is none. */
	{
		FILE *f = fopen(path, "w");

		for (int i = 0; i < 1000; i++)
			fputs("this is no database\n", f);
		fclose(f);
		db = env_db_open(w.env, path, schema, &err);
		ok(db == NULL && err == -EBADMSG, "a file that is no database is refused (%d)", err);
		db = env_db_open(w.env, "/nonexistent/store.db", schema, &err);
		ok(db == NULL && err == -ENOENT, "so is one in a folder that is not there (%d)", err);
	}
	env_free(w.env);
	{
		char cmd[100];

		snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
		is_int(system(cmd), 0, "tidied up");
	}
	return tap_done();
}
