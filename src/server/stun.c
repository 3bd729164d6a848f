/* SPDX-License-Identifier: ISC */
/*
 * stun.c -- Binding requests answered on UDP (RFC 8489; server.md section 10).
 *
 * No authentication, no state, and never an answer to anything that is not a
 * well-formed Binding request, so that nobody can be made to talk to himself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "server/inside.h"
#include "wire/stun.h"

struct server_stun {
	struct env_dgram *v4, *v6;
};


static void
answer(struct env_dgram *d, const struct env_pkt *in, const uint8_t *bytes, size_t len)
{
	struct wire_stun req, ans = { 0 };
	struct buf out = { 0 };
	struct env_pkt pkt;

	if (!wire_stun_is(bytes, len) || wire_stun_parse(&req, bytes, len) != 0 || req.method != WIRE_STUN_BINDING ||
	    req.cls != WIRE_STUN_REQUEST)
		return;
	ans.method = WIRE_STUN_BINDING;
	ans.cls = WIRE_STUN_SUCCESS;
	memcpy(ans.tid, req.tid, sizeof(ans.tid));
	ans.mapped = in->peer;
	ans.fingerprint = true;
	if (wire_stun_write(&out, &ans, NULL) == 0) {
		pkt = (struct env_pkt){ .data = buf_bytes(&out), .len = (uint32_t)buf_len(&out), .peer = in->peer,
			.local = in->local };
		env_dgram_send(d, &pkt, 1);
	}
	buf_free(&out);
}

static void
each(struct env_dgram *d, struct env_pkt *p, size_t n)
{
	for (size_t i = 0; d != NULL && i < n; i++) {
		uint32_t step = p[i].segment != 0 ? p[i].segment : p[i].len;

		for (uint32_t at = 0; step != 0 && at < p[i].len; at += step)
			answer(d, &p[i], p[i].data + at, p[i].len - at < step ? p[i].len - at : step);
	}
}

static void
on_v4(void *arg, struct env_pkt *p, size_t n)
{
	each(((struct server_stun *)arg)->v4, p, n);
}

static void
on_v6(void *arg, struct env_pkt *p, size_t n)
{
	each(((struct server_stun *)arg)->v6, p, n);
}

int
server_stun_start(struct server *s, const struct addr *listen, uint16_t port)
{
	struct addr any4 = addr_v4(0, port), any6 = { .family = ADDR_V6, .port = port };
	struct server_stun *t = calloc(1, sizeof(*t));
	int err = 0, err6 = 0;

	if (t == NULL)
		return -ENOMEM;
	s->stun = t;
	if (listen->family != ADDR_NONE) {
		any4 = any6 = *listen;
		any4.port = any6.port = port;
	}
	if (listen->family != ADDR_V6)
		t->v4 = env_dgram_open(s->env, &any4, on_v4, t, &err);
	/* A host without IPv6 is as good as any. */
	if (listen->family != ADDR_V4)
		t->v6 = env_dgram_open(s->env, &any6, on_v6, t, &err6);
	if (t->v4 == NULL && t->v6 == NULL)
		return err != 0 ? err : err6;
	return t->v4 == NULL && listen->family != ADDR_V6 ? err : 0;
}

void
server_stun_free(struct server_stun *t)
{
	if (t == NULL)
		return;
	if (t->v4 != NULL)
		env_dgram_close(t->v4);
	if (t->v6 != NULL)
		env_dgram_close(t->v6);
	free(t);
}
