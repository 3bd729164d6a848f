/* SPDX-License-Identifier: ISC */
/*
 * peer_change.c -- everything that changes a peer on disk.
 *
 * Each change follows store.h: reserve, write, and only then show.  The reason
 * why registration takes address and label before they are on disk: the next
 * registration of the same turn must not choose them again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "server/account.h"
#include "server/peer.h"
#include "server/setupkey.h"

struct peer_change {
	struct server_change change;
	struct server_peer *peer;
	struct server_setupkey *setup;	/* registration */
	char *text;			/* rename: name; login: SSH key */
	char label[SERVER_LABEL];	/* rename */
	uint64_t serial;		/* 0: this change raises none */
	server_peer_fn fn;
	void *arg;
};

static struct peer_change *
change_new(struct server_store *st, struct server_peer *p, void (*done)(struct server_change *, int), server_peer_fn fn,
    void *arg)
{
	struct peer_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->change.done = done;
	c->peer = p;
	c->fn = fn;
	c->arg = arg;
	server_change_begin(st, &c->change);
	return c;
}

static void
change_told(struct peer_change *c, struct server_peer *p, int err)
{
	if (err == 0 && c->serial != 0)
		server_account_serial_done(c->change.store, c->serial);
	if (c->fn != NULL)
		c->fn(c->arg, p, err);
	free(c->text);
	c->text = NULL;
}

/* ---- registration ------------------------------------------------------------ */

/* Random in the account's network (server.md 4.3), then the first free one, so
 * that a nearly full network still works. */
static uint32_t
free_ip(struct server_store *st)
{
	const uint32_t hosts = (1u << (32 - SERVER_NET_BITS)) - 2;
	uint32_t start = (uint32_t)env_random_below(st->env, hosts);

	for (uint32_t i = 0; i < hosts; i++) {
		uint32_t ip = st->account->net + 1 + (start + i) % hosts;
		uint8_t key[4] = { (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip };

		if (map_get(st->peer_by_ip, key, 4) == NULL)
			return ip;
	}
	return 0;
}

/* The label itself, or with the two last numbers of the address, which are
 * unique; ephemeral peers always get those (server.md 4.3). */
static void
free_label(struct server_store *st, struct server_peer *p, const char *hostname, char out[SERVER_LABEL])
{
	struct server_peer *other;
	char plain[SERVER_LABEL], number[16];

	server_peer_label(hostname, plain);
	other = map_get_str(st->peer_by_label, plain);
	if ((other == NULL || other == p) && !p->ephemeral) {
		strcpy(out, plain);
		return;
	}
	snprintf(number, sizeof(number), "-%u-%u", (p->ip >> 8) & 255, p->ip & 255);
	plain[SERVER_LABEL - 9] = '\0';	/* room for "-255-255" */
	strcpy(out, plain);
	strcat(out, number);
}

static struct server_peer *
peer_make(struct server_store *st, const struct server_peer_spec *spec, int *err)
{
	struct server_peer *p = calloc(1, sizeof(*p));

	*err = -ENOMEM;
	if (p == NULL)
		return NULL;
	snprintf(p->key, sizeof(p->key), "%s", spec->key);
	server_new_id(st->env, p->id);
	p->pending = true;
	p->ephemeral = spec->setup->ephemeral;
	p->created = p->last_login = p->last_seen = env_wall(st->env);
	snprintf(p->setup_key, sizeof(p->setup_key), "%s", spec->setup->id);
	if ((p->ssh_key = strdup(spec->ssh_key != NULL ? spec->ssh_key : "")) == NULL ||
	    (*err = server_meta_parse(&p->meta, spec->meta, spec->meta_len)) != 0)
		goto fail;
	*err = -ENOMEM;
	if ((p->name = strdup(p->meta.hostname)) == NULL)
		goto fail;
	if ((p->ip = free_ip(st)) == 0) {
		*err = -ENOSPC;
		goto fail;
	}
	free_label(st, p, p->meta.hostname, p->label);
	if ((*err = server_peer_index(st, p)) != 0)
		goto fail;
	return p;
fail:
	server_peer_free(p);
	return NULL;
}

static void
register_done(struct server_change *sc, int err)
{
	struct peer_change *c = (struct peer_change *)sc;
	struct server_peer *p = c->peer;

	if (err == 0) {
		p->pending = false;
		p->away_since = env_now(sc->store->env);
		list_append(&sc->store->peers, &p->all);
		change_told(c, p, 0);
		return;
	}
	server_setupkey_unuse(c->setup);
	server_peer_unindex(sc->store, p);
	server_peer_free(p);
	change_told(c, NULL, err);
}

int
server_peer_register(struct server_store *st, const struct server_peer_spec *spec, server_peer_fn done, void *arg)
{
	struct server_peer *p;
	struct peer_change *c;
	int err;

	if (map_get_str(st->peer_by_key, spec->key) != NULL)
		return -EEXIST;
	if ((p = peer_make(st, spec, &err)) == NULL)
		return err;
	if ((c = change_new(st, p, register_done, done, arg)) == NULL) {
		server_peer_unindex(st, p);
		server_peer_free(p);
		return -ENOMEM;
	}
	c->setup = spec->setup;
	/* OR REPLACE: of a change whose helper died nobody knows whether it got there. */
	server_change_exec(&c->change, "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    (struct env_db_value[]){ server_text(p->key), server_text(p->id), server_text(p->name),
	    server_text(p->label), server_int(p->ip), server_text(p->ssh_key), server_int(p->ephemeral),
	    server_blob(p->meta.raw, p->meta.raw_len), server_int(p->created), server_int(p->last_login),
	    server_int(p->last_seen), server_text(p->setup_key) }, 12);
	server_setupkey_use(&c->change, spec->setup);
	c->serial = server_account_serial(&c->change);
	server_change_commit(&c->change);
	return 0;
}

/* ---- login, meta, last seen ----------------------------------------------------- */

static void
login_done(struct server_change *sc, int err)
{
	struct peer_change *c = (struct peer_change *)sc;
	/* Removed meanwhile?  Its removal was queued behind this change, so it is still there. */
	struct server_peer *p = c->peer;

	if (err == 0 && c->text != NULL) {
		free(p->ssh_key);
		p->ssh_key = c->text;
		c->text = NULL;
	}
	change_told(c, err == 0 ? p : NULL, err);
}

int
server_peer_login(struct server_store *st, struct server_peer *p, const char *ssh_key, bool *changed,
    server_peer_fn done, void *arg)
{
	struct peer_change *c = change_new(st, p, login_done, done, arg);

	*changed = ssh_key != NULL && strcmp(ssh_key, p->ssh_key) != 0;
	if (c == NULL)
		return -ENOMEM;
	p->last_login = env_wall(st->env);
	server_change_exec(&c->change, "UPDATE peers SET last_login = ? WHERE key = ?",
	    (struct env_db_value[]){ server_int(p->last_login), server_text(p->key) }, 2);
	if (*changed && (c->text = strdup(ssh_key)) != NULL) {
		server_change_exec(&c->change, "UPDATE peers SET ssh_key = ? WHERE key = ?",
		    (struct env_db_value[]){ server_text(ssh_key), server_text(p->key) }, 2);
		c->serial = server_account_serial(&c->change);
	}
	server_change_commit(&c->change);
	return 0;
}

static void
quiet_done(struct server_change *sc, int err)
{
	change_told((struct peer_change *)sc, NULL, err);
}

bool
server_peer_meta(struct server_store *st, struct server_peer *p, const uint8_t *raw, size_t len)
{
	struct server_meta m;
	struct peer_change *c;
	bool visible;

	if (len == p->meta.raw_len && memcmp(raw, p->meta.raw, len) == 0)
		return false;
	if (server_meta_parse(&m, raw, len) != 0)
		return false;
	/* The version is in everybody's map, and it and capability 1 shape the peer's own.
	 * The host name is the peer's own business: it never renames (server.md 4.3). */
	visible = strcmp(m.version, p->meta.version) != 0 || m.source_prefixes != p->meta.source_prefixes;
	server_meta_free(&p->meta);
	p->meta = m;
	if ((c = change_new(st, p, quiet_done, NULL, NULL)) == NULL)
		return visible;
	server_change_exec(&c->change, "UPDATE peers SET meta = ? WHERE key = ?",
	    (struct env_db_value[]){ server_blob(m.raw, m.raw_len), server_text(p->key) }, 2);
	if (visible) {
		/* Nobody waits for this one: the number counts from now on. */
		uint64_t serial = server_account_serial(&c->change);

		server_account_serial_done(st, serial);
	}
	server_change_commit(&c->change);
	return visible;
}

void
server_peer_seen(struct server_store *st, struct server_peer *p)
{
	struct peer_change *c = change_new(st, p, quiet_done, NULL, NULL);

	p->last_seen = env_wall(st->env);
	p->away_since = env_now(st->env);
	if (c == NULL)
		return;
	server_change_exec(&c->change, "UPDATE peers SET last_seen = ? WHERE key = ?",
	    (struct env_db_value[]){ server_int(p->last_seen), server_text(p->key) }, 2);
	server_change_commit(&c->change);
}

/* ---- rename and remove -------------------------------------------------------------- */

static void
rename_done(struct server_change *sc, int err)
{
	struct peer_change *c = (struct peer_change *)sc;
	struct server_peer *p = c->peer;
	struct server_store *st = sc->store;

	if (err != 0) {
		if (strcmp(c->label, p->label) != 0 && map_get_str(st->peer_by_label, c->label) == p)
			map_del_str(st->peer_by_label, c->label);
		change_told(c, NULL, err);
		return;
	}
	if (strcmp(c->label, p->label) != 0 && map_get_str(st->peer_by_label, p->label) == p)
		map_del_str(st->peer_by_label, p->label);
	strcpy(p->label, c->label);
	free(p->name);
	p->name = c->text;
	c->text = NULL;
	change_told(c, p, 0);
}

int
server_peer_rename(struct server_store *st, struct server_peer *p, const char *name, server_peer_fn done, void *arg)
{
	struct peer_change *c;
	char *copy = strdup(name);

	if (copy == NULL || (c = change_new(st, p, rename_done, done, arg)) == NULL) {
		free(copy);
		return -ENOMEM;
	}
	c->text = copy;
	free_label(st, p, name, c->label);
	map_put_str(st->peer_by_label, c->label, p);	/* taken from now on, beside the old one */
	server_change_exec(&c->change, "UPDATE peers SET name = ?, label = ? WHERE key = ?",
	    (struct env_db_value[]){ server_text(name), server_text(c->label), server_text(p->key) }, 3);
	c->serial = server_account_serial(&c->change);
	server_change_commit(&c->change);
	return 0;
}

static void
remove_done(struct server_change *sc, int err)
{
	struct peer_change *c = (struct peer_change *)sc;

	if (err == 0) {
		server_peer_unindex(sc->store, c->peer);
		list_remove(&c->peer->all);
	} else {
		c->peer->leaving = false;
	}
	change_told(c, c->peer, err);
	if (err == 0)
		server_peer_free(c->peer);
}

int
server_peer_remove(struct server_store *st, struct server_peer *p, server_peer_fn done, void *arg)
{
	struct peer_change *c = change_new(st, p, remove_done, done, arg);

	if (c == NULL)
		return -ENOMEM;
	/* Changes behind this one would find it freed: from now on nobody finds it. */
	p->leaving = true;
	server_change_exec(&c->change, "DELETE FROM peers WHERE key = ?", (struct env_db_value[]){ server_text(p->key) }, 1);
	server_change_exec(&c->change, "DELETE FROM members WHERE peer = ?", (struct env_db_value[]){ server_text(p->key) }, 1);
	c->serial = server_account_serial(&c->change);
	server_change_commit(&c->change);
	return 0;
}
