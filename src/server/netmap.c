/* SPDX-License-Identifier: ISC */
/*
 * netmap.c -- one peer's view of the account.
 *
 * For each other peer: which enabled rules join the two, and in which direction.
 * That gives the list of tunnels, the firewall rules and the names.  The three
 * IsEmpty flags say "no rules" explicitly: an agent that sees neither rules nor
 * flag opens up (netmap.md 3.9).
 */
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "server/account.h"
#include "server/netmap.h"
#include "server/policy.h"
#include "server/version.h"

#define DNS_TTL		300
#define DNS_TYPE_A	1

struct view {
	struct server_arena *a;
	struct server_store *st;
	const struct server_peer *me;
};

/* A list that grows in the arena. */
struct list_of {
	void **item;
	size_t n, room;
};

static void
add(struct view *v, struct list_of *l, void *item)
{
	if (l->n == l->room) {
		size_t room = l->room != 0 ? 2 * l->room : 16;
		void **bigger = server_arena_get(v->a, room * sizeof(*bigger));

		if (l->n > 0)
			memcpy(bigger, l->item, l->n * sizeof(*bigger));
		l->item = bigger;
		l->room = room;
	}
	l->item[l->n++] = item;
}

/* A message of type T (and its prefix for the INIT macro) in the arena. */
#define NEW(ptr, arena, type, INIT) do {					\
	static const type blank = INIT;						\
	(ptr) = server_arena_get((arena), sizeof(*(ptr)));			\
	*(ptr) = blank;								\
} while (0)

static char *
ip_text(struct server_arena *a, uint32_t ip)
{
	return server_arena_printf(a, "%u.%u.%u.%u", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
}

static char *
fqdn(struct server_arena *a, struct server_store *st, const struct server_peer *p)
{
	return server_arena_printf(a, "%s.%s", p->label, st->account->domain);
}

/* ---- the parts that do not depend on others -------------------------------------- */

static Management__RelayConfig *
relay_config(struct server_arena *a, struct server_store *st, const struct server_announce *an)
{
	Management__RelayConfig *r;

	NEW(r, a, Management__RelayConfig, MANAGEMENT__RELAY_CONFIG__INIT);
	r->n_urls = 1;
	r->urls = server_arena_get(a, sizeof(*r->urls));
	r->urls[0] = server_arena_printf(a, "%s", an->relay);
	r->token_payload = server_arena_get(a, 24);
	r->token_signature = server_arena_get(a, 48);
	server_account_relay_token(st->account, (env_wall(st->env) + an->token_ttl_us) / MONO_SEC, r->token_payload,
	    r->token_signature);
	return r;
}

/* The interval must be there, or agents refuse the whole message (server.md 5.3). */
static Management__FlowConfig *
flow_config(struct server_arena *a, const struct server_announce *an, const Management__RelayConfig *token)
{
	Management__FlowConfig *f;

	if (an->flows_us <= 0)
		return NULL;
	NEW(f, a, Management__FlowConfig, MANAGEMENT__FLOW_CONFIG__INIT);
	f->url = server_arena_printf(a, "%s://%s", an->tls ? "https" : "http", an->signal);
	f->token_payload = token->token_payload;
	f->token_signature = token->token_signature;
	NEW(f->interval, a, Wellknown__Duration, WELLKNOWN__DURATION__INIT);
	f->interval->seconds = an->flows_us / MONO_SEC;
	f->interval->nanos = (int32_t)(an->flows_us % MONO_SEC * 1000);
	f->enabled = true;
	f->counters = true;
	return f;
}

static Management__NetbirdConfig *
netbird_config(struct server_arena *a, struct server_store *st, const struct server_announce *an)
{
	Management__NetbirdConfig *c;

	NEW(c, a, Management__NetbirdConfig, MANAGEMENT__NETBIRD_CONFIG__INIT);
	NEW(c->signal, a, Management__HostConfig, MANAGEMENT__HOST_CONFIG__INIT);
	c->signal->uri = server_arena_printf(a, "%s", an->signal);
	c->signal->protocol = an->tls ? MANAGEMENT__HOST_CONFIG__PROTOCOL__HTTPS : MANAGEMENT__HOST_CONFIG__PROTOCOL__HTTP;
	if (an->stun[0] != '\0') {
		c->n_stuns = 1;
		c->stuns = server_arena_get(a, sizeof(*c->stuns));
		NEW(c->stuns[0], a, Management__HostConfig, MANAGEMENT__HOST_CONFIG__INIT);
		c->stuns[0]->uri = server_arena_printf(a, "%s", an->stun);
	}
	c->relay = relay_config(a, st, an);
	c->flow = flow_config(a, an, c->relay);
	NEW(c->metrics, a, Management__MetricsConfig, MANAGEMENT__METRICS_CONFIG__INIT);
	return c;
}

static Management__PeerConfig *
peer_config(struct server_arena *a, struct server_store *st, const struct server_peer *p)
{
	Management__PeerConfig *c;

	NEW(c, a, Management__PeerConfig, MANAGEMENT__PEER_CONFIG__INIT);
	c->address = server_arena_printf(a, "%s/%d", ip_text(a, p->ip), SERVER_NET_BITS);
	c->fqdn = fqdn(a, st, p);
	NEW(c->ssh_config, a, Management__SSHConfig, MANAGEMENT__SSHCONFIG__INIT);
	c->routing_peer_dns_resolution_enabled = true;
	NEW(c->auto_update, a, Management__AutoUpdateSettings, MANAGEMENT__AUTO_UPDATE_SETTINGS__INIT);
	c->auto_update->version = server_arena_printf(a, "disabled");
	return c;
}

/* No peer here is added by a user, so no session ever expires: zero, not absent. */
static Wellknown__Timestamp *
never_expires(struct server_arena *a)
{
	Wellknown__Timestamp *t;

	NEW(t, a, Wellknown__Timestamp, WELLKNOWN__TIMESTAMP__INIT);
	return t;
}

/* ---- rules ------------------------------------------------------------------------- */

static bool
in_any(struct server_group *const *g, size_t n, const struct server_peer *p)
{
	for (size_t i = 0; i < n; i++)
		if (server_group_has(g[i], p->key))
			return true;
	return false;
}

static Management__FirewallRule *
rule_new(struct view *v, const struct server_rule *r, const struct server_peer *other, bool out)
{
	Management__FirewallRule *f;

	NEW(f, v->a, Management__FirewallRule, MANAGEMENT__FIREWALL_RULE__INIT);
	f->peer_ip = ip_text(v->a, other->ip);
	f->direction = out ? MANAGEMENT__RULE_DIRECTION__OUT : MANAGEMENT__RULE_DIRECTION__IN;
	f->action = r->action == SERVER_DROP ? MANAGEMENT__RULE_ACTION__DROP : MANAGEMENT__RULE_ACTION__ACCEPT;
	f->protocol = (Management__RuleProtocol)r->protocol;
	f->policy_id.data = (uint8_t *)server_arena_printf(v->a, "%s", r->id);
	f->policy_id.len = strlen(r->id);
	if (v->me->meta.source_prefixes) {
		uint8_t *compact = server_arena_get(v->a, 5);

		for (int i = 0; i < 4; i++)
			compact[i] = (uint8_t)(other->ip >> (24 - 8 * i));
		compact[4] = 32;
		f->n_source_prefixes = 1;
		f->source_prefixes = server_arena_get(v->a, sizeof(*f->source_prefixes));
		f->source_prefixes[0] = (ProtobufCBinaryData){ .len = 5, .data = compact };
	}
	return f;
}

static void
rule_range(struct view *v, Management__FirewallRule *f, unsigned start, unsigned end)
{
	NEW(f->port_info, v->a, Management__PortInfo, MANAGEMENT__PORT_INFO__INIT);
	f->port_info->port_selection_case = MANAGEMENT__PORT_INFO__PORT_SELECTION_RANGE;
	NEW(f->port_info->range, v->a, Management__PortInfo__Range, MANAGEMENT__PORT_INFO__RANGE__INIT);
	f->port_info->range->start = start;
	f->port_info->range->end = end;
}

/* netmap.md 3.4 and 3.5: one rule a port, ranges only for those who know them. */
static void
rule_put(struct view *v, struct list_of *rules, const struct server_rule *r, const struct server_peer *other, bool out)
{
	bool transport = r->protocol == SERVER_TCP || r->protocol == SERVER_UDP;

	if (r->nports == 0 || !transport) {
		Management__FirewallRule *f = rule_new(v, r, other, out);

		if (transport)
			rule_range(v, f, 0, 0);
		add(v, rules, f);
		return;
	}
	for (size_t i = 0; i < r->nports; i++) {
		unsigned start = r->ports[i].start, end = r->ports[i].end;
		Management__FirewallRule *f;

		if (start != end && !server_version_since(v->me->meta.version, 0, 48, 0, true))
			continue;
		f = rule_new(v, r, other, out);
		if (start == end)
			f->port = server_arena_printf(v->a, "%u", start);
		else
			rule_range(v, f, start, end);
		add(v, rules, f);
	}
}

/* All rules between me and one other peer; true when there is any (drop rules
 * make a tunnel too: netmap.md 3.2). */
static bool
rules_between(struct view *v, struct list_of *rules, const struct server_peer *other)
{
	bool any = false;

	LIST_EACH(l, &v->st->policies) {
		const struct server_rule *r = LIST_OF(l, struct server_rule, list);
		bool there, back;

		if (!r->enabled)
			continue;
		there = in_any(r->sources, r->nsources, v->me) && in_any(r->destinations, r->ndestinations, other);
		back = in_any(r->destinations, r->ndestinations, v->me) && in_any(r->sources, r->nsources, other);
		if (there || (back && r->both))
			rule_put(v, rules, r, other, true);
		if (back || (there && r->both))
			rule_put(v, rules, r, other, false);
		any = any || there || back;
	}
	return any;
}

/* ---- the others ---------------------------------------------------------------------- */

static Management__RemotePeerConfig *
remote_peer(struct view *v, const struct server_peer *p)
{
	Management__RemotePeerConfig *r;

	NEW(r, v->a, Management__RemotePeerConfig, MANAGEMENT__REMOTE_PEER_CONFIG__INIT);
	r->wg_pub_key = server_arena_printf(v->a, "%s", p->key);
	r->n_allowed_ips = 1;
	r->allowed_ips = server_arena_get(v->a, sizeof(*r->allowed_ips));
	r->allowed_ips[0] = server_arena_printf(v->a, "%s/32", ip_text(v->a, p->ip));
	NEW(r->ssh_config, v->a, Management__SSHConfig, MANAGEMENT__SSHCONFIG__INIT);
	r->ssh_config->ssh_pub_key.data = (uint8_t *)server_arena_printf(v->a, "%s", p->ssh_key);
	r->ssh_config->ssh_pub_key.len = strlen(p->ssh_key);
	r->fqdn = fqdn(v->a, v->st, p);
	r->agent_version = server_arena_printf(v->a, "%s", p->meta.version);
	return r;
}

static Management__SimpleRecord *
record(struct view *v, const struct server_peer *p)
{
	Management__SimpleRecord *r;

	NEW(r, v->a, Management__SimpleRecord, MANAGEMENT__SIMPLE_RECORD__INIT);
	r->name = fqdn(v->a, v->st, p);
	r->type = DNS_TYPE_A;
	r->class_ = server_arena_printf(v->a, "IN");
	r->ttl = DNS_TTL;
	r->rdata = ip_text(v->a, p->ip);
	return r;
}

/* 22054 when everybody of the account knows it (netmap.md section 8). */
static int64_t
forwarder_port(struct server_store *st)
{
	LIST_EACH(l, &st->peers)
		if (!server_version_since(LIST_OF(l, struct server_peer, all)->meta.version, 0, 59, 0, false))
			return 5353;
	return 22054;
}

static Management__DNSConfig *
dns_config(struct view *v, const struct list_of *records)
{
	Management__DNSConfig *d;

	NEW(d, v->a, Management__DNSConfig, MANAGEMENT__DNSCONFIG__INIT);
	d->service_enable = true;
	d->forwarder_port = forwarder_port(v->st);
	d->n_custom_zones = 1;
	d->custom_zones = server_arena_get(v->a, sizeof(*d->custom_zones));
	NEW(d->custom_zones[0], v->a, Management__CustomZone, MANAGEMENT__CUSTOM_ZONE__INIT);
	d->custom_zones[0]->domain = server_arena_printf(v->a, "%s.", v->st->account->domain);
	d->custom_zones[0]->n_records = records->n;
	d->custom_zones[0]->records = (Management__SimpleRecord **)(void *)records->item;
	return d;
}

static Management__NetworkMap *
network_map(struct view *v)
{
	struct list_of peers = { 0 }, rules = { 0 }, records = { 0 };
	Management__NetworkMap *m;

	add(v, &records, record(v, v->me));
	LIST_EACH(l, &v->st->peers) {
		const struct server_peer *p = LIST_OF(l, struct server_peer, all);

		if (p == v->me || p->leaving || !rules_between(v, &rules, p))
			continue;
		add(v, &peers, remote_peer(v, p));
		add(v, &records, record(v, p));
	}
	NEW(m, v->a, Management__NetworkMap, MANAGEMENT__NETWORK_MAP__INIT);
	m->serial = v->st->account->serial;
	m->peer_config = peer_config(v->a, v->st, v->me);
	m->n_remote_peers = peers.n;
	m->remote_peers = (Management__RemotePeerConfig **)(void *)peers.item;
	m->remote_peers_is_empty = peers.n == 0;
	m->n_firewall_rules = rules.n;
	m->firewall_rules = (Management__FirewallRule **)(void *)rules.item;
	m->firewall_rules_is_empty = rules.n == 0;
	m->routes_firewall_rules_is_empty = true;
	m->dns_config = dns_config(v, &records);
	NEW(m->ssh_auth, v->a, Management__SSHAuth, MANAGEMENT__SSHAUTH__INIT);
	m->ssh_auth->user_id_claim = server_arena_printf(v->a, "sub");
	return m;
}

/* ---- whole messages --------------------------------------------------------------------- */

Management__LoginResponse *
server_netmap_login(struct server_arena *a, struct server_store *st, const struct server_announce *an,
    const struct server_peer *p)
{
	Management__LoginResponse *r;

	NEW(r, a, Management__LoginResponse, MANAGEMENT__LOGIN_RESPONSE__INIT);
	r->netbird_config = netbird_config(a, st, an);
	r->peer_config = peer_config(a, st, p);
	r->session_expires_at = never_expires(a);
	return r;
}

Management__SyncResponse *
server_netmap_sync(struct server_arena *a, struct server_store *st, const struct server_announce *an,
    const struct server_peer *p, bool with_config)
{
	struct view v = { .a = a, .st = st, .me = p };
	Management__SyncResponse *r;

	NEW(r, a, Management__SyncResponse, MANAGEMENT__SYNC_RESPONSE__INIT);
	if (with_config)
		r->netbird_config = netbird_config(a, st, an);
	r->network_map = network_map(&v);
	r->peer_config = r->network_map->peer_config;
	r->remote_peers_is_empty = r->network_map->remote_peers_is_empty;
	r->session_expires_at = never_expires(a);
	/* Agents before 0.29.3 read the list here (netmap.md 3.8). */
	if (!server_version_since(p->meta.version, 0, 29, 3, true)) {
		r->n_remote_peers = r->network_map->n_remote_peers;
		r->remote_peers = r->network_map->remote_peers;
	}
	return r;
}

Management__SyncResponse *
server_netmap_token(struct server_arena *a, struct server_store *st, const struct server_announce *an)
{
	Management__SyncResponse *r;

	NEW(r, a, Management__SyncResponse, MANAGEMENT__SYNC_RESPONSE__INIT);
	NEW(r->netbird_config, a, Management__NetbirdConfig, MANAGEMENT__NETBIRD_CONFIG__INIT);
	r->netbird_config->relay = relay_config(a, st, an);
	r->netbird_config->flow = flow_config(a, an, r->netbird_config->relay);
	return r;
}

Management__SyncResponse *
server_netmap_farewell(struct server_arena *a, struct server_store *st)
{
	Management__SyncResponse *r;

	NEW(r, a, Management__SyncResponse, MANAGEMENT__SYNC_RESPONSE__INIT);
	r->remote_peers_is_empty = true;
	NEW(r->network_map, a, Management__NetworkMap, MANAGEMENT__NETWORK_MAP__INIT);
	r->network_map->serial = st->account->serial;
	r->network_map->remote_peers_is_empty = true;
	r->network_map->firewall_rules_is_empty = true;
	r->network_map->routes_firewall_rules_is_empty = true;
	NEW(r->network_map->dns_config, a, Management__DNSConfig, MANAGEMENT__DNSCONFIG__INIT);
	r->network_map->dns_config->forwarder_port = forwarder_port(st);
	return r;
}
