/* SPDX-License-Identifier: ISC */
/*
 * conform-disk.c -- what env.h promises (conform.h) of files and databases.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/sim/conform.h"
#include "tests/tap.h"

static int done_count, done_err;
static int done_order[16];

static void
on_done(void *arg, int err)
{
	ENTER();
	done_order[done_count % 16] = (int)(intptr_t)arg;
	done_err = err;
	if (++done_count == done_order[15])
		env_stop(env);
	LEAVE();
}

static void
files(void)
{
	char path[200];
	uint8_t *data = NULL;
	size_t len = 0;

	snprintf(path, sizeof path, "%s", in_dir("file"));
	is_int(env_file_read(env, path, &data, &len), -ENOENT, "no file yet");
	done_count = 0;
	done_order[15] = 3;
	env_file_write(env, path, 0600, "one", 3, on_done, (void *)1);
	env_file_write(env, path, 0600, "two", 3, on_done, (void *)2);
	env_file_write(env, path, 0600, "three", 5, on_done, (void *)3);
	is_int(done_count, 0, "writing answers later");
	run("three writes");
	ok(done_order[0] == 1 && done_order[1] == 2 && done_order[2] == 3 && done_err == 0, "writes are done in order");
	ok(env_file_read(env, path, &data, &len) == 0 && len == 5 && memcmp(data, "three", 5) == 0, "the last one stays");
	free(data);
	is_int(env_file_write_now(env, path, 0600, "now", 3), 0, "last words");
	ok(env_file_read(env, path, &data, &len) == 0 && len == 3, "are there at once");
	free(data);
	is_int(env_file_remove(env, path), 0, "removed");
	is_int(env_file_remove(env, path), 0, "twice does no harm");
	is_int(env_file_read(env, path, &data, &len), -ENOENT, "and gone");
	is_int(env_dir_lock(env, in_dir("state"), 0700), 0, "a folder is made and locked");
	is_int(env_dir_lock(env, in_dir("state"), 0700), -EWOULDBLOCK, "once");
	unlink(in_dir("state/lock"));
}

static int rows;
static int64_t last_num;
static char last_text[64];

static void
on_row(void *arg, const struct env_db_value *v, int n)
{
	rows++;
	last_num = v[0].num;
	if (n > 1 && v[1].type == ENV_DB_TEXT)
		snprintf(last_text, sizeof last_text, "%s", (const char *)v[1].bytes);
}

static struct env_db_value
num(int64_t v)
{
	return (struct env_db_value){ .type = ENV_DB_INT, .num = v };
}

static struct env_db_value
text(const char *s)
{
	return (struct env_db_value){ .type = ENV_DB_TEXT, .bytes = s, .len = strlen(s) };
}

static void
add(struct env_db *db, int64_t n, const char *s, intptr_t id)
{
	struct env_db_batch *b = env_db_begin(db);
	struct env_db_value v[2] = { num(n), text(s) };

	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	env_db_commit(b, on_done, (void *)id);
}

static void
databases(void)
{
	static const char schema[] = "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, s TEXT);"
	    "CREATE TABLE IF NOT EXISTS child(n INTEGER REFERENCES t(n));";
	char path[200];
	struct env_db *db;
	struct env_db_batch *b;
	struct env_db_value v[2];
	int err = 1;

	snprintf(path, sizeof path, "%s", in_dir("db"));
	db = env_db_open(env, path, schema, &err);
	ok(db != NULL && err == 0, "a database");
	done_count = 0;
	done_order[15] = 2;
	add(db, 1, "one", 1);
	add(db, 2, "two", 2);
	is_int(done_count, 0, "a commit answers later");
	run("two commits");
	ok(done_order[0] == 1 && done_order[1] == 2 && done_err == 0, "in order");
	rows = 0;
	is_int(env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL), 0, "reading");
	ok(rows == 2 && last_num == 2 && strcmp(last_text, "two") == 0, "two rows");

	b = env_db_begin(db);	/* the second statement fails: none of it is done */
	v[0] = num(3);
	v[1] = text("three");
	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	v[0] = num(1);
	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	done_count = 0;
	done_order[15] = 1;
	env_db_commit(b, on_done, (void *)1);
	run("a failing commit");
	ok(done_err < 0, "a broken constraint fails the batch");
	b = env_db_begin(db);
	v[0] = num(99);
	env_db_exec(b, "INSERT INTO child(n) VALUES (?)", v, 1);
	done_count = 0;
	env_db_commit(b, on_done, (void *)1);
	run("a foreign key");
	ok(done_err < 0, "foreign keys are enforced");
	rows = 0;
	env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL);
	is_int(rows, 2, "which leaves the database as it was");
	add(db, 4, "four", 4);
	env_db_close(db);
	db = env_db_open(env, path, schema, &err);
	rows = 0;
	env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL);
	ok(rows == 3 && last_num == 4, "closing waits for what is under way");
	ok(env_db_read(db, "SELECT nonsense", on_row, NULL) < 0, "bad SQL is an error");
	env_db_close(db);
}

int
main(void)
{
	if (!conform_begin())
		return 99;
	files();
	databases();
	is_int(broken, 0, "the rule of turns held throughout");
	return conform_end() ? tap_done() : 99;
}
