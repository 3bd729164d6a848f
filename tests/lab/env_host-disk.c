/* SPDX-License-Identifier: ISC */
/*
 * env_host-disk.c -- files and a database on a disk that is full.
 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lab/env_host.h"
#include "tests/shell.h"
#include "tests/tap.h"

void
test_full_disk(struct world *w)
{
	char path[200];
	uint8_t *bytes = NULL;
	static char big[400000];
	struct env_db *db;
	struct env_db_batch *b;
	struct env_db_value v = { .type = ENV_DB_BLOB, .bytes = big, .len = sizeof big };
	size_t len;
	int err;

	snprintf(path, sizeof path, "%s/full/store.db", lab_dir);
	db = env_db_open(w->env, path, "CREATE TABLE IF NOT EXISTS t (x BLOB)", &err);
	if (!ok(db != NULL, "a database on a small disk"))
		return;
	b = env_db_begin(db);
	v.len = 10;
	env_db_exec(b, "INSERT INTO t VALUES (?)", &v, 1);
	env_db_commit(b, lab_answer, w);
	lab_run(w, 2 * MONO_SEC);
	is_int(w->err, 0, "a small batch fits");
	b = env_db_begin(db);
	v.len = sizeof big;
	for (int i = 0; i < 3; i++)
		env_db_exec(b, "INSERT INTO t VALUES (?)", &v, 1);
	env_db_commit(b, lab_answer, w);
	lab_run(w, 2 * MONO_SEC);
	is_int(w->err, -ENOSPC, "a batch that does not fit is -ENOSPC");
	b = env_db_begin(db);
	v.len = 10;
	env_db_exec(b, "INSERT INTO t VALUES (?)", &v, 1);
	env_db_commit(b, lab_answer, w);
	lab_run(w, 2 * MONO_SEC);
	is_int(w->err, 0, "a small one after it still fits");
	env_db_close(db);
	shell("rm -f %s/full/*", lab_dir);

	snprintf(path, sizeof path, "%s/full/file", lab_dir);
	is_int(env_file_write_now(w->env, path, 0600, "old", 3), 0, "a small file fits");
	for (int i = 0; i < 3; i++) {
		char more[220];

		snprintf(more, sizeof more, "%s%d", path, i);
		env_file_write(w->env, more, 0600, big, sizeof big, lab_answer, w);
		lab_run(w, 2 * MONO_SEC);
	}
	env_file_write(w->env, path, 0600, big, sizeof big, lab_answer, w);
	lab_run(w, 2 * MONO_SEC);
	is_int(w->err, -ENOSPC, "a file that does not fit is -ENOSPC");
	ok(env_file_read(w->env, path, &bytes, &len) == 0 && len == 3 && memcmp(bytes, "old", 3) == 0,
	    "the old one is untouched");
	free(bytes);
	is_int(shell("ls %s/full | grep -q new$", lab_dir), 256, "and nothing is left beside it");
}
