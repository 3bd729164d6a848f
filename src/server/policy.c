/* SPDX-License-Identifier: ISC */
/*
 * policy.c -- groups and rules in memory and on disk.
 *
 * Lists inside a rule (ports, groups) are one text column each, "80 443
 * 6000-6010": they are only ever read and written whole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "server/policy.h"

static void
group_free(struct server_group *g)
{
	map_free(g->members);
	free(g->name);
	free(g);
}

static struct server_group *
group_new(struct server_store *st, const char *id, const char *name)
{
	struct server_group *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->name = strdup(name);
	g->members = map_new();
	g->all = strcmp(name, "All") == 0;
	snprintf(g->id, sizeof(g->id), "%s", id);
	if (g->name == NULL || g->members == NULL) {
		group_free(g);
		return NULL;
	}
	list_append(&st->groups, &g->list);
	return g;
}

struct server_group *
server_group_by_id(struct server_store *st, const char *id)
{
	LIST_EACH(l, &st->groups) {
		struct server_group *g = LIST_OF(l, struct server_group, list);

		if (strcmp(g->id, id) == 0)
			return g;
	}
	return NULL;
}

bool
server_group_has(const struct server_group *g, const char *peer_key)
{
	return g->all || map_get_str(g->members, peer_key) != NULL;
}

/* ---- reading -------------------------------------------------------------------- */

static void
group_row(void *arg, const struct env_db_value *v, int n)
{
	if (n == 2)
		group_new(arg, server_col_text(&v[0]), server_col_text(&v[1]));
}

static void
member_row(void *arg, const struct env_db_value *v, int n)
{
	struct server_group *g = n == 2 ? server_group_by_id(arg, server_col_text(&v[0])) : NULL;

	if (g != NULL)
		map_put_str(g->members, server_col_text(&v[1]), g);
}

static size_t
parse_ports(const char *text, struct server_ports *out)
{
	size_t n = 0;
	unsigned a, b;
	int used;

	while (n < SERVER_RULE_PORTS && sscanf(text, " %u%n", &a, &used) == 1) {
		text += used;
		b = a;
		if (*text == '-' && sscanf(text, "-%u%n", &b, &used) == 1)
			text += used;
		if (a <= b && b <= 65535)
			out[n++] = (struct server_ports){ (uint16_t)a, (uint16_t)b };
	}
	return n;
}

static size_t
parse_groups(struct server_store *st, const char *text, struct server_group **out)
{
	char id[SERVER_ID_LEN + 1];
	size_t n = 0;
	int used;

	while (n < SERVER_RULE_GROUPS && sscanf(text, " %20s%n", id, &used) == 1) {
		if ((out[n] = server_group_by_id(st, id)) != NULL)
			n++;
		text += used;
	}
	return n;
}

static void
rule_row(void *arg, const struct env_db_value *v, int n)
{
	struct server_store *st = arg;
	struct server_rule *r;

	if (n != 9 || (r = calloc(1, sizeof(*r))) == NULL)
		return;
	snprintf(r->id, sizeof(r->id), "%s", server_col_text(&v[0]));
	r->name = strdup(server_col_text(&v[1]));
	r->enabled = v[2].num != 0;
	r->action = v[3].num != 0 ? SERVER_DROP : SERVER_ACCEPT;
	r->protocol = (enum server_protocol)v[4].num;
	r->both = v[5].num != 0;
	r->nports = parse_ports(server_col_text(&v[6]), r->ports);
	r->nsources = parse_groups(st, server_col_text(&v[7]), r->sources);
	r->ndestinations = parse_groups(st, server_col_text(&v[8]), r->destinations);
	if (r->name == NULL) {
		free(r);
		return;
	}
	list_append(&st->policies, &r->list);
}

int
server_policy_load(struct server_store *st)
{
	int err;

	if ((err = env_db_read(st->db, "SELECT id, name FROM groups ORDER BY rowid", group_row, st)) != 0 ||
	    (err = env_db_read(st->db, "SELECT group_id, peer FROM members ORDER BY rowid", member_row, st)) != 0)
		return err;
	return env_db_read(st->db, "SELECT id, name, enabled, action, protocol, both, ports, sources, destinations"
	    " FROM rules ORDER BY rowid", rule_row, st);
}

void
server_policy_free_all(struct server_store *st)
{
	LIST_EACH(l, &st->policies) {
		struct server_rule *r = LIST_OF(l, struct server_rule, list);

		free(r->name);
		free(r);
	}
	LIST_EACH(g, &st->groups)
		group_free(LIST_OF(g, struct server_group, list));
	list_init(&st->policies);
	list_init(&st->groups);
}

/* ---- writing -------------------------------------------------------------------- */

struct server_group *
server_group_add(struct server_store *st, const char *name)
{
	struct server_change *c = calloc(1, sizeof(*c));
	struct server_group *g;
	char id[SERVER_ID_LEN + 1];

	server_new_id(st->env, id);
	if (c == NULL || (g = group_new(st, id, name)) == NULL) {
		free(c);
		return NULL;
	}
	server_change_begin(st, c);
	server_change_exec(c, "INSERT INTO groups VALUES (?, ?)",
	    (struct env_db_value[]){ server_text(g->id), server_text(g->name) }, 2);
	server_change_commit(c);
	return g;
}

int
server_group_join(struct server_store *st, struct server_group *g, const char *peer_key)
{
	struct server_change *c = calloc(1, sizeof(*c));

	if (c == NULL || map_put_str(g->members, peer_key, g) != 0) {
		free(c);
		return -ENOMEM;
	}
	server_change_begin(st, c);
	server_change_exec(c, "INSERT OR IGNORE INTO members VALUES (?, ?)",
	    (struct env_db_value[]){ server_text(g->id), server_text(peer_key) }, 2);
	server_change_commit(c);
	return 0;
}

static void
print_groups(struct server_group *const *g, size_t n, char *out, size_t len)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && at < len; i++)
		at += (size_t)snprintf(out + at, len - at, "%s%s", i > 0 ? " " : "", g[i]->id);
}

static void
print_ports(const struct server_rule *r, char *out, size_t len)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->nports && at < len; i++)
		at += (size_t)snprintf(out + at, len - at, "%s%u-%u", i > 0 ? " " : "", r->ports[i].start, r->ports[i].end);
}

struct server_rule *
server_rule_add(struct server_store *st, const struct server_rule *from)
{
	char ports[SERVER_RULE_PORTS * 12], src[SERVER_RULE_GROUPS * 22], dst[SERVER_RULE_GROUPS * 22];
	struct server_change *c = calloc(1, sizeof(*c));
	struct server_rule *r = malloc(sizeof(*r));

	if (c == NULL || r == NULL) {
		free(c);
		free(r);
		return NULL;
	}
	*r = *from;
	server_new_id(st->env, r->id);
	if ((r->name = strdup(from->name)) == NULL) {
		free(c);
		free(r);
		return NULL;
	}
	list_append(&st->policies, &r->list);
	print_ports(r, ports, sizeof(ports));
	print_groups(r->sources, r->nsources, src, sizeof(src));
	print_groups(r->destinations, r->ndestinations, dst, sizeof(dst));
	server_change_begin(st, c);
	server_change_exec(c, "INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (struct env_db_value[]){
	    server_text(r->id), server_text(r->name), server_int(r->enabled), server_int(r->action),
	    server_int(r->protocol), server_int(r->both), server_text(ports), server_text(src), server_text(dst) }, 9);
	server_change_commit(c);
	return r;
}

int
server_policy_make_default(struct server_store *st)
{
	struct server_group *all = server_group_add(st, "All");
	struct server_rule r = { .name = (char *)"Default", .enabled = true, .action = SERVER_ACCEPT,
		.protocol = SERVER_ALL, .both = true, .sources = { all }, .destinations = { all },
		.nsources = 1, .ndestinations = 1 };

	return all != NULL && server_rule_add(st, &r) != NULL ? 0 : -ENOMEM;
}
