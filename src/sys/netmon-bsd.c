/* SPDX-License-Identifier: ISC */
/* netmon-bsd.c -- the routing socket, route(4). */
#include "config.h"
#include <sys/types.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/route.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sys/netmon.h"

#define IGNORED_MAX	8

struct netmon {
	int fd;
	unsigned ignored[IGNORED_MAX];
	size_t ignored_n;
	uint64_t ways;		/* counts what was said about default routes */
};

struct netmon *
sys_netmon_new(void)
{
	struct netmon *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->fd = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0) {
		free(m);
		return NULL;
	}
	return m;
}

void
sys_netmon_free(struct netmon *m)
{
	if (m == NULL)
		return;
	close(m->fd);
	free(m);
}

int
sys_netmon_fd(const struct netmon *m)
{
	return m->fd;
}

void
sys_netmon_ignore(struct netmon *m, const unsigned *index, size_t n)
{
	m->ignored_n = n < IGNORED_MAX ? n : IGNORED_MAX;
	memcpy(m->ignored, index, m->ignored_n * sizeof *index);
}

static bool
ignored(const struct netmon *m, unsigned index)
{
	for (size_t i = 0; i < m->ignored_n; i++)
		if (m->ignored[i] == index)
			return true;
	return false;
}

/* A route with no destination address but the wildcard is a default route. */
static bool
is_default(const struct rt_msghdr *r)
{
	static const char zero[16];
	const struct sockaddr *dst = (const void *)(r + 1);

	if (!(r->rtm_addrs & RTA_DST) || dst->sa_len == 0)
		return true;
	if (dst->sa_family == AF_INET)
		return memcmp((const char *)dst + 4, zero, 4) == 0;
	return dst->sa_family == AF_INET6 && memcmp((const char *)dst + 8, zero, 16) == 0;
}

uint64_t
sys_netmon_ways(const struct netmon *m)
{
	return m->ways;
}

bool
sys_netmon_changed(struct netmon *m)
{
	union {
		struct rt_msghdr route;
		struct ifa_msghdr addr;
		struct if_msghdr link;
		char room[4096];
	} in;
	bool changed = false;

	for (;;) {
		ssize_t n = read(m->fd, &in, sizeof in);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return changed || errno == ENOBUFS;
		switch (in.route.rtm_type) {
		case RTM_NEWADDR:
		case RTM_DELADDR:
			changed |= !ignored(m, in.addr.ifam_index);
			break;
		case RTM_IFINFO:
			changed |= !ignored(m, in.link.ifm_index);
			break;
		case RTM_ADD:
		case RTM_DELETE:
		case RTM_CHANGE:
			if (!ignored(m, in.route.rtm_index) && is_default(&in.route)) {
				m->ways++;
				changed = true;
			}
			break;
		default:
			break;
		}
	}
}
