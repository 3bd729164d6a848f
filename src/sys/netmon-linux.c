/* SPDX-License-Identifier: ISC */
/*
 * netmon-linux.c -- rtnetlink's multicast groups.
 *
 * A link's message comes for many reasons, so its flags are remembered and only
 * a change of "up" or "running" counts.  Lost messages count as a change.
 */
#include "config.h"
#include <sys/socket.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sys/netmon.h"

#define IGNORED_MAX	8
#define LINKS_MAX	128

struct link {
	int index;
	unsigned flags;
};

struct netmon {
	int fd;
	unsigned ignored[IGNORED_MAX];
	size_t ignored_n;
	struct link links[LINKS_MAX];
	size_t links_n, next;
};

struct netmon *
sys_netmon_new(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK |
	    RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
	struct netmon *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&self, sizeof self) < 0) {
		sys_netmon_free(m);
		return NULL;
	}
	return m;
}

void
sys_netmon_free(struct netmon *m)
{
	if (m == NULL)
		return;
	if (m->fd >= 0)
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

static bool
link_changed(struct netmon *m, const struct ifinfomsg *l, bool gone)
{
	unsigned flags = gone ? 0 : l->ifi_flags & (IFF_UP | IFF_RUNNING);
	struct link *k = NULL;
	bool changed;

	if (l->ifi_flags & IFF_LOOPBACK)
		return false;
	for (size_t i = 0; i < m->links_n; i++)
		if (m->links[i].index == l->ifi_index)
			k = &m->links[i];
	if (k == NULL) {
		k = &m->links[m->next++ % LINKS_MAX];
		if (m->links_n < LINKS_MAX)
			m->links_n++;
		*k = (struct link){ .index = l->ifi_index, .flags = 0 };
		/* First seen: a link that is not up has changed nothing yet, unless it
		 * was up before we looked. */
		changed = flags != 0 || !gone;
	} else {
		changed = flags != k->flags;
	}
	k->flags = flags;
	return changed;
}

/* Default routes of the main table. */
static bool
route_counts(const struct netmon *m, const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	unsigned short left = (unsigned short)RTM_PAYLOAD(h);

	if (r->rtm_dst_len != 0 || r->rtm_table != RT_TABLE_MAIN || r->rtm_type != RTN_UNICAST)
		return false;
	for (struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		unsigned index;

		if (a->rta_type != RTA_OIF)
			continue;
		memcpy(&index, RTA_DATA(a), sizeof index);
		return !ignored(m, index);
	}
	return true;
}

static bool
counts(struct netmon *m, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR: {
		const struct ifaddrmsg *a = NLMSG_DATA(h);

		/* An IPv6 address counts once it can be used. */
		if (a->ifa_flags & IFA_F_TENTATIVE)
			return false;
		return a->ifa_scope != RT_SCOPE_HOST && !ignored(m, a->ifa_index);
	}
	case RTM_NEWLINK:
	case RTM_DELLINK: {
		const struct ifinfomsg *l = NLMSG_DATA(h);

		return !ignored(m, (unsigned)l->ifi_index) &&
		    link_changed(m, l, h->nlmsg_type == RTM_DELLINK);
	}
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_counts(m, h);
	default:
		return false;
	}
}

bool
sys_netmon_changed(struct netmon *m)
{
	union {
		struct nlmsghdr h;
		char room[16384];
	} in;
	bool changed = false;

	for (;;) {
		ssize_t n = recv(m->fd, &in, sizeof in, MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return changed || errno == ENOBUFS;
		for (struct nlmsghdr *h = &in.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			changed |= counts(m, h);
	}
}
