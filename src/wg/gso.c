/* SPDX-License-Identifier: ISC */
/*
 * gso.c -- large packets from the TUN taken apart, and the sums: see gso.h.
 */
#include "wg/gso.h"

#include <string.h>

enum { IP4_LEN = 2, IP4_ID = 4, IP4_SUM = 10, IP6_LEN = 4, TCP_SEQ = 4, TCP_FLAGS = 13, UDP_LEN = 4, UDP_SUM = 6 };
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80, PROTO_TCP = 6, PROTO_UDP = 17 };

uint64_t
wg_sum(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint64_t a = 0, b = 0, w[4];

	/* 64-bit words, the carry added back: 2^64 is 1 modulo 2^16 - 1 */
	for (; len >= 32; len -= 32, p += 32) {
		memcpy(w, p, 32);
		a += w[0];
		a += a < w[0];
		b += w[1];
		b += b < w[1];
		a += w[2];
		a += a < w[2];
		b += w[3];
		b += b < w[3];
	}
	sum += (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32);
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t v;

		memcpy(&v, p, 4);
		sum += v;
	}
	if (len > 0) {
		uint8_t rest[4] = { 0 };
		uint32_t v;

		memcpy(rest, p, len);
		memcpy(&v, rest, 4);
		sum += v;
	}
	return sum;
}

uint16_t
wg_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t
wg_sum_pseudo(const uint8_t *ip, uint8_t proto, uint32_t len)
{
	const uint8_t tail[8] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
	    0, 0, 0, proto };
	uint64_t sum = wg_sum(tail, sizeof tail, 0);

	return ip[0] >> 4 == 4 ? wg_sum(ip + 12, 8, sum) : wg_sum(ip + 8, 32, sum);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void
put_sum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~wg_sum_fold(sum);

	memcpy(p, &v, 2);
}

/* A UDP checksum of zero means "none", so the other zero is sent: RFC 768. */
static void
put_transport_sum(const struct env_pkt *k, uint8_t *transport, uint64_t sum)
{
	uint8_t *p = transport + k->csum_offset;

	put_sum(p, sum);
	if (k->csum_offset == UDP_SUM && p[0] == 0 && p[1] == 0)
		p[0] = p[1] = 0xff;
}

bool
wg_gso_begin(struct wg_gso *g, const struct env_pkt *pkt)
{
	uint32_t start = pkt->csum_start;

	memset(g, 0, sizeof *g);
	g->pkt = pkt;
	if (pkt->offload == ENV_OFFLOAD_NONE || (pkt->offload == ENV_OFFLOAD_CSUM && pkt->segment == 0)) {
		if (pkt->offload == ENV_OFFLOAD_CSUM && (start + pkt->csum_offset + 2u > pkt->len))
			return false;
		g->step = pkt->len;
		return pkt->len > 0;
	}
	if (pkt->segment == 0 || pkt->len < 20)
		return false;
	if (start < (pkt->data[0] >> 4 == 4 ? (pkt->data[0] & 15) * 4u : 40u) || start < 20 || start + 8u > pkt->len)
		return false;
	if (pkt->offload == ENV_OFFLOAD_UDP) {
		g->hdr = start + 8;
	} else {
		if (start + 20u > pkt->len)
			return false;
		g->hdr = start + (pkt->data[start + 12] >> 4) * 4u;
		if (g->hdr < start + 20u)
			return false;
	}
	g->step = pkt->segment;
	return g->hdr <= pkt->len && start + pkt->csum_offset + 2u <= g->hdr;
}

uint32_t
wg_gso_packets(const struct wg_gso *g, uint32_t *bytes)
{
	uint32_t payload = g->pkt->len - g->hdr, n = payload > 0 ? (payload + g->step - 1) / g->step : 1;

	*bytes = g->pkt->len + (n - 1) * g->hdr;
	return n;
}

uint32_t
wg_gso_next_len(const struct wg_gso *g)
{
	uint32_t left = g->pkt->len - g->hdr - g->at;

	if (g->done)
		return 0;
	return g->hdr + (left < g->step ? left : g->step);
}

static void
finish_tcp(const struct wg_gso *g, uint8_t *tcp, bool last)
{
	uint32_t seq = get16(tcp + TCP_SEQ) << 16 | get16(tcp + TCP_SEQ + 2);

	seq += g->at;
	put16(tcp + TCP_SEQ, seq >> 16);
	put16(tcp + TCP_SEQ + 2, seq);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (g->n > 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

void
wg_gso_next(struct wg_gso *g, uint8_t *out)
{
	const struct env_pkt *pkt = g->pkt;
	uint32_t len = wg_gso_next_len(g), payload = len - g->hdr, start = pkt->csum_start;
	uint8_t proto;

	if (g->hdr == 0) {	/* one packet */
		memcpy(out, pkt->data, len);
		g->done = true;
		if (pkt->offload == ENV_OFFLOAD_CSUM)	/* the field holds the sum of the pseudo header */
			put_transport_sum(pkt, out + start, wg_sum(out + start, len - start, 0));
		return;
	}
	memcpy(out, pkt->data, g->hdr);
	memcpy(out + g->hdr, pkt->data + g->hdr + g->at, payload);
	if (out[0] >> 4 == 4) {
		put16(out + IP4_LEN, len);
		put16(out + IP4_ID, get16(out + IP4_ID) + g->n);
		put16(out + IP4_SUM, 0);
		put_sum(out + IP4_SUM, wg_sum(out, (out[0] & 15) * 4u, 0));
	} else {
		put16(out + IP6_LEN, len - 40);
	}
	if (pkt->offload == ENV_OFFLOAD_UDP) {
		proto = PROTO_UDP;
		put16(out + start + UDP_LEN, len - start);
	} else {
		proto = PROTO_TCP;
		finish_tcp(g, out + start, g->at + payload + g->hdr == pkt->len);
	}
	put16(out + start + pkt->csum_offset, 0);
	put_transport_sum(pkt, out + start, wg_sum(out + start, len - start, wg_sum_pseudo(out, proto, len - start)));
	g->at += payload;
	g->n++;
	g->done = g->at + g->hdr >= pkt->len;
}
