/* SPDX-License-Identifier: ISC */
/*
 * disk.c -- files, the folder lock, and databases in memory.
 *
 * A host's disk outlives its programs.  A write becomes visible when it is
 * complete, some milliseconds later; of what is under way when a process is
 * killed or the power fails, a prefix (in order, its length by chance) was still
 * carried out.  A database is one SQLite handle in memory a path; a batch is one
 * transaction, carried out at its completion.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

/* ---- faults -------------------------------------------------------------------- */

void
sim_disk(struct sim_host *h, const struct sim_disk_faults *f)
{
	static const struct sim_disk_faults well = { .delay = 2 * MONO_MS, .jitter = 3 * MONO_MS };

	h->disk = f != NULL ? *f : well;
	sim_mark(h->sim, "disk", h->id, (uint64_t)h->disk.delay, h->disk.full);
}

static int
disk_error(const struct sim_host *h)
{
	return h->disk.full ? -ENOSPC : h->disk.broken ? -EIO : 0;
}

static int64_t
disk_time(struct sim_host *h)
{
	int64_t at = h->sim->now + h->disk.delay + (int64_t)prng_below(&h->kernel, (uint64_t)h->disk.jitter + 1);

	if (at < h->disk_busy)
		at = h->disk_busy;
	h->disk_busy = at;
	return at;
}

/* ---- files ---------------------------------------------------------------------- */

struct file {
	struct list all;
	char *path;
	unsigned mode;
	uint8_t *data;
	size_t len;
};

struct wr {
	struct list in_env;
	struct ev ev;
	struct env *env;
	struct file new;
	env_file_fn fn;
	void *arg;
};

static void *
copy_of(const void *data, size_t len)
{
	uint8_t *c = malloc(len + 1);

	if (c == NULL)
		fatal("sim", "no memory");
	if (len > 0)
		memcpy(c, data, len);
	c[len] = '\0';
	return c;
}

static struct file *
file_find(struct sim_host *h, const char *path)
{
	LIST_EACH(l, &h->files) {
		struct file *f = LIST_OF(l, struct file, all);

		if (strcmp(f->path, path) == 0)
			return f;
	}
	return NULL;
}

static void
file_set(struct sim_host *h, const char *path, unsigned mode, const void *data, size_t len)
{
	struct file *f = file_find(h, path);

	if (f == NULL) {
		f = calloc(1, sizeof *f);
		if (f == NULL)
			fatal("sim", "no memory");
		f->path = copy_of(path, strlen(path));
		list_append(&h->files, &f->all);
	}
	free(f->data);
	f->data = copy_of(data, len);
	f->len = len;
	f->mode = mode;
}

void
sim_file_put(struct sim_host *h, const char *path, const void *data, size_t len)
{
	file_set(h, path, 0600, data, len);
}

const uint8_t *
sim_file_get(struct sim_host *h, const char *path, size_t *len)
{
	struct file *f = file_find(h, path);

	if (f == NULL)
		return NULL;
	*len = f->len;
	return f->data;
}

int
env_file_read(struct env *e, const char *path, uint8_t **out, size_t *len)
{
	struct file *f = file_find(e->host, path);

	if (f == NULL)
		return -ENOENT;
	*out = copy_of(f->data, f->len);
	*len = f->len;
	return 0;
}

static void
write_free(struct wr *w)
{
	ev_stop(w->env->sim, &w->ev);
	list_remove(&w->in_env);
	free(w->new.path);
	free(w->new.data);
	free(w);
}

static int
write_do(struct wr *w)
{
	struct sim_host *h = w->env->host;
	int err = disk_error(h);

	if (err == 0)
		file_set(h, w->new.path, w->new.mode, w->new.data, w->new.len);
	sim_mark(h->sim, "write", h->id, w->new.len, (uint64_t)-err);
	return err;
}

static void
write_run(void *arg)
{
	struct wr *w = arg;
	struct env *e = w->env;
	env_file_fn fn = w->fn;
	void *fn_arg = w->arg;
	int err = write_do(w);

	write_free(w);
	if (fn != NULL) {
		turn_begin(e);
		fn(fn_arg, err);
		turn_end(e);
	}
}

int
env_file_write(struct env *e, const char *path, unsigned mode, const void *data, size_t len, env_file_fn done, void *arg)
{
	struct wr *w;

	if (e->dead)
		return 0;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return -ENOMEM;
	env_ev_init(e, &w->ev, write_run, w);
	w->env = e;
	w->new = (struct file){ .path = copy_of(path, strlen(path)), .mode = mode, .data = copy_of(data, len), .len = len };
	w->fn = done;
	w->arg = arg;
	list_append(&e->writes, &w->in_env);
	ev_set(e->sim, &w->ev, disk_time(e->host));
	return 0;
}

int
env_file_write_now(struct env *e, const char *path, unsigned mode, const void *data, size_t len)
{
	int err = disk_error(e->host);

	if (err == 0 && !e->dead)
		file_set(e->host, path, mode, data, len);
	return err;
}

static void
file_free(struct file *f)
{
	list_remove(&f->all);
	free(f->path);
	free(f->data);
	free(f);
}

int
env_file_remove(struct env *e, const char *path)
{
	struct file *f = file_find(e->host, path);

	if (f != NULL && !e->dead)
		file_free(f);
	return 0;	/* gone is gone */
}

struct lock {
	struct list in_env;
	char *dir;
};

int
env_dir_lock(struct env *e, const char *dir, unsigned mode)
{
	struct lock *mine;

	(void)mode;
	LIST_EACH(el, &e->host->envs)
		LIST_EACH(l, &LIST_OF(el, struct env, in_host)->locks)
			if (strcmp(LIST_OF(l, struct lock, in_env)->dir, dir) == 0)
				return -EWOULDBLOCK;
	mine = calloc(1, sizeof *mine);
	if (mine == NULL)
		return -ENOMEM;
	mine->dir = copy_of(dir, strlen(dir));
	list_append(&e->locks, &mine->in_env);
	return 0;
}

/* ---- databases ---------------------------------------------------------------------- */

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
		b->path = copy_of(path, strlen(path));
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
	s->sql = copy_of(sql, strlen(sql));
	s->n = n;
	s->v = n > 0 ? copy_of(v, (size_t)n * sizeof *v) : NULL;
	for (int i = 0; i < n; i++)
		if (v[i].type == ENV_DB_TEXT || v[i].type == ENV_DB_BLOB)
			s->v[i].bytes = copy_of(v[i].bytes, v[i].len);
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

/* ---- ends ------------------------------------------------------------------------------- */

/* How many of n things under way were still carried out. */
static size_t
carried_out(struct env *e, size_t n, bool power)
{
	size_t k = (size_t)prng_below(&e->host->kernel, n + 1);

	return power ? k / 2 : k;
}

void
disk_kill(struct env *e, bool power)
{
	size_t k = carried_out(e, list_count(&e->writes), power);

	while (!list_empty(&e->writes)) {
		struct wr *w = LIST_OF(e->writes.next, struct wr, in_env);

		if (k > 0 && k--)
			write_do(w);
		write_free(w);
	}
	LIST_EACH(l, &e->dbs) {
		struct env_db *db = LIST_OF(l, struct env_db, in_env);

		k = carried_out(e, list_count(&db->batches), power);
		while (!list_empty(&db->batches)) {
			struct env_db_batch *b = LIST_OF(db->batches.next, struct env_db_batch, in_db);

			if (k > 0 && k--)
				batch_do(b);
			batch_free(b);
		}
	}
	LIST_EACH(l, &e->locks) {
		struct lock *lock = LIST_OF(l, struct lock, in_env);

		list_remove(&lock->in_env);
		free(lock->dir);
		free(lock);
	}
}

void
disk_free(struct sim_host *h)
{
	while (!list_empty(&h->files))
		file_free(LIST_OF(h->files.next, struct file, all));
	LIST_EACH(l, &h->dbs) {
		struct base *b = LIST_OF(l, struct base, all);

		list_remove(&b->all);
		sqlite3_close(b->sql);
		free(b->path);
		free(b);
	}
}
