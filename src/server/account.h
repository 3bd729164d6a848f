/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_ACCOUNT_H
#define GODWIT_SERVER_ACCOUNT_H
/*
 * account.h -- the one account: its network, its serial, its secrets.
 *
 * The server's box key and the relay secret live here because they must
 * survive a restart: agents pin the first, and the second signs tokens that
 * agents hold for half a day.
 */
#include <stdint.h>
#include "server/store.h"

#define SERVER_BOX_KEY	32	/* crypto_box_PUBLICKEYBYTES and SECRETKEYBYTES */
#define SERVER_NET_BITS	16	/* an account's share of 100.64.0.0/10: server.md 4.3 */

struct server_account {
	char id[SERVER_ID_LEN + 1];
	char domain[256];		/* of the peers' names, no trailing dot */
	uint32_t net;			/* host order; the low 16 bits are 0 */
	uint64_t serial;		/* of the map that everybody may see */
	uint64_t serial_next;		/* handed out to changes that are not on disk yet */
	int64_t created;		/* microseconds since 1970 */
	uint8_t box_secret[SERVER_BOX_KEY];
	uint8_t box_public[SERVER_BOX_KEY];
	char box_public_text[45];	/* standard base64 */
	uint8_t relay_secret[32];
};

int server_account_load(struct server_store *);		/* -ENOENT: there is none yet */
int server_account_make(struct server_store *, const char *domain);
void server_account_free(struct server_store *);	/* secrets are wiped */

/* Puts the next serial into a change.  When the change is on disk its completion
 * calls server_account_serial_done with the number that was returned. */
uint64_t server_account_serial(struct server_change *);
void server_account_serial_done(struct server_store *, uint64_t serial);

/* The relay token of this moment: expiry as decimal text, and its signature in
 * base64 (server.md section 6). */
void server_account_relay_token(const struct server_account *, int64_t expires_s, char payload[24], char signature[48]);
/* 0 when `token` (relay.md section 4.1) is ours and not expired at now_s; else -EBADMSG, -EACCES or -ETIMEDOUT. */
int server_account_check_token(const struct server_account *, int64_t now_s, const uint8_t *token, size_t len);
#endif
