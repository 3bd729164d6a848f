/* SPDX-License-Identifier: ISC */
/* socket-bsd.c -- the part of sockaddr.h that the BSDs say this way. */
#include "config.h"
#include <sys/types.h>
#include <unistd.h>
#include "sys/sockaddr.h"

int
sys_peer_uid(int fd)
{
	uid_t uid;
	gid_t gid;

	return getpeereid(fd, &uid, &gid) < 0 ? -1 : (int)uid;
}
