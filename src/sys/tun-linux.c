/* SPDX-License-Identifier: ISC */
/*
 * tun-linux.c -- /dev/net/tun with virtio headers: TSO both ways, USO out, and
 * checksums left to whoever needs them (Documentation/networking/tuntap.rst,
 * linux/virtio_net.h).
 */
#include "config.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <unistd.h>
#include "sys/tun.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

/* enum env_offload; this folder does not include env.h */
enum { NONE, CSUM, TCP4, TCP6, UDP };

static int
set_up(const char *name, unsigned mtu)
{
	struct ifreq r;
	int err = 0, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -errno;
	memset(&r, 0, sizeof r);
	memcpy(r.ifr_name, name, sizeof r.ifr_name);
	r.ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, &r) < 0)
		err = -errno;
	if (err == 0 && ioctl(s, SIOCGIFFLAGS, &r) < 0)
		err = -errno;
	r.ifr_flags |= IFF_UP;
	if (err == 0 && ioctl(s, SIOCSIFFLAGS, &r) < 0)
		err = -errno;
	close(s);
	return err;
}

int
sys_tun_open(char name[SYS_TUN_NAME], unsigned mtu)
{
	unsigned with_udp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6;
	struct ifreq r;
	int err, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memset(&r, 0, sizeof r);
	memcpy(r.ifr_name, name, SYS_TUN_NAME - 1);
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	memcpy(name, r.ifr_name, SYS_TUN_NAME);
	/* an older kernel knows no USO; without any of it packets come singly */
	if (ioctl(fd, TUNSETOFFLOAD, with_udp) < 0)
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
	if ((err = set_up(name, mtu)) != 0) {
		close(fd);
		return err;
	}
	return fd;
}

long
sys_tun_read(int fd, void *buf, size_t room, struct sys_tun_meta *m)
{
	struct virtio_net_hdr h;
	struct iovec iov[2] = { { &h, sizeof h }, { buf, room } };
	ssize_t n = readv(fd, iov, 2);

	memset(m, 0, sizeof *m);
	if (n < 0)
		return -errno;
	if ((size_t)n <= sizeof h)
		return 0;
	m->segment = h.gso_size;
	m->hdr_len = h.hdr_len;
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		m->offload = CSUM;
		m->csum_start = h.csum_start;
		m->csum_offset = h.csum_offset;
	}
	switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		m->offload = TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		m->offload = TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		m->offload = UDP;
		break;
	default:
		m->segment = 0;
	}
	return (long)((size_t)n - sizeof h);
}

bool
sys_tun_takes_runs(void)
{
	return true;
}

int
sys_tun_write(int fd, const void *data, size_t len, const struct sys_tun_meta *m)
{
	static const uint8_t type[] = { VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4,
	    VIRTIO_NET_HDR_GSO_TCPV6, VIRTIO_NET_HDR_GSO_UDP_L4 };
	struct virtio_net_hdr h = { 0 };
	struct iovec iov[2] = { { &h, sizeof h }, { (void *)(uintptr_t)data, len } };

	if (m->offload != NONE) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.gso_type = type[m->offload];
		h.gso_size = m->segment;
		h.hdr_len = m->hdr_len;
		h.csum_start = m->csum_start;
		h.csum_offset = m->csum_offset;
	}
	return writev(fd, iov, 2) < 0 ? -errno : 0;
}
