/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_SETUPKEY_H
#define GODWIT_SERVER_SETUPKEY_H
/*
 * setupkey.h -- keys that let a new peer in.
 *
 * The text of a key is a version-4 UUID in upper case and is shown once; the
 * store keeps its SHA-256 and its first five letters.  Agents send it in lower
 * case (server.md 4.2), so it is put in upper case before it is hashed.
 */
#include <stdbool.h>
#include <stdint.h>
#include "server/store.h"

#define SERVER_SETUPKEY_TEXT	37	/* with the NUL */

struct server_setupkey {
	char id[SERVER_ID_LEN + 1];
	uint8_t hash[32];
	char *name;
	char hint[10];		/* "ABCDE****" */
	bool reusable;
	bool ephemeral;		/* its peers vanish when they are away for 10 minutes */
	bool revoked;
	uint32_t usage_limit;	/* 0: none; a one-off key has 1 */
	uint32_t used;		/* uses on disk or under way */
	int64_t created, expires, last_used;	/* microseconds since 1970; expires 0: never */
	struct list all;
};

enum server_setupkey_verdict {
	SERVER_SETUPKEY_GOOD,
	SERVER_SETUPKEY_UNKNOWN,
	SERVER_SETUPKEY_REVOKED,
	SERVER_SETUPKEY_EXPIRED,
	SERVER_SETUPKEY_USED_UP
};

struct server_setupkey_spec {
	const char *name;
	bool reusable, ephemeral;
	uint32_t usage_limit;	/* of a reusable key; 0: none */
	int64_t lifetime_us;	/* 0: for ever */
};

int server_setupkey_load(struct server_store *);
void server_setupkey_free_all(struct server_store *);

/* A new key: usable once on disk.  The text is the caller's to wipe.  `done`
 * (may be NULL) comes with the key, or with NULL and an error. 0 or -errno. */
typedef void (*server_setupkey_fn)(void *arg, struct server_setupkey *, int err);
int server_setupkey_create(struct server_store *, const struct server_setupkey_spec *, char text[SERVER_SETUPKEY_TEXT],
	server_setupkey_fn done, void *arg);
/* By id, name or hint; -ENOENT, -EEXIST when more than one answers to it. */
int server_setupkey_find(struct server_store *, const char *what, struct server_setupkey **);
int server_setupkey_revoke(struct server_store *, struct server_setupkey *, server_setupkey_fn done, void *arg);

/* What a text opens at this moment; *key is set unless UNKNOWN. */
enum server_setupkey_verdict server_setupkey_check(struct server_store *, const char *text, struct server_setupkey **key);
enum server_setupkey_verdict server_setupkey_state(const struct server_setupkey *, int64_t now);
const char *server_setupkey_verdict_text(enum server_setupkey_verdict);	/* "valid", "expired", ... */
/* Takes one use, as part of a change; give it back when the change fails. */
void server_setupkey_use(struct server_change *, struct server_setupkey *);
void server_setupkey_unuse(struct server_setupkey *);
#endif
