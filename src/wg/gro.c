/* SPDX-License-Identifier: ISC */
/*
 * gro.c -- TCP segments of one stream put together for the TUN: see gso.h.
 *
 * The first segment stays where it is; when a second one fits behind it both
 * are copied into a large buffer.  What fits is judged as the kernel does (same
 * addresses, ports, acknowledgement, options; next sequence number; no flags but
 * ACK and a closing PSH), and only segments with a good checksum are joined,
 * because the kernel does not look at the joined one's.
 */
#include "wg/gso.h"

#include <stdlib.h>
#include <string.h>

#define PKTS		256	/* in one batch */
#define BUFS		8
#define OPEN		8	/* streams that may still grow */
#define BUF_MAX		65535

enum { TCP_ACK = 0x10, TCP_PSH = 0x08, PROTO_TCP = 6 };

struct stream {
	struct env_pkt *pkt;	/* NULL: free */
	uint8_t *buf;		/* NULL: still one packet, in its own place */
	uint32_t hdr, tcp;	/* header length, where TCP begins */
	uint32_t step;		/* payload of the first */
	uint32_t next_seq;
};

struct wg_gro {
	struct env_pkt pkt[PKTS];
	size_t n;
	struct stream open[OPEN];
	unsigned turn;		/* which open stream gives way next */
	uint8_t *buf[BUFS];	/* owned; WG_GRO_HEADROOM + BUF_MAX */
	unsigned used;
	bool join;
};

struct wg_gro *
wg_gro_new(void)
{
	struct wg_gro *g = calloc(1, sizeof *g);

	if (g != NULL)
		g->join = true;
	for (int i = 0; g != NULL && i < BUFS; i++) {
		if ((g->buf[i] = malloc(WG_GRO_HEADROOM + BUF_MAX)) == NULL) {
			wg_gro_free(g);
			g = NULL;
		}
	}
	return g;
}

void
wg_gro_free(struct wg_gro *g)
{
	if (g == NULL)
		return;
	for (int i = 0; i < BUFS; i++)
		free(g->buf[i]);
	free(g);
}

void
wg_gro_join(struct wg_gro *g, bool join)
{
	g->join = join;
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A stream that no longer grows gets the headers of a large packet. */
static void
close_stream(struct stream *s)
{
	struct env_pkt *k = s->pkt;
	uint8_t *ip;
	uint16_t sum;

	s->pkt = NULL;
	if (k == NULL || s->buf == NULL)
		return;
	ip = k->data;
	if (ip[0] >> 4 == 4) {
		put16(ip + 2, k->len);
		put16(ip + 10, 0);
		sum = (uint16_t)~wg_sum_fold(wg_sum(ip, 20, 0));
		memcpy(ip + 10, &sum, 2);
		k->offload = ENV_OFFLOAD_TCP4;
	} else {
		put16(ip + 4, k->len - 40);
		k->offload = ENV_OFFLOAD_TCP6;
	}
	sum = wg_sum_fold(wg_sum_pseudo(ip, PROTO_TCP, k->len - s->tcp));
	memcpy(ip + s->tcp + 16, &sum, 2);
	k->segment = (uint16_t)s->step;
	k->hdr_len = (uint16_t)s->hdr;
	k->csum_start = (uint16_t)s->tcp;
	k->csum_offset = 16;
	s->buf = NULL;
}

/* Headers of a TCP segment that may be joined; 0: it may not, at all. */
static uint32_t
parse(const uint8_t *p, uint32_t len, uint32_t *tcp)
{
	uint32_t hdr;

	if (len < 40)
		return 0;
	if (p[0] == 0x45 && p[9] == PROTO_TCP && get16(p + 2) == len && (get16(p + 6) & 0x3fff) == 0)
		*tcp = 20;
	else if (p[0] >> 4 == 6 && len >= 60 && p[6] == PROTO_TCP && get16(p + 4) == len - 40)
		*tcp = 40;
	else
		return 0;
	hdr = *tcp + (p[*tcp + 12] >> 4) * 4u;
	return hdr < *tcp + 20 || hdr > len ? 0 : hdr;
}

static bool
same_stream(const struct stream *s, const uint8_t *p, uint32_t tcp)
{
	const uint8_t *q = s->pkt->data;

	if (s->tcp != tcp || (p[0] >> 4) != (q[0] >> 4) || memcmp(q + tcp, p + tcp, 4) != 0)
		return false;
	return tcp == 20 ? memcmp(q + 12, p + 12, 8) == 0 : memcmp(q + 8, p + 8, 32) == 0;
}

static bool
sums_good(const uint8_t *p, uint32_t len, uint32_t tcp)
{
	if (tcp == 20 && wg_sum_fold(wg_sum(p, 20, 0)) != 0xffff)
		return false;
	return wg_sum_fold(wg_sum(p + tcp, len - tcp, wg_sum_pseudo(p, PROTO_TCP, len - tcp))) == 0xffff;
}

/* May `p` follow what the stream has?  Same traffic class, hop limit, don't-fragment, ack, window, options. */
static bool
fits(const struct stream *s, const uint8_t *p, uint32_t len, uint32_t hdr, uint32_t tcp)
{
	const uint8_t *q = s->pkt->data;

	if (hdr != s->hdr || len - hdr > s->step || s->pkt->len + len - hdr > BUF_MAX)
		return false;
	if ((s->pkt->len - s->hdr) % s->step != 0 || get32(p + tcp + 4) != s->next_seq)
		return false;
	if (tcp == 20 ? (p[1] != q[1] || p[8] != q[8] || p[6] != q[6]) : (memcmp(p, q, 4) != 0 || p[7] != q[7]))
		return false;
	return memcmp(p + tcp + 8, q + tcp + 8, 5) == 0 && memcmp(p + tcp + 14, q + tcp + 14, 2) == 0 &&
	    memcmp(p + tcp + 18, q + tcp + 18, hdr - tcp - 18) == 0;
}

static bool
join(struct wg_gro *g, struct stream *s, const uint8_t *p, uint32_t len, uint32_t hdr, uint32_t tcp)
{
	struct env_pkt *k = s->pkt;

	if (s->buf == NULL) {
		if (g->used == BUFS || !sums_good(k->data, k->len, tcp))
			return false;
		s->buf = g->buf[g->used++] + WG_GRO_HEADROOM;
		memcpy(s->buf, k->data, k->len);
		k->data = s->buf;
		k->headroom = WG_GRO_HEADROOM;
	}
	memcpy(k->data + k->len, p + hdr, len - hdr);
	k->data[tcp + 13] |= p[tcp + 13] & TCP_PSH;
	k->len += len - hdr;
	s->next_seq += len - hdr;
	return true;
}

bool
wg_gro_add(struct wg_gro *g, uint8_t *data, uint32_t len, uint16_t headroom)
{
	uint32_t tcp = 0, hdr = g->join ? parse(data, len, &tcp) : 0, payload = len - hdr;
	bool grows = hdr > 0 && payload > 0 && (data[tcp + 13] & ~TCP_PSH) == TCP_ACK;
	struct stream *s = NULL;

	for (int i = 0; hdr > 0 && i < OPEN && s == NULL; i++)
		if (g->open[i].pkt != NULL && same_stream(&g->open[i], data, tcp))
			s = &g->open[i];
	if (s != NULL) {
		if (grows && fits(s, data, len, hdr, tcp) && sums_good(data, len, tcp) && join(g, s, data, len, hdr, tcp)) {
			if (payload < s->step || (data[tcp + 13] & TCP_PSH) != 0)
				close_stream(s);
			return true;
		}
		close_stream(s);
	}
	if (g->n == PKTS)
		return false;
	g->pkt[g->n] = (struct env_pkt){ .data = data, .len = len, .headroom = headroom };
	if (grows && (data[tcp + 13] & TCP_PSH) == 0) {
		if (s == NULL) {
			s = &g->open[g->turn++ % OPEN];
			close_stream(s);
		}
		*s = (struct stream){ .pkt = &g->pkt[g->n], .hdr = hdr, .tcp = tcp, .step = payload,
		    .next_seq = get32(data + tcp + 4) + payload };
	}
	g->n++;
	return true;
}

struct env_pkt *
wg_gro_packets(struct wg_gro *g, size_t *n)
{
	for (int i = 0; i < OPEN; i++)
		close_stream(&g->open[i]);
	*n = g->n;
	return g->pkt;
}

void
wg_gro_reset(struct wg_gro *g)
{
	g->n = 0;
	g->used = 0;
	g->turn = 0;
	for (int i = 0; i < OPEN; i++)
		g->open[i].pkt = NULL;
}
