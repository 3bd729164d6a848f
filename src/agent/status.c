/* SPDX-License-Identifier: ISC */
/*
 * status.c -- what `godwit status` shows, gathered from the machines.  Connected
 * means that packets came back lately, not that something was once opened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/impl.h"
#include "base/log.h"
#include "env/env.h"
#include "relay/link.h"

static void
fill_link(struct agent_link *l, const char *url, bool connected, const char *error)
{
	snprintf(l->url, sizeof(l->url), "%s", url != NULL ? url : "");
	l->connected = connected;
	snprintf(l->error, sizeof(l->error), "%s", connected ? "" : error);
}

static void
fill_relay(struct relay_link *link, void *arg)
{
	struct agent_status *s = arg;
	struct agent_link *l, *more = realloc(s->relays, (s->nrelays + 1) * sizeof(*more));

	if (more == NULL)
		return;
	s->relays = more;
	l = &s->relays[s->nrelays++];
	memset(l, 0, sizeof(*l));
	fill_link(l, relay_link_name(link), relay_link_is_up(link), link->failure);
	strcpy(l->transport, "ws");
}

static const char *
type_name(enum wire_cand_type type)
{
	return wire_cand_type_name(type);
}

static void
fill_direct(struct agent_peer *p, const struct path *path)
{
	snprintf(p->local_type, sizeof(p->local_type), "%s", type_name(path->local_type));
	snprintf(p->remote_type, sizeof(p->remote_type), "%s", type_name(path->remote_type));
	addr_str_port(&path->local, p->local_endpoint);
	addr_str_port(&path->remote, p->remote_endpoint);
	p->latency_us = path->rtt_us;
}

static void
fill_peer(struct agent_peer *p, const struct remote *r)
{
	struct wg_peer_stats stats;

	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < r->nallowed; i++) {
		char *out = r->allowed[i].addr.family == ADDR_V4 ? p->ip : p->ipv6;

		if (out[0] == '\0')
			addr_str(&r->allowed[i].addr, out);
	}
	strcpy(p->pub_key, r->key_text);
	snprintf(p->fqdn, sizeof(p->fqdn), "%s", r->fqdn != NULL ? r->fqdn : "");
	p->state_since = r->changed_wall;
	wg_peer_get_stats(r->wg, &stats);
	p->last_handshake = stats.last_handshake_wall;
	p->rx_bytes = stats.rx_bytes;
	p->tx_bytes = stats.tx_bytes;
	snprintf(p->relay_url, sizeof(p->relay_url), "%s", relay_channel_server(r->channel));
	p->state = AGENT_PEER_CONNECTING;
	switch (path_kind(&r->peer->path)) {
	case PATH_TO_NONE:
		return;
	case PATH_TO_RELAY:
		p->relayed = true;
		break;
	case PATH_TO_ICE:
		fill_direct(p, &r->peer->path);
		break;
	}
	if (wg_watch_is_good(r->watch))
		p->state = AGENT_PEER_CONNECTED;
}

static void
fill_offline(struct agent_peer *p, const struct offline *o)
{
	memset(p, 0, sizeof(*p));
	addr_str(&o->ip, o->ip.family == ADDR_V6 ? p->ipv6 : p->ip);
	strcpy(p->pub_key, o->key_text);
	snprintf(p->fqdn, sizeof(p->fqdn), "%s", o->fqdn != NULL ? o->fqdn : "");
	p->state = AGENT_PEER_IDLE;
}

static void
fill_peers(struct engine *e, struct agent_status *s)
{
	s->peers = calloc(list_count(&e->remotes) + list_count(&e->offline) + 1, sizeof(*s->peers));
	if (s->peers == NULL)
		return;
	LIST_EACH(l, &e->remotes)
		fill_peer(&s->peers[s->npeers++], LIST_OF(l, struct remote, all));
	LIST_EACH(l, &e->offline)
		fill_offline(&s->peers[s->npeers++], LIST_OF(l, struct offline, all));
}

static void
fill_engine(struct engine *e, struct agent_status *s)
{
	if (e->address.addr.family != ADDR_NONE)
		addr_prefix_str(&e->address, s->ip);
	if (e->address6.addr.family != ADDR_NONE)
		addr_prefix_str(&e->address6, s->ipv6);
	snprintf(s->fqdn, sizeof(s->fqdn), "%s", e->fqdn != NULL ? e->fqdn : "");
	snprintf(s->iface, sizeof(s->iface), "%s", wg_device_ifname(e->device));
	s->wg_port = wg_device_port(e->device);
	s->firewall_not_enforced = true;
	fill_peers(e, s);
	relay_pool_each_link(e->pool, fill_relay, s);
}

void
status_fill(struct agent *a, struct agent_status *s)
{
	char signal_url[300] = "";

	s->state = agent_state_name(agent_state(a));
	fill_link(&s->management, a->mgmt_conf.url, mgmt_stream_is_up(a->sync),
	    agent_why(a)[0] != '\0' ? agent_why(a) : mgmt_stream_why(a->sync));
	if (a->signal_conf.host != NULL)
		snprintf(signal_url, sizeof(signal_url), "%s://%s:%u", a->signal_conf.tls ? "https" : "http",
		    a->signal_conf.host, a->signal_conf.port);
	fill_link(&s->signal, signal_url, signal_stream_is_up(a->signal), signal_stream_why(a->signal));
	wire_key_text(s->pub_key, a->mgmt_conf.public_key);
	strcpy(s->profile, "default");
	if (a->engine != NULL)
		fill_engine(a->engine, s);
}
