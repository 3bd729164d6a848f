/* SPDX-License-Identifier: ISC */
/*
 * BLAKE2s against RFC 7693, HMAC against itself by definition, the handshake
 * between two ends, cookies, rates, replay window, transport keys.
 */
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "wg/blake2s.h"
#include "wg/cookie.h"
#include "wg/keypair.h"
#include "wg/noise.h"
#include "wg/replay.h"

/* RFC 7693, appendix A.2 and E */
static void
test_blake2s(void)
{
	static const uint8_t abc[32] = {
		0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2, 0xe1, 0xa7, 0x2b, 0xa3, 0x4e, 0xeb, 0x45, 0x2f,
		0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29, 0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82 };
	static const uint8_t grand[32] = {
		0x6a, 0x41, 0x1f, 0x08, 0xce, 0x25, 0xad, 0xcd, 0xfb, 0x02, 0xab, 0xa6, 0x41, 0x45, 0x1c, 0xec,
		0x53, 0xc5, 0x98, 0xb2, 0x4f, 0x4f, 0xc7, 0x87, 0xfb, 0xdc, 0x88, 0x79, 0x7f, 0x4c, 0x1d, 0xfe };
	static const size_t mds[4] = { 16, 20, 28, 32 }, ins[6] = { 0, 3, 64, 65, 255, 1024 };
	uint8_t out[32], in[1024], md[32], key[32], split[32];
	struct blake2s all, s;

	blake2s(out, 32, "abc", 3, NULL, 0);
	is_mem(out, abc, 32, "BLAKE2s-256 of abc is RFC 7693's");
	blake2s_init(&all, 32, NULL, 0);
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 6; j++) {
			uint32_t a, b, t;

			for (int keyed = 0; keyed < 2; keyed++) {
				a = 0xdead4bad * (uint32_t)ins[j], b = 1;
				for (size_t n = 0; n < ins[j]; n++)
					t = a + b, a = b, b = t, in[n] = (uint8_t)(t >> 24);
				a = 0xdead4bad * (uint32_t)mds[i], b = 1;
				for (size_t n = 0; n < mds[i]; n++)
					t = a + b, a = b, b = t, key[n] = (uint8_t)(t >> 24);
				blake2s(md, mds[i], in, ins[j], key, keyed ? mds[i] : 0);
				blake2s_update(&all, md, mds[i]);
			}
		}
	}
	blake2s_final(&all, out);
	is_mem(out, grand, 32, "the self-test of RFC 7693, appendix E: 48 sizes, keyed and not");
	blake2s(md, 32, in, sizeof in, NULL, 0);
	blake2s_init(&s, 32, NULL, 0);
	for (size_t i = 0; i < sizeof in; i += 7)
		blake2s_update(&s, in + i, sizeof in - i < 7 ? sizeof in - i : 7);
	blake2s_final(&s, split);
	is_mem(md, split, 32, "in pieces as in one");
}

struct end {
	struct noise_self self;
	struct noise_peer peer;
	struct cookie_giver giver;
	struct cookie_taker taker;
	struct noise_keys keys;
};

static void
end_init(struct end *e, uint8_t fill)
{
	uint8_t secret[32];

	memset(e, 0, sizeof *e);
	memset(secret, fill, sizeof secret);
	noise_self_init(&e->self, secret);
	cookie_giver_init(&e->giver, e->self.public);
}

static void
pair_up(struct end *a, struct end *b)
{
	end_init(a, 0x11);
	end_init(b, 0x22);
	noise_peer_init(&a->peer, b->self.public);
	noise_peer_init(&b->peer, a->self.public);
	cookie_taker_init(&a->taker, b->self.public);
	cookie_taker_init(&b->taker, a->self.public);
}

static int
run(struct end *a, struct end *b, uint8_t stamp_last)
{
	uint8_t init[WG_INITIATION_LEN], resp[WG_RESPONSE_LEN], eph[32], stamp[12] = { 0x40 };
	struct noise_opened o;
	int err;

	stamp[11] = stamp_last;
	memset(eph, stamp_last + 3, sizeof eph);
	if ((err = noise_write_initiation(&a->peer, &a->self, eph, stamp, 0x01020304, init)) != 0)
		return err;
	if ((err = noise_open_initiation(&b->self, init, &o)) != 0)
		return err;
	if (memcmp(o.remote, a->self.public, 32) != 0)
		return -1;
	if ((err = noise_read_initiation(&b->peer, &b->self, &o, init)) != 0)
		return err;
	memset(eph, stamp_last + 77, sizeof eph);
	if ((err = noise_write_response(&b->peer, &o, eph, 0x0a0b0c0d, resp, &b->keys)) != 0)
		return err;
	return noise_read_response(&a->peer, &a->self, resp, &a->keys);
}

static void
test_handshake(void)
{
	uint8_t init[WG_INITIATION_LEN], resp[WG_RESPONSE_LEN], eph[32], stamp[12] = { 0x40 }, low[32] = { 0 };
	struct noise_opened o;
	struct noise_peer before;
	struct noise_keys keys;
	struct end a, b;
	int bad = 0;

	pair_up(&a, &b);
	is_int(run(&a, &b, 1), 0, "both ends agree");
	is_mem(a.keys.send, b.keys.recv, 32, "what one sends with the other receives with");
	is_mem(a.keys.recv, b.keys.send, 32, "and the other way round");
	ok(memcmp(a.keys.send, a.keys.recv, 32) != 0, "two keys, not one");
	ok(a.keys.initiator && !b.keys.initiator, "roles");
	ok(a.keys.remote_index == b.keys.local_index && a.keys.local_index == b.keys.remote_index, "indices");
	is_int(run(&a, &b, 1), -EALREADY, "the same timestamp again is a replay");
	is_int(run(&a, &b, 0), -EALREADY, "an older one too");
	memset(a.peer.psk, 7, 32);
	is_int(run(&a, &b, 2), -EBADMSG, "a preshared key on one side only: no session");
	memset(b.peer.psk, 7, 32);
	is_int(run(&a, &b, 3), 0, "on both: a session");

	memset(eph, 9, sizeof eph);
	stamp[11] = 9;
	noise_write_initiation(&a.peer, &a.self, eph, stamp, 5, init);
	for (size_t i = 8; i < WG_INITIATION_LEN - WG_MACS_LEN; i++) {
		init[i] ^= 1;
		before = b.peer;
		if (noise_open_initiation(&b.self, init, &o) == 0 && noise_read_initiation(&b.peer, &b.self, &o, init) == 0)
			bad++;
		bad += memcmp(&before, &b.peer, sizeof before) != 0;
		init[i] ^= 1;
	}
	is_int(bad, 0, "an initiation changed at any byte is refused and leaves nothing behind");
	is_int(noise_open_initiation(&b.self, init, &o), 0, "unchanged it opens");
	is_int(noise_read_initiation(&b.peer, &b.self, &o, init), 0, "and is read");
	noise_write_response(&b.peer, &o, eph, 6, resp, &keys);
	before = a.peer;
	for (size_t i = 8; i < WG_RESPONSE_LEN - WG_MACS_LEN; i++) {
		resp[i] ^= 1;
		bad += noise_read_response(&a.peer, &a.self, resp, &keys) == 0;
		bad += memcmp(&before, &a.peer, sizeof before) != 0;
		resp[i] ^= 1;
	}
	is_int(bad, 0, "a response changed at any byte likewise");
	is_int(noise_read_response(&a.peer, &a.self, resp, &keys), 0, "unchanged it is read");
	is_int(noise_read_response(&a.peer, &a.self, resp, &keys), -EINVAL, "once");
	noise_peer_init(&a.peer, low);
	is_int(noise_write_initiation(&a.peer, &a.self, eph, stamp, 5, init), -EBADMSG, "a key of low order is refused");
}

/* Both ask at the same time: both get an answer. */
static void
test_crossing(void)
{
	uint8_t ia[WG_INITIATION_LEN], ib[WG_INITIATION_LEN], ra[WG_RESPONSE_LEN], rb[WG_RESPONSE_LEN];
	uint8_t ea[32], eb[32], stamp[12] = { 0x40, 1 };
	struct noise_keys ka, kb, xa, xb;
	struct noise_opened o;
	struct end a, b;

	pair_up(&a, &b);
	memset(ea, 3, 32);
	memset(eb, 4, 32);
	noise_write_initiation(&a.peer, &a.self, ea, stamp, 1, ia);
	noise_write_initiation(&b.peer, &b.self, eb, stamp, 2, ib);
	ok(noise_open_initiation(&b.self, ia, &o) == 0 && noise_read_initiation(&b.peer, &b.self, &o, ia) == 0 &&
	    noise_write_response(&b.peer, &o, ea, 3, rb, &xb) == 0, "the first is answered");
	ok(noise_open_initiation(&a.self, ib, &o) == 0 && noise_read_initiation(&a.peer, &a.self, &o, ib) == 0 &&
	    noise_write_response(&a.peer, &o, eb, 4, ra, &xa) == 0, "the second too");
	is_int(noise_read_response(&a.peer, &a.self, rb, &ka), 0, "the first answer is taken");
	is_int(noise_read_response(&b.peer, &b.self, ra, &kb), 0, "the second too");
	ok(memcmp(ka.send, xb.recv, 32) == 0 && memcmp(kb.send, xa.recv, 32) == 0, "two sessions, each agreed");
}

static void
test_cookies(void)
{
	uint8_t msg[WG_INITIATION_LEN] = { 1 }, reply[WG_COOKIE_LEN], nonce[24] = { 5 }, secret[32] = { 6 };
	struct mono t = { 1000 };
	struct end a, b;

	pair_up(&a, &b);
	cookie_sign(&a.taker, msg, sizeof msg, t);
	is_int(cookie_check(&b.giver, msg, sizeof msg, "x", 1, false), COOKIE_MAC1, "mac1 is good");
	is_int(cookie_check(&a.giver, msg, sizeof msg, "x", 1, false), COOKIE_BAD, "for the one it is meant for");
	msg[20] ^= 1;
	is_int(cookie_check(&b.giver, msg, sizeof msg, "x", 1, false), COOKIE_BAD, "and this message");
	msg[20] ^= 1;
	ok(cookie_giver_stale(&b.giver, t), "a secret is needed first");
	cookie_giver_secret(&b.giver, secret, t);
	ok(!cookie_giver_stale(&b.giver, t) && cookie_giver_stale(&b.giver, mono_add(t, 121 * MONO_SEC)), "every two minutes");
	is_int(cookie_check(&b.giver, msg, sizeof msg, "x", 1, true), COOKIE_MAC1, "without a cookie there is no mac2");
	cookie_reply(&b.giver, msg, sizeof msg, "x", 1, nonce, reply);
	reply[40] ^= 1;
	is_int(cookie_take(&a.taker, reply, t), -EBADMSG, "a garbled cookie is refused");
	reply[40] ^= 1;
	is_int(cookie_take(&a.taker, reply, t), 0, "the cookie is taken");
	is_int(cookie_take(&a.taker, reply, t), -EBADMSG, "once a message");
	cookie_sign(&a.taker, msg, sizeof msg, t);
	is_int(cookie_check(&b.giver, msg, sizeof msg, "x", 1, true), COOKIE_MAC2, "with it mac2 is good");
	is_int(cookie_check(&b.giver, msg, sizeof msg, "y", 1, true), COOKIE_MAC1, "not from another address");
	cookie_sign(&a.taker, msg, sizeof msg, mono_add(t, 116 * MONO_SEC));
	is_int(cookie_check(&b.giver, msg, sizeof msg, "x", 1, true), COOKIE_MAC1, "an old cookie is not used");
}

static void
test_rate(void)
{
	static struct rate r;
	uint8_t key[16] = { 1 };
	struct mono t = { 1 };
	struct addr x = addr_v4(0x0a000001, 7), y = addr_v4(0x0a000002, 7);
	int n = 0;

	rate_init(&r, key);
	for (int i = 0; i < 100; i++)
		n += rate_admit(&r, &x, t);
	is_int(n, RATE_BURST, "a burst, then no more");
	ok(rate_admit(&r, &y, t), "another address has its own");
	for (int i = 0; i < 1000; i++)
		n += rate_admit(&r, &x, t = mono_add(t, 10 * MONO_MS));
	ok(n >= RATE_BURST + 10 * RATE_PER_SEC - 1 && n <= RATE_BURST + 10 * RATE_PER_SEC + 1, "20 a second: %d in ten", n);
}

static void
test_replay(void)
{
	static struct replay r;
	static uint8_t seen[60000];
	uint64_t rnd = 88172645463325252u, top = 0;
	int bad = 0;

	ok(replay_accept(&r, 0), "the first counter is 0");
	ok(!replay_accept(&r, 0), "once");
	ok(replay_accept(&r, REPLAY_WINDOW), "a jump by the window");
	ok(replay_accept(&r, 1), "the oldest that is still inside");
	ok(!replay_accept(&r, 0), "the one before it is outside");
	ok(replay_accept(&r, UINT64_C(1) << 40) && !replay_accept(&r, REPLAY_WINDOW + 1), "a leap empties the window");
	ok(replay_accept(&r, (UINT64_C(1) << 40) - 5) && !replay_accept(&r, (UINT64_C(1) << 40) - 5), "behind it all is open, once");
	memset(&r, 0, sizeof r);
	for (int i = 0; i < 200000; i++) {
		uint64_t c;
		bool want, got;

		rnd ^= rnd << 13, rnd ^= rnd >> 7, rnd ^= rnd << 17;
		c = (uint64_t)i / 5 + rnd % 12000;
		want = !(top > REPLAY_WINDOW && c < top - REPLAY_WINDOW) && !seen[c];
		got = replay_accept(&r, c);
		bad += want != got;
		if (got)
			seen[c] = 1;
		if (c + 1 > top)
			top = c + 1;
	}
	is_int(bad, 0, "200000 random counters as a list of all would judge them");
}

static void
test_transport(void)
{
	static const size_t sizes[] = { 0, 1, 16, 64, 255, 1280 };
	struct end a, b;
	struct wg_keypair *ka, *kb;
	int bad = 0;

	pair_up(&a, &b);
	run(&a, &b, 1);
	ka = wg_keypair_new(&a.keys, (struct mono){ 1 }, NULL);
	kb = wg_keypair_new(&b.keys, (struct mono){ 1 }, NULL);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t p[WG_DATA_HEAD + 1280 + NOISE_TAG], plain[1280], ref[1280 + 16], nonce[12] = { 0 };
		struct wg_crypt c = { .keys = ka, .data = p, .len = (uint32_t)sizes[i], .counter = UINT64_C(1) << 33 | i };

		memset(plain, (int)i + 40, sizeof plain);
		memcpy(p + WG_DATA_HEAD, plain, sizes[i]);
		wg_crypt_seal(&c, 1);
		wg_put_le64(nonce + 4, c.counter);
		crypto_aead_chacha20poly1305_ietf_encrypt(ref, NULL, plain, sizes[i], NULL, 0, NULL, nonce, a.keys.send);
		bad += !c.good || memcmp(p + WG_DATA_HEAD, ref, sizes[i] + 16) != 0 || wg_le32(p + 4) != b.keys.local_index;
		c = (struct wg_crypt){ .keys = kb, .data = p, .len = (uint32_t)sizes[i] + NOISE_TAG, .counter = wg_le64(p + 8) };
		p[WG_DATA_HEAD] ^= 1;
		wg_crypt_open(&c, 1);
		bad += c.good;
		wg_crypt_seal(&(struct wg_crypt){ .keys = ka, .data = (memcpy(p + WG_DATA_HEAD, plain, sizes[i]), p),
		    .len = (uint32_t)sizes[i], .counter = UINT64_C(1) << 33 | i }, 1);
		wg_crypt_open(&c, 1);
		bad += !c.good || memcmp(p + WG_DATA_HEAD, plain, sizes[i]) != 0;
	}
	is_int(bad, 0, "sealed as libsodium seals, opened again, garbled refused, all sizes");
	wg_keypair_free(ka);
	wg_keypair_free(kb);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_blake2s();
	test_handshake();
	test_crossing();
	test_cookies();
	test_rate();
	test_replay();
	test_transport();
	return tap_done();
}
