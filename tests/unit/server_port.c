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
	struct env_dgram *d;
	struct buf got;
	unsigned n;
};

static void
on_pkts(void *arg, struct env_pkt *p, size_t n)
{
	struct udp *u = arg;

	for (size_t i = 0; i < n; i++) {
		u->n++;
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

int
main(void)
{
	struct world w;

	world_open(&w, 23);
	world_start(&w);
	test_http(&w);
	test_stun(&w);
	world_close(&w);
	return tap_done();
}
