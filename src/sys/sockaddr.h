/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_SOCKADDR_H
#define GODWIT_SYS_SOCKADDR_H
/*
 * sockaddr.h -- struct addr to and from the kernel's struct sockaddr, and the
 * two or three things about sockets that differ between systems.
 */
#include <sys/socket.h>
#include "base/addr.h"

/* Fills `out` (zeroed first); returns its length, 0 for ADDR_NONE. */
socklen_t sys_addr_to_sockaddr(const struct addr *, struct sockaddr_storage *out);
/* Family ADDR_NONE for anything but IPv4 and IPv6; a v4-mapped address stays IPv6. */
struct addr sys_addr_from_sockaddr(const struct sockaddr *);

/* User id behind a connected local socket, or -1. */
int sys_peer_uid(int fd);
#endif
