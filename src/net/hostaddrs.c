/* SPDX-License-Identifier: ISC */
/*
 * hostaddrs.c -- which addresses of this host can carry us.
 */
#include <string.h>
#include "env/env.h"
#include "net/hostaddrs.h"

/* NetBird's default list (ManagementConfig.IFaceBlackList) and loopback. */
static const char *const skipped[] = {
	"lo", "wt", "utun", "tun0", "zt", "ZeroTier", "wg", "ts", "Tailscale",
	"tailscale", "docker", "veth", "br-"
};

static bool
usable_ip(const struct addr *a)
{
	static const uint8_t zero[12];

	if (addr_is_loopback(a) || addr_is_link_local(a))
		return false;
	if (a->family == ADDR_V6)
		/* embedded IPv4, and fec0::/10, the old site-local addresses */
		return memcmp(a->ip, zero, sizeof(zero)) != 0 && !(a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0xc0);
	return a->family == ADDR_V4;
}

static bool
usable_iface(const char *name)
{
	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
		if (strncmp(name, skipped[i], strlen(skipped[i])) == 0)
			return false;
	return true;
}

size_t
net_host_addrs(struct env *env, struct addr *out, size_t max)
{
	struct env_ifaddr all[128];
	size_t n = env_ifaddrs(env, all, 128), got = 0;

	if (n > 128)
		n = 128;
	for (size_t i = 0; i < n && got < max; i++) {
		if (!all[i].up || !usable_iface(all[i].iface) || !usable_ip(&all[i].prefix.addr))
			continue;
		out[got] = all[i].prefix.addr;
		out[got].port = 0;
		got++;
	}
	return got;
}
