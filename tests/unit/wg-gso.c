/* SPDX-License-Identifier: ISC */
/*
 * A large TCP packet taken apart yields what a sender without offload would
 * have sent, and put together again it is the large packet; what must not be
 * joined is not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "wg/gso.h"

#define MSS	1200
#define ROOM	64

static uint64_t rnd = 88172645463325252u;
static uint8_t big[70000], piece[80][ROOM + 1500];
static uint32_t piece_len[80];

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Headers as Linux gives them with TSO: the checksum field has the pseudo header's sum. */
static struct env_pkt
make(bool six, uint32_t payload, uint8_t flags, uint32_t seq)
{
	uint32_t ip = six ? 40 : 20, hdr = ip + 32;
	uint16_t sum;

	memset(big, 0, hdr);
	if (six) {
		big[0] = 0x60;
		put16(big + 4, payload + 32);
		big[6] = 6;
		big[7] = 64;
		memset(big + 8, 0xfd, 32);
	} else {
		big[0] = 0x45;
		put16(big + 2, hdr + payload);
		put16(big + 4, 0xfff0);
		big[6] = 0x40;
		big[8] = 64;
		big[9] = 6;
		memset(big + 12, 10, 8);
		sum = (uint16_t)~wg_sum_fold(wg_sum(big, 20, 0));
		memcpy(big + 10, &sum, 2);
	}
	put16(big + ip, 1234);
	put16(big + ip + 2, 80);
	put16(big + ip + 4, seq >> 16);
	put16(big + ip + 6, seq);
	big[ip + 12] = 0x80;
	big[ip + 13] = flags;
	put16(big + ip + 14, 500);
	memset(big + ip + 20, 1, 12);
	for (uint32_t i = 0; i < payload; i++) {
		rnd ^= rnd << 13, rnd ^= rnd >> 7, rnd ^= rnd << 17;
		big[hdr + i] = (uint8_t)rnd;
	}
	sum = wg_sum_fold(wg_sum_pseudo(big, 6, payload + 32));
	memcpy(big + ip + 16, &sum, 2);
	return (struct env_pkt){ .data = big, .len = hdr + payload, .segment = MSS, .hdr_len = (uint16_t)hdr,
	    .csum_start = (uint16_t)ip, .csum_offset = 16, .offload = six ? ENV_OFFLOAD_TCP6 : ENV_OFFLOAD_TCP4 };
}

/* a checksum the slow way */
static bool
sum_good(const uint8_t *p, uint32_t len)
{
	bool six = p[0] >> 4 == 6;
	uint32_t ip = six ? 40 : 20, n = len - ip, sum = 6 + n;

	for (uint32_t i = six ? 8 : 12; i < ip; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 ? p[ip + i] : (uint32_t)p[ip + i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	if (sum != 0xffff)
		return false;
	for (sum = 0, n = 0; !six && n < 20; n += 2)
		sum += (uint32_t)p[n] << 8 | p[n + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return six || sum == 0xffff;
}

static int
apart(const struct env_pkt *k)
{
	struct wg_gso g;
	int n = 0;

	if (!wg_gso_begin(&g, k))
		return -1;
	while ((piece_len[n] = wg_gso_next_len(&g)) > 0 && n < 79)
		wg_gso_next(&g, piece[n++] + ROOM);
	return n;
}

static void
round_trip(bool six, uint32_t payload, uint8_t flags, int want)
{
	struct env_pkt k = make(six, payload, flags, 0xfffff000), *out;
	uint32_t ip = six ? 40 : 20;
	struct wg_gro *gro = wg_gro_new();
	int n = apart(&k), bad = 0;
	size_t m;

	is_int(n, want, "IPv%d, %u bytes of payload: %d packets", six ? 6 : 4, payload, want);
	for (int i = 0; i < n; i++) {
		bad += !sum_good(piece[i] + ROOM, piece_len[i]);
		bad += (piece[i][ROOM + ip + 13] & 9) != (i == n - 1 ? flags & 9 : 0);
		wg_gro_add(gro, piece[i] + ROOM, piece_len[i], ROOM);
	}
	is_int(bad, 0, "good checksums; FIN and PSH on the last only");
	out = wg_gro_packets(gro, &m);
	is_int(m, n > 1 && (flags & 1) ? 2 : 1, "put together again (FIN stays apart)");
	if (m == 1 && n > 1) {
		uint32_t at = ip + 16;

		big[at] = out[0].data[at];
		big[at + 1] = out[0].data[at + 1];
		ok(out[0].len == k.len && memcmp(out[0].data, big, k.len) == 0, "the packet it was");
		ok(out[0].segment == MSS && out[0].csum_start == ip && out[0].csum_offset == 16 && out[0].hdr_len == ip + 32 &&
		    out[0].offload == (six ? ENV_OFFLOAD_TCP6 : ENV_OFFLOAD_TCP4), "with the offload's fields");
	}
	wg_gro_free(gro);
}

/* Two segments of one stream, the second changed at one byte. */
static size_t
joined(uint32_t at, uint8_t x, bool fix_sum)
{
	struct env_pkt k = make(false, 2 * MSS, 0x10, 5);
	struct wg_gro *gro = wg_gro_new();
	uint8_t *p;
	size_t m;

	apart(&k);
	p = piece[1] + ROOM;
	p[at] ^= x;
	if (fix_sum) {
		uint16_t sum;

		put16(p + 10, 0);
		sum = (uint16_t)~wg_sum_fold(wg_sum(p, 20, 0));
		memcpy(p + 10, &sum, 2);
		put16(p + 36, 0);
		sum = (uint16_t)~wg_sum_fold(wg_sum(p + 20, piece_len[1] - 20, wg_sum_pseudo(p, 6, piece_len[1] - 20)));
		memcpy(p + 36, &sum, 2);
	}
	wg_gro_add(gro, piece[0] + ROOM, piece_len[0], ROOM);
	wg_gro_add(gro, p, piece_len[1], ROOM);
	wg_gro_packets(gro, &m);
	wg_gro_free(gro);
	return m;
}

int
main(void)
{
	static const struct { uint32_t at; const char *what; } apart_if[] = {
		{ 1, "traffic class" }, { 6, "don't-fragment" }, { 8, "TTL" }, { 15, "source" }, { 19, "destination" },
		{ 21, "source port" }, { 23, "destination port" }, { 27, "sequence number" }, { 31, "acknowledgement" },
		{ 35, "window" }, { 45, "an option" } };
	struct env_pkt k;
	struct wg_gso g;

	round_trip(false, 60000, 0x18, 50);
	round_trip(true, 60000, 0x10, 50);
	round_trip(false, 60001, 0x18, 51);
	round_trip(true, 3 * MSS + 7, 0x18, 4);
	round_trip(false, MSS, 0x18, 1);
	round_trip(false, 2 * MSS, 0x11, 2);
	is_int(joined(27, 0, true), 1, "unchanged, two segments are joined");
	for (size_t i = 0; i < sizeof apart_if / sizeof apart_if[0]; i++)
		is_int(joined(apart_if[i].at, 4, true), 2, "another %s: not joined", apart_if[i].what);
	is_int(joined(60, 1, false), 2, "a bad checksum: not joined");
	is_int(joined(33, 0x02, true), 2, "SYN: not joined");
	is_int(joined(33, 0x20, true), 2, "URG: not joined");

	k = make(false, 5 * MSS, 0x10, 1);
	k.csum_start = 60000;
	ok(!wg_gso_begin(&g, &k), "an offload that points outside is refused");
	k = make(false, 5 * MSS, 0x10, 1);
	k.data[32] = 0;
	ok(!wg_gso_begin(&g, &k), "a TCP header of no length is refused");
	k = make(false, 5 * MSS, 0x10, 1);
	k.segment = 0;
	ok(!wg_gso_begin(&g, &k), "segments of no length are refused");
	k = make(false, 300, 0x18, 1);
	k.offload = ENV_OFFLOAD_CSUM;
	k.segment = 0;
	ok(apart(&k) == 1 && sum_good(piece[0] + ROOM, piece_len[0]), "a checksum left to the device is made");
	return tap_done();
}
