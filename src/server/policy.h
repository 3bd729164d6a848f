/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_POLICY_H
#define GODWIT_SERVER_POLICY_H
/*
 * policy.h -- groups of peers, and the rules between groups.
 *
 * A rule is NetBird's policy with one rule, which is what its own dashboard
 * makes.  The group named All has every peer as a member without being told.
 */
#include <stdbool.h>
#include <stdint.h>
#include "server/store.h"

struct map;

struct server_group {
	char id[SERVER_ID_LEN + 1];
	char *name;
	bool all;		/* the group "All" */
	struct map *members;	/* key of the peer -> anything; not used for All */
	struct list list;
};

enum server_action { SERVER_ACCEPT, SERVER_DROP };	/* numbers of the wire */
enum server_protocol { SERVER_ALL = 1, SERVER_TCP, SERVER_UDP, SERVER_ICMP };

struct server_ports {
	uint16_t start, end;	/* equal: a single port */
};

#define SERVER_RULE_PORTS	32
#define SERVER_RULE_GROUPS	16

struct server_rule {
	char id[SERVER_ID_LEN + 1];
	char *name;
	bool enabled;
	enum server_action action;
	enum server_protocol protocol;
	bool both;		/* bidirectional */
	struct server_ports ports[SERVER_RULE_PORTS];
	size_t nports;
	struct server_group *sources[SERVER_RULE_GROUPS], *destinations[SERVER_RULE_GROUPS];
	size_t nsources, ndestinations;
	struct list list;
};

int server_policy_load(struct server_store *);
int server_policy_make_default(struct server_store *);	/* All, and All <-> All */
void server_policy_free_all(struct server_store *);

struct server_group *server_group_by_id(struct server_store *, const char *id);
/* In memory at once and written behind; for the first start, tests and what comes later. */
struct server_group *server_group_add(struct server_store *, const char *name);
int server_group_join(struct server_store *, struct server_group *, const char *peer_key);
bool server_group_has(const struct server_group *, const char *peer_key);
/* Takes a copy of the rule; id and list are filled in. */
struct server_rule *server_rule_add(struct server_store *, const struct server_rule *);
#endif
