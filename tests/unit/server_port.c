/* SPDX-License-Identifier: ISC */
/*
 * server_port.c -- the one TCP port told apart, and the STUN port: 404 and 426
 * for browsers, silence and an end for garbage, answers to Binding requests and
 * to nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"
#include "tests/unit/server-world.h"
#include "wire/stun.h"

struct tcp {
	struct env_stream *s;
	const char *say;
	size_t len;
	struct buf got;
	bool over;
};

static void
on_stream(void *arg, const struct env_stream_note *n)
{
	struct tcp *t = arg;

	if (n->event == ENV_STREAM_CONNECTED)
		env_stream_write(t->s, t->say, t->len);
	else if (n->event == ENV_STREAM_DATA)
		buf_put(&t->got, n->data, n->len);
	else if (n->event != ENV_STREAM_DRAINED)
		t->over = true;
}

static void
ask(struct world *w, struct tcp *t, const char *say, size_t len, int64_t us)
{
	struct env_dial d = { .host = "203.0.113.10", .port = 80 };

	memset(t, 0, sizeof(*t));
	t->say = say;
	t->len = len;
	t->s = env_stream_dial(w->probe, &d, on_stream, t);
	sim_run(w->sim, us);
}

static void
done(struct tcp *t)
{
	env_stream_close(t->s);
	buf_free(&t->got);
}

static bool
begins(struct tcp *t, const char *text)
{
	return buf_len(&t->got) >= strlen(text) && memcmp(buf_bytes(&t->got), text, strlen(text)) == 0;
}

static void
test_http(struct world *w)
{
	static const char get[] = "GET /anything HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char relay[] = "GET /relay HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char post[] = "POST /api/peers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
	static const char junk[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not TLS here\r\n\r\n";
	struct tcp t;

	ask(w, &t, get, sizeof(get) - 1, 300 * MONO_MS);
	ok(begins(&t, "HTTP/1.1 404 ") && t.over, "an unknown path: 404, and closed");
	done(&t);
	ask(w, &t, post, sizeof(post) - 1, 300 * MONO_MS);
	ok(begins(&t, "HTTP/1.1 404 "), "any method");
	done(&t);
	ask(w, &t, relay, sizeof(relay) - 1, 300 * MONO_MS);
	ok(begins(&t, "HTTP/1.1 426 "), "/relay without an upgrade: 426");
	done(&t);
	ask(w, &t, junk, sizeof(junk) - 1, 300 * MONO_MS);
	ok(t.over, "garbage is closed");
	done(&t);
	ask(w, &t, "GET /rel", 8, 3 * MONO_SEC);
	ok(!t.over, "half a request is waited for");
	sim_run(w->sim, 3 * MONO_SEC);
	ok(t.over, "but not for ever");
	done(&t);
	ask(w, &t, "", 0, 7 * MONO_SEC);
	ok(t.over, "nor is one that says nothing");
	done(&t);
}

/* ---- STUN ------------------------------------------------------------------------ */

struct udp {
	struct addr from;
	struct env_dgram *d;
	struct buf got;
	unsigned n, from_there, refused;	/* from_there: port 3479 */
};

static void
on_pkts(void *arg, struct env_pkt *p, size_t n)
{
	struct udp *u = arg;

	for (size_t i = 0; i < n; i++) {
		u->n++;
		u->from = p[i].peer;
		u->from_there += u->from.port == 3479;
		u->refused += u->from.port == 3478;
		buf_clear(&u->got);
		buf_put(&u->got, p[i].data, p[i].len);
	}
}

static void
send_udp(struct world *w, struct udp *u, const void *bytes, size_t len)
{
	uint8_t copy[600];
	struct env_pkt p = { .data = copy, .len = (uint32_t)len };

	memcpy(copy, bytes, len);
	addr_parse_port(&p.peer, "203.0.113.10:3478");
	env_dgram_send(u->d, &p, 1);
	sim_run(w->sim, 100 * MONO_MS);
}

static void
test_stun(struct world *w)
{
	struct wire_stun q = { .method = WIRE_STUN_BINDING, .cls = WIRE_STUN_REQUEST, .tid = "twelve bytes" }, a;
	struct addr any = addr_v4(0, 5000);
	struct udp u = { 0 };
	struct buf b = { 0 };
	unsigned answered = 0;
	char text[ADDR_STRLEN];
	int err;

	u.d = env_dgram_open(w->probe, &any, on_pkts, &u, &err);
	wire_stun_write(&b, &q, NULL);
	send_udp(w, &u, buf_bytes(&b), buf_len(&b));
	is_int(u.n, 1, "a Binding request is answered");
	is_int(wire_stun_parse(&a, buf_bytes(&u.got), buf_len(&u.got)), 0, "well");
	ok(a.cls == WIRE_STUN_SUCCESS && memcmp(a.tid, q.tid, 12) == 0 && a.fingerprint, "with its id and a fingerprint");
	is_str(addr_str_port(&a.mapped, text), "203.0.113.20:5000", "and the address it came from");
	for (size_t i = 0; i < buf_len(&b); i++) {
		u.n = 0;
		send_udp(w, &u, buf_bytes(&b), i);
		answered += u.n;
	}
	is_int(answered, 0, "a cut one is not");
	u.n = 0;
	send_udp(w, &u, buf_bytes(&u.got), buf_len(&u.got));
	is_int(u.n, 0, "nor is an answer: no two servers can be made to talk");
	buf_clear(&b);
	q.cls = WIRE_STUN_INDICATION;
	wire_stun_write(&b, &q, NULL);
	send_udp(w, &u, buf_bytes(&b), buf_len(&b));
	send_udp(w, &u, "hello", 5);
	is_int(u.n, 0, "nor an indication, nor a greeting");
	env_dgram_close(u.d);
	buf_free(&u.got);
	buf_free(&b);
}

/* What came for a question: where from, or "" for nothing; *a is what it says. */
static const char *
asked(struct world *w, struct udp *u, bool ip, bool port, uint16_t padding, struct wire_stun *a)
{
	struct wire_stun q = { .method = WIRE_STUN_BINDING, .tid = "twelve bytes", .change_ip = ip, .change_port = port,
		.padding = padding };
	static char text[ADDR_STRLEN];
	struct buf b = { 0 };

	wire_stun_write(&b, &q, NULL);
	u->n = 0;
	send_udp(w, u, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	memset(a, 0, sizeof(*a));
	if (u->n != 1 || wire_stun_parse(a, buf_bytes(&u->got), buf_len(&u->got)) != 0)
		return "";
	return addr_str_port(&u->from, text);
}

/* RFC 5780, of a server with one address. */
static void
test_elsewhere(struct world *w)
{
	struct addr any = addr_v4(0, 5001);
	struct udp u = { 0 };
	struct wire_stun a;
	char text[ADDR_STRLEN];
	int err;

	u.d = env_dgram_open(w->probe, &any, on_pkts, &u, &err);
	is_str(asked(w, &u, false, false, 0, &a), "203.0.113.10:3478", "a plain question is answered from where it was asked");
	is_str(addr_str_port(&a.other, text), "203.0.113.10:3479", "and tells of another port");
	is_str(addr_str_port(&a.origin, text), "203.0.113.10:3478", "and where it comes from");
	is_str(asked(w, &u, false, true, 32, &a), "203.0.113.10:3479", "asked for its other port, it answers from there");
	is_str(addr_str_port(&a.mapped, text), "203.0.113.20:5001", "with our address");
	is_str(addr_str_port(&a.origin, text), "203.0.113.10:3479", "and its own");
	ok(buf_len(&u.got) <= 64, "in no more bytes than asked with");
	is_str(asked(w, &u, false, true, 0, &a), "203.0.113.10:3479", "a short question");
	ok(a.mapped.family == ADDR_V4 && buf_len(&u.got) == 32, "gets the address only");
	is_str(asked(w, &u, true, true, 0, &a), "203.0.113.10:3478", "another address it has not");
	is_int(a.error, 420, "and says so");
	sim_run(w->sim, 2 * MONO_SEC);
	u.from_there = u.refused = 0;
	for (int i = 0; i < 150; i++) {
		struct wire_stun q = { .method = WIRE_STUN_BINDING, .change_port = true };
		struct buf b = { 0 };
		struct env_pkt p = { 0 };

		q.tid[0] = (uint8_t)i;
		wire_stun_write(&b, &q, NULL);
		p.data = buf_bytes(&b);
		p.len = (uint32_t)buf_len(&b);
		addr_parse_port(&p.peer, "203.0.113.10:3478");
		env_dgram_send(u.d, &p, 1);
		sim_run(w->sim, 5 * MONO_MS);
		buf_free(&b);
	}
	sim_run(w->sim, 100 * MONO_MS);
	is_int(u.from_there, 100, "no more than a hundred a second from there");
	is_int(u.refused, 50, "the others hear that it is not done");
	env_dgram_close(u.d);
	buf_free(&u.got);
}

static void
test_two_addresses(void)
{
	struct addr any = addr_v4(0, 5000);
	struct udp u = { 0 };
	struct wire_stun a;
	struct world w;
	char text[ADDR_STRLEN];
	int err;

	world_open(&w, 24);
	sim_attach(w.server_host, w.net, "eth1", "203.0.113.11");
	addr_parse(&w.conf.stun_address[0], "203.0.113.10");
	addr_parse(&w.conf.stun_address[1], "203.0.113.11");
	world_start(&w);
	u.d = env_dgram_open(w.probe, &any, on_pkts, &u, &err);
	is_str(asked(&w, &u, false, false, 0, &a), "203.0.113.10:3478", "two addresses: a plain question");
	is_str(addr_str_port(&a.other, text), "203.0.113.11:3479", "tells of the other one, and its other port");
	is_str(asked(&w, &u, true, true, 32, &a), "203.0.113.11:3479", "asked to change both");
	is_str(addr_str_port(&a.origin, text), "203.0.113.11:3479", "it says so");
	is_str(asked(&w, &u, true, false, 32, &a), "203.0.113.11:3478", "the address");
	is_str(asked(&w, &u, false, true, 32, &a), "203.0.113.10:3479", "the port");
	env_dgram_close(u.d);
	buf_free(&u.got);
	world_close(&w);
}

int
main(void)
{
	struct world w;

	world_open(&w, 23);
	world_start(&w);
	test_http(&w);
	test_stun(&w);
	test_elsewhere(&w);
	world_close(&w);
	test_two_addresses();
	return tap_done();
}
