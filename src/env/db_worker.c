/* SPDX-License-Identifier: ISC */
/*
 * db_worker.c -- the process that owns the SQLite database.
 *
 * Write-ahead log, synchronous=FULL: when a batch is answered with success it
 * is on disk.  A batch is one transaction; any failure rolls all of it back.
 */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sqlite3.h>
#include "env/db.h"
#include "env/helper.h"
#include "env/worker.h"

#define CACHE	64	/* prepared statements kept */

struct prepared {
	char *sql;
	sqlite3_stmt *stmt;
};

struct db_state {
	sqlite3 *db;
	int opened;		/* what opening it gave */
	const char *path;
	struct prepared cache[CACHE];
	unsigned next;		/* place to reuse */
	struct buf out;
};

static int
to_errno(struct db_state *s, int rc)
{
	int sys = s->db != NULL ? sqlite3_system_errno(s->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CANTOPEN:
		return sys != 0 ? -sys : -EACCES;
	case SQLITE_IOERR:
		return sys == ENOSPC || sys == EDQUOT ? -ENOSPC : -EIO;
	default:
		return -EINVAL;
	}
}

static int
tell_done(struct db_state *s, int fd, int rc)
{
	const char *text = rc == SQLITE_OK ? "" : s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);

	buf_clear(&s->out);
	buf_put_u8(&s->out, DB_DONE);
	buf_put_be32(&s->out, (uint32_t)to_errno(s, rc));
	buf_put(&s->out, text, strlen(text) + 1);
	return worker_answer(fd, &s->out);
}

static int
run(struct db_state *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

static int
open_db(struct db_state *s, const char *schema)
{
	mode_t old = umask(077);	/* it holds keys: for its owner only, the log beside it too */
	int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	    SQLITE_OPEN_NOMUTEX, NULL);

	umask(old);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, 5000);
	if ((rc = run(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON")) != SQLITE_OK)
		return rc;
	return run(s, schema);
}

static int
prepare(struct db_state *s, const char *sql, sqlite3_stmt **out)
{
	struct prepared *p;
	int rc;

	for (unsigned i = 0; i < CACHE; i++) {
		p = &s->cache[i];
		if (p->sql != NULL && strcmp(p->sql, sql) == 0) {
			*out = p->stmt;
			return SQLITE_OK;
		}
	}
	rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	if (rc != SQLITE_OK)
		return rc;
	p = &s->cache[s->next++ % CACHE];
	sqlite3_finalize(p->stmt);
	free(p->sql);
	p->sql = strdup(sql);
	p->stmt = *out;
	return SQLITE_OK;
}

static int
bind_value(sqlite3_stmt *stmt, int i, const struct env_db_value *v)
{
	switch (v->type) {
	case ENV_DB_INT:
		return sqlite3_bind_int64(stmt, i, v->num);
	case ENV_DB_TEXT:
		return sqlite3_bind_text(stmt, i, v->bytes, (int)v->len, SQLITE_STATIC);
	case ENV_DB_BLOB:
		return v->len == 0 ? sqlite3_bind_zeroblob(stmt, i, 0) :
		    sqlite3_bind_blob(stmt, i, v->bytes, (int)v->len, SQLITE_STATIC);
	case ENV_DB_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, i);
}

static int
exec_one(struct db_state *s, struct rd *r)
{
	uint32_t len = rd_be32(r);
	const char *sql = (const char *)rd_bytes(r, len);
	uint32_t values = rd_be32(r);
	sqlite3_stmt *stmt;
	int rc;

	if (r->bad)
		return SQLITE_MISUSE;
	rc = prepare(s, sql, &stmt);
	if (rc != SQLITE_OK)
		return rc;
	for (uint32_t i = 0; i < values && rc == SQLITE_OK; i++) {
		struct env_db_value v = db_get_value(r);

		rc = r->bad ? SQLITE_MISUSE : bind_value(stmt, (int)i + 1, &v);
	}
	while (rc == SQLITE_OK || rc == SQLITE_ROW)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return rc;
}

/* Says how it went before it rolls back: that would overwrite the message. */
static int
do_batch(struct db_state *s, int fd, struct rd *r)
{
	uint32_t n = rd_be32(r);
	int rc = s->opened == SQLITE_OK ? run(s, "BEGIN IMMEDIATE") : s->opened;

	for (uint32_t i = 0; i < n && rc == SQLITE_OK; i++)
		rc = exec_one(s, r);
	if (rc == SQLITE_OK)
		rc = run(s, "COMMIT");
	if (rc != SQLITE_OK && s->opened == SQLITE_OK && !sqlite3_get_autocommit(s->db)) {
		struct buf text = { 0 };
		int err = to_errno(s, rc);

		buf_put_str(&text, sqlite3_errmsg(s->db));
		run(s, "ROLLBACK");
		buf_clear(&s->out);
		buf_put_u8(&s->out, DB_DONE);
		buf_put_be32(&s->out, (uint32_t)err);
		buf_put(&s->out, buf_cstr(&text), strlen(buf_cstr(&text)) + 1);
		buf_free(&text);
		return worker_answer(fd, &s->out);
	}
	return tell_done(s, fd, rc);
}

static void
put_column(struct db_state *s, sqlite3_stmt *stmt, int i)
{
	struct env_db_value v = { .type = ENV_DB_NULL };

	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER:
		v.type = ENV_DB_INT;
		v.num = sqlite3_column_int64(stmt, i);
		break;
	case SQLITE_TEXT:
	case SQLITE_FLOAT:
		v.type = ENV_DB_TEXT;
		v.bytes = sqlite3_column_text(stmt, i);
		v.len = (size_t)sqlite3_column_bytes(stmt, i);
		break;
	case SQLITE_BLOB:
		v.type = ENV_DB_BLOB;
		v.bytes = sqlite3_column_blob(stmt, i);
		v.len = (size_t)sqlite3_column_bytes(stmt, i);
		break;
	default:
		break;
	}
	db_put_value(&s->out, &v);
}

static int
do_read(struct db_state *s, int fd, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		int columns = sqlite3_column_count(stmt);

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		if (columns > DB_COLUMNS_MAX)
			columns = DB_COLUMNS_MAX;
		buf_clear(&s->out);
		buf_put_u8(&s->out, DB_ROW);
		buf_put_be32(&s->out, (uint32_t)columns);
		for (int i = 0; i < columns; i++)
			put_column(s, stmt, i);
		if (worker_answer(fd, &s->out) < 0)
			break;
	}
	rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	if (rc != SQLITE_OK) {
		int err = tell_done(s, fd, rc);

		sqlite3_finalize(stmt);
		return err;
	}
	sqlite3_finalize(stmt);
	return tell_done(s, fd, SQLITE_OK);
}

void
db_worker(int fd, const char *path)
{
	struct db_state s = { .path = path };
	struct buf in = { 0 };
	int err = 0;

	while (err == 0 && worker_receive(fd, &in) == 0) {
		struct rd r = rd_buf(&in);

		switch (rd_u8(&r)) {
		case DB_OPEN:
			s.opened = open_db(&s, (const char *)r.p);
			err = tell_done(&s, fd, s.opened);
			break;
		case DB_READ:
			err = do_read(&s, fd, (const char *)r.p);
			break;
		case DB_BATCH:
			err = do_batch(&s, fd, &r);
			break;
		default:
			err = -EPROTO;
		}
		buf_wipe(&in);
	}
	for (unsigned i = 0; i < CACHE; i++) {
		sqlite3_finalize(s.cache[i].stmt);
		free(s.cache[i].sql);
	}
	sqlite3_close(s.db);	/* folds the log back into the database */
	buf_wipe(&in);
	buf_wipe(&s.out);
}
