/* SPDX-License-Identifier: ISC */
/*
 * ctlstatus.c -- struct agent_status as daemon.StatusResponse.
 *
 * The message borrows every text from the status; the lists of pointers that
 * protobuf-c wants are made here and freed here.
 */
#include <config.h>
#include <errno.h>
#include <stdlib.h>
#include "agent/ctlparts.h"
#include "base/buf.h"

void
agent_status_free(struct agent_status *s)
{
	free(s->peers);
	free(s->relays);
	s->peers = NULL;
	s->relays = NULL;
	s->npeers = s->nrelays = 0;
}

static const char *
peer_state_name(enum agent_peer_state s)
{
	switch (s) {
	case AGENT_PEER_IDLE: return "Idle";
	case AGENT_PEER_CONNECTING: return "Connecting";
	case AGENT_PEER_CONNECTED: return "Connected";
	}
	return "Idle";
}

static void
set_time(Wellknown__Timestamp *t, int64_t wall_us)
{
	wellknown__timestamp__init(t);
	/* NetBird's "never" is the year 1. */
	t->seconds = wall_us != 0 ? wall_us / 1000000 : INT64_C(-62135596800);
	t->nanos = (int32_t)(wall_us % 1000000 * 1000);
}

/* One peer with the messages that hang on it. */
struct peer_parts {
	Daemon__PeerState msg;
	Wellknown__Timestamp since, handshake;
	Wellknown__Duration latency;
};

static void
set_peer(struct peer_parts *p, const struct agent_peer *a)
{
	daemon__peer_state__init(&p->msg);
	set_time(&p->since, a->state_since);
	set_time(&p->handshake, a->last_handshake);
	wellknown__duration__init(&p->latency);
	p->latency.seconds = a->latency_us / 1000000;
	p->latency.nanos = (int32_t)(a->latency_us % 1000000 * 1000);
	p->msg.ip = (char *)a->ip;
	p->msg.ipv6 = (char *)a->ipv6;
	p->msg.pub_key = (char *)a->pub_key;
	p->msg.fqdn = (char *)a->fqdn;
	p->msg.conn_status = (char *)peer_state_name(a->state);
	p->msg.conn_status_update = &p->since;
	p->msg.relayed = a->relayed;
	p->msg.local_ice_candidate_type = (char *)a->local_type;
	p->msg.remote_ice_candidate_type = (char *)a->remote_type;
	p->msg.local_ice_candidate_endpoint = (char *)a->local_endpoint;
	p->msg.remote_ice_candidate_endpoint = (char *)a->remote_endpoint;
	p->msg.last_wireguard_handshake = &p->handshake;
	p->msg.bytes_rx = (int64_t)a->rx_bytes;
	p->msg.bytes_tx = (int64_t)a->tx_bytes;
	p->msg.latency = &p->latency;
	p->msg.relay_address = (char *)a->relay_url;
}

/* The lists of one answer. */
struct lists {
	struct peer_parts *peers;
	Daemon__PeerState **peer;
	Daemon__RelayState *relays, **relay;
};

static void
lists_free(struct lists *l)
{
	free(l->peers);
	free(l->peer);
	free(l->relays);
	free(l->relay);
}

static int
lists_make(struct lists *l, const struct agent_status *s)
{
	l->peers = calloc(s->npeers + 1, sizeof(*l->peers));
	l->peer = calloc(s->npeers + 1, sizeof(*l->peer));
	l->relays = calloc(s->nrelays + 1, sizeof(*l->relays));
	l->relay = calloc(s->nrelays + 1, sizeof(*l->relay));
	if (l->peers == NULL || l->peer == NULL || l->relays == NULL || l->relay == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->npeers; i++) {
		set_peer(&l->peers[i], &s->peers[i]);
		l->peer[i] = &l->peers[i].msg;
	}
	for (size_t i = 0; i < s->nrelays; i++) {
		daemon__relay_state__init(&l->relays[i]);
		l->relays[i].uri = (char *)s->relays[i].url;
		l->relays[i].available = s->relays[i].connected;
		l->relays[i].error = (char *)s->relays[i].error;
		l->relays[i].transport = (char *)s->relays[i].transport;
		l->relay[i] = &l->relays[i];
	}
	return 0;
}

static void
set_local(Daemon__LocalPeerState *local, const struct agent_status *s)
{
	daemon__local_peer_state__init(local);
	local->ip = (char *)s->ip;
	local->ipv6 = (char *)s->ipv6;
	local->pub_key = (char *)s->pub_key;
	local->fqdn = (char *)s->fqdn;
	local->kernel_interface = s->kernel_interface;
	local->wg_port = s->wg_port;
}

/* NetBird's status has no field for it: an event that `status` prints. */
static void
set_firewall_event(Daemon__SystemEvent *e)
{
	daemon__system_event__init(e);
	e->id = (char *)"firewall-not-enforced";
	e->severity = DAEMON__SYSTEM_EVENT__SEVERITY__WARNING;
	e->category = DAEMON__SYSTEM_EVENT__CATEGORY__SYSTEM;
	e->message = (char *)"the network map has firewall rules; godwit does not enforce them yet";
	e->user_message = (char *)"Firewall rules of the network are not enforced by this version.";
}

static int
put_full(struct buf *out, Daemon__StatusResponse *r, const struct agent_status *s, struct lists *l)
{
	Daemon__FullStatus full = DAEMON__FULL_STATUS__INIT;
	Daemon__ManagementState management = DAEMON__MANAGEMENT_STATE__INIT;
	Daemon__SignalState sig = DAEMON__SIGNAL_STATE__INIT;
	Daemon__SSHServerState ssh = DAEMON__SSHSERVER_STATE__INIT;
	Daemon__LocalPeerState local;
	Daemon__SystemEvent event, *events[1] = { &event };

	management.url = (char *)s->management.url;
	management.connected = s->management.connected;
	management.error = (char *)s->management.error;
	sig.url = (char *)s->signal.url;
	sig.connected = s->signal.connected;
	sig.error = (char *)s->signal.error;
	set_local(&local, s);
	full.management_state = &management;
	full.signal_state = &sig;
	full.local_peer_state = &local;
	full.ssh_server_state = &ssh;
	full.lazy_connection_enabled = s->lazy;
	full.peers = l->peer;
	full.n_peers = s->npeers;
	full.relays = l->relay;
	full.n_relays = s->nrelays;
	if (s->firewall_not_enforced) {
		set_firewall_event(&event);
		full.events = events;
		full.n_events = 1;
	}
	r->full_status = &full;
	return WIRE_PB_PUT(out, r);
}

int
ctl_put_status(struct buf *out, const struct agent_status *s, bool full)
{
	Daemon__StatusResponse r = DAEMON__STATUS_RESPONSE__INIT;
	struct lists l = { 0 };
	int err;

	r.status = (char *)(s->state != NULL ? s->state : "Idle");
	r.daemon_version = (char *)VERSION;
	if (!full)
		return WIRE_PB_PUT(out, &r);
	err = lists_make(&l, s);
	if (err == 0)
		err = put_full(out, &r, s, &l);
	lists_free(&l);
	return err;
}
