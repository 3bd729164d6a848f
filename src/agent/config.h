/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_CONFIG_H
#define GODWIT_AGENT_CONFIG_H
/*
 * config.h -- the profile and the run-time state, as NetBird names them.
 *
 * Two JSON files in the state folder: default.json (the profile: keys, URLs,
 * switches) and state.json (whether we are wanted up, the last WireGuard
 * timestamp).  Keys that we do not know survive a rewrite.  A file that is not
 * JSON is an error and is never overwritten.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;
struct json_t;

#define CONFIG_KEY_LEN	32
#define CONFIG_STAMP_LEN 12

#define CONFIG_PORT	51820	/* of WireGuard, unless somebody named another */

struct config {
	struct env *env;		/* borrowed */
	char *path;			/* owned, as all strings here */
	struct json_t *root;		/* what the file held; owned */
	bool fresh;			/* there was no file */

	uint8_t private_key[CONFIG_KEY_LEN];
	uint8_t psk[CONFIG_KEY_LEN];
	bool has_psk;
	char *management_url;		/* "https://host:443"; NULL until somebody named one */
	char *server_key;		/* pinned, base64; NULL: none (our own key GodwitServerKey) */
	char *hostname;			/* given with --hostname; NULL: the host's (GodwitHostname) */
	char *iface;			/* "wt0" */
	uint16_t port;			/* CONFIG_PORT; 0: any */
	unsigned mtu;			/* 1280 */
	bool disable_auto_connect, disable_ipv6, disable_ipv6_discovery, disable_dns,
	    disable_firewall, block_inbound, disable_client_routes, disable_server_routes,
	    rosenpass;
};

/* Reads DIR/default.json, or makes one in memory with a new key (not yet written).
 * NULL: `why` says what is wrong with which file. */
struct config *config_load(struct env *, const char *dir, char *why, size_t whylen);
void config_free(struct config *);		/* keys wiped; fine with NULL */
/* Puts the members above into the file; asynchronous, a failure is logged. */
int config_save(struct config *);
bool *config_switch(struct config *, const char *key);	/* the member of a switch's key; NULL: there is none */
int config_set_str(char **member, const char *value);	/* NULL or "": none. 0 or -ENOMEM */
/* "base64 of 32 bytes" into out: 0 or -EINVAL. */
int config_key_parse(uint8_t out[CONFIG_KEY_LEN], const char *text);

struct state {
	struct env *env;
	char *path;
	struct json_t *root;
	bool up;			/* last wish: `up` true, `down` false; survives kill -9 */
	bool has_stamp;
	uint8_t stamp[CONFIG_STAMP_LEN];	/* largest TAI64N that may have been sent */
};

/* A state file that does not parse is begun anew, with a warning. NULL: unreadable.  */
struct state *state_load(struct env *, const char *dir);
void state_free(struct state *);
int state_save(struct state *);
#endif
