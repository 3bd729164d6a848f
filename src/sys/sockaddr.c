/* SPDX-License-Identifier: ISC */
/* sockaddr.c -- the part of sockaddr.h that is the same on all systems. */
#include "config.h"
#include <netinet/in.h>
#include <string.h>
#include "sys/sockaddr.h"

socklen_t
sys_addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == ADDR_V4) {
		struct sockaddr_in *sin = (void *)out;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(a->port);
		memcpy(&sin->sin_addr, a->ip, 4);
		return sizeof *sin;
	}
	if (a->family == ADDR_V6) {
		struct sockaddr_in6 *sin6 = (void *)out;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(a->port);
		sin6->sin6_scope_id = a->scope;
		memcpy(&sin6->sin6_addr, a->ip, 16);
		return sizeof *sin6;
	}
	return 0;
}

struct addr
sys_addr_from_sockaddr(const struct sockaddr *sa)
{
	struct addr a;

	memset(&a, 0, sizeof a);
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *sin = (const void *)sa;

		a.family = ADDR_V4;
		a.port = ntohs(sin->sin_port);
		memcpy(a.ip, &sin->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const void *)sa;

		a.family = ADDR_V6;
		a.port = ntohs(sin6->sin6_port);
		a.scope = sin6->sin6_scope_id;
		memcpy(a.ip, &sin6->sin6_addr, 16);
	}
	return a;
}
