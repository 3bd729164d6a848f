/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_IFACE_H
#define GODWIT_SYS_IFACE_H
/*
 * iface.h -- changing the host's interfaces and routes, and looking at them.
 *
 * Every system gives the list of addresses.  Changes are asked for by number
 * and answered by that number, so that the caller need not wait; a system that
 * answers at once says so.  "Already so" is success: adding what is there,
 * removing what is not.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

enum sys_iface_op {
	SYS_IFACE_ADDR_ADD,
	SYS_IFACE_ADDR_DEL,
	SYS_IFACE_LINK_UP,
	SYS_IFACE_ROUTE_ADD,
	SYS_IFACE_ROUTE_DEL
};

/* A descriptor that turns readable when there are answers; -ENOTSUP where all
 * is answered at once. */
int sys_iface_open(void);
/* 0: the answer comes.  1: done.  Else -errno; -ENOTSUP: this system cannot yet. */
int sys_iface_ask(int fd, uint32_t number, enum sys_iface_op, const char *iface,
    const struct addr_prefix *, unsigned mtu);
/* The next answer: 1 with number and error (0 or -errno), 0 none there, or -errno. */
int sys_iface_answer(int fd, uint32_t *number, int *err);

struct sys_ifaddr {
	char iface[16];
	struct addr_prefix prefix;
	bool up, point_to_point;
};
/* All but loopback, in the host's order; writes at most max, returns how many. */
size_t sys_ifaddrs(struct sys_ifaddr *, size_t max);
#endif
