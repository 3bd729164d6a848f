/* SPDX-License-Identifier: ISC */
/*
 * wire-bad.c -- what the codecs must refuse: every golden message cut at every
 * byte and garbled at every byte, and texts that are nearly right.
 *
 * tests/fuzz proves that nothing crashes; this proves that nothing is believed.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/buf.h"
#include "tests/tap.h"
#include "tests/unit/garble.h"
#include "wire/box.h"
#include "wire/grpcframe.h"
#include "wire/keys.h"
#include "wire/mgmt.h"
#include "wire/relaymsg.h"
#include "wire/signal.h"

static const uint8_t nonce[WIRE_BOX_NONCE] = { 7, 7, 7 };
static uint8_t a_priv[32] = { 8, 3, [31] = 64 }, b_priv[32] = { 8, 4, [31] = 64 }, a_pub[32], b_pub[32];

static bool
box_opens(const uint8_t *p, size_t len, const struct buf *good)
{
	struct buf out = { 0 };
	int err = wire_box_open(&out, p, len, a_pub, b_priv);

	if (err != 0 && buf_len(&out) != 0)
		return true;	/* bytes of what did not open: as bad */
	buf_free(&out);
	return err == 0;
}

static void
test_box(void)
{
	struct buf box = { 0 }, out = { 0 };
	static const uint8_t zero[32];

	wire_box_seal(&box, nonce, "hello", 5, b_pub, a_priv);
	ok(box_opens(buf_bytes(&box), buf_len(&box), &box), "a box opens");
	is_int(count_accepted(&box, box_opens, buf_len(&box)), 0, "no box cut or garbled anywhere opens");
	is_int(wire_box_open(&out, buf_bytes(&box), buf_len(&box), b_pub, b_priv), -EBADMSG, "nor one by another sender");
	is_int(wire_box_seal(&out, nonce, "x", 1, zero, a_priv), -EINVAL, "nothing is sealed to a key of low order");
	is_int(buf_len(&out), 0, "and nothing is left behind");
	buf_free(&box);
}

static struct wire_signal offer;

static bool
signal_opens(const uint8_t *p, size_t len, const struct buf *good)
{
	struct wire_signal s;
	uint8_t sender[32];

	/* The receiver's name lies outside the box; the server needs it, we do not. */
	if (wire_signal_open(&s, sender, p, len, b_priv) != 0)
		return false;
	return memcmp(&s, &offer, sizeof(s)) != 0 || memcmp(sender, a_pub, 32) != 0;
}

static void
test_signal(void)
{
	struct buf env = { 0 }, body = { 0 };
	struct wire_signal s;
	uint8_t sender[32];

	memset(&offer, 0, sizeof(offer));
	offer.type = WIRE_SIGNAL_OFFER;
	strcpy(offer.ufrag, "AbCd");
	strcpy(offer.pwd, "secretsecretsecret");
	strcpy(offer.version, "0.77.1");
	strcpy(offer.relay_url, "rel://host:80");
	offer.wg_port = 51820;
	offer.has_session = true;
	memcpy(offer.session, "12345", 5);
	offer.has_generation = true;
	offer.generation = 7;
	offer.relay_ip = addr_v4(0x0a000001, 0);
	is_int(wire_signal_seal(&env, &offer, nonce, b_pub, a_pub, a_priv), 0, "an offer is sealed");
	is_int(wire_signal_open(&s, sender, buf_bytes(&env), buf_len(&env), b_priv), 0, "and opened");
	ok(memcmp(&s, &offer, sizeof(s)) == 0, "with everything in it, our generation too");
	is_int(count_accepted(&env, signal_opens, buf_len(&env)), 0, "cut or garbled it never says anything else");
	is_int(wire_signal_open(&s, sender, buf_bytes(&env), buf_len(&env), a_priv), -EACCES, "nobody else opens it");

	/* A stock peer's body with a generation is one that it would have skipped. */
	wire_signal_write(&body, &offer);
	is_int(wire_signal_parse(&s, buf_bytes(&body), buf_len(&body)), 0, "a body by itself");
	buf_clear(&body);
	buf_put(&body, "\x12\x03" "a:b", 5);
	is_int(wire_signal_parse(&s, buf_bytes(&body), buf_len(&body)), 0, "the least offer there is");
	ok(s.wg_port == 51820 && !s.has_session && !s.has_generation, "has the defaults");
	static const char *const bad[] = { "ab", "a:", ":b", "a:b:c", "" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&body);
		buf_put_u8(&body, 0x12);
		buf_put_u8(&body, (uint8_t)strlen(bad[i]));
		buf_put_str(&body, bad[i]);
		is_int(wire_signal_parse(&s, buf_bytes(&body), buf_len(&body)), -EBADMSG, "payload '%s' is refused", bad[i]);
	}
	buf_clear(&body);
	buf_put(&body, "\x08\x02", 2);
	is_int(wire_signal_parse(&s, buf_bytes(&body), buf_len(&body)), -EBADMSG, "a candidate without a line is refused");
	buf_clear(&body);
	buf_put(&body, "\x08\x63", 2);
	is_int(wire_signal_parse(&s, buf_bytes(&body), buf_len(&body)), -EBADMSG, "a type of the future is refused");
	buf_free(&env);
	buf_free(&body);
}

static void
test_mgmt(void)
{
	Management__LoginRequest r = MANAGEMENT__LOGIN_REQUEST__INIT;
	struct buf env = { 0 };
	enum wire_mgmt_fault fault;
	size_t opened = 0, wrong = 0;
	uint8_t sender[32], *copy;

	r.setup_key = (char *)"A2C8E62B-38F5-4553-B31E-DD66C696CEBB";
	wire_mgmt_seal(&env, nonce, &r.base, b_pub, a_pub, a_priv);
	copy = malloc(buf_len(&env));
	for (size_t i = 0; i < 2 * buf_len(&env); i++) {
		size_t at = i % buf_len(&env);
		bool cut = i < buf_len(&env);
		Management__LoginRequest *m;

		memcpy(copy, buf_bytes(&env), buf_len(&env));
		if (!cut)
			copy[at] ^= 0x04;
		fault = WIRE_MGMT_OK;
		m = wire_mgmt_open(&management__login_request__descriptor, copy, cut ? at : buf_len(&env), NULL, sender, b_priv, &fault);
		if (m != NULL)
			opened++;
		else if (fault == WIRE_MGMT_OK)
			wrong++;
		wire_pb_free(m);
	}
	is_int(opened, 0, "no login cut or garbled anywhere is opened");
	is_int(wrong, 0, "and each is given a reason");
	free(copy);
	ok(wire_mgmt_open(&management__login_request__descriptor, "\x0a\x03" "abc", 5, NULL, sender, b_priv, &fault) == NULL &&
	    fault == WIRE_MGMT_KEY, "a sender that is no key is told as such");
	ok(wire_mgmt_open(&management__login_request__descriptor, "\x0a\xff", 2, NULL, sender, b_priv, &fault) == NULL &&
	    fault == WIRE_MGMT_ENVELOPE, "so is what is no envelope");
	buf_clear(&env);
	/* Sealed properly, but not a LoginRequest: field 1 runs past the end. */
	{
		struct buf box = { 0 };
		Management__EncryptedMessage e = MANAGEMENT__ENCRYPTED_MESSAGE__INIT;
		char key[WIRE_KEY_TEXTLEN];

		wire_box_seal(&box, nonce, "\x0a\x7f" "x", 3, b_pub, a_priv);
		e.wg_pub_key = (char *)wire_key_text(key, a_pub);
		e.body.data = buf_bytes(&box);
		e.body.len = buf_len(&box);
		WIRE_PB_PUT(&env, &e);
		ok(wire_mgmt_open(&management__login_request__descriptor, buf_bytes(&env), buf_len(&env), NULL, sender, b_priv, &fault) == NULL &&
		    fault == WIRE_MGMT_BODY, "and a sealed body that is garbled");
		buf_free(&box);
	}
	buf_free(&env);
}

static bool
token_good(const uint8_t *p, size_t len, const struct buf *good)
{
	uint8_t key[32];
	int64_t expiry;

	wire_relay_token_key(key, "s", 1);
	return wire_relay_token_check(p, len, key, 1, &expiry) == 0;
}

static bool
relay_parses(const uint8_t *p, size_t len, const struct buf *good)
{
	struct wire_relay_msg m;

	return wire_relay_parse(&m, p, len) == 0;
}

static void
test_relay(void)
{
	static uint8_t ids[2 * WIRE_RELAY_ID_LEN], big[WIRE_RELAY_MAX + 1] = { 1, 3 };
	uint8_t key[32], sig[32], id[WIRE_RELAY_ID_LEN];
	struct buf token = { 0 }, text = { 0 }, msg = { 0 };
	struct wire_relay_msg m;

	wire_relay_token_key(key, "s", 1);
	wire_relay_token_sign(sig, key, "2000000000");
	wire_b64_put(&text, sig, 32);
	is_int(wire_relay_token_put(&token, "2000000000", buf_cstr(&text)), 0, "a token");
	ok(token_good(buf_bytes(&token), buf_len(&token), &token), "is good");
	is_int(count_accepted(&token, token_good, buf_len(&token)), 0, "and no longer when cut or garbled");
	buf_clear(&token);
	is_int(wire_relay_token_put(&token, "2000000000", "no base64!"), -EINVAL, "a signature that is no base64");
	is_int(wire_relay_token_put(&token, "2000000000", "c2ln"), -EINVAL, "or too short");
	is_int(buf_len(&token), 0, "leaves nothing behind");

	wire_relay_put_ids(&msg, WIRE_RELAY_SUBSCRIBE, ids, 2);
	size_t taken = 0;
	for (size_t cut = 0; cut < buf_len(&msg); cut++)
		taken += relay_parses(buf_bytes(&msg), cut, &msg);
	is_int(taken, 1, "of a list of two, only the list of one is taken");
	wire_relay_id(id, a_pub);
	buf_clear(&msg);
	wire_relay_put_auth(&msg, id, "tok", 3);
	taken = 0;
	for (size_t cut = 0; cut < 2 + 4 + WIRE_RELAY_ID_LEN; cut++)
		taken += relay_parses(buf_bytes(&msg), cut, &msg);
	is_int(taken, 0, "no auth message without its whole id");
	for (size_t at = 0; at < 6; at++) {
		buf_bytes(&msg)[at] ^= 0x40;
		taken += relay_parses(buf_bytes(&msg), buf_len(&msg), &msg);
		buf_bytes(&msg)[at] ^= 0x40;
	}
	is_int(taken, 0, "nor with a wrong version, type or magic");
	is_int(wire_relay_parse(&m, "\x01\x01", 2), -EPROTO, "the old hello");
	is_int(wire_relay_parse(&m, "\x01\x0c", 2), -EPROTO, "a type of the future");
	is_int(wire_relay_parse(&m, "\x02\x05", 2), -EPROTO, "another version");
	is_int(wire_relay_parse(&m, "\x01", 1), -EBADMSG, "one byte");
	is_int(wire_relay_parse(&m, "\x01\x07", 2), -EBADMSG, "an answer without URL");
	is_int(wire_relay_parse(&m, big, sizeof(big)), -EBADMSG, "a byte too long");
	is_int(wire_relay_parse(&m, big, sizeof(big) - 1), 0, "the longest");
	buf_free(&token);
	buf_free(&text);
	buf_free(&msg);
}

static void
test_frames(void)
{
	struct wire_grpcframe f;
	const uint8_t *msg;
	size_t len;

	wire_grpcframe_init(&f, 10);
	wire_grpcframe_feed(&f, "\0\0\0\0\2ab\0\0\0\0\0\0\0\0\0\13", 17);
	ok(wire_grpcframe_next(&f, &msg, &len) == 1 && len == 2 && memcmp(msg, "ab", 2) == 0, "one message");
	ok(wire_grpcframe_next(&f, &msg, &len) == 1 && len == 0, "an empty one");
	is_int(wire_grpcframe_next(&f, &msg, &len), -EMSGSIZE, "one that is too long is told by its prefix");
	is_int(wire_grpcframe_next(&f, &msg, &len), -EMSGSIZE, "for good");
	wire_grpcframe_free(&f);
	wire_grpcframe_init(&f, 10);
	wire_grpcframe_feed(&f, "\1", 1);
	is_int(wire_grpcframe_next(&f, &msg, &len), -EPROTO, "a compressed one by its first byte");
	wire_grpcframe_free(&f);
	wire_grpcframe_init(&f, 10);
	wire_grpcframe_feed(&f, "\0\0\0\0\2a", 6);
	is_int(wire_grpcframe_next(&f, &msg, &len), 0, "half a message waits");
	ok(wire_grpcframe_partial(&f), "and is known to be half");
	wire_grpcframe_feed(&f, "b", 1);
	is_int(wire_grpcframe_next(&f, &msg, &len), 1, "until it is whole");
	ok(!wire_grpcframe_partial(&f), "then nothing is left over");
	wire_grpcframe_free(&f);
}

static void
test_texts(void)
{
	static const char *const bad[] = {
		"", "AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2A", "AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2B=",
		"AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2A=A", " AIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2A=",
		"AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH_A=", "AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e=A==",
	};
	uint8_t key[32];
	struct buf b = { 0 };
	struct addr_prefix p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(wire_key_parse(key, bad[i]), -EINVAL, "'%s' is no key", bad[i]);
	is_int(wire_key_parse(key, NULL), -EINVAL, "nor is nothing");
	is_int(wire_b64_get(&b, "YQ==x"), -EINVAL, "text behind base64");
	is_int(wire_b64_get(&b, "YR=="), -EINVAL, "bits left over");
	is_int(wire_hex_get(&b, "0"), -EINVAL, "half a byte");
	is_int(wire_hex_get(&b, "0g"), -EINVAL, "no hex");
	is_int(buf_len(&b), 0, "leave nothing behind");
	is_int(wire_b64_get(&b, ""), 0, "nothing is base64");
	for (size_t n = 0; n < 20; n++)
		if ((wire_prefix_get(&p, "abcdabcdabcdabcd\40\40\40\40", n) == 0) != (n == 17))
			ok(n == 5, "a prefix of %zu bytes", n);
	is_int(wire_prefix_get(&p, "\1\2\3\4\41", 5), -EINVAL, "33 bits of IPv4");
	is_int(wire_prefix_get(&p, "\1\2\3\4\40", 5), 0, "32 bits of IPv4");
	ok(wire_key_cmp_text(a_pub, b_pub) == -wire_key_cmp_text(b_pub, a_pub) || (wire_key_cmp_text(a_pub, b_pub) > 0) !=
	    (wire_key_cmp_text(b_pub, a_pub) > 0), "one of two keys is larger");
}

int
main(void)
{
	wire_key_public(a_pub, a_priv);
	wire_key_public(b_pub, b_priv);
	test_box();
	test_signal();
	test_mgmt();
	test_relay();
	test_frames();
	test_texts();
	return tap_done();
}
