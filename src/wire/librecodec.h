/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_LIBRECODEC_H
#define GODWIT_WIRE_LIBRECODEC_H
/*
 * librecodec.h -- libre's headers and the way between its addresses and ours.
 *
 * Only stun.c and candidate.c include this: libre's names (struct list, among
 * others) collide with ours.  Nothing of libre that keeps time, sockets or
 * random numbers may be called (protocol notes: its loop is not ours).
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <re.h>
#include "base/addr.h"

_Static_assert(sizeof(((struct sa *)0)->u) >= sizeof(struct sockaddr_in6), "libre was built with IPv6; say HAVE_INET6");

static inline struct addr
libre_to_addr(const struct sa *sa)
{
	struct addr a = { 0 };

	if (sa_af(sa) == AF_INET)
		return addr_v4(sa_in(sa), sa_port(sa));
	if (sa_af(sa) == AF_INET6) {
		a.family = ADDR_V6;
		a.port = sa_port(sa);
		sa_in6(sa, a.ip);
	}
	return a;
}

static inline void
libre_from_addr(struct sa *out, const struct addr *a)
{
	if (a->family == ADDR_V4)
		sa_set_in(out, addr_v4_host(a), a->port);
	else
		sa_set_in6(out, a->ip, a->port);
}
#endif
