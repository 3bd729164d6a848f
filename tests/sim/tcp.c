/* SPDX-License-Identifier: ISC */
/*
 * tcp.c -- reliable streams over packets that get lost.
 *
 * RFC 9293 without what no program can see: sequence numbers have 64 bits and
 * begin at 0 (a connection id stands for the initial numbers), there is no
 * TIME-WAIT, every segment is acknowledged at once.  What programs do see is
 * here: SYN retries for 127 s, retransmission with back-off for a quarter of an
 * hour, windows that fill when nobody reads, RST for what nobody knows, and
 * silence when a path is cut.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/tcp.h"

#define MSS		1400
#define RECV_BUF	65536
#define CWND_FIRST	(10 * MSS)	/* RFC 6928 */
#define CWND_MAX	262144
#define RTO_FIRST	MONO_SEC	/* RFC 6298 section 2.1 */
#define RTO_MIN		(200 * MONO_MS)	/* Linux */
#define RTO_MAX		(120 * MONO_SEC)
#define RETRIES		15		/* Linux tcp_retries2: 924 s and more */
#define SYN_RETRIES	6		/* Linux tcp_syn_retries: 127 s */
#define ORPHAN_TIME	(60 * MONO_SEC)	/* Linux tcp_fin_timeout */
#define EARLY_MAX	256
#define SEG_PROBE	32u		/* wants an ACK: zero-window probe */

static void tcp_timer(void *);
static void tcp_wake(struct tcp *);
static void tcp_fail(struct tcp *, int err);
static int send_seg(struct tcp *, unsigned flags, uint64_t seq, const void *data, size_t len);

/* ---- the table of connections ---------------------------------------------- */

struct ends {
	struct addr local, remote;
};

static struct tcp *
tcp_find(struct sim_host *h, const struct addr *local, const struct addr *remote)
{
	struct ends k = { *local, *remote };

	return map_get(h->tcps, &k, sizeof k);
}

static struct tcp *
tcp_new(struct sim_host *h, const struct addr *local, const struct addr *remote)
{
	struct tcp *t = calloc(1, sizeof *t);
	struct ends k = { *local, *remote };

	if (t == NULL)
		fatal("sim", "no memory");
	t->host = h;
	t->local = *local;
	t->remote = *remote;
	t->cwnd = CWND_FIRST;
	t->rto = RTO_FIRST;
	t->peer_wnd = RECV_BUF;
	t->told_wnd = RECV_BUF;
	buf_init(&t->snd);
	buf_init(&t->rcv);
	list_init(&t->early);
	list_init(&t->in_backlog);
	host_ev_init(h, &t->timer, tcp_timer, t);
	map_put(h->tcps, &k, sizeof k, t);
	return t;
}

static void
tcp_unhash(struct tcp *t)
{
	struct ends k = { t->local, t->remote };

	if (map_get(t->host->tcps, &k, sizeof k) == t)
		map_del(t->host->tcps, &k, sizeof k);
	ev_stop(t->host->sim, &t->timer);
}

static void
tcp_free(struct tcp *t)
{
	tcp_unhash(t);
	list_remove(&t->in_backlog);
	while (!list_empty(&t->early)) {
		struct pkt *p = LIST_OF(t->early.next, struct pkt, q);

		list_remove(&p->q);
		pkt_free(p);
	}
	buf_free(&t->snd);
	buf_free(&t->rcv);
	free(t);
}

void
tcp_free_all(struct sim_host *h)
{
	for (struct map_it i = map_first(h->tcps); i.value; i = map_first(h->tcps))
		tcp_free(i.value);
}

static struct tcp *
first_far(struct sim_host *h, uint64_t after, int64_t idle)
{
	for (struct map_it i = map_first(h->tcps); i.value; i = map_next(i)) {
		struct tcp *t = i.value;

		if (t->state == TCP_OPEN && t->broken != after && !addr_is_loopback(&t->remote) && h->sim->now - t->active >= idle)
			return t;
	}
	return NULL;
}

int64_t
sim_tcp_patience(struct sim_host *h)
{
	int64_t most = 0;

	for (struct map_it i = map_first(h->tcps); i.value; i = map_next(i)) {
		const struct tcp *t = i.value;

		if (t->owner != NULL && ev_pending(&t->timer) && t->timer.at - h->sim->now > most)
			most = t->timer.at - h->sim->now;
	}
	return most;
}

unsigned
sim_tcp_break_idle(struct sim_host *h, int64_t idle, bool eof)
{
	uint64_t mark = ++h->sim->seq;
	unsigned n = 0;

	for (struct tcp *t = first_far(h, mark, idle); t != NULL; t = first_far(h, mark, idle)) {
		if (n++ == 0)
			sim_mark(h->sim, "break", h->id, eof, (uint64_t)idle);
		t->broken = mark;
		if (eof) {
			t->fin_rcvd = true;
			tcp_wake(t);
		} else {
			send_seg(t, SEG_RST, t->nxt, NULL, 0);
			tcp_fail(t, -ECONNRESET);
		}
	}
	return n;
}

void
sim_tcp_break(struct sim_host *h, bool eof)
{
	sim_tcp_break_idle(h, 0, eof);
}

uint16_t
host_free_port(struct sim_host *h, uint8_t proto)
{
	(void)proto;	/* callers check for a clash; an ephemeral port of a dial is unique by its far end */
	return (uint16_t)(32768 + prng_below(&h->kernel, 28232));
}

static void
tcp_wake(struct tcp *t)
{
	if (t->owner != NULL)
		stream_kick(t->owner);
}

static void
tcp_fail(struct tcp *t, int err)
{
	tcp_unhash(t);
	t->state = TCP_DEAD;
	t->err = err;
	if (t->owner == NULL)
		tcp_free(t);
	else
		tcp_wake(t);
}

/* ---- sending ------------------------------------------------------------------ */

static uint32_t
window(const struct tcp *t)
{
	size_t used = buf_len(&t->rcv);

	return used < RECV_BUF ? (uint32_t)(RECV_BUF - used) : 0;
}

static int
send_raw(struct sim_host *h, const struct addr *from, const struct addr *to, const struct seg *seg, const void *data, size_t len)
{
	struct pkt *p = pkt_new(h->sim, SIM_TCP, from, to, data, len);

	p->seg = *seg;
	return host_send(h, p);
}

static int
send_seg(struct tcp *t, unsigned flags, uint64_t seq, const void *data, size_t len)
{
	struct seg seg = { .conn = t->conn, .seq = seq, .ack = t->rcv_nxt, .wnd = window(t), .flags = flags };

	t->told_wnd = seg.wnd;
	return send_raw(t->host, &t->local, &t->remote, &seg, data, len);
}

static void
send_ack(struct tcp *t)
{
	send_seg(t, SEG_ACK, t->nxt, NULL, 0);
}

static void
arm(struct tcp *t)
{
	int64_t wait = t->rto << (t->retries < 8 ? t->retries : 8);

	ev_set(t->host->sim, &t->timer, t->host->sim->now + (wait < RTO_MAX ? wait : RTO_MAX));
}

static uint64_t
snd_end(const struct tcp *t)
{
	return t->una + buf_len(&t->snd);
}

static bool
outstanding(const struct tcp *t)
{
	return !t->fin_acked && (buf_len(&t->snd) > 0 || t->fin_queued);
}

static void
send_next(struct tcp *t, size_t max)
{
	size_t off = (size_t)(t->nxt - t->una), n = buf_len(&t->snd) - off;

	if (n > max)
		n = max;
	if (n == 0) {
		send_seg(t, SEG_ACK | SEG_FIN | (t->fin_clean ? SEG_CLEAN : 0u), t->nxt, NULL, 0);
		t->nxt++;
		return;
	}
	send_seg(t, SEG_ACK, t->nxt, buf_bytes(&t->snd) + off, n);
	t->active = t->host->sim->now;
	t->nxt += n;
	if (t->timed_seq == 0) {
		t->timed_seq = t->nxt;
		t->timed_at = t->host->sim->now;
	}
}

static void
output(struct tcp *t)
{
	size_t wnd = t->cwnd < t->peer_wnd ? t->cwnd : t->peer_wnd;

	if (t->state != TCP_OPEN || t->fin_acked)
		return;
	while (t->nxt < snd_end(t)) {
		size_t flying = (size_t)(t->nxt - t->una), left = (size_t)(snd_end(t) - t->nxt);
		size_t n = left < MSS ? left : MSS;

		if (flying + n > wnd) {	/* no silly windows: part of a segment only when nothing flies */
			if (flying > 0 || wnd == 0)
				break;
			n = wnd;
		}
		send_next(t, n);
	}
	if (t->fin_queued && t->nxt == snd_end(t))
		send_next(t, MSS);
	if (outstanding(t) && !ev_pending(&t->timer))
		arm(t);
}

static void
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
		send_seg(t, t->state == TCP_SYN_SENT ? SEG_SYN : SEG_SYN | SEG_ACK, 0, NULL, 0);
	else if (t->peer_wnd == 0)
		send_seg(t, SEG_ACK | SEG_PROBE, t->nxt, NULL, 0);
	else {
		t->nxt = t->una;
		t->cwnd = MSS;
		send_next(t, t->peer_wnd < MSS ? t->peer_wnd : MSS);
	}
	arm(t);
}

/* ---- what the owner asks for ------------------------------------------------------ */

struct tcp *
tcp_dial(struct sim_host *h, const struct addr *to, bool path, struct env_stream *owner, int *err)
{
	struct addr src = path ? addr_v4(0x7f000001, 0) : host_source(h, to);
	struct tcp *t;

	*err = -ENETUNREACH;
	if (src.family == ADDR_NONE)
		return NULL;
	do
		src.port = host_free_port(h, SIM_TCP);
	while (tcp_find(h, &src, to) != NULL);
	t = tcp_new(h, &src, to);
	t->conn = prng_next(&h->kernel);
	t->state = TCP_SYN_SENT;
	t->path = path;
	t->owner = owner;
	*err = send_seg(t, SEG_SYN, 0, NULL, 0);
	if (*err != 0) {
		tcp_free(t);
		return NULL;
	}
	arm(t);
	return t;
}

size_t
tcp_room(const struct tcp *t)
{
	size_t used = buf_len(&t->snd);

	return t->state == TCP_OPEN && used < TCP_SEND_BUF ? TCP_SEND_BUF - used : 0;
}

void
tcp_write(struct tcp *t, const void *data, size_t len)
{
	buf_put(&t->snd, data, len);
	output(t);
}

void
tcp_consumed(struct tcp *t)
{
	/* a window that was nearly closed and has opened is worth telling */
	if (t->state == TCP_OPEN && t->told_wnd < RECV_BUF / 4 && window(t) >= RECV_BUF / 2)
		send_ack(t);
}

static void
orphan_check(struct tcp *t)
{
	if (t->owner == NULL && t->fin_acked && t->fin_rcvd)
		tcp_free(t);
	else if (t->owner == NULL && t->fin_acked)
		ev_set(t->host->sim, &t->timer, t->host->sim->now + (t->discard ? 5 * MONO_SEC : ORPHAN_TIME));
}

void
tcp_abort(struct tcp *t)
{
	if (t->state != TCP_DEAD && t->state != TCP_SYN_SENT)
		send_seg(t, SEG_RST, t->nxt, NULL, 0);
	tcp_free(t);
}

void
tcp_close(struct tcp *t, bool clean, bool discard)
{
	t->owner = NULL;
	t->discard = discard;
	if (t->state != TCP_OPEN || (buf_len(&t->rcv) > 0 && !discard)) {
		tcp_abort(t);	/* unread bytes: the far end must know, RFC 1122 section 4.2.2.13 */
		return;
	}
	if (!t->fin_queued) {
		t->fin_queued = true;
		t->fin_clean = clean;
		output(t);
	}
	orphan_check(t);
}

/* ---- receiving ----------------------------------------------------------------------- */

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
	uint64_t end = snd_end(t);

	if (seg->ack < t->una || seg->ack > end + (t->fin_queued ? 1 : 0))
		return;
	if (seg->ack == t->una && len == 0 && t->nxt > t->una && seg->wnd == t->peer_wnd && seg->wnd != 0) {
		if (++t->dupacks == 3) {	/* RFC 5681 section 3.2 */
			uint64_t nxt = t->nxt;

			t->nxt = t->una;
			send_next(t, MSS);
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
	output(t);
	tcp_wake(t);
}

/* In its turn, wholly or in part: its bytes and its FIN. */
static void
take(struct tcp *t, const struct pkt *p)
{
	uint64_t skip = t->rcv_nxt - p->seg.seq;
	size_t room = window(t);

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
		send_ack(t);
		return;
	}
	if (p->len > 0 && t->owner == NULL && t->listener == NULL && !t->discard && p->seg.seq + p->len > t->rcv_nxt) {
		tcp_abort(t);	/* nobody will ever read it */
		return;
	}
	if (p->seg.flags & SEG_ACK)
		got_ack(t, &p->seg, data ? 1 : 0);
	if (p->seg.flags & SEG_PROBE)
		send_ack(t);
	if (data) {
		if (p->seg.seq > t->rcv_nxt)
			keep_early(t, p);
		else {
			take(t, p);
			take_early(t);
		}
		send_ack(t);
		tcp_wake(t);
	}
	orphan_check(t);
}

static void
got_syn(struct sim_host *h, const struct pkt *p)
{
	struct env_listener *l = listener_find(h, &p->dst);
	struct tcp *t;

	if (l == NULL) {
		struct seg rst = { .conn = p->seg.conn, .flags = SEG_RST };

		send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
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
	send_seg(t, SEG_SYN | SEG_ACK, 0, NULL, 0);
	arm(t);
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
			send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
		return;
	}
	if (p->seg.conn != t->conn) {
		if (flags & SEG_RST)
			return;
		if ((flags & (SEG_SYN | SEG_ACK)) == SEG_SYN)
			send_ack(t);	/* a challenge, RFC 5961 section 4 */
		else
			send_raw(h, &p->dst, &p->src, &rst, NULL, 0);
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
		send_ack(t);
		return;
	case TCP_SYN_RCVD:
		if (!(flags & SEG_ACK)) {
			send_seg(t, SEG_SYN | SEG_ACK, 0, NULL, 0);
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
