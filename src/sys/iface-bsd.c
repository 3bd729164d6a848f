/* SPDX-License-Identifier: ISC */
/*
 * iface-bsd.c -- addresses by ioctl, routes by the routing socket, as netintro(4)
 * and route(4) of FreeBSD, OpenBSD and NetBSD tell.  All of it is answered at once.
 *
 * A TUN is point to point here: an address brings no route to its network, so we
 * add that one, too.  Compiled for the three systems by tests/portable.sh; it has
 * not run on any of them yet.
 */
#include "config.h"
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet6/in6_var.h>
#include <netinet6/nd6.h>
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>
#include <unistd.h>
#include "sys/iface.h"
#include "sys/sockaddr.h"

/* Socket addresses in a routing message are padded to this. */
#define PADDED(len)	(((len) + 7) & ~(size_t)7)

struct message {
	struct rt_msghdr h;
	char addrs[256];
};

int
sys_iface_open(void)
{
	return -ENOTSUP;
}

int
sys_iface_answer(int fd, uint32_t *number, int *err)
{
	return 0;
}

static struct addr
mask_of(const struct addr_prefix *p)
{
	struct addr m = { .family = p->addr.family };

	for (unsigned i = 0; i < p->bits; i++)
		m.ip[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return m;
}

static struct addr
network_of(const struct addr_prefix *p)
{
	struct addr a = p->addr, m = mask_of(p);

	for (size_t i = 0; i < sizeof a.ip; i++)
		a.ip[i] &= m.ip[i];
	return a;
}

/* The BSDs want the length inside. */
static socklen_t
to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	socklen_t len = sys_addr_to_sockaddr(a, out);

	out->ss_len = (uint8_t)len;
	return len;
}

static int
control(int family, unsigned long what, void *request)
{
	int s = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (s < 0)
		return -errno;
	err = ioctl(s, what, request) < 0 ? -errno : 0;
	close(s);
	return err;
}

static int
add_v4(const char *iface, const struct addr_prefix *p)
{
	struct ifaliasreq r;
	struct sockaddr_storage ss;
	struct addr mask = mask_of(p);

	memset(&r, 0, sizeof r);
	strlcpy(r.ifra_name, iface, sizeof r.ifra_name);
	to_sockaddr(&p->addr, &ss);
	memcpy(&r.ifra_addr, &ss, sizeof(struct sockaddr_in));
	memcpy(&r.ifra_broadaddr, &ss, sizeof(struct sockaddr_in));
	to_sockaddr(&mask, &ss);
	memcpy(&r.ifra_mask, &ss, sizeof(struct sockaddr_in));
	return control(AF_INET, SIOCAIFADDR, &r);
}

static int
add_v6(const char *iface, const struct addr_prefix *p)
{
	struct in6_aliasreq r;
	struct sockaddr_storage ss;
	struct addr mask = mask_of(p);

	memset(&r, 0, sizeof r);
	strlcpy(r.ifra_name, iface, sizeof r.ifra_name);
	to_sockaddr(&p->addr, &ss);
	memcpy(&r.ifra_addr, &ss, sizeof(struct sockaddr_in6));
	to_sockaddr(&mask, &ss);
	memcpy(&r.ifra_prefixmask, &ss, sizeof(struct sockaddr_in6));
	r.ifra_lifetime.ia6t_vltime = r.ifra_lifetime.ia6t_pltime = ND6_INFINITE_LIFETIME;
#ifdef IN6_IFF_NODAD
	r.ifra_flags = IN6_IFF_NODAD;
#endif
	return control(AF_INET6, SIOCAIFADDR_IN6, &r);
}

static int
del_addr(const char *iface, const struct addr_prefix *p)
{
	struct sockaddr_storage ss;
	struct in6_ifreq r6;
	struct ifreq r;

	to_sockaddr(&p->addr, &ss);
	if (p->addr.family == ADDR_V6) {
		memset(&r6, 0, sizeof r6);
		strlcpy(r6.ifr_name, iface, sizeof r6.ifr_name);
		memcpy(&r6.ifr_addr, &ss, sizeof(struct sockaddr_in6));
		return control(AF_INET6, SIOCDIFADDR_IN6, &r6);
	}
	memset(&r, 0, sizeof r);
	strlcpy(r.ifr_name, iface, sizeof r.ifr_name);
	memcpy(&r.ifr_addr, &ss, sizeof(struct sockaddr_in));
	return control(AF_INET, SIOCDIFADDR, &r);
}

/* The interface's own address of that family: the "gateway" of a route that
 * ends at an interface. */
static struct addr
own_addr(const char *iface, int family)
{
	struct ifaddrs *list;
	struct addr a = { 0 };

	if (getifaddrs(&list) < 0)
		return a;
	for (struct ifaddrs *i = list; i != NULL && a.family == ADDR_NONE; i = i->ifa_next)
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == family && strcmp(i->ifa_name, iface) == 0)
			a = sys_addr_from_sockaddr(i->ifa_addr);
	freeifaddrs(list);
	return a;
}

static char *
put_addr(char *at, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(a, &ss);

	memcpy(at, &ss, len);
	return at + PADDED(len);
}

static int
change_route(bool add, const char *iface, const struct addr_prefix *p)
{
	struct addr dst = network_of(p), mask = mask_of(p);
	struct addr gate = own_addr(iface, p->addr.family == ADDR_V6 ? AF_INET6 : AF_INET);
	struct message m;
	char *at = m.addrs;
	int s, err = 0;

	if (gate.family == ADDR_NONE)
		return add ? -EADDRNOTAVAIL : 0;	/* its routes went with the last address */
	gate.scope = 0;
	memset(&m, 0, sizeof m);
	m.h.rtm_version = RTM_VERSION;
	m.h.rtm_type = add ? RTM_ADD : RTM_DELETE;
	m.h.rtm_flags = RTF_UP | RTF_STATIC;
	m.h.rtm_addrs = RTA_DST | RTA_GATEWAY | RTA_NETMASK;
	m.h.rtm_seq = 1;
	at = put_addr(at, &dst);
	at = put_addr(at, &gate);
	at = put_addr(at, &mask);
	m.h.rtm_msglen = (unsigned short)(at - (char *)&m);
	s = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (write(s, &m, m.h.rtm_msglen) < 0)
		err = -errno;
	close(s);
	/* There already; not there any more. */
	return err == -EEXIST || err == -ESRCH ? 0 : err;
}

static int
add_addr(const char *iface, const struct addr_prefix *p)
{
	unsigned all = p->addr.family == ADDR_V6 ? 128 : 32;
	int err = p->addr.family == ADDR_V6 ? add_v6(iface, p) : add_v4(iface, p);

	if (err == -EEXIST)
		err = 0;
	return err == 0 && p->bits < all ? change_route(true, iface, p) : err;
}

static int
set_mtu(const char *iface, unsigned mtu)
{
	struct ifreq r;

	if (mtu == 0)
		return 0;	/* sys_tun_open has brought it up */
	memset(&r, 0, sizeof r);
	strlcpy(r.ifr_name, iface, sizeof r.ifr_name);
	r.ifr_mtu = (int)mtu;
	return control(AF_INET, SIOCSIFMTU, &r);
}

int
sys_iface_ask(int fd, uint32_t number, enum sys_iface_op op, const char *iface,
    const struct addr_prefix *p, unsigned mtu)
{
	bool removing = op == SYS_IFACE_ADDR_DEL || op == SYS_IFACE_ROUTE_DEL;
	int err = -EINVAL;

	if (if_nametoindex(iface) == 0)	/* what went with its interface is removed */
		return removing ? 1 : -ENODEV;
	switch (op) {
	case SYS_IFACE_ADDR_ADD:
		err = add_addr(iface, p);
		break;
	case SYS_IFACE_ADDR_DEL:
		err = del_addr(iface, p);
		if (err == -EADDRNOTAVAIL)
			err = 0;
		break;
	case SYS_IFACE_LINK_UP:
		err = set_mtu(iface, mtu);
		break;
	case SYS_IFACE_ROUTE_ADD:
	case SYS_IFACE_ROUTE_DEL:
		err = change_route(op == SYS_IFACE_ROUTE_ADD, iface, p);
		break;
	}
	return err == 0 ? 1 : err;
}
