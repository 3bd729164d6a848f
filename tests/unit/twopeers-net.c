/* SPDX-License-Identifier: ISC */
/*
 * twopeers-net.c -- the network of twopeers.h: routers, a STUN server, losses.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "env/env.h"
#include "fakeenv.h"
#include "twopeers-impl.h"

struct parcel {
	struct side *to;	/* NULL: the STUN server */
	struct side *from;
	struct addr src, dst;
	size_t len;
	uint8_t bytes[600];
};

static struct addr
translate(struct side *s, const struct addr *dst)
{
	if (s->nat == NAT_NONE || s->via_lan)
		return s->host;
	if (s->nsent < 128)
		s->sent_to[s->nsent++] = *dst;
	if (s->nat == NAT_PORT_RESTRICTED)
		return s->outside;
	for (unsigned i = 0; i < s->nmap; i++)
		if (addr_equal(&s->map[i].to, dst))
			return s->map[i].out;
	s->map[s->nmap].to = *dst;
	s->map[s->nmap].out = s->outside;
	s->map[s->nmap].out.port = s->next_port++;
	return s->map[s->nmap++].out;
}

/* May a packet from src to dst come in at this router? */
static bool
admits(struct side *s, const struct addr *src, const struct addr *dst)
{
	if (s->nat == NAT_NONE || (s->w->lan && addr_equal(dst, &s->host)))
		return addr_equal(dst, &s->host);
	if (s->nat == NAT_SYMMETRIC) {
		for (unsigned i = 0; i < s->nmap; i++)
			if (addr_equal(&s->map[i].out, dst))
				return addr_equal(&s->map[i].to, src);
		return false;
	}
	if (!addr_equal(dst, &s->outside))
		return false;
	for (unsigned i = 0; i < s->nsent; i++)
		if (addr_equal(&s->sent_to[i], src))
			return true;
	return false;
}

static void
arrive(void *arg)
{
	struct parcel *p = arg;
	struct env_pkt pkt = { .data = p->bytes, .len = (uint32_t)p->len, .peer = p->src };

	p->to->via_lan = p->to->w->lan && addr_equal(&p->dst, &p->to->host);
	if (admits(p->to, &p->src, &p->dst) && p->to->ice != NULL)
		ice_input(p->to->ice, &pkt);
	p->to->via_lan = false;
	free(p);
}

/* The STUN server answers; the parcel turns round. */
static void
stun_arrive(void *arg)
{
	struct parcel *p = arg;
	struct wire_stun m, r;
	struct buf b;
	struct addr a = p->src;

	memset(&r, 0, sizeof(r));
	buf_init(&b);
	if (wire_stun_parse(&m, p->bytes, p->len) == 0) {
		r.method = WIRE_STUN_BINDING;
		r.cls = WIRE_STUN_SUCCESS;
		memcpy(r.tid, m.tid, sizeof(r.tid));
		r.mapped = a;
		wire_stun_write(&b, &r, NULL);
		p->to = p->from;
		p->src = p->dst;
		p->dst = a;
		p->len = buf_len(&b);
		memcpy(p->bytes, buf_bytes(&b), p->len);
		fake_at(p->to->env, p->to->w->delay, arrive, p);
		p = NULL;
	}
	buf_free(&b);
	free(p);
}

void
twopeers_send(void *arg, const struct addr *to, const void *bytes, size_t len)
{
	struct side *s = arg;
	struct world *w = s->w;
	struct parcel *p = calloc(1, sizeof(*p));

	s->checks++;
	p->from = s;
	p->src = translate(s, to);
	p->dst = *to;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	if (w->garbled != 0 && env_random_below(s->env, 1000) < w->garbled) {
		if (env_random_below(s->env, 4) == 0)
			p->len = env_random_below(s->env, len);
		else
			p->bytes[env_random_below(s->env, len)] ^= (uint8_t)(1 + env_random_below(s->env, 255));
	}
	if (addr_equal(to, &w->stun))
		fake_at(s->env, w->delay, stun_arrive, p);
	else if (w->udp_cut || (w->loss != 0 && env_random_below(s->env, 1000) < w->loss) ||
	    (s->nat != NAT_NONE && addr_is_private(to)))
		free(p);	/* private addresses do not leave a router */
	else {
		p->to = s->other;
		fake_at(s->other->env, w->delay, arrive, p);
	}
}

uint16_t
twopeers_port(void *arg, int family)
{
	struct side *s = arg;

	return family == ADDR_V4 ? s->host.port : 0;
}
