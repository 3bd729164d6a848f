/* SPDX-License-Identifier: ISC */
/*
 * WireGuard packets.  The first byte picks: a handshake or a data packet that is
 * good until the input is laid over it (nothing may then be believed), a cookie,
 * or IP packets for the joining of segments.
 * fuzz-needs: src/wg/noise.c src/wg/chapoly.c src/wg/cookie.c src/wg/keypair.c src/wg/replay.c src/wg/blake2s.c src/wg/gro.c src/wg/gso.c
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "wg/cookie.h"
#include "wg/gso.h"
#include "wg/keypair.h"
#include "wg/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const uint8_t a_secret[32] = { 8, 1, [31] = 64 }, b_secret[32] = { 8, 2, [31] = 64 }, eph[32] = { 8, 3, [31] = 64 };

/* Lays the input over the packet; true when that changed one of the first n bytes. */
static bool
overlay(uint8_t *packet, size_t n, const uint8_t *data, size_t size)
{
	bool changed = false;

	for (size_t i = 0; i < size && i < n; i++) {
		packet[i] ^= data[i];
		changed = changed || data[i] != 0;
	}
	return changed;
}

static void
initiation(const uint8_t *data, size_t size)
{
	static const uint8_t stamp[NOISE_STAMP] = { 1 };
	struct noise_self a, b;
	struct noise_peer pa, pb;
	struct noise_opened o;
	uint8_t packet[WG_INITIATION_LEN];
	bool changed, believed;

	noise_self_init(&a, a_secret);
	noise_self_init(&b, b_secret);
	memset(&pa, 0, sizeof(pa));
	memset(&pb, 0, sizeof(pb));
	noise_peer_init(&pa, b.public);
	noise_peer_init(&pb, a.public);
	if (noise_write_initiation(&pa, &a, eph, stamp, 7, packet) != 0)
		abort();
	/* Index and type are looked at elsewhere, the macs by cookie.h. */
	changed = overlay(packet + 8, WG_INITIATION_LEN - WG_MACS_LEN - 8, data, size);
	believed = noise_open_initiation(&b, packet, &o) == 0 && noise_read_initiation(&pb, &b, &o, packet) == 0;
	if (believed == changed)
		abort();
}

static void
data_packet(const uint8_t *data, size_t size)
{
	struct noise_keys k = { .local_index = 1, .remote_index = 2, .send = { 1 }, .recv = { 1 } };
	struct wg_keypair *keys = wg_keypair_new(&k, (struct mono){ 1 }, NULL);
	uint8_t packet[WG_DATA_HEAD + 64 + NOISE_TAG] = { 0 };
	struct wg_crypt c = { .keys = keys, .data = packet, .len = 64, .counter = 5 };
	bool changed;

	wg_crypt_seal(&c, 1);
	changed = overlay(packet + WG_DATA_HEAD, 64 + NOISE_TAG, data, size);
	c = (struct wg_crypt){ .keys = keys, .data = packet, .len = 64 + NOISE_TAG, .counter = 5 };
	wg_crypt_open(&c, 1);
	if (c.good == changed)
		abort();
	wg_keypair_free(keys);
}

static void
cookie(const uint8_t *data, size_t size)
{
	struct cookie_taker t;
	uint8_t msg[WG_COOKIE_LEN] = { 3 };

	cookie_taker_init(&t, eph);
	memcpy(msg, data, size < sizeof(msg) ? size : sizeof(msg));
	cookie_take(&t, msg, (struct mono){ 1 });
}

/* Packets of the lengths that the input says; each in a block of its own size. */
static void
join(const uint8_t *data, size_t size)
{
	struct wg_gro *g = wg_gro_new();
	uint8_t *blocks[32];
	size_t n = 0, count;

	for (size_t at = 0; at + 1 < size && n < 32; n++) {
		size_t len = data[at++];

		if (len > size - at)
			len = size - at;
		blocks[n] = calloc(1, WG_GRO_HEADROOM + len + 1);
		memcpy(blocks[n] + WG_GRO_HEADROOM, data + at, len);
		if (!wg_gro_add(g, blocks[n] + WG_GRO_HEADROOM, (uint32_t)len, WG_GRO_HEADROOM)) {
			wg_gro_packets(g, &count);
			wg_gro_reset(g);
		}
		at += len;
	}
	wg_gro_packets(g, &count);
	wg_gro_free(g);
	while (n > 0)
		free(blocks[--n]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || sodium_init() < 0)	/* keys lie in its locked memory */
		return 0;
	switch (data[0] % 4) {
	case 0:
		initiation(data + 1, size - 1);
		break;
	case 1:
		data_packet(data + 1, size - 1);
		break;
	case 2:
		cookie(data + 1, size - 1);
		break;
	default:
		join(data + 1, size - 1);
		break;
	}
	return 0;
}
