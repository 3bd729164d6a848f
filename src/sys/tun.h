/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_TUN_H
#define GODWIT_SYS_TUN_H
/*
 * tun.h -- a layer-3 interface of our own: IP packets out of and into a file.
 *
 * Where the system can (Linux, virtio headers), a packet may be a run of TCP or
 * UDP segments with its checksum left open; the other systems give and take
 * plain packets.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_TUN_NAME	16

/* As in struct env_pkt; `offload` is enum env_offload by number. */
struct sys_tun_meta {
	uint8_t offload;
	uint16_t segment, hdr_len, csum_start, csum_offset;
};

/* Makes the interface, sets its MTU, takes it up, non-blocking.  `name` may be
 * empty; what it became is written back.  A descriptor, or -errno. */
int sys_tun_open(char name[SYS_TUN_NAME], unsigned mtu);
/* One packet: its length, or -errno (-EAGAIN: none there). */
long sys_tun_read(int fd, void *buf, size_t room, struct sys_tun_meta *);
bool sys_tun_takes_runs(void);		/* segments may be written joined */
/* 0, or -errno. */
int sys_tun_write(int fd, const void *, size_t len, const struct sys_tun_meta *);
#endif
