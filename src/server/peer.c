/* SPDX-License-Identifier: ISC */
/*
 * peer.c -- peers in memory: loading, naming, finding.  What changes one is in
 * peer_change.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/log.h"
#include "base/map.h"
#include "proto/management.pb-c.h"
#include "server/peer.h"

int
server_meta_parse(struct server_meta *m, const uint8_t *raw, size_t len)
{
	Management__PeerSystemMeta *pb = management__peer_system_meta__unpack(NULL, len, raw);

	memset(m, 0, sizeof(*m));
	if (pb == NULL)
		return -EBADMSG;
	m->raw = malloc(len + 1);
	m->raw_len = len;
	m->hostname = strdup(pb->hostname);
	m->version = strdup(pb->netbird_version);
	m->os = strdup(pb->os);
	m->kernel = strdup(pb->kernel_version);
	for (size_t i = 0; i < pb->n_capabilities; i++)
		if (pb->capabilities[i] == MANAGEMENT__PEER_CAPABILITY__PeerCapabilitySourcePrefixes)
			m->source_prefixes = true;
	management__peer_system_meta__free_unpacked(pb, NULL);
	if (m->raw == NULL || m->hostname == NULL || m->version == NULL || m->os == NULL || m->kernel == NULL) {
		server_meta_free(m);
		return -ENOMEM;
	}
	if (len > 0)
		memcpy(m->raw, raw, len);
	return 0;
}

void
server_meta_free(struct server_meta *m)
{
	free(m->raw);
	free(m->hostname);
	free(m->version);
	free(m->os);
	free(m->kernel);
	memset(m, 0, sizeof(*m));
}

static const uint8_t *
ip_key(const struct server_peer *p, uint8_t key[4])
{
	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(p->ip >> (24 - 8 * i));
	return key;
}

int
server_peer_index(struct server_store *st, struct server_peer *p)
{
	uint8_t key[4];

	if (map_put_str(st->peer_by_key, p->key, p) != 0 || map_put_str(st->peer_by_label, p->label, p) != 0 ||
	    map_put(st->peer_by_ip, ip_key(p, key), 4, p) != 0) {
		server_peer_unindex(st, p);
		return -ENOMEM;
	}
	return 0;
}

/* Only its own entries: another peer may have the same label by now. */
void
server_peer_unindex(struct server_store *st, struct server_peer *p)
{
	uint8_t key[4];

	if (map_get_str(st->peer_by_key, p->key) == p)
		map_del_str(st->peer_by_key, p->key);
	if (map_get_str(st->peer_by_label, p->label) == p)
		map_del_str(st->peer_by_label, p->label);
	if (map_get(st->peer_by_ip, ip_key(p, key), 4) == p)
		map_del(st->peer_by_ip, key, 4);
}

void
server_peer_free(struct server_peer *p)
{
	server_meta_free(&p->meta);
	free(p->name);
	free(p->ssh_key);
	free(p);
}

static void
row(void *arg, const struct env_db_value *v, int n)
{
	struct server_store *st = arg;
	struct server_peer *p;

	if (n != 12 || (p = calloc(1, sizeof(*p))) == NULL)
		return;
	snprintf(p->key, sizeof(p->key), "%s", server_col_text(&v[0]));
	snprintf(p->id, sizeof(p->id), "%s", server_col_text(&v[1]));
	p->name = strdup(server_col_text(&v[2]));
	snprintf(p->label, sizeof(p->label), "%s", server_col_text(&v[3]));
	p->ip = (uint32_t)v[4].num;
	p->ssh_key = strdup(server_col_text(&v[5]));
	p->ephemeral = v[6].num != 0;
	p->created = v[8].num;
	p->last_login = v[9].num;
	p->last_seen = v[10].num;
	snprintf(p->setup_key, sizeof(p->setup_key), "%s", server_col_text(&v[11]));
	if (p->name == NULL || p->ssh_key == NULL || server_meta_parse(&p->meta, v[7].bytes, v[7].len) != 0 ||
	    server_peer_index(st, p) != 0) {
		log_error("store", "peer %s cannot be read and is left out", p->key);
		server_peer_free(p);
		return;
	}
	p->away_since = env_now(st->env);
	list_append(&st->peers, &p->all);
}

int
server_peer_load(struct server_store *st)
{
	return env_db_read(st->db, "SELECT key, id, name, label, ip, ssh_key, ephemeral, meta, created, last_login,"
	    " last_seen, setup_key FROM peers ORDER BY rowid", row, st);
}

void
server_peer_free_all(struct server_store *st)
{
	LIST_EACH(l, &st->peers)
		server_peer_free(LIST_OF(l, struct server_peer, all));
	list_init(&st->peers);
}

struct server_peer *
server_peer_by_key(struct server_store *st, const char *key)
{
	struct server_peer *p = map_get_str(st->peer_by_key, key);

	return p != NULL && !p->pending && !p->leaving ? p : NULL;
}

int
server_peer_find(struct server_store *st, const char *what, struct server_peer **out)
{
	struct addr a;
	uint32_t ip = addr_parse(&a, what) == 0 && a.family == ADDR_V4 ? addr_v4_host(&a) : 0;

	*out = NULL;
	LIST_EACH(l, &st->peers) {
		struct server_peer *p = LIST_OF(l, struct server_peer, all);

		/* These name one peer and no other. */
		if (p->leaving)
			continue;
		if (strcmp(p->key, what) == 0 || strcmp(p->id, what) == 0 || strcmp(p->label, what) == 0 ||
		    (ip != 0 && p->ip == ip)) {
			*out = p;
			return 0;
		}
	}
	LIST_EACH(l, &st->peers) {
		struct server_peer *p = LIST_OF(l, struct server_peer, all);

		if (p->leaving || strcmp(p->name, what) != 0)
			continue;
		if (*out != NULL)
			return -EEXIST;
		*out = p;
	}
	return *out != NULL ? 0 : -ENOENT;
}
