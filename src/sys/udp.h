/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_UDP_H
#define GODWIT_SYS_UDP_H
/*
 * udp.h -- datagrams in batches, as well as the system can.
 *
 * Every system gives: the local address of what came in, the ECN bits both
 * ways, sending from a chosen local address.  Where it can: several packets in
 * one call, and runs of equal packets as one (`segment`; UDP GSO and GRO).
 */
#include <stdbool.h>
#include "base/addr.h"

#define SYS_UDP_BATCH	64

struct sys_udp_msg {
	uint8_t *data;
	uint32_t len;		/* in: room for receiving */
	uint16_t segment;	/* bytes a packet when `len` is a run of them; else 0 */
	uint8_t ecn;
	struct addr peer;
	struct addr local;	/* port left out; family ADDR_NONE: unknown, or the system's choice */
};

/* Options on a fresh socket of that family, before bind. Says whether runs can
 * be received and sent. */
void sys_udp_setup(int fd, enum addr_family, bool *gro, bool *gso);
/* Asks for that much room each way; the system may give less. */
void sys_udp_buffers(int fd, int bytes);
/* Up to n (at most SYS_UDP_BATCH) packets; how many came, or -errno. */
int sys_udp_recv(int fd, struct sys_udp_msg *, int n);
/* Up to n packets; how many the socket took, or -errno of the first when none. */
int sys_udp_send(int fd, const struct sys_udp_msg *, int n);
#endif
