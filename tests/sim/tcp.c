/* SPDX-License-Identifier: ISC */
/*
 * tcp.c -- reliable streams over packets that get lost: the connections of a
 * host, and what their owners ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/tcp-impl.h"

#define ORPHAN_TIME	(60 * MONO_SEC)	/* Linux tcp_fin_timeout */

/* ---- the table of connections ---------------------------------------------- */

struct ends {
	struct addr local, remote;
};

struct tcp *
tcp_find(struct sim_host *h, const struct addr *local, const struct addr *remote)
{
	struct ends k = { *local, *remote };

	return map_get(h->tcps, &k, sizeof k);
}

struct tcp *
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

void
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
			tcp_send_seg(t, SEG_RST, t->nxt, NULL, 0);
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

void
tcp_wake(struct tcp *t)
{
	if (t->owner != NULL)
		stream_kick(t->owner);
}

void
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
	*err = tcp_send_seg(t, SEG_SYN, 0, NULL, 0);
	if (*err != 0) {
		tcp_free(t);
		return NULL;
	}
	tcp_arm(t);
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
	tcp_output(t);
}

void
tcp_consumed(struct tcp *t)
{
	/* a window that was nearly closed and has opened is worth telling */
	if (t->state == TCP_OPEN && t->told_wnd < RECV_BUF / 4 && tcp_window(t) >= RECV_BUF / 2)
		tcp_send_ack(t);
}

void
tcp_orphan_check(struct tcp *t)
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
		tcp_send_seg(t, SEG_RST, t->nxt, NULL, 0);
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
		tcp_output(t);
	}
	tcp_orphan_check(t);
}
