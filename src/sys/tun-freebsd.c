/* SPDX-License-Identifier: ISC */
/*
 * tun-freebsd.c -- /dev/tun clones a device; the interface can be renamed.
 */
#include "config.h"
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sys/tun-bsd.h"

static int
rename_to(const char *from, const char *to)
{
	struct ifreq r;
	int err, s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0)
		return -errno;
	memset(&r, 0, sizeof r);
	memcpy(r.ifr_name, from, strlen(from));
	r.ifr_data = (char *)(uintptr_t)to;
	err = ioctl(s, SIOCSIFNAME, &r) < 0 ? -errno : 0;
	if (err == -EEXIST) {	/* of a former life: interfaces outlive who made them */
		struct ifreq old;

		memset(&old, 0, sizeof old);
		memcpy(old.ifr_name, to, strlen(to));
		if (ioctl(s, SIOCIFDESTROY, &old) == 0)
			err = ioctl(s, SIOCSIFNAME, &r) < 0 ? -errno : 0;
	}
	close(s);
	return err;
}

int
sys_tun_attach(char name[SYS_TUN_NAME])
{
	int err = 0, on = 1, mode = IFF_POINTOPOINT, fd = open("/dev/tun", O_RDWR | O_CLOEXEC);
	char made[SYS_TUN_NAME] = "";
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || ioctl(fd, TUNSIFHEAD, &on) < 0 || ioctl(fd, TUNSIFMODE, &mode) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	devname_r(st.st_rdev, S_IFCHR, made, sizeof made);
	if (name[0] != '\0' && strcmp(name, made) != 0 && (err = rename_to(made, name)) != 0) {
		close(fd);
		return err;
	}
	if (name[0] == '\0')
		memcpy(name, made, SYS_TUN_NAME);
	return fd;
}
