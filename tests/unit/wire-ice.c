/* SPDX-License-Identifier: ISC */
/*
 * wire-ice.c -- what STUN and candidate lines must be, and what is refused: cut,
 * garbled, or nearly right (as wire-bad.c for the other codecs).
 */
#include <errno.h>
#include "tests/tap.h"
#include "tests/unit/garble.h"
#include "wire/candidate.h"
#include "wire/stun.h"

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

int
main(void)
{
	test_stun();
	test_candidates();
	return tap_done();
}
