/* SPDX-License-Identifier: ISC */
/*
 * account.c -- the account's one row, and what is made from its secrets.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server/account.h"
#include "wire/keys.h"
#include "wire/relaymsg.h"

static void
derive(struct server_account *a)
{
	wire_key_public(a->box_public, a->box_secret);
	wire_key_text(a->box_public_text, a->box_public);
}

static void
row(void *arg, const struct env_db_value *v, int n)
{
	struct server_account *a = arg;

	if (n != 7 || v[5].len != sizeof(a->box_secret) || v[6].len != sizeof(a->relay_secret))
		return;
	snprintf(a->id, sizeof(a->id), "%s", server_col_text(&v[0]));
	snprintf(a->domain, sizeof(a->domain), "%s", server_col_text(&v[1]));
	a->net = (uint32_t)v[2].num;
	a->serial = a->serial_next = (uint64_t)v[3].num;
	a->created = v[4].num;
	memcpy(a->box_secret, v[5].bytes, sizeof(a->box_secret));
	memcpy(a->relay_secret, v[6].bytes, sizeof(a->relay_secret));
}

int
server_account_load(struct server_store *st)
{
	int err;

	if ((st->account = calloc(1, sizeof(*st->account))) == NULL)
		return -ENOMEM;
	err = env_db_read(st->db, "SELECT id, domain, net, serial, created, box_secret, relay_secret FROM account",
	    row, st->account);
	if (err != 0)
		return err;
	if (st->account->id[0] == '\0')
		return -ENOENT;
	derive(st->account);
	return 0;
}

int
server_account_make(struct server_store *st, const char *domain)
{
	struct server_account *a = st->account;
	struct server_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	server_new_id(st->env, a->id);
	snprintf(a->domain, sizeof(a->domain), "%s", domain);
	/* One of the 64 networks of this size in 100.64.0.0/10 (RFC 6598). */
	a->net = 0x64400000u + ((uint32_t)env_random_below(st->env, 64) << 16);
	a->created = env_wall(st->env);
	env_random(st->env, a->box_secret, sizeof(a->box_secret));
	wire_key_clamp(a->box_secret);
	env_random(st->env, a->relay_secret, sizeof(a->relay_secret));
	server_change_begin(st, c);
	server_change_exec(c, "INSERT INTO account VALUES (1, ?, ?, ?, 0, ?, ?, ?)", (struct env_db_value[]){
	    server_text(a->id), server_text(a->domain), server_int(a->net), server_int(a->created),
	    server_blob(a->box_secret, sizeof(a->box_secret)),
	    server_blob(a->relay_secret, sizeof(a->relay_secret)) }, 6);
	server_change_commit(c);
	derive(a);
	return 0;
}

void
server_account_free(struct server_store *st)
{
	if (st->account != NULL)
		sodium_memzero(st->account, sizeof(*st->account));
	free(st->account);
	st->account = NULL;
}

uint64_t
server_account_serial(struct server_change *c)
{
	uint64_t serial = ++c->store->account->serial_next;

	server_change_exec(c, "UPDATE account SET serial = ?", (struct env_db_value[]){ server_int((int64_t)serial) }, 1);
	return serial;
}

void
server_account_serial_done(struct server_store *st, uint64_t serial)
{
	if (serial > st->account->serial)
		st->account->serial = serial;
}

void
server_account_relay_token(const struct server_account *a, int64_t expires_s, char payload[24], char signature[48])
{
	uint8_t key[32], sig[WIRE_RELAY_SIG_LEN];

	snprintf(payload, 24, "%" PRId64, expires_s);
	wire_relay_token_key(key, a->relay_secret, sizeof(a->relay_secret));
	wire_relay_token_sign(sig, key, payload);
	sodium_bin2base64(signature, 48, sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(key, sizeof(key));
}

int
server_account_check_token(const struct server_account *a, int64_t now_s, const uint8_t *token, size_t len)
{
	uint8_t key[32];
	int64_t expiry;
	int err;

	wire_relay_token_key(key, a->relay_secret, sizeof(a->relay_secret));
	err = wire_relay_token_check(token, len, key, now_s, &expiry);
	sodium_memzero(key, sizeof(key));
	return err;
}
