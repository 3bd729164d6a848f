/* SPDX-License-Identifier: ISC */
/*
 * setupkey.c -- making, finding, judging and using setup keys.
 *
 * A use is counted in memory when a registration begins, so that two agents
 * with a one-off key in the same turn cannot both get in; the registration's
 * failure gives it back.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "server/setupkey.h"

struct key_change {
	struct server_change change;
	struct server_setupkey *key;
	server_setupkey_fn fn;
	void *arg;
};

static void
key_free(struct server_setupkey *k)
{
	sodium_memzero(k->hash, sizeof(k->hash));
	free(k->name);
	free(k);
}

static int
key_add(struct server_store *st, struct server_setupkey *k)
{
	int err = map_put(st->setupkey_by_hash, k->hash, sizeof(k->hash), k);

	if (err == 0)
		list_append(&st->setupkeys, &k->all);
	return err;
}

static void
row(void *arg, const struct env_db_value *v, int n)
{
	struct server_store *st = arg;
	struct server_setupkey *k;

	if (n != 12 || v[1].len != 32 || (k = calloc(1, sizeof(*k))) == NULL)
		return;
	snprintf(k->id, sizeof(k->id), "%s", server_col_text(&v[0]));
	memcpy(k->hash, v[1].bytes, 32);
	k->name = strdup(server_col_text(&v[2]));
	snprintf(k->hint, sizeof(k->hint), "%s", server_col_text(&v[3]));
	k->reusable = v[4].num != 0;
	k->usage_limit = (uint32_t)v[5].num;
	k->used = (uint32_t)v[6].num;
	k->ephemeral = v[7].num != 0;
	k->revoked = v[8].num != 0;
	k->created = v[9].num;
	k->expires = v[10].num;
	k->last_used = v[11].num;
	if (k->name == NULL || key_add(st, k) != 0)
		key_free(k);
}

int
server_setupkey_load(struct server_store *st)
{
	return env_db_read(st->db, "SELECT id, hash, name, hint, reusable, usage_limit, used, ephemeral, revoked,"
	    " created, expires, last_used FROM setup_keys ORDER BY rowid", row, st);
}

void
server_setupkey_free_all(struct server_store *st)
{
	LIST_EACH(l, &st->setupkeys)
		key_free(LIST_OF(l, struct server_setupkey, all));
	list_init(&st->setupkeys);
}

static void
hash_text(const char *text, uint8_t out[32])
{
	char upper[SERVER_SETUPKEY_TEXT];
	size_t i;

	for (i = 0; i < sizeof(upper) - 1 && text[i] != '\0'; i++)
		upper[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
	crypto_hash_sha256(out, (const unsigned char *)upper, i);
	sodium_memzero(upper, sizeof(upper));
}

/* RFC 9562 section 5.4: random but for version and variant. */
static void
new_text(struct env *env, char text[SERVER_SETUPKEY_TEXT])
{
	static const char digit[] = "0123456789ABCDEF";
	uint8_t raw[16];
	size_t n = 0;

	env_random(env, raw, sizeof(raw));
	raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
	raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(raw); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[n++] = '-';
		text[n++] = digit[raw[i] >> 4];
		text[n++] = digit[raw[i] & 15];
	}
	text[n] = '\0';
	sodium_memzero(raw, sizeof(raw));
}

static void
create_done(struct server_change *c, int err)
{
	struct key_change *kc = (struct key_change *)c;

	if (err == 0)
		err = key_add(c->store, kc->key);
	if (err != 0) {
		key_free(kc->key);
		kc->key = NULL;
	}
	if (kc->fn != NULL)
		kc->fn(kc->arg, kc->key, err);
}

int
server_setupkey_create(struct server_store *st, const struct server_setupkey_spec *spec,
    char text[SERVER_SETUPKEY_TEXT], server_setupkey_fn done, void *arg)
{
	struct server_setupkey *k = calloc(1, sizeof(*k));
	struct key_change *kc = calloc(1, sizeof(*kc));

	if (k == NULL || kc == NULL || (k->name = strdup(spec->name)) == NULL) {
		free(k);
		free(kc);
		return -ENOMEM;
	}
	new_text(st->env, text);
	hash_text(text, k->hash);
	server_new_id(st->env, k->id);
	snprintf(k->hint, sizeof(k->hint), "%.5s****", text);
	k->reusable = spec->reusable;
	k->ephemeral = spec->ephemeral;
	k->usage_limit = spec->reusable ? spec->usage_limit : 1;
	k->created = env_wall(st->env);
	k->expires = spec->lifetime_us != 0 ? k->created + spec->lifetime_us : 0;
	kc->change.done = create_done;
	kc->key = k;
	kc->fn = done;
	kc->arg = arg;
	server_change_begin(st, &kc->change);
	server_change_exec(&kc->change, "INSERT INTO setup_keys VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, 0)",
	    (struct env_db_value[]){ server_text(k->id), server_blob(k->hash, 32), server_text(k->name),
	    server_text(k->hint), server_int(k->reusable), server_int(k->usage_limit), server_int(k->ephemeral),
	    server_int(k->created), server_int(k->expires) }, 9);
	server_change_commit(&kc->change);
	return 0;
}

int
server_setupkey_find(struct server_store *st, const char *what, struct server_setupkey **out)
{
	uint8_t hash[32];

	hash_text(what, hash);		/* the key itself, as create printed it */
	*out = map_get(st->setupkey_by_hash, hash, sizeof(hash));
	if (*out != NULL)
		return 0;
	LIST_EACH(l, &st->setupkeys) {
		struct server_setupkey *k = LIST_OF(l, struct server_setupkey, all);

		if (strcmp(k->id, what) == 0) {
			*out = k;
			return 0;
		}
		if (strcmp(k->name, what) != 0 && strcmp(k->hint, what) != 0)
			continue;
		if (*out != NULL)
			return -EEXIST;
		*out = k;
	}
	return *out != NULL ? 0 : -ENOENT;
}

static void
revoke_done(struct server_change *c, int err)
{
	struct key_change *kc = (struct key_change *)c;

	if (err == 0)
		kc->key->revoked = true;
	if (kc->fn != NULL)
		kc->fn(kc->arg, err == 0 ? kc->key : NULL, err);
}

int
server_setupkey_revoke(struct server_store *st, struct server_setupkey *k, server_setupkey_fn done, void *arg)
{
	struct key_change *kc = calloc(1, sizeof(*kc));

	if (kc == NULL)
		return -ENOMEM;
	kc->change.done = revoke_done;
	kc->key = k;
	kc->fn = done;
	kc->arg = arg;
	server_change_begin(st, &kc->change);
	server_change_exec(&kc->change, "UPDATE setup_keys SET revoked = 1 WHERE id = ?",
	    (struct env_db_value[]){ server_text(k->id) }, 1);
	server_change_commit(&kc->change);
	return 0;
}

enum server_setupkey_verdict
server_setupkey_state(const struct server_setupkey *k, int64_t now)
{
	if (k->revoked)
		return SERVER_SETUPKEY_REVOKED;
	if (k->expires != 0 && now >= k->expires)
		return SERVER_SETUPKEY_EXPIRED;
	if (k->usage_limit != 0 && k->used >= k->usage_limit)
		return SERVER_SETUPKEY_USED_UP;
	return SERVER_SETUPKEY_GOOD;
}

enum server_setupkey_verdict
server_setupkey_check(struct server_store *st, const char *text, struct server_setupkey **key)
{
	uint8_t hash[32];

	*key = NULL;
	if (strlen(text) != SERVER_SETUPKEY_TEXT - 1)
		return SERVER_SETUPKEY_UNKNOWN;
	hash_text(text, hash);
	*key = map_get(st->setupkey_by_hash, hash, sizeof(hash));
	sodium_memzero(hash, sizeof(hash));
	return *key == NULL ? SERVER_SETUPKEY_UNKNOWN : server_setupkey_state(*key, env_wall(st->env));
}

const char *
server_setupkey_verdict_text(enum server_setupkey_verdict v)
{
	switch (v) {
	case SERVER_SETUPKEY_GOOD:
		return "valid";
	case SERVER_SETUPKEY_REVOKED:
		return "revoked";
	case SERVER_SETUPKEY_EXPIRED:
		return "expired";
	case SERVER_SETUPKEY_USED_UP:
		return "overused";	/* the word of NetBird's API */
	case SERVER_SETUPKEY_UNKNOWN:
		break;
	}
	return "unknown";
}

void
server_setupkey_use(struct server_change *c, struct server_setupkey *k)
{
	k->used++;
	k->last_used = env_wall(c->store->env);
	server_change_exec(c, "UPDATE setup_keys SET used = ?, last_used = ? WHERE id = ?",
	    (struct env_db_value[]){ server_int(k->used), server_int(k->last_used), server_text(k->id) }, 3);
}

void
server_setupkey_unuse(struct server_setupkey *k)
{
	if (k->used > 0)
		k->used--;
}
