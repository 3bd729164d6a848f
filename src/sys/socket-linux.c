/* SPDX-License-Identifier: ISC */
/* socket-linux.c -- the part of sockaddr.h that only Linux says this way. */
#include "config.h"
#include "sys/sockaddr.h"

int
sys_peer_uid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	return (int)cred.uid;
}
