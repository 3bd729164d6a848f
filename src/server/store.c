/* SPDX-License-Identifier: ISC */
/*
 * store.c -- opening and closing of the store, and the life of a change.
 *
 * The schema is here in one piece so that it can be read as a document.  What
 * the tables mean is told by the file of each kind: account.c, peer.c,
 * setupkey.c, policy.c; each loads its own rows and writes its own statements.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "server/account.h"
#include "server/peer.h"
#include "server/policy.h"
#include "server/setupkey.h"
#include "server/store.h"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS account ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, domain TEXT NOT NULL,"
	"  net INTEGER NOT NULL, serial INTEGER NOT NULL, created INTEGER NOT NULL,"
	"  box_secret BLOB NOT NULL, relay_secret BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS peers ("
	"  key TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, label TEXT NOT NULL UNIQUE,"
	"  ip INTEGER NOT NULL UNIQUE, ssh_key TEXT, ephemeral INTEGER NOT NULL, meta BLOB,"
	"  created INTEGER NOT NULL, last_login INTEGER NOT NULL, last_seen INTEGER NOT NULL, setup_key TEXT);"
	"CREATE TABLE IF NOT EXISTS setup_keys ("
	"  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, hint TEXT NOT NULL,"
	"  reusable INTEGER NOT NULL, usage_limit INTEGER NOT NULL, used INTEGER NOT NULL,"
	"  ephemeral INTEGER NOT NULL, revoked INTEGER NOT NULL, created INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL, last_used INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS groups (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE IF NOT EXISTS members ("
	"  group_id TEXT NOT NULL, peer TEXT NOT NULL, PRIMARY KEY (group_id, peer));"
	"CREATE TABLE IF NOT EXISTS rules ("
	"  id TEXT PRIMARY KEY, name TEXT NOT NULL, enabled INTEGER NOT NULL, action INTEGER NOT NULL,"
	"  protocol INTEGER NOT NULL, both INTEGER NOT NULL, ports TEXT NOT NULL,"
	"  sources TEXT NOT NULL, destinations TEXT NOT NULL);";

struct env_db_value
server_int(int64_t n)
{
	return (struct env_db_value){ .type = ENV_DB_INT, .num = n };
}

struct env_db_value
server_text(const char *s)
{
	if (s == NULL)
		return (struct env_db_value){ .type = ENV_DB_NULL };
	return (struct env_db_value){ .type = ENV_DB_TEXT, .bytes = s, .len = strlen(s) };
}

struct env_db_value
server_blob(const void *p, size_t len)
{
	return (struct env_db_value){ .type = ENV_DB_BLOB, .bytes = p, .len = len };
}

const char *
server_col_text(const struct env_db_value *v)
{
	return v->type == ENV_DB_TEXT ? v->bytes : "";
}

void
server_new_id(struct env *env, char out[SERVER_ID_LEN + 1])
{
	static const char digit[] = "0123456789abcdefghijklmnopqrstuv";
	uint8_t raw[SERVER_ID_LEN];

	env_random(env, raw, sizeof(raw));
	for (size_t i = 0; i < SERVER_ID_LEN; i++)
		out[i] = digit[raw[i] & 31];
	out[SERVER_ID_LEN] = '\0';
}

static void
change_done(void *arg, int err)
{
	struct server_change *c = arg;

	if (err != 0)
		log_warnx("store", "a change could not be written and is undone: %s", strerror(-err));
	c->store->lost = c->store->lost || err == -EPIPE;
	list_remove(&c->all);
	if (c->done != NULL)
		c->done(c, err);
	free(c);
}

/* The helper was killed (out of memory, an administrator): what it had not
 * confirmed is undone, and another one carries on with the same file. */
static void
reopen(struct server_store *st)
{
	struct env_db *db;
	int err = 0;

	if (st->db != NULL)
		env_db_close(st->db);
	LIST_EACH(l, &st->changes) {
		struct server_change *c = LIST_OF(l, struct server_change, all);

		if (c->batch == NULL)
			change_done(c, -EIO);
	}
	db = env_db_open(st->env, st->path, schema, &err);
	log_warnx("store", "the store's helper ended: %s", db != NULL ? "a new one was started" : strerror(-err));
	st->db = db;
	st->lost = db == NULL;
	if (st->lost && st->on_dead != NULL)
		st->on_dead(st->arg);
}

void
server_change_begin(struct server_store *st, struct server_change *c)
{
	if (st->lost)
		reopen(st);
	c->store = st;
	c->batch = st->db != NULL ? env_db_begin(st->db) : NULL;
	list_append(&st->changes, &c->all);
}

void
server_change_exec(struct server_change *c, const char *sql, const struct env_db_value *v, int n)
{
	if (c->batch != NULL)
		env_db_exec(c->batch, sql, v, n);
}

int
server_change_commit(struct server_change *c)
{
	int err = c->store->db != NULL ? -ENOMEM : -EIO;

	if (c->batch != NULL)
		err = env_db_commit(c->batch, change_done, c);
	c->batch = NULL;
	if (err != 0)
		change_done(c, err);
	return err;
}

static int
load(struct server_store *st, const char *domain, bool *fresh)
{
	int err;

	if ((err = server_account_load(st)) != 0 && err != -ENOENT)
		return err;
	if ((*fresh = (err == -ENOENT)) && (err = server_account_make(st, domain)) != 0)
		return err;
	if ((err = server_policy_load(st)) != 0 || (err = server_setupkey_load(st)) != 0)
		return err;
	if (*fresh && (err = server_policy_make_default(st)) != 0)
		return err;
	return server_peer_load(st);
}

struct server_store *
server_store_open(struct env *env, const char *dir, const char *domain, bool *fresh, int *err)
{
	struct server_store *st = calloc(1, sizeof(*st));
	char path[4096];

	*err = -ENOMEM;
	if (st == NULL)
		return NULL;
	st->env = env;
	list_init(&st->peers);
	list_init(&st->setupkeys);
	list_init(&st->groups);
	list_init(&st->policies);
	list_init(&st->changes);
	st->peer_by_key = map_new();
	st->peer_by_label = map_new();
	st->peer_by_ip = map_new();
	st->setupkey_by_hash = map_new();
	if (st->peer_by_key == NULL || st->peer_by_label == NULL || st->peer_by_ip == NULL || st->setupkey_by_hash == NULL)
		goto fail;
	if (snprintf(path, sizeof(path), "%s/store.db", dir) >= (int)sizeof(path)) {
		*err = -ENAMETOOLONG;
		goto fail;
	}
	if ((st->path = strdup(path)) == NULL || (st->db = env_db_open(env, path, schema, err)) == NULL)
		goto fail;
	if ((*err = load(st, domain, fresh)) != 0)
		goto fail;
	return st;
fail:
	server_store_close(st);
	return NULL;
}

void
server_store_close(struct server_store *st)
{
	if (st == NULL)
		return;
	if (st->db != NULL)
		env_db_close(st->db);
	/* Their transactions ended either way; whoever waited is told that nobody knows. */
	while (!list_empty(&st->changes)) {
		struct server_change *c = LIST_OF(st->changes.next, struct server_change, all);

		list_remove(&c->all);
		if (c->done != NULL)
			c->done(c, -ECANCELED);
		free(c);
	}
	server_peer_free_all(st);
	server_setupkey_free_all(st);
	server_policy_free_all(st);
	server_account_free(st);
	map_free(st->peer_by_key);
	map_free(st->peer_by_label);
	map_free(st->peer_by_ip);
	map_free(st->setupkey_by_hash);
	free(st->path);
	free(st);
}
