/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_STORE_H
#define GODWIT_SERVER_STORE_H
/*
 * store.h -- what the server knows, in memory, and how it gets to disk.
 *
 * Everything is read once, at start.  Afterwards memory is the truth for
 * reading, and each change is a batch (one transaction) that the env's helper
 * writes.  A change has two ends: what must be reserved at once (an address, a
 * use of a setup key) is taken when it begins, what others may see is applied
 * in its completion, after it is on disk.  A failed change gives back what it
 * had reserved, so a full disk costs the request and nothing else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "env/env.h"

struct map;
struct server_account;

#define SERVER_ID_LEN	20	/* ids of ours: letters and digits, chance all through */

struct server_store {
	struct env *env;
	struct env_db *db;
	char *path;			/* of the database */
	bool lost;			/* its helper ended: opened anew before the next change */
	void (*on_dead)(void *arg);	/* and that failed: nothing can be written any more; may be NULL */
	void *arg;
	struct server_account *account;
	struct map *peer_by_key;	/* base64 WireGuard key -> struct server_peer, pending ones too */
	struct map *peer_by_label;
	struct map *peer_by_ip;		/* 4 bytes, network order */
	struct list peers;		/* in order of registration */
	struct map *setupkey_by_hash;	/* SHA-256 -> struct server_setupkey */
	struct list setupkeys;
	struct list groups;
	struct list policies;
	struct list changes;		/* under way */
};

/* One change under way.  Embed as first member; allocate with calloc. */
struct server_change {
	struct list all;
	struct server_store *store;
	struct env_db_batch *batch;
	/* Once, when it is on disk (err 0) or failed; -ECANCELED when the store closes.
	 * The change is freed after it returns. */
	void (*done)(struct server_change *, int err);
};

/* Opens DIR/store.db, makes the schema and, in an empty one, the account, the
 * group All and the policy between its members.  *fresh tells that it did. */
struct server_store *server_store_open(struct env *, const char *dir, const char *dns_domain, bool *fresh, int *err);
void server_store_close(struct server_store *);	/* waits for the disk; fine with NULL */

/* begin; any number of exec; commit (or abort, which frees the change untold). */
void server_change_begin(struct server_store *, struct server_change *);
void server_change_exec(struct server_change *, const char *sql, const struct env_db_value *, int n);
int server_change_commit(struct server_change *);	/* 0, or -errno: then done was called already */

/* Values of a statement. */
struct env_db_value server_int(int64_t);
struct env_db_value server_text(const char *);		/* borrowed until exec returns; NULL: SQL NULL */
struct env_db_value server_blob(const void *, size_t);
/* Columns that were read: never NULL, "" when absent. */
const char *server_col_text(const struct env_db_value *);
void server_new_id(struct env *, char out[SERVER_ID_LEN + 1]);
#endif
