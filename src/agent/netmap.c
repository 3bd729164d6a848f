/* SPDX-License-Identifier: ISC */
/*
 * netmap.c -- what management says, applied part by part: only differences are
 * acted on, so that a map that repeats itself moves nothing.
 *
 * Order and rules: NetBird's handleSync (an empty list of STUN servers keeps the
 * old one, an absent relay part takes all relays away, a map with a lower serial
 * is old).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "agent/impl.h"
#include "agent/metrics.h"
#include "base/log.h"
#include "base/map.h"
#include "base/url.h"
#include "env/env.h"

static void
host_done(void *arg, int err)
{
	if (err != 0)
		log_warnx("agent", "%s: %s", (const char *)arg, strerror(-err));
}

static void
set_stuns(struct engine *e, const Management__NetbirdConfig *c)
{
	const char *urls[16];
	size_t n = 0;

	for (size_t i = 0; i < c->n_stuns && n < 16; i++)
		if (c->stuns[i]->uri != NULL && c->stuns[i]->uri[0] != '\0')
			urls[n++] = c->stuns[i]->uri;
	if (n != 0 && ice_set_servers(e->ice, urls, n) != 0)
		log_warnx("agent", "the list of STUN servers could not be taken");
	if (n != 0)
		ice_gather_now(e->ice);
}

/* A relay part without a valid token is not believed; without the part there are no relays. */
static void
set_relays(struct engine *e, const Management__RelayConfig *c)
{
	if (c == NULL)
		relay_pool_set_home(e->pool, NULL, 0);
	else if (relay_pool_set_token(e->pool, wire_pb_str(c->token_payload), wire_pb_str(c->token_signature)) != 0)
		log_warnx("agent", "the relay token from management is not one: relays stay as they were");
	else
		relay_pool_set_home(e->pool, (const char *const *)c->urls, c->n_urls);
}

/* Flow export: absent changes nothing; the device is looked at only while it is on. */
static void
set_flow(struct engine *e, const Management__FlowConfig *c)
{
	struct agent *a = e->agent;
	struct flow_conf conf = { .ca_file = a->conf.ca_file };

	if (c == NULL || (e->flow == NULL && !c->enabled))
		return;
	if (e->flow == NULL && (e->flow = flow_new(a->env, a->loop, wg_device_public_key(e->device))) == NULL)
		return;
	conf.enabled = c->enabled;
	conf.counters = c->counters;
	conf.dns = c->dns_collection;
	conf.url = wire_pb_str(c->url);
	conf.payload = wire_pb_str(c->token_payload);
	conf.signature = wire_pb_str(c->token_signature);
	if (c->interval != NULL)
		conf.interval = c->interval->seconds * MONO_SEC + c->interval->nanos / 1000;
	if (flow_configure(e->flow, &conf) != 0)
		log_warnx("agent", "flow export: management gave no usable url and interval: left as it was");
	wg_device_set_tap(e->device, e->flow->on ? flow_tap : NULL, e->flow);
}

void
netmap_config(struct engine *e, const Management__NetbirdConfig *c)
{
	if (c == NULL)
		return;
	set_stuns(e, c);
	set_relays(e, c->relay);
	set_flow(e, c->flow);
}

static void
swap_address(struct engine *e, struct addr_prefix *have, const struct addr_prefix *want)
{
	static const char adding[] = "setting the overlay address", removing[] = "removing the old overlay address";
	struct env_host_req req = { .op = ENV_HOST_ADDR_DEL, .iface = wg_device_ifname(e->device) };

	if (have->bits == want->bits && addr_same_ip(&have->addr, &want->addr))
		return;
	if (have->addr.family != ADDR_NONE) {
		req.prefix = *have;
		env_host_ask(e->agent->env, &req, host_done, (void *)(uintptr_t)removing);
	}
	*have = *want;
	if (want->addr.family != ADDR_NONE) {
		req.op = ENV_HOST_ADDR_ADD;
		req.prefix = *want;
		env_host_ask(e->agent->env, &req, host_done, (void *)(uintptr_t)adding);
	}
}

void
netmap_address(struct engine *e, const Management__PeerConfig *c)
{
	struct addr_prefix v4, v6;
	char text[ADDR_STRLEN];

	if (c == NULL)
		return;
	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	if (wire_mgmt_address(c, &v4, &v6) != 0) {
		log_warnx("agent", "management gave no valid overlay address (\"%s\")", wire_pb_str(c->address));
		return;
	}
	if (!addr_same_ip(&e->address.addr, &v4.addr))
		log_info("agent", "overlay address %s, name %s", addr_prefix_str(&v4, text), wire_pb_str(c->fqdn));
	swap_address(e, &e->address, &v4);
	addr_str(&v4.addr, e->address_text);
	if (!e->agent->profile->disable_ipv6)
		swap_address(e, &e->address6, &v6);
	config_set_str(&e->fqdn, c->fqdn);
}

/* The usable prefixes of a peer; IPv6 only if we have an overlay address there. */
static unsigned
read_allowed(struct engine *e, const Management__RemotePeerConfig *c, struct addr_prefix *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->n_allowed_ips && n < REMOTE_ALLOWED_MAX; i++) {
		if (addr_prefix_parse(&out[n], c->allowed_ips[i]) != 0) {
			log_warnx("agent", "peer %s: \"%s\" is no prefix", wire_pb_str(c->wg_pub_key), c->allowed_ips[i]);
			continue;
		}
		if (out[n].addr.family == ADDR_V6 && e->address6.addr.family == ADDR_NONE)
			continue;
		n++;
	}
	return n;
}

static bool
same_allowed(const struct remote *r, const struct addr_prefix *list, unsigned n)
{
	if (n != r->nallowed)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (list[i].bits != r->allowed[i].bits || !addr_same_ip(&list[i].addr, &r->allowed[i].addr))
			return false;
	return true;
}

static void
apply_peer(struct engine *e, const Management__RemotePeerConfig *c)
{
	struct addr_prefix allowed[REMOTE_ALLOWED_MAX];
	uint8_t key[WIRE_KEY_LEN];
	struct remote *r;
	unsigned n;

	if (wire_key_parse(key, wire_pb_str(c->wg_pub_key)) != 0) {
		log_warnx("agent", "the map names a peer \"%s\", which is no key", wire_pb_str(c->wg_pub_key));
		return;
	}
	if (wire_key_equal(key, e->agent->mgmt_conf.public_key))
		return;
	n = read_allowed(e, c, allowed);
	if ((r = engine_remote(e, key)) == NULL) {
		if ((r = remote_new(e, key)) == NULL) {
			log_warnx("agent", "peer %s: out of memory, left out of this map", c->wg_pub_key);
			return;
		}
		log_info("peer", "%s (%s) is in the map", r->key_text, wire_pb_str(c->fqdn));
	}
	r->seen = true;
	if (!same_allowed(r, allowed, n)) {
		memcpy(r->allowed, allowed, n * sizeof(allowed[0]));
		r->nallowed = n;
		wg_peer_set_allowed_ips(r->wg, allowed, n);
	}
	config_set_str(&r->fqdn, c->fqdn);
	config_set_str(&r->version, c->agent_version);
}

void
netmap_clear_offline(struct engine *e)
{
	LIST_EACH(l, &e->offline) {
		struct offline *o = LIST_OF(l, struct offline, all);

		list_remove(&o->all);
		free(o->fqdn);
		free(o);
	}
}

static void
apply_offline(struct engine *e, const Management__NetworkMap *map)
{
	netmap_clear_offline(e);
	for (size_t i = 0; i < map->n_offline_peers; i++) {
		const Management__RemotePeerConfig *c = map->offline_peers[i];
		struct offline *o = calloc(1, sizeof(*o));
		struct addr_prefix p;

		if (o == NULL)
			return;
		list_append(&e->offline, &o->all);
		config_set_str(&o->fqdn, c->fqdn);
		strncpy(o->key_text, wire_pb_str(c->wg_pub_key), sizeof(o->key_text) - 1);
		if (c->n_allowed_ips > 0 && addr_prefix_parse(&p, c->allowed_ips[0]) == 0)
			o->ip = p.addr;
	}
}

/* What has been done since `began`, for the metrics; the next part begins now. */
static void
timed(struct engine *e, enum metrics_sync what, int64_t *began)
{
	int64_t now = env_turn_us(e->agent->env);

	metrics_sync(e->agent->metrics, what, now - *began);
	*began = now;
}

static void
apply_peers(struct engine *e, const Management__NetworkMap *map)
{
	int64_t began = env_turn_us(e->agent->env);

	LIST_EACH(l, &e->remotes)
		LIST_OF(l, struct remote, all)->seen = false;
	if (!map->remote_peers_is_empty)
		for (size_t i = 0; i < map->n_remote_peers; i++)
			apply_peer(e, map->remote_peers[i]);
	timed(e, METRICS_SYNC_CHANGED, &began);
	LIST_EACH(l, &e->remotes) {
		struct remote *r = LIST_OF(l, struct remote, all);

		if (r->seen)
			continue;
		log_info("peer", "%s (%s) is no longer in the map", r->key_text, r->fqdn != NULL ? r->fqdn : "");
		remote_free(r);
	}
	timed(e, METRICS_SYNC_REMOVED, &began);
}

void
netmap_apply(struct engine *e, const Management__SyncResponse *m)
{
	const Management__NetworkMap *map;
	int64_t began = env_turn_us(e->agent->env);

	netmap_config(e, m->netbird_config);
	timed(e, METRICS_SYNC_CONFIG, &began);
	if ((map = wire_mgmt_map(m)) == NULL)
		return;
	netmap_address(e, map->peer_config != NULL ? map->peer_config : m->peer_config);
	if (map->serial < e->serial) {
		log_debug("mgmt", "map %llu is older than %llu: left", (unsigned long long)map->serial,
		    (unsigned long long)e->serial);
		return;
	}
	e->serial = map->serial;
	e->firewall_rules = (unsigned)map->n_firewall_rules;
	began = env_turn_us(e->agent->env);
	apply_offline(e, map);
	timed(e, METRICS_SYNC_OFFLINE, &began);
	apply_peers(e, map);
}
