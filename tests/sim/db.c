/* SPDX-License-Identifier: ISC */
/*
 * db.c -- databases: one SQLite handle in memory a path, of the host's disk; a
 * batch is one transaction, carried out at its completion.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/disk.h"

struct base {			/* on the disk */
	struct list all;
	char *path;
	sqlite3 *sql;
};

struct statement {
	struct list in_batch;
	char *sql;
	struct env_db_value *v;
	int n;
};

struct env_db_batch {
	struct list in_db;
	struct env_db *db;
	struct list statements;
	struct ev ev;
	env_db_done_fn fn;
	void *arg;
};

struct env_db {
	struct list in_env;	/* first */
	struct env *env;
	struct base *base;
	struct list batches;
};

static int
sql_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

struct env_db *
env_db_open(struct env *e, const char *path, const char *schema_sql, int *err)
{
	struct base *b = NULL;
	struct env_db *db;
	int rc = SQLITE_OK;

	LIST_EACH(l, &e->host->dbs)
		if (strcmp(LIST_OF(l, struct base, all)->path, path) == 0)
			b = LIST_OF(l, struct base, all);
	if (b == NULL) {
		b = calloc(1, sizeof *b);
		if (b == NULL)
			fatal("sim", "no memory");
		b->path = disk_copy(path, strlen(path));
		rc = sqlite3_open_v2(":memory:", &b->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(b->sql, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
		list_append(&e->host->dbs, &b->all);
	}
	if (rc == SQLITE_OK && schema_sql != NULL && !e->dead)
		rc = sqlite3_exec(b->sql, schema_sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		log_warnx("sim", "%s: %s", path, sqlite3_errmsg(b->sql));
	if (err != NULL)
		*err = sql_error(rc);
	if (rc != SQLITE_OK || (db = calloc(1, sizeof *db)) == NULL)
		return NULL;
	db->env = e;
	db->base = b;
	list_init(&db->batches);
	list_append(&e->dbs, &db->in_env);
	return db;
}

static void
row_tell(sqlite3_stmt *st, env_db_row_fn fn, void *arg)
{
	struct env_db_value v[64] = { { 0 } };
	int n = sqlite3_column_count(st);

	for (int i = 0; i < n && i < 64; i++)
		switch (sqlite3_column_type(st, i)) {
		case SQLITE_NULL:
			v[i].type = ENV_DB_NULL;
			break;
		case SQLITE_INTEGER:
			v[i].type = ENV_DB_INT;
			v[i].num = sqlite3_column_int64(st, i);
			break;
		case SQLITE_BLOB:
			v[i].type = ENV_DB_BLOB;
			v[i].bytes = sqlite3_column_blob(st, i);
			v[i].len = (size_t)sqlite3_column_bytes(st, i);
			break;
		default:
			v[i].type = ENV_DB_TEXT;
			v[i].bytes = sqlite3_column_text(st, i);
			v[i].len = (size_t)sqlite3_column_bytes(st, i);
		}
	fn(arg, v, n);
}

int
env_db_read(struct env_db *db, const char *sql, env_db_row_fn fn, void *arg)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->base->sql, sql, -1, &st, NULL);

	if (rc != SQLITE_OK) {
		log_warnx("sim", "%s: %s", sql, sqlite3_errmsg(db->base->sql));
		return sql_error(rc);
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		row_tell(st, fn, arg);
	sqlite3_finalize(st);
	return sql_error(rc);
}

static void batch_run(void *);

struct env_db_batch *
env_db_begin(struct env_db *db)
{
	struct env_db_batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->db = db;
	list_init(&b->in_db);
	list_init(&b->statements);
	env_ev_init(db->env, &b->ev, batch_run, b);
	return b;
}

void
env_db_exec(struct env_db_batch *b, const char *sql, const struct env_db_value *v, int n)
{
	struct statement *s = calloc(1, sizeof *s);

	if (s == NULL)
		fatal("sim", "no memory");
	s->sql = disk_copy(sql, strlen(sql));
	s->n = n;
	s->v = n > 0 ? disk_copy(v, (size_t)n * sizeof *v) : NULL;
	for (int i = 0; i < n; i++)
		if (v[i].type == ENV_DB_TEXT || v[i].type == ENV_DB_BLOB)
			s->v[i].bytes = disk_copy(v[i].bytes, v[i].len);
	list_append(&b->statements, &s->in_batch);
}

static int
statement_do(sqlite3 *sql, const struct statement *s)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(sql, s->sql, -1, &st, NULL);

	for (int i = 0; rc == SQLITE_OK && i < s->n; i++) {
		const struct env_db_value *v = &s->v[i];

		switch (v->type) {
		case ENV_DB_NULL:
			rc = sqlite3_bind_null(st, i + 1);
			break;
		case ENV_DB_INT:
			rc = sqlite3_bind_int64(st, i + 1, v->num);
			break;
		case ENV_DB_TEXT:
			rc = sqlite3_bind_text(st, i + 1, v->bytes, (int)v->len, SQLITE_STATIC);
			break;
		case ENV_DB_BLOB:
			rc = sqlite3_bind_blob(st, i + 1, v->bytes, (int)v->len, SQLITE_STATIC);
			break;
		}
	}
	while (rc == SQLITE_OK || rc == SQLITE_ROW)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return sql_error(rc);
}

static int
batch_do(struct env_db_batch *b)
{
	sqlite3 *sql = b->db->base->sql;
	struct sim_host *h = b->db->env->host;
	int err = disk_error(h);

	if (err == 0) {
		sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		LIST_EACH(l, &b->statements) {
			struct statement *s = LIST_OF(l, struct statement, in_batch);

			err = statement_do(sql, s);
			if (err != 0) {
				log_warnx("sim", "%s: %s", s->sql, sqlite3_errmsg(sql));
				break;
			}
		}
		sqlite3_exec(sql, err == 0 ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
	}
	sim_mark(h->sim, "commit", h->id, list_count(&b->statements), (uint64_t)-err);
	return err;
}

static void
batch_free(struct env_db_batch *b)
{
	LIST_EACH(l, &b->statements) {
		struct statement *s = LIST_OF(l, struct statement, in_batch);

		for (int i = 0; i < s->n; i++)
			if (s->v[i].type == ENV_DB_TEXT || s->v[i].type == ENV_DB_BLOB)
				free((void *)(uintptr_t)s->v[i].bytes);
		free(s->v);
		free(s->sql);
		free(s);
	}
	ev_stop(b->db->env->sim, &b->ev);
	list_remove(&b->in_db);
	free(b);
}

static void
batch_run(void *arg)
{
	struct env_db_batch *b = arg;
	struct env *e = b->db->env;
	env_db_done_fn fn = b->fn;
	void *fn_arg = b->arg;
	int err = batch_do(b);

	batch_free(b);
	if (fn != NULL) {
		turn_begin(e);
		fn(fn_arg, err);
		turn_end(e);
	}
}

int
env_db_commit(struct env_db_batch *b, env_db_done_fn fn, void *arg)
{
	struct env *e = b->db->env;

	b->fn = fn;
	b->arg = arg;
	if (e->dead) {
		batch_free(b);
		return 0;
	}
	list_append(&b->db->batches, &b->in_db);
	ev_set(e->sim, &b->ev, disk_time(e->host));
	return 0;
}

void
env_db_close(struct env_db *db)
{
	if (db == NULL)
		return;
	while (!list_empty(&db->batches)) {
		struct env_db_batch *b = LIST_OF(db->batches.next, struct env_db_batch, in_db);

		batch_do(b);
		batch_free(b);
	}
	list_remove(&db->in_env);
	free(db);
}

void
dbs_kill(struct env *e, bool power)
{
	LIST_EACH(l, &e->dbs) {
		struct env_db *db = LIST_OF(l, struct env_db, in_env);
		size_t k = disk_carried_out(e, list_count(&db->batches), power);

		while (!list_empty(&db->batches)) {
			struct env_db_batch *b = LIST_OF(db->batches.next, struct env_db_batch, in_db);

			if (k > 0 && k--)
				batch_do(b);
			batch_free(b);
		}
	}
}

void
dbs_free(struct sim_host *h)
{
	LIST_EACH(l, &h->dbs) {
		struct base *b = LIST_OF(l, struct base, all);

		list_remove(&b->all);
		sqlite3_close(b->sql);
		free(b->path);
		free(b);
	}
}
