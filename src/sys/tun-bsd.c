/* SPDX-License-Identifier: ISC */
/*
 * tun-bsd.c -- what tun(4) has in common on FreeBSD, OpenBSD and NetBSD: four
 * bytes of address family before each packet, in network order.  How a device
 * is found and named is in tun-freebsd.c and its like.
 */
#include "config.h"
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#include "sys/tun.h"
#include "sys/tun-bsd.h"

static int
set_up(const char *name, unsigned mtu)
{
	struct ifreq r;
	int err = 0, s = socket(AF_INET, SOCK_DGRAM, 0);

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
	int err, fd = sys_tun_attach(name);

	if (fd < 0)
		return fd;
	if ((err = set_up(name, mtu)) != 0 || (err = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0) != 0) {
		close(fd);
		return err;
	}
	return fd;
}

long
sys_tun_read(int fd, void *buf, size_t room, struct sys_tun_meta *m)
{
	uint32_t family;
	struct iovec iov[2] = { { &family, sizeof family }, { buf, room } };
	ssize_t n = readv(fd, iov, 2);

	memset(m, 0, sizeof *m);
	if (n < 0)
		return -errno;
	return (size_t)n <= sizeof family ? 0 : (long)((size_t)n - sizeof family);
}

bool
sys_tun_takes_runs(void)
{
	return false;
}

int
sys_tun_write(int fd, const void *data, size_t len, const struct sys_tun_meta *m)
{
	uint32_t family = htonl(*(const uint8_t *)data >> 4 == 6 ? AF_INET6 : AF_INET);
	struct iovec iov[2] = { { &family, sizeof family }, { (void *)(uintptr_t)data, len } };

	if (m->offload != 0)
		return -EOPNOTSUPP;	/* see sys_tun_takes_runs */
	return writev(fd, iov, 2) < 0 ? -errno : 0;
}
