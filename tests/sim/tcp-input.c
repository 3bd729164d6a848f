/* SPDX-License-Identifier: ISC */
/*
 * tcp-input.c -- segments come in: acknowledgements, bytes in and out of turn,
 * connections that begin and end.
 */
#include <errno.h>
#include "tests/sim/tcp-impl.h"

#define CWND_MAX	262144
#define RTO_MIN		(200 * MONO_MS)	/* Linux */
#define EARLY_MAX	256

static void
measure(struct tcp *t)
{
	int64_t rtt = t->host->sim->now - t->timed_at;

	t->timed_seq = 0;
	t->srtt = t->srtt == 0 ? rtt : (7 * t->srtt + rtt) / 8;
	t->rto = 2 * t->srtt + 50 * MONO_MS;
	if (t->rto < RTO_MIN)
		t->rto = RTO_MIN;
}

static void
got_ack(struct tcp *t, const struct seg *seg, size_t len)
{
	uint64_t end = tcp_snd_end(t);

	if (seg->ack < t->una || seg->ack > end + (t->fin_queued ? 1 : 0))
		return;
	if (seg->ack == t->una && len == 0 && t->nxt > t->una && seg->wnd == t->peer_wnd && seg->wnd != 0) {
		if (++t->dupacks == 3) {	/* RFC 5681 section 3.2 */
			uint64_t nxt = t->nxt;

			t->nxt = t->una;
			tcp_send_next(t, MSS);
			if (t->nxt < nxt)
				t->nxt = nxt;
			t->cwnd = t->cwnd / 2 > MSS ? t->cwnd / 2 : MSS;
		}
		return;
	}
	t->peer_wnd = seg->wnd;
	t->retries = 0;
	if (seg->ack > t->una) {
		t->dupacks = 0;
		if (t->timed_seq != 0 && seg->ack >= t->timed_seq)
			measure(t);
		if (t->cwnd < CWND_MAX)
			t->cwnd += MSS;
		buf_consume(&t->snd, (size_t)((seg->ack < end ? seg->ack : end) - t->una));
		t->una = seg->ack;
		if (seg->ack == end + 1)
			t->fin_acked = true;
		if (t->nxt < t->una)
			t->nxt = t->una;
		ev_stop(t->host->sim, &t->timer);
	}
	tcp_output(t);
	tcp_wake(t);
}

/* In its turn, wholly or in part: its bytes and its FIN. */
static void
take(struct tcp *t, const struct pkt *p)
{
	uint64_t skip = t->rcv_nxt - p->seg.seq;
	size_t room = tcp_window(t);

	if (skip < p->len) {
		size_t n = p->len - (size_t)skip;

		if (n > room && !t->discard) {
			buf_put(&t->rcv, p->data + skip, room);
			t->rcv_nxt += room;
			t->active = t->host->sim->now;
			return;		/* it will be sent again */
		}
		if (!t->discard)
			buf_put(&t->rcv, p->data + skip, n);
		t->rcv_nxt += n;
		t->active = t->host->sim->now;
	}
	if ((p->seg.flags & SEG_FIN) && !t->fin_rcvd && t->rcv_nxt == p->seg.seq + p->len) {
		t->fin_rcvd = true;
		t->fin_rcvd_clean = (p->seg.flags & SEG_CLEAN) != 0;
		t->rcv_nxt++;
	}
}

static void
keep_early(struct tcp *t, const struct pkt *p)
{
	struct pkt *c;

	if (t->nearly >= EARLY_MAX)
		return;
	c = pkt_new(t->host->sim, SIM_TCP, &p->src, &p->dst, p->data, p->len);
	c->seg = p->seg;
	list_append(&t->early, &c->q);
	t->nearly++;
}

static void
take_early(struct tcp *t)
{
	for (bool again = true; again;) {
		again = false;
		LIST_EACH(l, &t->early) {
			struct pkt *p = LIST_OF(l, struct pkt, q);

			if (p->seg.seq > t->rcv_nxt)
				continue;
			take(t, p);
			list_remove(&p->q);
			pkt_free(p);
			t->nearly--;
			again = true;
			break;
		}
	}
}

static void
got_open(struct tcp *t, const struct pkt *p)
{
	bool data = p->len > 0 || (p->seg.flags & SEG_FIN);

	if (p->seg.flags & SEG_SYN) {	/* our ACK of the SYN-ACK was lost */
		tcp_send_ack(t);
		return;
	}
	if (p->len > 0 && t->owner == NULL && t->listener == NULL && !t->discard && p->seg.seq + p->len > t->rcv_nxt) {
		tcp_abort(t);	/* nobody will ever read it */
		return;
	}
	if (p->seg.flags & SEG_ACK)
		got_ack(t, &p->seg, data ? 1 : 0);
	if (p->seg.flags & SEG_PROBE)
		tcp_send_ack(t);
	if (data) {
		if (p->seg.seq > t->rcv_nxt)
			keep_early(t, p);
		else {
			take(t, p);
			take_early(t);
		}
		tcp_send_ack(t);
		tcp_wake(t);
	}
	tcp_orphan_check(t);
}

static void
got_syn(struct sim_host *h, const struct pkt *p)
{
	struct env_listener *l = listener_find(h, &p->dst);
	struct tcp *t;

	if (l == NULL) {
		struct seg rst = { .conn = p->seg.conn, .flags = SEG_RST };

		tcp_send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
		return;
	}
	if (!listener_room(l))
		return;		/* dropped: it will be sent again */
	t = tcp_new(h, &p->dst, &p->src);
	t->conn = p->seg.conn;
	t->state = TCP_SYN_RCVD;
	t->listener = l;
	t->path = p->dst.ip[0] == 127 && p->dst.ip[1] == 7;
	listener_ready(l, t);
	tcp_send_seg(t, SEG_SYN | SEG_ACK, 0, NULL, 0);
	tcp_arm(t);
}

static void
opened(struct tcp *t)
{
	t->state = TCP_OPEN;
	t->retries = 0;
	ev_stop(t->host->sim, &t->timer);
	if (t->listener != NULL)
		listener_ready(t->listener, t);
	tcp_wake(t);
}

void
tcp_input(struct sim_host *h, struct pkt *p)
{
	struct tcp *t = tcp_find(h, &p->dst, &p->src);
	struct seg rst = { .conn = p->seg.conn, .flags = SEG_RST };
	unsigned flags = p->seg.flags;

	if (t == NULL) {
		if ((flags & (SEG_SYN | SEG_ACK)) == SEG_SYN)
			got_syn(h, p);
		else if (!(flags & SEG_RST))
			tcp_send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
		return;
	}
	if (p->seg.conn != t->conn) {
		if (flags & SEG_RST)
			return;
		if ((flags & (SEG_SYN | SEG_ACK)) == SEG_SYN)
			tcp_send_ack(t);	/* a challenge, RFC 5961 section 4 */
		else
			tcp_send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
		return;
	}
	if (flags & SEG_RST) {
		tcp_fail(t, t->state == TCP_SYN_SENT ? -ECONNREFUSED : -ECONNRESET);
		return;
	}
	switch (t->state) {
	case TCP_SYN_SENT:
		if ((flags & (SEG_SYN | SEG_ACK)) != (SEG_SYN | SEG_ACK))
			return;
		opened(t);
		tcp_send_ack(t);
		return;
	case TCP_SYN_RCVD:
		if (!(flags & SEG_ACK)) {
			tcp_send_seg(t, SEG_SYN | SEG_ACK, 0, NULL, 0);
			return;
		}
		opened(t);
		got_open(t, p);
		return;
	case TCP_OPEN:
		got_open(t, p);
		return;
	case TCP_DEAD:
		return;
	}
}
