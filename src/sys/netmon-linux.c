/* SPDX-License-Identifier: ISC */
/*
 * netmon-linux.c -- rtnetlink's multicast groups.
 *
 * Messages come for many reasons: every router advertisement renews addresses,
 * a link tells its statistics.  So what is there is remembered, beginning with
 * a dump at the start, and only what was not so before counts.  When messages
 * were lost that is a change, and all is looked up anew: a fact that went unheard
 * would not be news when it is so again.
 */
#include "config.h"
#include <sys/socket.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sys/netmon.h"

#define IGNORED_MAX	8
#define FACTS_MAX	512

/* An address, a default route, or that a link is up and running. */
struct fact {
	uint16_t kind;		/* RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWLINK */
	uint8_t family, metric;
	unsigned index;
	uint8_t ip[16];		/* the address, or the gateway */
};

struct netmon {
	int fd;
	unsigned ignored[IGNORED_MAX];
	size_t ignored_n;
	struct fact facts[FACTS_MAX];
	size_t facts_n;
};

static void learn_all(struct netmon *);

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
	learn_all(m);
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

/* Remembers that it is so, or is not. True if that is news. */
static bool
note(struct netmon *m, const struct fact *f, bool so)
{
	for (size_t i = 0; i < m->facts_n; i++) {
		if (memcmp(&m->facts[i], f, sizeof *f) != 0)
			continue;
		if (!so)
			m->facts[i] = m->facts[--m->facts_n];
		return !so;
	}
	if (so && m->facts_n < FACTS_MAX)
		m->facts[m->facts_n++] = *f;
	return so;
}

/* A link that goes takes its addresses and routes along, IPv6's without a word. */
static void
forget_link(struct netmon *m, unsigned index)
{
	for (size_t i = m->facts_n; i-- > 0; )
		if (m->facts[i].index == index && m->facts[i].kind != RTM_NEWLINK)
			m->facts[i] = m->facts[--m->facts_n];
}

static bool
link_news(struct netmon *m, const struct nlmsghdr *h)
{
	const struct ifinfomsg *l = NLMSG_DATA(h);
	struct fact f = { .kind = RTM_NEWLINK, .index = (unsigned)l->ifi_index };
	unsigned both = IFF_UP | IFF_RUNNING;
	bool up = h->nlmsg_type == RTM_NEWLINK && (l->ifi_flags & both) == both;

	if ((l->ifi_flags & IFF_LOOPBACK) || ignored(m, f.index))
		return false;
	if (!up)
		forget_link(m, f.index);
	return note(m, &f, up);
}

static bool
addr_news(struct netmon *m, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);
	struct fact f = { .kind = RTM_NEWADDR, .family = a->ifa_family, .index = a->ifa_index };
	int left = (int)IFA_PAYLOAD(h);

	/* An IPv6 address counts once it can be used; the one of the link itself comes
	 * with the link, seconds later, and leads nowhere. */
	if ((a->ifa_flags & IFA_F_TENTATIVE) || a->ifa_scope == RT_SCOPE_HOST || ignored(m, f.index) ||
	    (a->ifa_family == AF_INET6 && a->ifa_scope == RT_SCOPE_LINK))
		return false;
	for (struct rtattr *r = IFA_RTA(a); RTA_OK(r, left); r = RTA_NEXT(r, left))
		if ((r->rta_type == IFA_LOCAL || (r->rta_type == IFA_ADDRESS && a->ifa_family == AF_INET6)) &&
		    RTA_PAYLOAD(r) <= sizeof f.ip)
			memcpy(f.ip, RTA_DATA(r), RTA_PAYLOAD(r));
	return note(m, &f, h->nlmsg_type == RTM_NEWADDR);
}

/* `ip route replace`: nobody says that the one before is gone. */
static void
forget_replaced(struct netmon *m, const struct fact *f)
{
	for (size_t i = m->facts_n; i-- > 0; )
		if (m->facts[i].kind == f->kind && m->facts[i].family == f->family && m->facts[i].metric == f->metric &&
		    memcmp(&m->facts[i], f, sizeof *f) != 0)
			m->facts[i] = m->facts[--m->facts_n];
}

/* Default routes of the main table. */
static bool
route_news(struct netmon *m, const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	struct fact f = { .kind = RTM_NEWROUTE, .family = r->rtm_family };
	int left = (int)RTM_PAYLOAD(h);
	uint32_t metric = 0;

	if (r->rtm_dst_len != 0 || r->rtm_table != RT_TABLE_MAIN || r->rtm_type != RTN_UNICAST)
		return false;
	for (struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == RTA_OIF)
			memcpy(&f.index, RTA_DATA(a), sizeof f.index);
		else if (a->rta_type == RTA_PRIORITY)
			memcpy(&metric, RTA_DATA(a), sizeof metric);
		else if (a->rta_type == RTA_GATEWAY && RTA_PAYLOAD(a) <= sizeof f.ip)
			memcpy(f.ip, RTA_DATA(a), RTA_PAYLOAD(a));
	}
	f.metric = (uint8_t)(metric ^ metric >> 8 ^ metric >> 16 ^ metric >> 24);
	if (ignored(m, f.index))
		return false;
	if (h->nlmsg_type == RTM_NEWROUTE && (h->nlmsg_flags & NLM_F_REPLACE))
		forget_replaced(m, &f);
	return note(m, &f, h->nlmsg_type == RTM_NEWROUTE);
}

/* FNV-1a of each, summed: their order says nothing. */
uint64_t
sys_netmon_ways(const struct netmon *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->facts_n; i++) {
		const uint8_t *p = (const uint8_t *)&m->facts[i];
		uint64_t one = UINT64_C(14695981039346656037);

		if (m->facts[i].kind != RTM_NEWROUTE)
			continue;
		for (size_t k = 0; k < sizeof m->facts[i]; k++)
			one = (one ^ p[k]) * UINT64_C(1099511628211);
		sum += one;
	}
	return sum;
}

static bool
news(struct netmon *m, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return addr_news(m, h);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_news(m, h);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_news(m, h);
	default:
		return false;
	}
}

/* Asks for everything of one kind and waits for it: the kernel has it at hand. */
static void
learn(struct netmon *m, uint16_t what)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} ask = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)), .nlmsg_type = what,
	    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = what }, .g = { AF_UNSPEC } };
	union {
		struct nlmsghdr h;
		char room[32768];
	} in;
	struct pollfd p = { .fd = m->fd, .events = POLLIN };

	if (send(m->fd, &ask, ask.h.nlmsg_len, 0) < 0)
		return;
	while (poll(&p, 1, 100) > 0) {
		int left = (int)recv(m->fd, &in, sizeof in, MSG_DONTWAIT);

		if (left <= 0)
			return;
		for (struct nlmsghdr *h = &in.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return;
			news(m, h);
		}
	}
}

static void
learn_all(struct netmon *m)
{
	m->facts_n = 0;
	learn(m, RTM_GETLINK);
	learn(m, RTM_GETADDR);
	learn(m, RTM_GETROUTE);
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
		if (n < 0 && errno == ENOBUFS) {
			learn_all(m);
			return true;	/* what came meanwhile is read in the next turn */
		}
		if (n < 0)
			return changed;
		for (struct nlmsghdr *h = &in.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			changed |= news(m, h);
	}
}
