/* SPDX-License-Identifier: ISC */
/*
 * stack.c -- the stack behind a TUN.
 *
 * It knows one thing: ICMP echo, IPv4 and IPv6.  It answers requests to the
 * host's own overlay addresses, sends requests for struct sim_ping and matches
 * the answers; checksums are made and verified in full.  Everything else that
 * comes out of a TUN goes to the scenario (sim_on_ip).
 */
#include <errno.h>
#include <string.h>
#include "tests/sim/tun.h"

static uint32_t
sum_of(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n % 2 != 0)
		sum += (uint32_t)(p[n - 1] << 8);
	return sum;
}

static uint16_t
sum_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t
icmp_sum(const uint8_t *ip, size_t hdr, size_t len)
{
	uint32_t sum = 0;

	if (hdr == 40)	/* RFC 4443 section 2.3: pseudo-header of IPv6 */
		sum = sum_of((uint32_t)(len - hdr) + 58, ip + 8, 32);
	return sum_fold(sum_of(sum, ip + hdr, len - hdr));
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A whole echo packet of 56 bytes of pattern, as ping(8) sends; its length. */
static size_t
echo_make(uint8_t out[128], const struct addr *src, const struct addr *dst, bool reply, uint16_t id, uint16_t seq)
{
	bool six = src->family == ADDR_V6;
	size_t hdr = six ? 40 : 20, len = hdr + 8 + 56;
	uint8_t *icmp = out + hdr;

	memset(out, 0, 128);
	if (six) {
		out[0] = 0x60;
		put16(out + 4, (uint16_t)(len - hdr));
		out[6] = 58;
		out[7] = 64;
		memcpy(out + 8, src->ip, 16);
		memcpy(out + 24, dst->ip, 16);
		icmp[0] = reply ? 129 : 128;
	} else {
		out[0] = 0x45;
		put16(out + 2, (uint16_t)len);
		put16(out + 4, seq);
		out[6] = 0x40;
		out[8] = 64;
		out[9] = 1;
		memcpy(out + 12, src->ip, 4);
		memcpy(out + 16, dst->ip, 4);
		put16(out + 10, sum_fold(sum_of(0, out, 20)));
		icmp[0] = reply ? 0 : 8;
	}
	put16(icmp + 4, id);
	put16(icmp + 6, seq);
	for (size_t i = 0; i < 56; i++)
		icmp[8 + i] = (uint8_t)(0x10 + i);
	put16(icmp + 2, icmp_sum(out, hdr, len));
	return len;
}

/* One packet out of a TUN, into the host's stack. */
static void
stack_input(struct env_tun *t, const uint8_t *ip, size_t len)
{
	struct sim_host *h = t->env->host;
	struct sim_stats *st = &h->sim->stats;
	struct addr src, dst;
	size_t hdr, total;
	bool six;

	if (len < 20)
		goto bad;
	six = ip[0] >> 4 == 6;
	hdr = six ? 40 : (size_t)(ip[0] & 15) * 4;
	if ((!six && ip[0] >> 4 != 4) || len < hdr || hdr < 20)
		goto bad;
	total = six ? 40 + (size_t)(ip[4] << 8 | ip[5]) : (size_t)(ip[2] << 8 | ip[3]);
	if (total > len || total < hdr || (!six && sum_fold(sum_of(0, ip, hdr)) != 0))
		goto bad;
	len = total;	/* WireGuard pads to 16 */
	if (six) {
		src = addr_v6(ip + 8, 0);
		dst = addr_v6(ip + 24, 0);
	} else {
		src = addr_v4((uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 | ip[15], 0);
		dst = addr_v4((uint32_t)ip[16] << 24 | (uint32_t)ip[17] << 16 | (uint32_t)ip[18] << 8 | ip[19], 0);
	}
	if (!host_owns(h, &dst))
		goto bad;
	sim_mark(h->sim, "ip", (uint64_t)h->id << 32 | len, addr_v4_host(&src), ip[hdr - 1]);
	if (ip[six ? 6 : 9] == (six ? 58 : 1) && len >= hdr + 8) {
		const uint8_t *icmp = ip + hdr;
		uint16_t id = (uint16_t)(icmp[4] << 8 | icmp[5]), seq = (uint16_t)(icmp[6] << 8 | icmp[7]);

		if (icmp_sum(ip, hdr, len) != 0)
			goto bad;
		st->ip_delivered++;
		if (icmp[0] == (six ? 128 : 8)) {
			uint8_t out[128];

			tun_input(t, out, echo_make(out, &dst, &src, true, id, seq));
			return;
		}
		if (icmp[0] == (six ? 129 : 0) && ping_echo_reply(h, &src, id, seq))
			return;
	} else
		st->ip_delivered++;
	if (h->on_ip != NULL)
		h->on_ip(h->on_ip_arg, ip, len);
	return;
bad:
	st->ip_bad++;
}

int
env_tun_write(struct env_tun *t, struct env_pkt *pkts, size_t n)
{
	if (t->iface == NULL || !t->iface->up)
		return (int)n;
	for (size_t i = 0; i < n; i++)
		stack_input(t, pkts[i].data, pkts[i].len);
	return (int)n;
}

static struct sim_if *
tun_for(struct sim_host *h, const struct addr *dst)
{
	LIST_EACH(l, &h->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		if (i->tun != NULL && i->up && if_covers(i, dst))
			return i;
	}
	return NULL;
}

int
tun_send_echo(struct sim_host *h, const struct addr *dst, uint16_t id, uint16_t seq)
{
	struct sim_if *i = tun_for(h, dst);
	uint8_t out[128];

	if (i == NULL)
		return -ENETUNREACH;
	for (size_t k = 0; k < i->naddr; k++)
		if (i->addr[k].addr.family == dst->family) {
			tun_input(i->tun, out, echo_make(out, &i->addr[k].addr, dst, false, id, seq));
			return 0;
		}
	return -ENETUNREACH;
}

int
sim_send_ip(struct sim_host *h, const uint8_t *ip, size_t len)
{
	struct addr dst;
	struct sim_if *i;

	if (len < 20)
		return -EINVAL;
	if (ip[0] >> 4 == 6)
		dst = addr_v6(ip + 24, 0);
	else
		dst = addr_v4((uint32_t)ip[16] << 24 | (uint32_t)ip[17] << 16 | (uint32_t)ip[18] << 8 | ip[19], 0);
	if ((i = tun_for(h, &dst)) == NULL)
		return -ENETUNREACH;
	tun_input(i->tun, ip, len);
	return 0;
}

void
sim_on_ip(struct sim_host *h, void (*fn)(void *, const uint8_t *, size_t), void *arg)
{
	h->on_ip = fn;
	h->on_ip_arg = arg;
}

struct addr
sim_overlay_addr(struct sim_host *h)
{
	LIST_EACH(l, &h->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		if (i->tun != NULL && i->up && i->naddr > 0)
			return i->addr[0].addr;
	}
	return (struct addr){ 0 };
}
