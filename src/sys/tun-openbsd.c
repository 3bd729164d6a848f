/* SPDX-License-Identifier: ISC */
/*
 * tun-openbsd.c -- /dev/tunN; interfaces have the device's name, so a name like
 * "wt0" becomes the first free tunN.  The family header is always there.
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "sys/tun-bsd.h"

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
			return fd;
		}
		err = -errno;
		if (err != -EBUSY)
			break;
	}
	return err;
}
