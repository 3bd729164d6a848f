/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_TCP_IMPL_H
#define GODWIT_TESTS_SIM_TCP_IMPL_H
/*
 * tcp-impl.h -- the inside of tcp.h: tcp.c has the table of connections and what
 * their owners ask for, tcp-send.c sends and sends again, tcp-input.c receives.
 *
 * RFC 9293 without what no program can see: sequence numbers have 64 bits and
 * begin at 0 (a connection id stands for the initial numbers), there is no
 * TIME-WAIT, every segment is acknowledged at once.  What programs do see is
 * here: SYN retries for 127 s, retransmission with back-off for a quarter of an
 * hour, windows that fill when nobody reads, RST for what nobody knows, and
 * silence when a path is cut.
 */
#include "tests/sim/tcp.h"

#define MSS		1400
#define RECV_BUF	65536
#define CWND_FIRST	(10 * MSS)	/* RFC 6928 */
#define RTO_FIRST	MONO_SEC	/* RFC 6298 section 2.1 */
#define SEG_PROBE	32u		/* wants an ACK: zero-window probe */

struct tcp *tcp_find(struct sim_host *, const struct addr *local, const struct addr *remote);
struct tcp *tcp_new(struct sim_host *, const struct addr *local, const struct addr *remote);
void tcp_free(struct tcp *);
void tcp_wake(struct tcp *);			/* its owner, later */
void tcp_fail(struct tcp *, int err);		/* and frees it when it has no owner */
void tcp_orphan_check(struct tcp *);		/* frees it when nobody needs it any more */

void tcp_timer(void *tcp);
void tcp_arm(struct tcp *);
uint32_t tcp_window(const struct tcp *);	/* ours, to be told */
uint64_t tcp_snd_end(const struct tcp *);	/* behind the last byte that is to be sent */
int tcp_send_raw(struct sim_host *, const struct addr *from, const struct addr *to, const struct seg *, const void *, size_t);
int tcp_send_seg(struct tcp *, unsigned flags, uint64_t seq, const void *, size_t);
void tcp_send_ack(struct tcp *);
void tcp_send_next(struct tcp *, size_t max);	/* one segment from nxt, or the FIN */
void tcp_output(struct tcp *);			/* all that the windows let */
#endif
