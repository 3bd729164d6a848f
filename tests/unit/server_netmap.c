/* SPDX-License-Identifier: ISC */
/*
 * server_netmap.c -- who sees whom, by which rules, and for agents of which age;
 * and the store under it: names, addresses, changes that fail, coming back from
 * disk.  The store runs in the simulated world, without a network.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "server/account.h"
#include "server/netmap.h"
#include "server/policy.h"
#include "server/setupkey.h"
#include "server/version.h"
#include "tests/sim/sim.h"
#include "tests/tap.h"
#include "wire/keys.h"
#include "base/buf.h"
#include "wire/pb.h"
#include "wire/relaymsg.h"

struct fix {
	struct sim *sim;
	struct sim_host *host;
	struct env *env;
	struct server_store *st;
	struct server_setupkey *key;
	int last_err;
	struct server_peer *last;
};

static void *
prog_start(struct env *env, void *arg)
{
	(void)env;
	return arg;
}

/* Also when it was killed: then it gives back memory and nothing else. */
static void
prog_stop(void *object)
{
	struct fix *f = object;

	server_store_close(f->st);
	f->st = NULL;
}

static const struct sim_prog prog = { "store", prog_start, prog_stop };

static const struct server_announce announce = { .signal = "h:80", .relay = "rel://h:80", .stun = "stun:h:3478",
	.token_ttl_us = 12 * MONO_HOUR };

static void
key_made(void *arg, struct server_setupkey *k, int err)
{
	((struct fix *)arg)->key = err == 0 ? k : NULL;
}

static void
fix_open(struct fix *f)
{
	char text[SERVER_SETUPKEY_TEXT];
	bool fresh;
	int err;

	memset(f, 0, sizeof(*f));
	f->sim = sim_new(5);
	f->host = sim_host_new(f->sim, "host");
	f->env = sim_start(f->host, &prog, f);
	f->st = server_store_open(f->env, "/data", "example.test", &fresh, &err);
	server_setupkey_create(f->st, &(struct server_setupkey_spec){ .name = "k", .reusable = true }, text, key_made, f);
	sim_run(f->sim, MONO_SEC);
}

static void
fix_close(struct fix *f)
{
	sim_free(f->sim);
}

static void
peer_done(void *arg, struct server_peer *p, int err)
{
	struct fix *f = arg;

	f->last = p;
	f->last_err = err;
}

/* The n-th peer: key from its number, version and capability 1 as told. */
static struct server_peer *
add_peer(struct fix *f, int n, const char *name, const char *version, bool prefixes)
{
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	Management__PeerCapability cap = MANAGEMENT__PEER_CAPABILITY__PeerCapabilitySourcePrefixes;
	char key[WIRE_KEY_TEXTLEN];
	uint8_t raw[32] = { (uint8_t)n, 1 };
	struct buf b = { 0 };
	int err;

	wire_key_text(key, raw);
	meta.hostname = (char *)(uintptr_t)name;
	meta.netbird_version = (char *)(uintptr_t)version;
	meta.n_capabilities = prefixes;
	meta.capabilities = &cap;
	WIRE_PB_PUT(&b, &meta);
	f->last = NULL;
	err = server_peer_register(f->st, &(struct server_peer_spec){ .key = key, .meta = buf_bytes(&b), .meta_len = buf_len(&b),
	    .ssh_key = "ssh-ed25519 AAAA", .setup = f->key }, peer_done, f);
	if (err != 0)
		f->last_err = err;
	else
		sim_run(f->sim, MONO_SEC);
	buf_free(&b);
	return f->last;
}

/* ---- names, keys, versions --------------------------------------------------------- */

static void
test_labels(void)
{
	static const struct { const char *host, *label; } want[] = {
		{ "Web-1.example.org", "web-1" }, { "my laptop (old)", "my-laptop-old" }, { "x", "x" },
		{ "---", "peer" }, { "", "peer" }, { "ümlaut", "xn--mlaut-jva" }, { "Bücher.example", "xn--bcher-kva" }, { "例え", "xn--r8jz45g" },
		{ "a\xff", "a" }, { "\xc3", "peer" }, { "a__b", "a-b" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};
	char out[SERVER_LABEL];

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		server_peer_label(want[i].host, out);
		is_str(out, want[i].label, "label of \"%s\"", want[i].host);
	}
}

static void
test_versions(void)
{
	static const struct { const char *v; bool legacy_skipped, forwarder; } want[] = {
		{ "0.77.1", true, true }, { "0.77.1+anything", true, true }, { "v0.77.1", true, false },
		{ "0.77", true, true }, { "1.0.0", true, true }, { "development", true, true }, { "dev-abc", true, true },
		{ "ci-abc", true, true }, { "dev", false, false }, { "", false, false }, { "name 0.77.1", false, false },
		{ "0.29.2", false, false }, { "0.29.3", true, false }, { "0.29.3-rc", false, false }, { "0.59.0", true, true },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		is_int(server_version_since(want[i].v, 0, 29, 3, true), want[i].legacy_skipped, "\"%s\": new map alone", want[i].v);
		is_int(server_version_since(want[i].v, 0, 59, 0, false), want[i].forwarder, "\"%s\": new port", want[i].v);
	}
}

/* ---- maps ------------------------------------------------------------------------------ */

static Management__SyncResponse *
map_of(struct fix *f, struct server_arena *a, const struct server_peer *p)
{
	return server_netmap_sync(a, f->st, &announce, p, false);
}

static size_t
rules_to(const Management__NetworkMap *m, const struct server_peer *p, int direction)
{
	char ip[32];
	size_t n = 0;

	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", p->ip >> 24, (p->ip >> 16) & 255, (p->ip >> 8) & 255, p->ip & 255);
	for (size_t i = 0; i < m->n_firewall_rules; i++)
		n += strcmp(m->firewall_rules[i]->peer_ip, ip) == 0 && m->firewall_rules[i]->direction == (unsigned)direction;
	return n;
}

static void
test_default(struct fix *f)
{
	struct server_peer *a = add_peer(f, 1, "a", "0.77.1", true), *b = add_peer(f, 2, "b", "0.24.0", false),
	    *d = add_peer(f, 3, "d", "0.77.1", true);
	struct server_arena ar = { 0 };
	Management__SyncResponse *r = map_of(f, &ar, a);
	Management__NetworkMap *m = r->network_map;

	ok(a != NULL && b != NULL && d != NULL, "three peers");
	is_int(m->n_remote_peers, 2, "All<->All: two others");
	is_int(m->n_firewall_rules, 4, "two rules for each");
	ok(rules_to(m, b, 0) == 1 && rules_to(m, b, 1) == 1, "one in, one out");
	ok(!m->firewall_rules_is_empty && !m->remote_peers_is_empty && m->routes_firewall_rules_is_empty, "the flags say so");
	is_int(m->firewall_rules[0]->n_source_prefixes, 1, "a prefix for those who know it");
	ok(m->firewall_rules[0]->source_prefixes[0].len == 5 && m->firewall_rules[0]->source_prefixes[0].data[4] == 32,
	    "four bytes and 32");
	is_int(m->firewall_rules[0]->protocol, MANAGEMENT__RULE_PROTOCOL__ALL, "any protocol");
	ok(m->firewall_rules[0]->port_info == NULL && m->firewall_rules[0]->port[0] == '\0', "no port");
	is_int(m->dns_config->forwarder_port, 5353, "one old peer, and all keep the old port");
	is_int(m->dns_config->custom_zones[0]->n_records, 3, "three names");
	is_str(m->dns_config->custom_zones[0]->domain, "example.test.", "the zone has its dot");
	is_str(m->dns_config->custom_zones[0]->records[0]->name, "a.example.test", "its names have none");
	is_str(m->peer_config->fqdn, "a.example.test", "own name");
	is_int(r->n_remote_peers, 0, "no old list for a new agent");
	is_str((char *)m->remote_peers[0]->ssh_config->ssh_pub_key.data, "ssh-ed25519 AAAA", "the other's host key");
	server_arena_free(&ar);
	r = map_of(f, &ar, b);
	is_int(r->n_remote_peers, 2, "the old list for an old agent");
	is_int(r->network_map->firewall_rules[0]->n_source_prefixes, 0, "and no prefixes");
	server_arena_free(&ar);
}

static void
test_rules(struct fix *f)
{
	struct server_peer *x, *y, *old;
	struct server_group *left = server_group_add(f->st, "left"), *right = server_group_add(f->st, "right");
	struct server_rule r = { .name = (char *)(uintptr_t)"web", .enabled = true, .protocol = SERVER_TCP,
		.sources = { left }, .nsources = 1, .destinations = { right }, .ndestinations = 1,
		.ports = { { 80, 80 }, { 6000, 6010 } }, .nports = 2 };
	struct server_arena ar = { 0 };
	Management__NetworkMap *m;

	x = add_peer(f, 10, "x", "0.77.1", true);
	y = add_peer(f, 11, "y", "0.77.1", true);
	old = add_peer(f, 12, "old", "0.40.0", true);
	LIST_OF(f->st->policies.next, struct server_rule, list)->enabled = false;
	m = map_of(f, &ar, x)->network_map;
	ok(m->n_remote_peers == 0 && m->firewall_rules_is_empty && m->remote_peers_is_empty, "no rule: nobody, and it says so");
	server_group_join(f->st, left, x->key);
	server_group_join(f->st, right, y->key);
	server_group_join(f->st, right, old->key);
	server_rule_add(f->st, &r);
	server_arena_free(&ar);
	m = map_of(f, &ar, x)->network_map;
	is_int(m->n_remote_peers, 2, "a rule from left to right: the source has two counterparts");
	ok(rules_to(m, y, 1) == 2 && rules_to(m, y, 0) == 0, "one way: only out, one rule a port and a range");
	is_str(m->firewall_rules[0]->port, "80", "a port is text");
	ok(m->firewall_rules[1]->port_info != NULL && m->firewall_rules[1]->port_info->range->start == 6000 &&
	    m->firewall_rules[1]->port_info->range->end == 6010, "a range is a range");
	is_int(m->dns_config->custom_zones[0]->n_records, 3, "names of the counterparts only");
	server_arena_free(&ar);
	m = map_of(f, &ar, old)->network_map;
	ok(m->n_firewall_rules == 1 && rules_to(m, x, 0) == 1, "an agent older than 0.48 gets no range");
	server_arena_free(&ar);
	m = map_of(f, &ar, y)->network_map;
	ok(m->n_remote_peers == 1 && rules_to(m, x, 0) == 2, "destinations do not see each other");
	server_arena_free(&ar);
	r.protocol = SERVER_UDP;
	r.action = SERVER_DROP;
	r.both = true;
	r.nports = 0;
	server_rule_add(f->st, &r);
	m = map_of(f, &ar, y)->network_map;
	ok(rules_to(m, x, 0) == 3 && rules_to(m, x, 1) == 1, "bidirectional adds the way back");
	ok(m->firewall_rules[3]->action == MANAGEMENT__RULE_ACTION__DROP && m->firewall_rules[3]->port_info->range->end == 0,
	    "a drop rule, and UDP without ports has an empty range");
	server_arena_free(&ar);
	sim_run(f->sim, MONO_SEC);
}

/* ---- the store ---------------------------------------------------------------------------- */

static void
test_store(struct fix *f)
{
	struct server_peer *p = add_peer(f, 20, "twin", "0.77.1", true), *q = add_peer(f, 21, "twin", "0.77.1", true), *found;
	size_t peers = list_count(&f->st->peers);
	char label[SERVER_LABEL], suffix[32];
	uint64_t serial = f->st->account->serial;
	unsigned used = f->key->used;
	uint8_t relay[32];
	bool fresh;
	int err;

	snprintf(suffix, sizeof(suffix), "twin-%u-%u", (q->ip >> 8) & 255, q->ip & 255);
	is_str(p->label, "twin", "the first of a name has it");
	is_str(q->label, suffix, "the second has numbers behind it");
	ok(p->ip != q->ip && p->ip >> 16 == f->st->account->net >> 16, "addresses are different, and of the network");
	ok((p->ip & 0xffff) != 0 && (p->ip & 0xffff) != 0xffff, "and neither the first nor the last");
	is_int(server_peer_find(f->st, "twin-none", &found), -ENOENT, "an unknown name");
	is_int(server_peer_find(f->st, "twin", &found), 0, "a label names one");
	is_int(add_peer(f, 20, "again", "0.77.1", true) == NULL ? f->last_err : 0, -EEXIST, "a key registers once");
	sim_disk(f->host, &(struct sim_disk_faults){ .full = true });
	f->last_err = 0;
	ok(add_peer(f, 22, "full", "0.77.1", true) == NULL && f->last_err == -ENOSPC, "a full disk fails a registration");
	ok(map_get_str(f->st->peer_by_label, "full") == NULL && f->key->used == used && list_count(&f->st->peers) == peers,
	    "which gives back label, use and all");
	server_peer_rename(f->st, p, "other", peer_done, f);
	sim_run(f->sim, MONO_SEC);
	ok(f->last_err == -ENOSPC && strcmp(p->name, "twin") == 0 && map_get_str(f->st->peer_by_label, "other") == NULL,
	    "a renaming too");
	server_peer_remove(f->st, p, peer_done, f);
	ok(server_peer_by_key(f->st, p->key) == NULL, "a peer that is being removed is gone for everybody");
	sim_run(f->sim, MONO_SEC);
	ok(f->last_err == -ENOSPC && server_peer_by_key(f->st, p->key) == p, "and back when it could not be removed");
	sim_disk(f->host, NULL);
	is_int(f->st->account->serial, serial, "nothing that failed raised the serial");
	server_peer_rename(f->st, p, "Other Name", peer_done, f);
	sim_run(f->sim, MONO_SEC);
	is_str(p->label, "other-name", "a renamed peer has a new label");
	ok(f->st->account->serial > serial, "and raised the serial");
	server_peer_remove(f->st, q, peer_done, f);
	sim_run(f->sim, MONO_SEC);
	is_int(list_count(&f->st->peers), peers - 1, "a removed peer is gone");
	strcpy(label, p->label);
	serial = f->st->account->serial;
	memcpy(relay, f->st->account->relay_secret, 32);
	/* what is on disk is what comes back */
	size_t rules = list_count(&f->st->policies);

	sim_kill(f->env);
	f->env = sim_start(f->host, &prog, f);
	f->st = server_store_open(f->env, "/data", "elsewhere.test", &fresh, &err);
	ok(f->st != NULL && !fresh, "after kill -9 the store opens again");
	is_int(list_count(&f->st->peers), peers - 1, "with its peers");
	is_int(list_count(&f->st->policies), rules, "its rules");
	is_int(f->st->account->serial, serial, "its serial");
	is_str(f->st->account->domain, "example.test", "its domain");
	is_mem(f->st->account->relay_secret, relay, 32, "and its secrets");
	is_int(server_peer_find(f->st, label, &found), 0, "the renamed peer has its label");
	LIST_EACH(l, &f->st->policies) {
		const struct server_rule *r = LIST_OF(l, struct server_rule, list);

		if (r->nports == 2)
			ok(r->ports[0].start == 80 && r->ports[1].end == 6010 && r->nsources == 1 &&
			    strcmp(r->sources[0]->name, "left") == 0 && map_count(r->sources[0]->members) == 1, "ports and groups too");
	}
}

static void
test_tokens(struct fix *f)
{
	char payload[24], sig[48];
	struct buf t = { 0 };
	size_t refused = 0;

	server_account_relay_token(f->st->account, 2000000000, payload, sig);
	is_str(payload, "2000000000", "the payload of a token is its expiry");
	wire_relay_token_put(&t, payload, sig);
	is_int(server_account_check_token(f->st->account, 1999999999, buf_bytes(&t), buf_len(&t)), 0, "a token of ours");
	is_int(server_account_check_token(f->st->account, 2000000000, buf_bytes(&t), buf_len(&t)), 0, "in its last second");
	is_int(server_account_check_token(f->st->account, 2000000001, buf_bytes(&t), buf_len(&t)), -ETIMEDOUT, "too late");
	for (size_t i = 0; i < buf_len(&t); i++) {
		buf_bytes(&t)[i] ^= 1;
		refused += server_account_check_token(f->st->account, 1, buf_bytes(&t), buf_len(&t)) != 0;
		buf_bytes(&t)[i] ^= 1;
		refused += server_account_check_token(f->st->account, 1, buf_bytes(&t), i) != 0;
	}
	is_int(refused, 2 * buf_len(&t), "changed or cut anywhere it is refused");
	buf_free(&t);
}

int
main(void)
{
	struct fix f;

	test_labels();
	test_versions();
	fix_open(&f);
	test_default(&f);
	test_rules(&f);
	test_store(&f);
	test_tokens(&f);
	fix_close(&f);
	return tap_done();
}
