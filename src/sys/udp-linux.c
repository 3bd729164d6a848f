/* SPDX-License-Identifier: ISC */
/*
 * udp-linux.c -- recvmmsg, sendmmsg, UDP_GRO, UDP_SEGMENT, IP_PKTINFO.
 *
 * Linux answers IPv4 with struct in_pktinfo, IPv6 with in6_pktinfo; the TOS
 * byte comes as one byte for IPv4 and as an int for IPv6, and is sent as int.
 */
#include "config.h"
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <errno.h>
#include <string.h>
#include "sys/sockaddr.h"
#include "sys/udp.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif
#ifndef UDP_GRO
#define UDP_GRO		104
#endif

/* Room for packet info, traffic class and segment size. */
#define CONTROL_ROOM	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)))

union control {
	struct cmsghdr align;
	char room[CONTROL_ROOM];
};

struct batch {
	struct mmsghdr hdr[SYS_UDP_BATCH];
	struct iovec iov[SYS_UDP_BATCH];
	struct sockaddr_storage peer[SYS_UDP_BATCH];
	union control control[SYS_UDP_BATCH];
};

void
sys_udp_setup(int fd, enum addr_family family, bool *gro, bool *gso)
{
	int on = 1, zero = 0;

	if (family == ADDR_V6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
	} else {
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
	}
	*gro = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0;
	*gso = setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0;
}

/* With CAP_NET_ADMIN beyond net.core.rmem_max, as wireguard-go does. */
void
sys_udp_buffers(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void
read_control(struct msghdr *h, struct sys_udp_msg *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo pi;

			memcpy(&pi, CMSG_DATA(c), sizeof pi);
			m->local.family = ADDR_V4;
			memcpy(m->local.ip, &pi.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo pi;

			memcpy(&pi, CMSG_DATA(c), sizeof pi);
			m->local.family = ADDR_V6;
			memcpy(m->local.ip, &pi.ipi6_addr, 16);
			if (addr_is_link_local(&m->local))
				m->local.scope = pi.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			m->ecn = *(uint8_t *)CMSG_DATA(c) & 3;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tc;

			memcpy(&tc, CMSG_DATA(c), sizeof tc);
			m->ecn = tc & 3;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(c), sizeof size);
			if (size > 0 && (uint32_t)size < m->len)
				m->segment = (uint16_t)size;
		}
	}
}

int
sys_udp_recv(int fd, struct sys_udp_msg *m, int n)
{
	struct batch b;
	int got;

	if (n > SYS_UDP_BATCH)
		n = SYS_UDP_BATCH;
	for (int i = 0; i < n; i++) {
		b.iov[i] = (struct iovec){ m[i].data, m[i].len };
		b.hdr[i].msg_hdr = (struct msghdr){
			.msg_name = &b.peer[i], .msg_namelen = sizeof b.peer[i],
			.msg_iov = &b.iov[i], .msg_iovlen = 1,
			.msg_control = b.control[i].room, .msg_controllen = sizeof b.control[i].room
		};
	}
	got = recvmmsg(fd, b.hdr, (unsigned)n, MSG_DONTWAIT, NULL);
	if (got < 0)
		return -errno;
	for (int i = 0; i < got; i++) {
		m[i].len = b.hdr[i].msg_len;
		m[i].segment = 0;
		m[i].ecn = 0;
		memset(&m[i].local, 0, sizeof m[i].local);
		m[i].peer = sys_addr_from_sockaddr((struct sockaddr *)&b.peer[i]);
		read_control(&b.hdr[i].msg_hdr, &m[i]);
	}
	return got;
}

static void
add_control(struct msghdr *h, struct cmsghdr **at, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = *at;

	memset(c, 0, CMSG_SPACE(len));	/* the padding too: valgrind looks at it */
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	memset(CMSG_DATA(c) + len, 0, CMSG_SPACE(len) - CMSG_LEN(len));	/* padding: no stack to the kernel */
	h->msg_controllen += CMSG_SPACE(len);
	*at = (struct cmsghdr *)(void *)((char *)c + CMSG_SPACE(len));
}

static void
write_control(struct msghdr *h, union control *room, const struct sys_udp_msg *m)
{
	struct cmsghdr *at = &room->align;
	int tos = m->ecn;

	h->msg_control = room;
	h->msg_controllen = 0;
	if (m->local.family == ADDR_V4 && m->peer.family == ADDR_V4) {
		struct in_pktinfo pi = { 0 };

		memcpy(&pi.ipi_spec_dst, m->local.ip, 4);
		add_control(h, &at, IPPROTO_IP, IP_PKTINFO, &pi, sizeof pi);
	} else if (m->local.family == ADDR_V6 && m->peer.family == ADDR_V6) {
		struct in6_pktinfo pi = { 0 };

		memcpy(&pi.ipi6_addr, m->local.ip, 16);
		pi.ipi6_ifindex = m->local.scope;
		add_control(h, &at, IPPROTO_IPV6, IPV6_PKTINFO, &pi, sizeof pi);
	}
	if (tos != 0 && m->peer.family == ADDR_V4)
		add_control(h, &at, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	else if (tos != 0)
		add_control(h, &at, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
	if (m->segment != 0 && m->segment < m->len)
		add_control(h, &at, IPPROTO_UDP, UDP_SEGMENT, &m->segment, sizeof m->segment);
	if (h->msg_controllen == 0)
		h->msg_control = NULL;
}

int
sys_udp_send(int fd, const struct sys_udp_msg *m, int n)
{
	struct batch b;
	int took;

	if (n > SYS_UDP_BATCH)
		n = SYS_UDP_BATCH;
	for (int i = 0; i < n; i++) {
		struct msghdr *h = &b.hdr[i].msg_hdr;

		b.iov[i] = (struct iovec){ m[i].data, m[i].len };
		*h = (struct msghdr){ .msg_iov = &b.iov[i], .msg_iovlen = 1, .msg_name = &b.peer[i] };
		h->msg_namelen = sys_addr_to_sockaddr(&m[i].peer, &b.peer[i]);
		write_control(h, &b.control[i], &m[i]);
	}
	took = sendmmsg(fd, b.hdr, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return took < 0 ? -errno : took;
}
