/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_HOSTADDRS_H
#define GODWIT_NET_HOSTADDRS_H
/*
 * hostaddrs.h -- the addresses of this host that can carry us: those that ICE
 * offers and whose change netwatch tells.  Left out are interfaces that are
 * down, tunnels (ours too), container bridges, loopback and link-local
 * addresses, as in peer-connection.md section 8.1.
 */
#include <stddef.h>
#include "base/addr.h"

struct env;

/* In the host's order, port 0; returns how many were written (at most max). */
size_t net_host_addrs(struct env *, struct addr *out, size_t max);
#endif
