/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_GSO_H
#define GODWIT_WG_GSO_H
/*
 * gso.h -- runs of TCP segments taken apart and put together (TSO, GRO), and
 * the checksums that go with it.
 *
 * The TUN hands over one large packet with headers for many; WireGuard sends
 * packets of the tunnel's MTU.  On the way in the segments of one stream that
 * follow each other become one large packet again.  What a host could see of
 * the packets is the same either way.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "env/env.h"

/* ---- taking apart ---------------------------------------------------------- */

struct wg_gso {
	const struct env_pkt *pkt;
	uint32_t hdr;		/* IP and transport header */
	uint32_t at;		/* payload bytes handed out */
	uint32_t step;		/* payload bytes a packet */
	uint32_t n;		/* packets handed out */
	bool done;
};

/* False: the headers make no sense, drop it. */
bool wg_gso_begin(struct wg_gso *, const struct env_pkt *);
uint32_t wg_gso_packets(const struct wg_gso *, uint32_t *bytes);	/* how many there will be, and their bytes in all */
/* The next packet's length, 0 when there is none... */
uint32_t wg_gso_next_len(const struct wg_gso *);
/* ...and the packet itself, checksums complete, into `out` with room for it. */
void wg_gso_next(struct wg_gso *, uint8_t *out);

/* ---- putting together -------------------------------------------------------- */

#define WG_GRO_HEADROOM	64	/* before every packet in wg_gro_packets */

struct wg_gro;

struct wg_gro *wg_gro_new(void);	/* NULL: no memory */
void wg_gro_free(struct wg_gro *);
void wg_gro_join(struct wg_gro *, bool);	/* false: every packet stays alone (the system takes no runs) */
/* Adds an IP packet of `len` bytes with WG_GRO_HEADROOM writable bytes before it,
 * or fewer where it says so; the bytes must stay until the packets are written.
 * False when it is full: write, reset and add again. */
bool wg_gro_add(struct wg_gro *, uint8_t *data, uint32_t len, uint16_t headroom);
/* The packets for env_tun_write, in order; borrowed until wg_gro_reset. */
struct env_pkt *wg_gro_packets(struct wg_gro *, size_t *n);
void wg_gro_reset(struct wg_gro *);

/* ---- sums -------------------------------------------------------------------- */

/* Ones' complement sum of 16-bit words as they lie in memory, on top of `sum`;
 * only the last part of a whole may have an odd length. */
uint64_t wg_sum(const void *, size_t, uint64_t sum);
uint16_t wg_sum_fold(uint64_t);		/* to 16 bits, not inverted, to be stored as it is */
/* Of an IPv4 or IPv6 packet with its transport header at `at`: addresses,
 * protocol and length. */
uint64_t wg_sum_pseudo(const uint8_t *ip, uint8_t proto, uint32_t len);
#endif
