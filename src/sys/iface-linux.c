/* SPDX-License-Identifier: ISC */
/*
 * iface-linux.c -- addresses, links and routes by rtnetlink (rtnetlink(7)).
 *
 * One request a datagram, its number in nlmsg_seq, acknowledged by NLMSG_ERROR.
 */
#include "config.h"
#include <sys/socket.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "sys/iface.h"

struct request {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	} u;
	char attrs[128];
};

int
sys_iface_open(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&self, sizeof self) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void
put_attr(struct request *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void
make_addr(struct request *r, bool add, unsigned index, const struct addr_prefix *p)
{
	r->h.nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	r->h.nlmsg_len = NLMSG_LENGTH(sizeof r->u.addr);
	r->u.addr.ifa_family = p->addr.family == ADDR_V6 ? AF_INET6 : AF_INET;
	r->u.addr.ifa_prefixlen = p->bits;
	r->u.addr.ifa_index = index;
	/* Nobody else can have our address: no need to wait for detection (RFC 4862). */
	if (p->addr.family == ADDR_V6)
		r->u.addr.ifa_flags = IFA_F_NODAD;
	put_attr(r, IFA_LOCAL, p->addr.ip, addr_ip_len(&p->addr));
	put_attr(r, IFA_ADDRESS, p->addr.ip, addr_ip_len(&p->addr));
}

static void
make_link(struct request *r, unsigned index, unsigned mtu)
{
	uint32_t value = mtu;

	r->h.nlmsg_type = RTM_NEWLINK;
	r->h.nlmsg_len = NLMSG_LENGTH(sizeof r->u.link);
	r->u.link.ifi_family = AF_UNSPEC;
	r->u.link.ifi_index = (int)index;
	r->u.link.ifi_flags = r->u.link.ifi_change = IFF_UP;
	if (mtu != 0)
		put_attr(r, IFLA_MTU, &value, sizeof value);
}

/* The destination without its host bits: the kernel insists. */
static struct addr
network_of(const struct addr_prefix *p)
{
	struct addr a = p->addr;

	for (size_t i = 0; i < addr_ip_len(&a); i++) {
		int bits = p->bits - (int)i * 8;

		if (bits < 8)
			a.ip[i] &= (uint8_t)(bits <= 0 ? 0 : 0xff << (8 - bits));
	}
	return a;
}

static void
make_route(struct request *r, bool add, unsigned index, const struct addr_prefix *p)
{
	struct addr dst = network_of(p);
	uint32_t out = index;

	r->h.nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	r->h.nlmsg_len = NLMSG_LENGTH(sizeof r->u.route);
	r->u.route.rtm_family = p->addr.family == ADDR_V6 ? AF_INET6 : AF_INET;
	r->u.route.rtm_dst_len = p->bits;
	r->u.route.rtm_table = RT_TABLE_MAIN;
	r->u.route.rtm_protocol = RTPROT_STATIC;
	r->u.route.rtm_scope = add && p->addr.family == ADDR_V4 ? RT_SCOPE_LINK :
	    add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	r->u.route.rtm_type = add ? RTN_UNICAST : 0;
	if (p->bits > 0)
		put_attr(r, RTA_DST, dst.ip, addr_ip_len(&dst));
	put_attr(r, RTA_OIF, &out, sizeof out);
}

int
sys_iface_ask(int fd, uint32_t number, enum sys_iface_op op, const char *iface,
    const struct addr_prefix *p, unsigned mtu)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	unsigned index = if_nametoindex(iface);
	struct request r;

	if (index == 0) {	/* what went with its interface is removed */
		bool removing = op == SYS_IFACE_ADDR_DEL || op == SYS_IFACE_ROUTE_DEL;

		return removing ? 1 : -ENODEV;
	}
	memset(&r, 0, sizeof r);
	r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r.h.nlmsg_seq = number;
	switch (op) {
	case SYS_IFACE_ADDR_ADD:
	case SYS_IFACE_ADDR_DEL:
		make_addr(&r, op == SYS_IFACE_ADDR_ADD, index, p);
		break;
	case SYS_IFACE_LINK_UP:
		make_link(&r, index, mtu);
		break;
	case SYS_IFACE_ROUTE_ADD:
	case SYS_IFACE_ROUTE_DEL:
		make_route(&r, op == SYS_IFACE_ROUTE_ADD, index, p);
		break;
	}
	if (op == SYS_IFACE_ADDR_ADD || op == SYS_IFACE_ROUTE_ADD)
		r.h.nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	if (sendto(fd, &r, r.h.nlmsg_len, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof kernel) < 0)
		return -errno;
	return 0;
}

static int
forgive(int err)
{
	/* There already; not there any more. */
	return err == -EEXIST || err == -EADDRNOTAVAIL || err == -ESRCH ? 0 : err;
}

int
sys_iface_answer(int fd, uint32_t *number, int *err)
{
	union {
		struct nlmsghdr h;
		char room[4096];
	} in;
	ssize_t n = recv(fd, &in, sizeof in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(int)) || in.h.nlmsg_type != NLMSG_ERROR)
		return 0;
	*number = in.h.nlmsg_seq;
	memcpy(err, NLMSG_DATA(&in.h), sizeof *err);
	*err = forgive(*err);
	return 1;
}
