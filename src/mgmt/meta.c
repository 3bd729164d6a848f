/* SPDX-License-Identifier: ISC */
/*
 * meta.c -- what Login and Sync tell management about this host (NetBird's
 * PeerSystemMeta).  The version is NetBird's whose protocol we speak: servers
 * compare it with the least version of a feature.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "env/env.h"
#include "mgmt/link.h"

#define MAX_ADDRS	32

struct meta {
	Management__PeerSystemMeta msg;		/* first: mgmt_meta_free gets this */
	Management__Flags flags;
	Management__Environment environment;
	Management__PeerCapability caps[2];
	Management__NetworkAddress addr[MAX_ADDRS], *addrs[MAX_ADDRS];
	char text[MAX_ADDRS][ADDR_STRLEN];
	char go_os[64];
};

static void
fill_addresses(struct meta *m, struct env *env)
{
	struct env_ifaddr list[MAX_ADDRS];
	size_t n = env_ifaddrs(env, list, MAX_ADDRS);

	for (size_t i = 0; i < n && i < MAX_ADDRS; i++) {
		Management__NetworkAddress *a = &m->addr[m->msg.n_network_addresses];

		if (!list[i].up || list[i].point_to_point || addr_is_link_local(&list[i].prefix.addr))
			continue;
		management__network_address__init(a);
		a->net_ip = (char *)(uintptr_t)addr_prefix_str(&list[i].prefix, m->text[m->msg.n_network_addresses]);
		m->addrs[m->msg.n_network_addresses++] = a;
	}
	m->msg.network_addresses = m->addrs;
}

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void
fill_flags(Management__Flags *f, const struct mgmt_conf *conf)
{
	management__flags__init(f);
	f->rosenpass_enabled = conf->rosenpass;
	f->disable_client_routes = conf->disable_client_routes;
	f->disable_server_routes = conf->disable_server_routes;
	f->disable_dns = conf->disable_dns;
	f->disable_firewall = conf->disable_firewall;
	f->block_inbound = conf->block_inbound;
	f->disable_ipv6 = conf->disable_ipv6;
}

Management__PeerSystemMeta *
mgmt_meta_new(struct env *env, const struct mgmt_conf *conf)
{
	const struct env_sysinfo *sys = env_sysinfo(env);
	struct meta *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	management__peer_system_meta__init(&m->msg);
	m->msg.hostname = borrow(conf->hostname != NULL ? conf->hostname : sys->hostname);
	/* Go's name of a system is uname's in small letters, for all that we run on */
	for (size_t i = 0; sys->system[i] != '\0' && i < sizeof(m->go_os) - 1; i++)
		m->go_os[i] = (char)tolower((unsigned char)sys->system[i]);
	m->msg.go_os = m->go_os;
	m->msg.kernel = borrow(sys->system);
	m->msg.kernel_version = borrow(sys->kernel);
	m->msg.platform = borrow(sys->machine);
	m->msg.os = borrow(sys->os);
	m->msg.os_version = m->msg.core = borrow(sys->os_version);
	m->msg.netbird_version = borrow(conf->version);
	fill_flags(&m->flags, conf);
	m->msg.flags = &m->flags;
	management__environment__init(&m->environment);
	m->msg.environment = &m->environment;
	m->caps[0] = 1;		/* SourcePrefixes */
	m->caps[1] = 2;		/* IPv6Overlay */
	m->msg.capabilities = m->caps;
	m->msg.n_capabilities = conf->disable_ipv6 ? 1 : 2;
	fill_addresses(m, env);
	return &m->msg;
}

void
mgmt_meta_free(Management__PeerSystemMeta *msg)
{
	free(msg);		/* it is the first member of the whole */
}
