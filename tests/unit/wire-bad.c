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
#include "wire/box.h"
#include "wire/candidate.h"
#include "wire/grpcframe.h"
#include "wire/keys.h"
#include "wire/mgmt.h"
#include "wire/relaymsg.h"
#include "wire/signal.h"
#include "wire/stun.h"

static const uint8_t nonce[WIRE_BOX_NONCE] = { 7, 7, 7 };
static uint8_t a_priv[32] = { 8, 3, [31] = 64 }, b_priv[32] = { 8, 4, [31] = 64 }, a_pub[32], b_pub[32];

/* How many of all cuts and all garbled copies does `accepts` take? */
static size_t
count_accepted(const struct buf *good, bool (*accepts)(const uint8_t *, size_t, const struct buf *), size_t upto)
{
	static const uint8_t flips[] = { 0x01, 0x10, 0x80, 0xff };
	size_t n = 0, len = buf_len(good);
	uint8_t *copy = malloc(len);

	for (size_t cut = 0; cut < len; cut++) {
		memcpy(copy, buf_bytes(good), len);
		if (accepts(copy, cut, good)) {
			printf("# cut to %zu of %zu is taken\n", cut, len);
			n++;
		}
	}
	for (size_t at = 0; at < upto; at++)
		for (size_t f = 0; f < sizeof(flips); f++) {
			memcpy(copy, buf_bytes(good), len);
			copy[at] ^= flips[f];
			if (accepts(copy, len, good)) {
				printf("# byte %zu ^ %02x is taken\n", at, flips[f]);
				n++;
			}
		}
	free(copy);
	return n;
}

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

static const char password[] = "qRsTuVwXyZaBcDeFgHiJkLmNoPqRsTuV";

static bool
stun_believed(const uint8_t *p, size_t len, const struct buf *good)
{
	struct wire_stun m;

	return wire_stun_parse(&m, p, len) == 0 && wire_stun_check(p, len, password) == 0;
}

static void
test_stun(void)
{
	struct wire_stun m, back;
	struct buf b = { 0 };
	size_t signed_part;
	uint8_t *p;

	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	memcpy(m.tid, "abcdefghijkl", 12);
	strcpy(m.username, "them:us");
	m.use_candidate = m.has_priority = m.fingerprint = true;
	m.priority = 1;
	m.role = WIRE_STUN_CONTROLLED;
	m.tie_breaker = 0x1122334455667788;
	is_int(wire_stun_write(&b, &m, password), 0, "a check is written");
	signed_part = buf_len(&b) - 8;	/* FINGERPRINT is nobody's proof: pion does not look at it */
	is_int(count_accepted(&b, stun_believed, signed_part), 0, "cut or garbled anywhere it is not believed");
	buf_clear(&b);
	strcpy(m.route, "one:two");
	wire_stun_write(&b, &m, password);
	is_int(wire_stun_parse(&back, buf_bytes(&b), buf_len(&b)), 0, "with 0x8100 behind it parses");
	is_int(wire_stun_check(buf_bytes(&b), buf_len(&b), password), 0, "is believed");
	m.integrity = true;
	ok(memcmp(&m, &back, sizeof(m)) == 0, "and says the same");

	/* Length bytes and 0x8100 are outside the signature; the header's are not free. */
	is_int(count_accepted(&b, stun_believed, 4), 0, "its header garbled it is not believed");

	/* An attribute pushed in between MESSAGE-INTEGRITY and FINGERPRINT. */
	m.route[0] = '\0';
	m.fingerprint = m.use_candidate = false;
	buf_clear(&b);
	wire_stun_write(&b, &m, password);
	buf_put(&b, "\x00\x25\x00\x00", 4);
	p = buf_bytes(&b);
	p[3] = (uint8_t)(p[3] + 4);
	is_int(wire_stun_parse(&back, p, buf_len(&b)), 0, "an attribute behind the signature");
	ok(!back.use_candidate, "does not count");

	/* Responses: IPv4, IPv6, error. */
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	m.cls = WIRE_STUN_SUCCESS;
	memcpy(m.tid, "abcdefghijkl", 12);
	m.fingerprint = true;
	addr_parse_port(&m.mapped, "[2001:db8::5]:4711");
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	is_int(wire_stun_parse(&back, buf_bytes(&b), buf_len(&b)), 0, "an answer without integrity");
	ok(memcmp(&m, &back, sizeof(m)) == 0, "says where from, IPv6");
	is_int(wire_stun_check(buf_bytes(&b), buf_len(&b), password), -EBADMSG, "and is not taken for a signed one");
	addr_parse_port(&m.mapped, "192.0.2.1:9");
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(memcmp(&m, &back, sizeof(m)) == 0, "IPv4");
	m.cls = WIRE_STUN_ERROR;
	memset(&m.mapped, 0, sizeof(m.mapped));
	m.error = 487;
	buf_clear(&b);
	wire_stun_write(&b, &m, password);
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(back.error == 487 && back.cls == WIRE_STUN_ERROR && back.integrity, "role conflict");

	/* RFC 5780: a server that answers from elsewhere. */
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	memcpy(m.tid, "abcdefghijkl", 12);
	m.change_port = true;
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	is_int((long long)buf_len(&b), 28, "a question for another port has 28 bytes");
	ok(memcmp(buf_bytes(&b) + 20, "\x00\x03\x00\x04\x00\x00\x00\x02", 8) == 0, "RFC 5780 section 7.2");
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(memcmp(&m, &back, sizeof(m)) == 0, "and says so");
	m.change_ip = true;
	m.padding = 32;
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(back.change_ip && back.change_port && buf_len(&b) == 64, "both, and as long as an answer");
	m = (struct wire_stun){ .method = WIRE_STUN_BINDING, .cls = WIRE_STUN_SUCCESS };
	addr_parse_port(&m.origin, "192.0.2.1:3478");
	addr_parse_port(&m.other, "[2001:db8::9]:3479");
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(memcmp(&m, &back, sizeof(m)) == 0 && back.unknown == 0, "origin and other address, which nobody must understand");
	m = (struct wire_stun){ .method = WIRE_STUN_BINDING, .cls = WIRE_STUN_ERROR, .error = 420, .unknown = 3 };
	buf_clear(&b);
	wire_stun_write(&b, &m, NULL);
	wire_stun_parse(&back, buf_bytes(&b), buf_len(&b));
	ok(back.error == 420 && buf_len(&b) <= 56, "420");
	p = buf_bytes(&b) + buf_len(&b) - 8;
	ok(memcmp(p, "\x00\x0a\x00\x02\x00\x03", 6) == 0, "names what is not understood");

	/* An attribute that must be understood and is not. */
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	buf_clear(&b);
	m.error = 0;
	m.cls = WIRE_STUN_REQUEST;
	m.fingerprint = false;
	wire_stun_write(&b, &m, NULL);
	buf_put(&b, "\x00\x77\x00\x04" "abcd", 8);
	p = buf_bytes(&b);
	p[3] = 8;
	is_int(wire_stun_parse(&back, p, buf_len(&b)), 0, "an attribute of the future parses");
	is_int(back.unknown, 0x77, "and is named");

	ok(!wire_stun_is("\x01\x00\x00\x00" "0123456789012345678901234567", 32), "a WireGuard handshake is no STUN");
	ok(!wire_stun_is("nb", 2), "nor is NetBird's two-byte hole punch");
	buf_free(&b);
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
test_candidates(void)
{
	static const char good[] = "1 1 udp 2130706431 192.0.2.1 51820 typ srflx raddr 10.0.0.1 rport 9 ufrag ab cid xyz";
	static const struct { const char *line; int err; } lines[] = {
		{ "candidate:1 1 UDP 2130706431 192.0.2.1 51820 typ host", 0 },
		{ "1 1 udp 2130706431 fd00::1 51820 typ relay generation 0", 0 },
		{ "1 1 udp 5 192.0.2.1 51820 typ srflx raddr 10.0.0.1 rport 9 cid candidate:abc", 0 },
		{ "1 2 udp 5 192.0.2.1 51820 typ host", -EPROTONOSUPPORT },
		{ "1 1 tcp 5 192.0.2.1 51820 typ host tcptype passive", -EPROTONOSUPPORT },
		{ "1 1 udp 5 192.0.2.1 0 typ host", -EBADMSG },
		{ "1 1 udp 5 name.local 51820 typ host", -EBADMSG },
		{ " 1 udp 5 192.0.2.1 51820 typ host", -EBADMSG },
		{ "1 1 udp 5 192.0.2.1 51820 typ moon", -EBADMSG },
		{ "x 1 1 udp 5 192.0.2.1 51820 typ host", -EBADMSG },
		{ "1 1 udp 5 192.0.2.1  51820 typ host", -EBADMSG },
		{ "1 1 udp 5 192.0.2.1 51820 typ host cid", -EBADMSG },
		{ "", -EBADMSG },
	};
	struct wire_cand c, again;
	char cut[sizeof(good)], out[WIRE_CAND_LINE];
	size_t unstable = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		is_int(wire_cand_parse(&c, lines[i].line), lines[i].err, "'%s'", lines[i].line);
	wire_cand_parse(&c, lines[2].line);
	is_str(c.cid, "abc", "the stray prefix of a port-mapped candidate's cid goes");
	for (size_t n = 0; n < sizeof(good); n++) {
		memcpy(cut, good, n);
		cut[n < sizeof(good) ? n : n - 1] = '\0';
		if (wire_cand_parse(&c, cut) == 0 && (wire_cand_write(out, &c) != 0 || wire_cand_parse(&again, out) != 0 ||
		    memcmp(&c.addr, &again.addr, sizeof(c.addr)) != 0 || c.type != again.type))
			unstable++;
	}
	is_int(unstable, 0, "what is taken of a cut line can be written and read again");
	is_int(wire_cand_priority(WIRE_CAND_PRFLX, 65535), 1862270975, "priority of a peer-reflexive candidate");
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
	test_stun();
	test_relay();
	test_frames();
	test_candidates();
	test_texts();
	return tap_done();
}
