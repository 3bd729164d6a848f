/* SPDX-License-Identifier: ISC */
/* udp-bsd.c -- recvmsg and sendmsg, one packet a call; IP_RECVDSTADDR or IP_PKTINFO. */
#include "config.h"
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <errno.h>
#include <string.h>
#include "sys/sockaddr.h"
#include "sys/udp.h"

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

void
sys_udp_setup(int fd, enum addr_family family, bool *gro, bool *gso)
{
	int on = 1;

	*gro = *gso = false;
	if (family == ADDR_V6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
		return;
	}
	setsockopt(fd, IPPROTO_IP, IP_RECVDSTADDR, &on, sizeof on);
#ifdef IP_RECVTOS
	setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
#endif
}

void
sys_udp_buffers(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void
read_control(struct msghdr *h, struct sys_udp_msg *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVDSTADDR) {
			m->local.family = ADDR_V4;
			memcpy(m->local.ip, CMSG_DATA(c), 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo pi;

			memcpy(&pi, CMSG_DATA(c), sizeof pi);
			m->local.family = ADDR_V6;
			memcpy(m->local.ip, &pi.ipi6_addr, 16);
			if (addr_is_link_local(&m->local))
				m->local.scope = pi.ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tc;

			memcpy(&tc, CMSG_DATA(c), sizeof tc);
			m->ecn = tc & 3;
#ifdef IP_RECVTOS
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVTOS) {
			m->ecn = *(uint8_t *)CMSG_DATA(c) & 3;
#endif
		}
	}
}

static int
receive_one(int fd, struct sys_udp_msg *m)
{
	struct sockaddr_storage peer;
	union control control;
	struct iovec iov = { m->data, m->len };
	struct msghdr h = {
		.msg_name = &peer, .msg_namelen = sizeof peer,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof control.room
	};
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	m->len = (uint32_t)n;
	m->segment = 0;
	m->ecn = 0;
	memset(&m->local, 0, sizeof m->local);
	m->peer = sys_addr_from_sockaddr((struct sockaddr *)&peer);
	read_control(&h, m);
	return 0;
}

int
sys_udp_recv(int fd, struct sys_udp_msg *m, int n)
{
	for (int i = 0; i < n; i++) {
		int err = receive_one(fd, &m[i]);

		if (err < 0)
			return i > 0 ? i : err;
	}
	return n;
}

static void
write_control(struct msghdr *h, union control *room, const struct sys_udp_msg *m)
{
	struct cmsghdr *c = &room->align;
	int tc = m->ecn;

	memset(room, 0, sizeof *room);
	h->msg_control = room;
	h->msg_controllen = 0;
	if (m->local.family == ADDR_V6 && m->peer.family == ADDR_V6) {
		struct in6_pktinfo pi = { .ipi6_ifindex = m->local.scope };

		memcpy(&pi.ipi6_addr, m->local.ip, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof pi);
		memcpy(CMSG_DATA(c), &pi, sizeof pi);
		h->msg_controllen += CMSG_SPACE(sizeof pi);
		c = (struct cmsghdr *)(void *)((char *)c + CMSG_SPACE(sizeof pi));
	}
#ifdef IP_SENDSRCADDR
	if (m->local.family == ADDR_V4 && m->peer.family == ADDR_V4) {
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_SENDSRCADDR;
		c->cmsg_len = CMSG_LEN(4);
		memcpy(CMSG_DATA(c), m->local.ip, 4);
		h->msg_controllen += CMSG_SPACE(4);
		c = (struct cmsghdr *)(void *)((char *)c + CMSG_SPACE(4));
	}
#endif
	if (tc != 0 && m->peer.family == ADDR_V6) {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_TCLASS;
		c->cmsg_len = CMSG_LEN(sizeof tc);
		memcpy(CMSG_DATA(c), &tc, sizeof tc);
		h->msg_controllen += CMSG_SPACE(sizeof tc);
	}
	if (h->msg_controllen == 0)
		h->msg_control = NULL;
}

int
sys_udp_send(int fd, const struct sys_udp_msg *m, int n)
{
	for (int i = 0; i < n; i++) {
		struct sockaddr_storage peer;
		union control control;
		struct iovec iov = { m[i].data, m[i].len };
		struct msghdr h = { .msg_name = &peer, .msg_iov = &iov, .msg_iovlen = 1 };

		h.msg_namelen = sys_addr_to_sockaddr(&m[i].peer, &peer);
		write_control(&h, &control, &m[i]);
		if (sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return i > 0 ? i : -errno;
	}
	return n;
}
