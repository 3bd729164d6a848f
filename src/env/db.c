/* SPDX-License-Identifier: ISC */
/*
 * db.c -- a database behind a process of its own; see db.h for the messages.
 *
 * The loop never waits for the disk.  A batch is encoded here, one message, and
 * its completion is told in order once the worker has it on disk.  Should the
 * worker die, its batches are answered with -EIO and the next batch starts
 * another; SQLite's log sorts out what was half done.
 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/db.h"
#include "env/worker.h"

#define BLOCKING_US	(60 * MONO_SEC)
#define CLOSING_US	(10 * MONO_SEC)	/* the worker folds the log into the database */

enum pending_kind { PENDING_OPEN, PENDING_READ, PENDING_BATCH };

struct pending {
	struct list node;
	enum pending_kind kind;
	env_db_done_fn fn;
	void *arg;
	int err;
};

struct env_db {
	struct env *env;
	struct worker worker;
	char *path, *schema;		/* owned */
	struct list pending, done;
	env_db_row_fn row;		/* of the read under way */
	void *row_arg;
	int blocking_err;		/* of the open or read that somebody waits for */
	bool closed;
};

struct env_db_batch {
	struct env_db *db;
	struct buf statements;
	uint32_t n;
};

static int
ask(struct env_db *db, enum pending_kind kind, const struct buf *m, env_db_done_fn fn, void *arg)
{
	struct pending *p = calloc(1, sizeof *p);
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->kind = kind;
	p->fn = fn;
	p->arg = arg;
	err = buf_bad(m) ? -ENOMEM : worker_send(&db->worker, m);
	if (err < 0) {
		free(p);
		return err;
	}
	list_append(&db->pending, &p->node);
	db->worker.awaited++;
	return 0;
}

static void
answered(struct env_db *db, int err, const char *text)
{
	struct pending *p = LIST_OF(db->pending.next, struct pending, node);

	if (err < 0)
		log_error("env", "database %s: %s (%s)", db->path, text, strerror(-err));
	list_remove(&p->node);
	db->worker.awaited--;
	p->err = err;
	if (p->kind == PENDING_BATCH) {
		list_append(&db->done, &p->node);
		return;
	}
	db->blocking_err = err;
	free(p);
}

static void
read_row(struct env_db *db, struct rd *r)
{
	struct env_db_value v[DB_COLUMNS_MAX];
	uint32_t n = rd_be32(r);

	for (uint32_t i = 0; i < n && i < DB_COLUMNS_MAX; i++)
		v[i] = db_get_value(r);
	if (!r->bad && n <= DB_COLUMNS_MAX && db->row != NULL)
		db->row(db->row_arg, v, (int)n);
}

static void
on_message(void *arg, struct rd *r)
{
	struct env_db *db = arg;

	if (rd_u8(r) == DB_ROW) {
		read_row(db, r);
	} else if (!list_empty(&db->pending)) {
		int err = (int)rd_be32(r);

		answered(db, err, (const char *)r->p);
	}
}

static void
on_death(void *arg)
{
	struct env_db *db = arg;

	while (!list_empty(&db->pending))
		answered(db, -EIO, "the helper ended");
}

/* A worker begins by opening. */
static void
on_start(void *arg)
{
	struct env_db *db = arg;
	struct buf m = { 0 };

	buf_put_u8(&m, DB_OPEN);
	buf_put(&m, db->schema, strlen(db->schema) + 1);
	ask(db, PENDING_OPEN, &m, NULL, NULL);
	buf_free(&m);
}

static void
deliver(void *arg)
{
	struct env_db *db = arg;

	while (!db->closed && !list_empty(&db->done)) {
		struct pending *p = LIST_OF(db->done.next, struct pending, node);

		list_remove(&p->node);
		if (p->fn != NULL) {
			loop_turn_begin(db->env);
			p->fn(p->arg, p->err);
			loop_turn_end(db->env);
		}
		free(p);
	}
}

struct env_db *
env_db_open(struct env *env, const char *path, const char *schema_sql, int *err)
{
	struct env_db *db = calloc(1, sizeof *db);

	*err = -ENOMEM;
	if (db == NULL)
		return NULL;
	db->env = env;
	list_init(&db->pending);
	list_init(&db->done);
	db->path = strdup(path);
	db->schema = strdup(schema_sql);
	if (worker_init(&db->worker, env, HELPER_DB, path) < 0 || db->path == NULL || db->schema == NULL)
		goto fail;
	db->worker.on_message = on_message;
	db->worker.on_death = on_death;
	db->worker.on_start = on_start;
	db->worker.deliver = deliver;
	db->worker.arg = db;
	*err = worker_start(&db->worker);
	if (*err == 0)
		*err = worker_drain(&db->worker, BLOCKING_US);
	if (*err == 0)
		*err = db->blocking_err;
	if (*err == 0)
		return db;
fail:
	worker_fini(&db->worker);
	free(db->path);
	free(db->schema);
	free(db);
	return NULL;
}

int
env_db_read(struct env_db *db, const char *sql, env_db_row_fn fn, void *arg)
{
	struct buf m = { 0 };
	int err;

	buf_put_u8(&m, DB_READ);
	buf_put(&m, sql, strlen(sql) + 1);
	/* What is under way is done first, so that its rows are seen. */
	err = worker_drain(&db->worker, BLOCKING_US);
	if (err == 0)
		err = ask(db, PENDING_READ, &m, NULL, NULL);
	buf_free(&m);
	if (err < 0)
		return err;
	db->row = fn;
	db->row_arg = arg;
	err = worker_drain(&db->worker, BLOCKING_US);
	db->row = NULL;
	return err < 0 ? err : db->blocking_err;
}

struct env_db_batch *
env_db_begin(struct env_db *db)
{
	struct env_db_batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		fatal("env", "no memory for a database batch");
	b->db = db;
	return b;
}

void
env_db_exec(struct env_db_batch *b, const char *sql, const struct env_db_value *v, int n)
{
	buf_put_be32(&b->statements, (uint32_t)strlen(sql) + 1);
	buf_put(&b->statements, sql, strlen(sql) + 1);
	buf_put_be32(&b->statements, (uint32_t)n);
	for (int i = 0; i < n; i++)
		db_put_value(&b->statements, &v[i]);
	b->n++;
}

int
env_db_commit(struct env_db_batch *b, env_db_done_fn fn, void *arg)
{
	struct buf m = { 0 };
	int err = -ENOMEM;

	buf_put_u8(&m, DB_BATCH);
	buf_put_be32(&m, b->n);
	buf_put(&m, buf_bytes(&b->statements), buf_len(&b->statements));
	if (!buf_bad(&b->statements))
		err = ask(b->db, PENDING_BATCH, &m, fn, arg);
	buf_wipe(&m);
	buf_wipe(&b->statements);
	free(b);
	return err;
}

static void
free_all(struct list *head)
{
	while (!list_empty(head)) {
		struct pending *p = LIST_OF(head->next, struct pending, node);

		list_remove(&p->node);
		free(p);
	}
}

void
env_db_close(struct env_db *db)
{
	if (db == NULL)
		return;
	worker_drain(&db->worker, BLOCKING_US);
	worker_see_off(&db->worker, CLOSING_US);
	db->closed = true;
	worker_fini(&db->worker);
	free_all(&db->pending);
	free_all(&db->done);
	free(db->path);
	free(db->schema);
	db->path = db->schema = NULL;
	loop_bury(db->env, db);
}
