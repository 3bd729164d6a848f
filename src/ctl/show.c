/* SPDX-License-Identifier: ISC */
/* show.c -- status as text, line by line as NetBird has it; and the filters. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>
#include "base/addr.h"
#include "ctl/cmd.h"
#include "ctl/show.h"
#include "wire/pb.h"

/* ---- filters ---------------------------------------------------------------------- */

static int
by_ip(const void *a, const void *b)
{
	const Daemon__PeerState *const *x = a, *const *y = b;
	struct addr ax, ay;

	memset(&ax, 0, sizeof(ax));
	memset(&ay, 0, sizeof(ay));
	addr_parse(&ax, wire_pb_str((*x)->ip));
	addr_parse(&ay, wire_pb_str((*y)->ip));
	return addr_cmp(&ax, &ay);
}

/* Is `value` in the comma-separated list: whole, or as the beginning of a name? */
static bool
in_list(const char *list, const char *value, bool prefix)
{
	for (const char *p = list; *p != '\0';) {
		size_t n = strcspn(p, ",");

		if (n > 0 && strncasecmp(p, value, n) == 0 && (prefix || value[n] == '\0'))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

static bool
wanted(const Daemon__PeerState *p, const struct opts *o)
{
	const char *type = strcmp(wire_pb_str(p->conn_status), "Connected") != 0 ? "-" : p->relayed ? "Relayed" : "P2P";

	if (o->value[OPT_FILTER_IPS] != NULL && !in_list(o->value[OPT_FILTER_IPS], wire_pb_str(p->ip), false) &&
	    !in_list(o->value[OPT_FILTER_IPS], wire_pb_str(p->ipv6), false))
		return false;
	if (o->value[OPT_FILTER_NAMES] != NULL && !in_list(o->value[OPT_FILTER_NAMES], wire_pb_str(p->fqdn), true))
		return false;
	if (o->value[OPT_FILTER_STATUS] != NULL && strcasecmp(o->value[OPT_FILTER_STATUS], wire_pb_str(p->conn_status)) != 0)
		return false;
	return o->value[OPT_FILTER_TYPE] == NULL || strcasecmp(o->value[OPT_FILTER_TYPE], type) == 0;
}

void
show_select(Daemon__FullStatus *f, const struct opts *o)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_peers; i++) {
		Daemon__PeerState *p = f->peers[i];

		if (wanted(p, o)) {
			/* swapped, so that the message still frees them all */
			f->peers[i] = f->peers[n];
			f->peers[n++] = p;
		}
	}
	while (f->n_peers > n)
		daemon__peer_state__free_unpacked(f->peers[--f->n_peers], NULL);
	if (n > 1)
		qsort(f->peers, n, sizeof(f->peers[0]), by_ip);
}

unsigned
show_connected(const Daemon__FullStatus *f)
{
	unsigned n = 0;

	for (size_t i = 0; f != NULL && i < f->n_peers; i++)
		n += strcmp(wire_pb_str(f->peers[i]->conn_status), "Connected") == 0;
	return n;
}

const char *
show_event(const Daemon__FullStatus *f, const char *id)
{
	for (size_t i = 0; f != NULL && i < f->n_events; i++)
		if (strcmp(wire_pb_str(f->events[i]->id), id) == 0)
			return wire_pb_str(f->events[i]->message);
	return NULL;
}

/* ---- small texts --------------------------------------------------------------------- */

static const char *
or_dash(const char *text)
{
	return wire_pb_str(text)[0] != '\0' ? text : "-";
}

/* "3 minutes, 4 seconds ago": two units. */
static void
print_ago(const char *head, const Wellknown__Timestamp *t, bool now_word)
{
	static const struct {
		long s;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	long ago;

	if (t == NULL || t->seconds <= 0) {
		printf("%s-\n", head);
		return;
	}
	ago = (long)(time(NULL) - t->seconds);
	if (ago < 1) {
		printf("%s%s\n", head, now_word ? "Now" : "0 seconds ago");
		return;
	}
	for (int i = 0; i < 4; i++) {
		long a = ago / units[i].s, b;

		if (a == 0)
			continue;
		printf("%s%ld %s%s", head, a, units[i].name, a == 1 ? "" : "s");
		if (i < 3) {
			b = ago % units[i].s / units[i + 1].s;
			printf(", %ld %s%s", b, units[i + 1].name, b == 1 ? "" : "s");
		}
		printf(" ago\n");
		return;
	}
}

static void
print_size(int64_t bytes)
{
	static const char unit[] = "KMGTPE";
	double v = (double)bytes;
	int u = -1;

	if (bytes < 1024) {
		printf("%lld B", (long long)bytes);
		return;
	}
	while (v >= 1024 && u < 5) {
		v /= 1024;
		u++;
	}
	printf("%.1f %ciB", v, unit[u]);
}

static void
print_latency(const Wellknown__Duration *d)
{
	double us = d == NULL ? 0 : (double)d->seconds * 1e6 + d->nanos / 1e3;

	if (us >= 1000)
		printf("  Latency: %gms\n", us / 1000);
	else if (us > 0)
		printf("  Latency: %gµs\n", us);
	else
		printf("  Latency: 0s\n");
}

/* ---- one peer -------------------------------------------------------------------------- */

static void
show_peer(const Daemon__PeerState *p)
{
	bool up = strcmp(wire_pb_str(p->conn_status), "Connected") == 0;

	printf("\n %s:\n  NetBird IP: %s\n", wire_pb_str(p->fqdn), wire_pb_str(p->ip));
	if (wire_pb_str(p->ipv6)[0] != '\0')
		printf("  NetBird IPv6: %s\n", p->ipv6);
	printf("  Public key: %s\n  Status: %s\n  -- detail --\n", wire_pb_str(p->pub_key), wire_pb_str(p->conn_status));
	printf("  Connection type: %s\n", !up ? "-" : p->relayed ? "Relayed" : "P2P");
	printf("  ICE candidate (Local/Remote): %s/%s\n", or_dash(p->local_ice_candidate_type), or_dash(p->remote_ice_candidate_type));
	printf("  ICE candidate endpoints (Local/Remote): %s/%s\n", or_dash(p->local_ice_candidate_endpoint),
	    or_dash(p->remote_ice_candidate_endpoint));
	printf("  Relay server address: %s\n", wire_pb_str(p->relay_address));
	print_ago("  Last connection update: ", p->conn_status_update, false);
	print_ago("  Last WireGuard handshake: ", p->last_wireguard_handshake, true);
	printf("  Transfer status (received/sent) ");
	print_size(p->bytes_rx);
	printf("/");
	print_size(p->bytes_tx);
	printf("\n  Quantum resistance: %s\n  Networks: -\n", p->rosenpass_enabled ? "true" : "false");
	print_latency(p->latency);
}

static void
show_events(const Daemon__FullStatus *f)
{
	static const char *const severity[] = { "INFO", "WARNING", "ERROR", "CRITICAL" };
	static const char *const category[] = { "NETWORK", "DNS", "AUTHENTICATION", "CONNECTIVITY", "SYSTEM" };

	printf("\nEvents:");
	if (f->n_events == 0)
		printf(" No events recorded\n");
	else
		printf("\n");
	for (size_t i = 0; i < f->n_events; i++) {
		const Daemon__SystemEvent *e = f->events[i];

		printf("  [%s] %s (%s)\n    Message: %s\n", severity[(unsigned)e->severity & 3],
		    (unsigned)e->category < 5 ? category[e->category] : "?", wire_pb_str(e->id), wire_pb_str(e->message));
	}
}

void
show_detail(const Daemon__StatusResponse *st)
{
	if (st->full_status != NULL) {
		printf("Peers detail:");
		for (size_t i = 0; i < st->full_status->n_peers; i++)
			show_peer(st->full_status->peers[i]);
		show_events(st->full_status);
	}
	show_summary(st, true);
}

/* ---- the summary -------------------------------------------------------------------------- */

static void
show_link(const char *name, bool connected, const char *url, const char *error, bool detail)
{
	printf("%s: %s", name, connected ? "Connected" : "Disconnected");
	if (connected && detail)
		printf(" to %s", wire_pb_str(url));
	if (!connected && wire_pb_str(error)[0] != '\0')
		printf(", reason: %s", error);
	printf("\n");
}

static void
show_relays(const Daemon__FullStatus *f, bool detail)
{
	size_t up = 0;

	for (size_t i = 0; i < f->n_relays; i++)
		up += f->relays[i]->available;
	if (!detail) {
		printf("Relays: %zu/%zu Available\n", up, f->n_relays);
		return;
	}
	printf("Relays: \n");
	for (size_t i = 0; i < f->n_relays; i++) {
		const Daemon__RelayState *r = f->relays[i];

		printf("  [%s] is %s", wire_pb_str(r->uri), r->available ? "Available" : "Unavailable");
		if (r->available && wire_pb_str(r->transport)[0] != '\0')
			printf(" via %s", r->transport);
		if (!r->available && wire_pb_str(r->error)[0] != '\0')
			printf(", reason: %s", r->error);
		printf("\n");
	}
}

static void
print_system(void)
{
	struct utsname u;
	const char *arch;

	if (uname(&u) != 0)
		return;
	for (char *p = u.sysname; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	arch = strcmp(u.machine, "x86_64") == 0 ? "amd64" : strcmp(u.machine, "aarch64") == 0 ? "arm64" : u.machine;
	printf("OS: %s/%s\n", u.sysname, arch);
}

static void
show_local(const Daemon__LocalPeerState *l)
{
	const char *ip = l != NULL ? wire_pb_str(l->ip) : "";

	printf("FQDN: %s\n", l != NULL ? wire_pb_str(l->fqdn) : "");
	printf("NetBird IP: %s\n", ip[0] != '\0' ? ip : "N/A");
	if (l != NULL && wire_pb_str(l->ipv6)[0] != '\0')
		printf("NetBird IPv6: %s\n", l->ipv6);
	printf("Interface type: %s\n", ip[0] == '\0' ? "N/A" : l->kernel_interface ? "Kernel" : "Userspace");
	if (ip[0] != '\0')
		printf("Wireguard port: %d\n", l->wg_port);
	else
		printf("Wireguard port: N/A\n");
}

void
show_summary(const Daemon__StatusResponse *st, bool detail)
{
	const Daemon__FullStatus *f = st->full_status;
	const char *firewall = show_event(f, "firewall-not-enforced");

	print_system();
	printf("Daemon version: %s\nCLI version: %s\nProfile: default\n", wire_pb_str(st->daemon_version), cmd_version());
	if (f == NULL) {
		printf("Daemon status: %s\n", wire_pb_str(st->status));
		return;
	}
	if (f->management_state != NULL)
		show_link("Management", f->management_state->connected, f->management_state->url, f->management_state->error, detail);
	if (f->signal_state != NULL)
		show_link("Signal", f->signal_state->connected, f->signal_state->url, f->signal_state->error, detail);
	show_relays(f, detail);
	printf("Nameservers: 0/0 Available\n");
	show_local(f->local_peer_state);
	printf("Quantum resistance: false\nLazy connection: false\nSSH Server: Disabled\nNetworks: -\n");
	if (firewall != NULL)
		printf("Firewall: %s\n", firewall);
	printf("Peers count: %u/%zu Connected\n", show_connected(f), f->n_peers);
}
