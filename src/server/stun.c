/* SPDX-License-Identifier: ISC */
/*
 * stun.c -- Binding requests answered on UDP (RFC 8489; server.md section 10), and
 * from another port or address when a client asks what its router lets in (RFC 5780).
 *
 * No authentication, no state a client, and never an answer to anything that is not
 * a well-formed Binding request, so that nobody can be made to talk to himself.
 * Who forges a sender gets one packet sent there for each of his; one that comes
 * from elsewhere carries the mapped address only (32 bytes for the 28 of the shortest
 * request) unless as much was sent, and there are ANSWERS_A_SEC of those at most:
 * whoever asks beyond hears, from where he asked, that it is not done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "server/inside.h"
#include "wire/stun.h"

#define ANSWERS_A_SEC	100
#define CHANGE_REQUEST	0x0003

struct sock {
	struct server_stun *stun;
	struct env_dgram *d;		/* NULL: there is none */
	struct addr bound;
	unsigned ip, port;		/* which address, which port of ours: 0 or 1 */
};

struct server_stun {
	struct env *env;
	struct sock sock[2][2][2];	/* by family, address, port */
	struct mono second;		/* answers from elsewhere are counted from here */
	unsigned answers;
};

static bool
is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

/* Where requests to `at` came in, with its port; family ADDR_NONE: not known. */
static struct addr
address_of(const struct sock *at, const struct env_pkt *in)
{
	struct addr a = in->local.family != ADDR_NONE ? in->local : at->bound;

	a.port = at->bound.port;
	return a;
}

/* The socket to answer from; NULL: what is asked for is not to be had. */
static struct sock *
elsewhere(struct sock *at, const struct wire_stun *req)
{
	struct sock *s = &at->stun->sock[at->bound.family == ADDR_V6][at->ip ^ req->change_ip][at->port ^ req->change_port];

	return s->d != NULL ? s : NULL;
}

/* RFC 5780 section 7.4: both different, when there are two addresses. */
static struct addr
other_address(const struct sock *at, const struct env_pkt *in)
{
	const struct sock *f = &at->stun->sock[at->bound.family == ADDR_V6][0][0];
	const struct sock *other = f + 2 * (at->ip ^ 1) + (at->port ^ 1), *near = f + 2 * at->ip + (at->port ^ 1);

	if (other->d != NULL)
		return other->bound;
	return near->d != NULL && in->local.family != ADDR_NONE ? address_of(near, in) : (struct addr){ .family = ADDR_NONE };
}

static bool
may_answer_elsewhere(struct server_stun *t)
{
	struct mono now = env_now(t->env);

	if (!mono_is_set(t->second) || mono_diff(now, t->second) >= MONO_SEC) {
		t->second = now;
		t->answers = 0;
	}
	return t->answers++ < ANSWERS_A_SEC;
}

static void
reply(const struct sock *from, const struct env_pkt *in, struct wire_stun *ans, size_t asked_with)
{
	struct buf out = { 0 };
	struct env_pkt pkt = { .peer = in->peer };

	if (wire_stun_write(&out, ans, NULL) == 0 && buf_len(&out) > asked_with && asked_with != 0) {
		/* The mapped address is what they need. */
		buf_free(&out);
		out = (struct buf){ 0 };
		ans->other.family = ans->origin.family = ADDR_NONE;
		ans->fingerprint = false;
		wire_stun_write(&out, ans, NULL);
	}
	if (buf_len(&out) > 0) {
		pkt.data = buf_bytes(&out);
		pkt.len = (uint32_t)buf_len(&out);
		/* A socket of all addresses answers from the one that was asked. */
		if (is_any(&from->bound))
			pkt.local = in->local;
		env_dgram_send(from->d, &pkt, 1);
	}
	buf_free(&out);
}

static void
answer(struct sock *at, const struct env_pkt *in, const uint8_t *bytes, size_t len)
{
	struct wire_stun req, ans = { 0 };
	struct sock *from = at;

	if (!wire_stun_is(bytes, len) || wire_stun_parse(&req, bytes, len) != 0 || req.method != WIRE_STUN_BINDING ||
	    req.cls != WIRE_STUN_REQUEST)
		return;
	ans.method = WIRE_STUN_BINDING;
	ans.cls = WIRE_STUN_SUCCESS;
	memcpy(ans.tid, req.tid, sizeof(ans.tid));
	ans.fingerprint = true;
	if (req.change_ip || req.change_port)
		from = elsewhere(at, &req);
	if (from == NULL || (from != at && !may_answer_elsewhere(at->stun))) {
		ans.cls = WIRE_STUN_ERROR;
		ans.error = 420;
		ans.unknown = CHANGE_REQUEST;
		reply(at, in, &ans, 0);
		return;
	}
	ans.mapped = in->peer;
	ans.origin = address_of(from, in);
	if (from != at && !is_any(&from->bound))
		ans.origin = from->bound;
	ans.other = other_address(at, in);
	reply(from, in, &ans, from != at ? len : 0);
}

static void
on_packets(void *arg, struct env_pkt *p, size_t n)
{
	struct sock *at = arg;

	for (size_t i = 0; at->d != NULL && i < n; i++) {
		uint32_t step = p[i].segment != 0 ? p[i].segment : p[i].len;

		for (uint32_t k = 0; step != 0 && k < p[i].len; k += step)
			answer(at, &p[i], p[i].data + k, p[i].len - k < step ? p[i].len - k : step);
	}
}

/* ---- life ---- */

static int
open_one(struct server_stun *t, const struct addr *listen, unsigned ip, unsigned port)
{
	struct sock *s = &t->sock[listen->family == ADDR_V6][ip][port];
	int err = 0;

	*s = (struct sock){ .stun = t, .ip = ip, .port = port };
	s->d = env_dgram_open(t->env, listen, on_packets, s, &err);
	if (s->d == NULL)
		return err;
	s->bound = *listen;
	s->bound.port = env_dgram_local(s->d).port;
	return 0;
}

/* The first port of an address, which must be had, and the second, which need not:
 * the next one, or any.  Both addresses have the same second port. */
static int
open_address(struct server_stun *t, const struct addr *where, unsigned ip, uint16_t port)
{
	struct addr a = *where;
	const struct sock *first = &t->sock[a.family == ADDR_V6][0][1];
	int err;

	a.port = port;
	if ((err = open_one(t, &a, ip, 0)) != 0)
		return err;
	a.port = ip == 1 ? first->bound.port : (uint16_t)(port + 1);
	if (a.port != 0 && open_one(t, &a, ip, 1) == 0)
		return 0;
	a.port = 0;
	if (ip == 0)
		open_one(t, &a, 0, 1);
	return 0;
}

static int
open_both(struct server_stun *t, const struct addr address[2], uint16_t port)
{
	int err = open_address(t, &address[0], 0, port);

	return err == 0 && address[1].family == address[0].family ? open_address(t, &address[1], 1, port) : err;
}

int
server_stun_start(struct server *s, const struct server_conf *conf)
{
	const struct addr any4[2] = { { .family = ADDR_V4 } }, any6[2] = { { .family = ADDR_V6 } };
	const struct addr listen[2] = { conf->listen };
	struct server_stun *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->env = s->env;
	s->stun = t;
	if (conf->stun_address[0].family != ADDR_NONE)
		return open_both(t, conf->stun_address, conf->stun_port);
	if (conf->listen.family != ADDR_NONE)
		return open_both(t, listen, conf->stun_port);
	err = open_both(t, any4, conf->stun_port);
	/* A host without IPv6 is as good as any. */
	open_both(t, any6, conf->stun_port);
	return err;
}

void
server_stun_free(struct server_stun *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < 8; i++) {
		struct sock *k = &t->sock[i >> 2][i >> 1 & 1][i & 1];

		if (k->d != NULL)
			env_dgram_close(k->d);
	}
	free(t);
}
