/* SPDX-License-Identifier: ISC */
/* show-json.c -- status with NetBird's keys, in its order, on one line. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jansson.h>
#include "ctl/cmd.h"
#include "ctl/show.h"
#include "wire/pb.h"

static void
put_str(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(wire_pb_str(value)));
}

static void
put_bool(json_t *o, const char *key, bool value)
{
	json_object_set_new(o, key, json_boolean(value));
}

/* RFC 3339 in the local zone with nanoseconds; Go's zero time when there is none. */
static void
put_time(json_t *o, const char *key, const Wellknown__Timestamp *t)
{
	char text[64] = "0001-01-01T00:00:00Z", zone[8];
	struct tm tm;
	time_t s;

	if (t != NULL && t->seconds > 0) {
		s = (time_t)t->seconds;
		localtime_r(&s, &tm);
		strftime(zone, sizeof(zone), "%z", &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		if (t->nanos > 0)
			snprintf(text + strlen(text), 12, ".%09d", t->nanos % 1000000000);
		if (strcmp(zone, "+0000") == 0)
			strcat(text, "Z");
		else
			snprintf(text + strlen(text), 8, "%.3s:%.2s", zone, zone + 3);
	}
	put_str(o, key, text);
}

static json_t *
two(const char *local, const char *remote)
{
	json_t *o = json_object();

	put_str(o, "local", local);
	put_str(o, "remote", remote);
	return o;
}

static json_t *
strings(size_t n, char **list)
{
	json_t *a;

	if (n == 0)
		return json_null();
	a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(list[i]));
	return a;
}

static json_t *
peer(const Daemon__PeerState *p)
{
	bool up = strcmp(wire_pb_str(p->conn_status), "Connected") == 0;
	json_t *o = json_object();

	put_str(o, "fqdn", p->fqdn);
	put_str(o, "netbirdIp", p->ip);
	if (wire_pb_str(p->ipv6)[0] != '\0')
		put_str(o, "netbirdIpv6", p->ipv6);
	put_str(o, "publicKey", p->pub_key);
	put_str(o, "status", p->conn_status);
	put_time(o, "lastStatusUpdate", p->conn_status_update);
	put_str(o, "connectionType", !up ? "-" : p->relayed ? "Relayed" : "P2P");
	json_object_set_new(o, "iceCandidateType", two(p->local_ice_candidate_type, p->remote_ice_candidate_type));
	json_object_set_new(o, "iceCandidateEndpoint", two(p->local_ice_candidate_endpoint, p->remote_ice_candidate_endpoint));
	put_str(o, "relayAddress", p->relay_address);
	put_time(o, "lastWireguardHandshake", up ? p->last_wireguard_handshake : NULL);
	json_object_set_new(o, "transferReceived", json_integer(p->bytes_rx));
	json_object_set_new(o, "transferSent", json_integer(p->bytes_tx));
	json_object_set_new(o, "latency", json_integer(p->latency == NULL ? 0 :
	    p->latency->seconds * 1000000000 + p->latency->nanos));
	put_bool(o, "quantumResistance", p->rosenpass_enabled);
	json_object_set_new(o, "networks", strings(p->n_networks, p->networks));
	return o;
}

static json_t *
peers(const Daemon__FullStatus *f)
{
	json_t *o = json_object(), *details = f->n_peers > 0 ? json_array() : json_null();

	for (size_t i = 0; i < f->n_peers; i++)
		json_array_append_new(details, peer(f->peers[i]));
	json_object_set_new(o, "total", json_integer((json_int_t)f->n_peers));
	json_object_set_new(o, "connected", json_integer(show_connected(f)));
	json_object_set_new(o, "details", details);
	return o;
}

static json_t *
link_state(const char *url, bool connected, const char *error)
{
	json_t *o = json_object();

	put_str(o, "url", url);
	put_bool(o, "connected", connected);
	put_str(o, "error", error);
	return o;
}

static json_t *
relays(const Daemon__FullStatus *f)
{
	json_t *o = json_object(), *details = f->n_relays > 0 ? json_array() : json_null();
	size_t up = 0;

	for (size_t i = 0; i < f->n_relays; i++) {
		const Daemon__RelayState *r = f->relays[i];
		json_t *d = json_object();

		put_str(d, "uri", r->uri);
		put_bool(d, "available", r->available);
		put_str(d, "error", r->error);
		if (wire_pb_str(r->transport)[0] != '\0')
			put_str(d, "transport", r->transport);
		json_array_append_new(details, d);
		up += r->available;
	}
	json_object_set_new(o, "total", json_integer((json_int_t)f->n_relays));
	json_object_set_new(o, "available", json_integer((json_int_t)up));
	json_object_set_new(o, "details", details);
	return o;
}

static json_t *
events(const Daemon__FullStatus *f)
{
	static const char *const severity[] = { "INFO", "WARNING", "ERROR", "CRITICAL" };
	static const char *const category[] = { "NETWORK", "DNS", "AUTHENTICATION", "CONNECTIVITY", "SYSTEM" };
	json_t *a = json_array();

	for (size_t i = 0; i < f->n_events; i++) {
		const Daemon__SystemEvent *e = f->events[i];
		json_t *o = json_object();

		put_str(o, "id", e->id);
		put_str(o, "severity", severity[(unsigned)e->severity & 3]);
		put_str(o, "category", (unsigned)e->category < 5 ? category[e->category] : "SYSTEM");
		put_str(o, "message", e->message);
		put_str(o, "userMessage", e->user_message);
		put_time(o, "timestamp", e->timestamp);
		json_object_set_new(o, "metadata", json_null());
		json_array_append_new(a, o);
	}
	return a;
}

/* Go's encoder writes these three as escapes; in JSON they stand in strings only. */
static void
print_escaped(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '<' || *p == '>' || *p == '&')
			printf("\\u%04x", (unsigned)*p);
		else
			putchar(*p);
}

void
show_json(const Daemon__StatusResponse *st)
{
	static const Daemon__FullStatus none = DAEMON__FULL_STATUS__INIT;
	static const Daemon__LocalPeerState nobody = DAEMON__LOCAL_PEER_STATE__INIT;
	const Daemon__FullStatus *f = st->full_status != NULL ? st->full_status : &none;
	const Daemon__LocalPeerState *l = f->local_peer_state != NULL ? f->local_peer_state : &nobody;
	json_t *o = json_object(), *ssh = json_object();
	char *text;

	json_object_set_new(o, "peers", peers(f));
	put_str(o, "cliVersion", cmd_version());
	put_str(o, "daemonVersion", st->daemon_version);
	put_str(o, "daemonStatus", st->status);
	json_object_set_new(o, "management", f->management_state == NULL ? link_state("", false, "") :
	    link_state(f->management_state->url, f->management_state->connected, f->management_state->error));
	json_object_set_new(o, "signal", f->signal_state == NULL ? link_state("", false, "") :
	    link_state(f->signal_state->url, f->signal_state->connected, f->signal_state->error));
	json_object_set_new(o, "relays", relays(f));
	put_str(o, "netbirdIp", l->ip);
	if (wire_pb_str(l->ipv6)[0] != '\0')
		put_str(o, "netbirdIpv6", l->ipv6);
	put_str(o, "publicKey", l->pub_key);
	put_bool(o, "usesKernelInterface", l->kernel_interface);
	json_object_set_new(o, "wireguardPort", json_integer(l->wg_port));
	put_str(o, "fqdn", l->fqdn);
	put_bool(o, "quantumResistance", l->rosenpass_enabled);
	put_bool(o, "quantumResistancePermissive", l->rosenpass_permissive);
	json_object_set_new(o, "networks", strings(l->n_networks, l->networks));
	json_object_set_new(o, "forwardingRules", json_integer(f->number_of_forwarding_rules));
	json_object_set_new(o, "dnsServers", json_array());
	json_object_set_new(o, "events", events(f));
	put_bool(o, "lazyConnectionEnabled", f->lazy_connection_enabled);
	put_str(o, "profileName", "default");
	put_bool(ssh, "enabled", false);
	json_object_set_new(ssh, "sessions", json_array());
	json_object_set_new(o, "sshServer", ssh);
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		print_escaped(text);
	free(text);
	json_decref(o);
}
