/* SPDX-License-Identifier: ISC */
/* ifaddrs.c -- getifaddrs, which all our systems have. */
#include "config.h"
#include <sys/types.h>
#include <sys/socket.h>
#include <net/if.h>
#include <ifaddrs.h>
#include <string.h>
#include "sys/iface.h"
#include "sys/sockaddr.h"

static uint8_t
mask_bits(const struct sockaddr *mask, int family)
{
	struct sockaddr_storage ss = { 0 };
	struct addr a;
	uint8_t bits = 0;

	if (mask == NULL)
		return family == AF_INET ? 32 : 128;
	/* The BSDs leave the family of a mask unset, and cut its zeros off. */
	memcpy(&ss, mask, family == AF_INET ? 16 : 28);
	ss.ss_family = (sa_family_t)family;
	a = sys_addr_from_sockaddr((struct sockaddr *)&ss);
	for (size_t i = 0; i < addr_ip_len(&a); i++)
		for (unsigned b = a.ip[i]; b & 0x80; b = (b << 1) & 0xff)
			bits++;
	return bits;
}

size_t
sys_ifaddrs(struct sys_ifaddr *out, size_t max)
{
	struct ifaddrs *list;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct sys_ifaddr *o = &out[n];

		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_LOOPBACK) ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		if (n++ >= max)
			continue;
		memset(o, 0, sizeof *o);
		strncpy(o->iface, i->ifa_name, sizeof o->iface - 1);
		o->prefix.addr = sys_addr_from_sockaddr(i->ifa_addr);
		o->prefix.bits = mask_bits(i->ifa_netmask, i->ifa_addr->sa_family);
		o->up = (i->ifa_flags & IFF_UP) && (i->ifa_flags & IFF_RUNNING);
		o->point_to_point = (i->ifa_flags & IFF_POINTOPOINT) != 0;
	}
	freeifaddrs(list);
	return n;
}
