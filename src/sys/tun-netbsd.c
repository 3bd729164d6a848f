/* SPDX-License-Identifier: ISC */
/*
 * tun-netbsd.c -- /dev/tunN; interfaces have the device's name, so a name like
 * "wt0" becomes the first free tunN.
 */
#include "config.h"
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sys/tun-bsd.h"

static int
prepare(int fd)
{
	int on = 1, mode = IFF_POINTOPOINT;

	return ioctl(fd, TUNSIFHEAD, &on) < 0 || ioctl(fd, TUNSIFMODE, &mode) < 0 ? -errno : 0;
}

int
sys_tun_attach(char name[SYS_TUN_NAME])
{
	char path[32];
	int err = -ENODEV, fd;

	for (int i = 0; i < 256; i++) {
		snprintf(path, sizeof path, "/dev/tun%d", i);
		if (strncmp(name, "tun", 3) == 0 && strcmp(name, path + 5) != 0)
			continue;
		if ((fd = open(path, O_RDWR | O_CLOEXEC)) >= 0) {
			snprintf(name, SYS_TUN_NAME, "tun%d", i);
			if ((err = prepare(fd)) == 0)
				return fd;
			close(fd);
			return err;
		}
		err = -errno;
		if (err != -EBUSY)
			break;
	}
	return err;
}
