/* SPDX-License-Identifier: ISC */
/*
 * tcp-send.c -- segments go out, as windows let them, and again when they must.
 */
#include <errno.h>
#include "tests/sim/tcp-impl.h"

#define RTO_MAX		(120 * MONO_SEC)
#define RETRIES		15		/* Linux tcp_retries2: 924 s and more */
#define SYN_RETRIES	6		/* Linux tcp_syn_retries: 127 s */

uint32_t
tcp_window(const struct tcp *t)
{
	size_t used = buf_len(&t->rcv);

	return used < RECV_BUF ? (uint32_t)(RECV_BUF - used) : 0;
}

int
tcp_send_raw(struct sim_host *h, const struct addr *from, const struct addr *to, const struct seg *seg, const void *data, size_t len)
{
	struct pkt *p = pkt_new(h->sim, SIM_TCP, from, to, data, len);

	p->seg = *seg;
	return host_send(h, p);
}

int
tcp_send_seg(struct tcp *t, unsigned flags, uint64_t seq, const void *data, size_t len)
{
	struct seg seg = { .conn = t->conn, .seq = seq, .ack = t->rcv_nxt, .wnd = tcp_window(t), .flags = flags };

	t->told_wnd = seg.wnd;
	return tcp_send_raw(t->host, &t->local, &t->remote, &seg, data, len);
}

void
tcp_send_ack(struct tcp *t)
{
	tcp_send_seg(t, SEG_ACK, t->nxt, NULL, 0);
}

void
tcp_arm(struct tcp *t)
{
	int64_t wait = t->rto << (t->retries < 8 ? t->retries : 8);

	ev_set(t->host->sim, &t->timer, t->host->sim->now + (wait < RTO_MAX ? wait : RTO_MAX));
}

uint64_t
tcp_snd_end(const struct tcp *t)
{
	return t->una + buf_len(&t->snd);
}

static bool
outstanding(const struct tcp *t)
{
	return !t->fin_acked && (buf_len(&t->snd) > 0 || t->fin_queued);
}

void
tcp_send_next(struct tcp *t, size_t max)
{
	size_t off = (size_t)(t->nxt - t->una), n = buf_len(&t->snd) - off;

	if (n > max)
		n = max;
	if (n == 0) {
		tcp_send_seg(t, SEG_ACK | SEG_FIN | (t->fin_clean ? SEG_CLEAN : 0u), t->nxt, NULL, 0);
		t->nxt++;
		return;
	}
	tcp_send_seg(t, SEG_ACK, t->nxt, buf_bytes(&t->snd) + off, n);
	t->active = t->host->sim->now;
	t->nxt += n;
	if (t->timed_seq == 0) {
		t->timed_seq = t->nxt;
		t->timed_at = t->host->sim->now;
	}
}

void
tcp_output(struct tcp *t)
{
	size_t wnd = t->cwnd < t->peer_wnd ? t->cwnd : t->peer_wnd;

	if (t->state != TCP_OPEN || t->fin_acked)
		return;
	while (t->nxt < tcp_snd_end(t)) {
		size_t flying = (size_t)(t->nxt - t->una), left = (size_t)(tcp_snd_end(t) - t->nxt);
		size_t n = left < MSS ? left : MSS;

		if (flying + n > wnd) {	/* no silly windows: part of a segment only when nothing flies */
			if (flying > 0 || wnd == 0)
				break;
			n = wnd;
		}
		tcp_send_next(t, n);
	}
	if (t->fin_queued && t->nxt == tcp_snd_end(t))
		tcp_send_next(t, MSS);
	if (outstanding(t) && !ev_pending(&t->timer))
		tcp_arm(t);
}

void
tcp_timer(void *arg)
{
	struct tcp *t = arg;
	bool syn = t->state != TCP_OPEN;

	if (!syn && !outstanding(t)) {
		if (t->owner == NULL)	/* an orphan whose peer never closes */
			tcp_free(t);
		return;
	}
	if (++t->retries > (syn ? SYN_RETRIES : RETRIES)) {
		tcp_fail(t, -ETIMEDOUT);
		return;
	}
	t->timed_seq = 0;	/* Karn: nothing sent twice is timed */
	if (syn)
		tcp_send_seg(t, t->state == TCP_SYN_SENT ? SEG_SYN : SEG_SYN | SEG_ACK, 0, NULL, 0);
	else if (t->peer_wnd == 0)
		tcp_send_seg(t, SEG_ACK | SEG_PROBE, t->nxt, NULL, 0);
	else {
		t->nxt = t->una;
		t->cwnd = MSS;
		tcp_send_next(t, t->peer_wnd < MSS ? t->peer_wnd : MSS);
	}
	tcp_arm(t);
}
