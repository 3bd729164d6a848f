/* SPDX-License-Identifier: ISC */
/*
 * twopeers.c -- see twopeers.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "env/env.h"
#include "fakeenv.h"
#include "twopeers.h"
#include "tests/tape.h"

/* ---- the router of agent.wire's lines for these machines ---- */

struct hear {
	int event;
	struct fsm_data *data;
};

static void
hear_gather(struct ice_gather *g, void *arg)
{
	const struct hear *h = arg;

	ice_gather_post(g, (enum ice_gather_event)h->event, fsm_data_ref(h->data));
}

static void
hear_session(struct ice_session *s, void *arg)
{
	const struct hear *h = arg;

	ice_session_post(s, (enum ice_session_event)h->event, fsm_data_ref(h->data));
}

static void
from_handshake(struct side *s, int send, struct fsm_data *d)
{
	switch ((enum handshake_send)send) {
	case HANDSHAKE_SEND_ICE_OFFER:
		ice_session_post(s->session, ICE_SESSION_EV_OFFER, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_ICE_ANSWER:
		ice_session_post(s->session, ICE_SESSION_EV_ANSWER, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_ICE_CANDIDATE:
		ice_session_post(s->session, ICE_SESSION_EV_CANDIDATE, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_RELAY_OFFER:
		break;
	case HANDSHAKE_SEND_PEER_RESTARTED:
		path_post(&s->peer->path, PATH_EV_RESTARTED, NULL);
		break;
	case HANDSHAKE_SEND_FINISH:
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_FINISH, NULL);
		break;
	}
}

static void
from_session(struct side *s, int send, struct fsm_data *d)
{
	struct hear h = { ICE_GATHER_EV_WANT, NULL };

	switch ((enum ice_session_send)send) {
	case ICE_SESSION_SEND_ICE_UP:
		s->ups++;
		path_post(&s->peer->path, PATH_EV_ICE_UP, fsm_data_ref(d));
		break;
	case ICE_SESSION_SEND_ICE_DOWN:
		s->downs++;
		path_post(&s->peer->path, PATH_EV_ICE_DOWN, NULL);
		break;
	case ICE_SESSION_SEND_LOCAL_CANDIDATE:
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_LOCAL_CANDIDATE, fsm_data_ref(d));
		break;
	case ICE_SESSION_SEND_GATHER:
		ice_each_gather(s->ice, hear_gather, &h);
		break;
	case ICE_SESSION_SEND_NOMINATE:
		if (ice_session_chosen(s->session) != NULL)
			ice_pair_post(ice_session_chosen(s->session), ICE_PAIR_EV_NOMINATE, NULL);
		break;
	}
}

static void
from_path(struct side *s, int send)
{
	switch ((enum path_send)send) {
	case PATH_SEND_CLOSE_ICE:
		ice_session_post(s->session, ICE_SESSION_EV_CLOSE, NULL);
		break;
	case PATH_SEND_RESET:
		guard_post(&s->peer->guard, GUARD_EV_RESET, NULL);
		break;
	case PATH_SEND_MARK_STALE:
	case PATH_SEND_PATH_ON:
	case PATH_SEND_PATH_OFF:
		break;
	}
}

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *d)
{
	struct side *s = arg;
	struct hear h = { ICE_SESSION_EV_MAPPED, d };

	if (from->def == &handshake_fsm)
		from_handshake(s, send, d);
	else if (from->def == &ice_session_fsm)
		from_session(s, send, d);
	else if (from->def == &path_fsm)
		from_path(s, send);
	else if (from->def == &ice_pair_fsm)
		ice_session_post(((struct ice_pair *)from)->session,
		    send == ICE_PAIR_SEND_SELECTED ? ICE_SESSION_EV_SELECTED : ICE_SESSION_EV_PAIR_GOOD, NULL);
	else if (from->def == &ice_gather_fsm)
		ice_each_session(s->ice, hear_session, &h);
	else if (from->def == &guard_fsm)
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_ASK, NULL);
}

/* ---- the network ---- */

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

static void
io_send(void *arg, const struct addr *to, const void *bytes, size_t len)
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

static uint16_t
io_port(void *arg, int family)
{
	struct side *s = arg;

	return family == ADDR_V4 ? s->host.port : 0;
}

/* ---- signal ---- */

struct letter {
	struct side *to;
	struct wire_signal m;
};

static void
letter_arrive(void *arg)
{
	struct letter *l = arg;

	if (l->to->peer != NULL)
		peer_signal(l->to->peer, &l->m);
	free(l);
}

static int
hook_send(void *arg, struct peer *p, const struct wire_signal *m)
{
	struct side *s = arg;
	struct letter *l;
	int64_t delay = s->other->signal_delay;

	(void)p;
	if (s->signal_cut)
		return -ENOTCONN;
	if (m->type == WIRE_SIGNAL_OFFER)
		s->offers++;
	else if (m->type == WIRE_SIGNAL_ANSWER) {
		s->answers++;
		s->answered = true;
	} else if (m->type == WIRE_SIGNAL_CANDIDATE) {
		s->cands++;
		if (s->drop_candidates)
			return 0;
		if (s->candidates_first)
			delay = 1;
	}
	l = calloc(1, sizeof(*l));
	l->to = s->other;
	l->m = *m;
	fake_at(s->other->env, delay, letter_arrive, l);
	return 0;
}

static void
hook_offering(void *arg, struct peer *p)
{
	(void)p;
	ice_session_offering(((struct side *)arg)->session);
}

static const char *
hook_our_relay(void *arg, const struct peer *p)
{
	(void)p;
	return ((struct side *)arg)->relays ? "rel://relay.test:80" : NULL;
}

static void
hook_describe(void *arg, struct peer *p, struct wire_signal *out)
{
	struct side *s = arg;

	out->wg_port = s->host.port;
	out->has_generation = s->generation != 0;	/* 0: as a stock peer */
	out->generation = s->generation;
	if (s->relays)
		strcpy(out->relay_url, hook_our_relay(arg, p));
	ice_session_describe(s->session, out);
}

static void
hook_endpoint(void *arg, struct peer *p, const struct peer_endpoint *e)
{
	struct side *s = arg;

	(void)p;
	s->was = s->endpoint;
	s->endpoint = *e;
	s->endpoints++;
}

static void
hook_shake(void *arg, struct peer *p)
{
	(void)p;
	((struct side *)arg)->shakes++;
}

static bool
hook_busy(void *arg, const struct peer *p)
{
	(void)p;
	return ice_session_busy(((struct side *)arg)->session);
}

static bool
hook_ice(void *arg, const struct peer *p)
{
	(void)p;
	return ((struct side *)arg)->session->enabled;
}

static bool
hook_relay(void *arg, const struct peer *p)
{
	(void)p;
	return ((struct side *)arg)->relays;
}

static const struct peer_hooks hooks = {
	.send = hook_send, .offering = hook_offering, .describe = hook_describe, .our_relay = hook_our_relay, .endpoint = hook_endpoint, .shake_hands = hook_shake,
	.ice_busy = hook_busy, .we_do_ice = hook_ice, .we_do_relay = hook_relay
};

/* ---- life ---- */

static void
side_new(struct side *s, struct world *w, const char *name, struct side *other, unsigned n, enum nat_kind nat)
{
	const char *url = "stun:198.51.100.9:3478";
	struct ice_io io = { .send = io_send, .port = io_port, .arg = s };

	s->name = name;
	s->w = w;
	s->other = other;
	s->nat = nat;
	s->signal_delay = 10 * MONO_MS;
	s->generation = 1;
	s->host = addr_v4((10u << 24) + (n << 16) + 2, 51820);
	s->outside = addr_v4(0xcb007100u + n, (uint16_t)(40000 + n));	/* 203.0.113.n */
	s->next_port = (uint16_t)(50000 + 1000 * n);
	s->env = fake_env_new(n + 17);
	fake_env_set_addrs(s->env, &s->host, 1);
	s->loop = fsm_loop_new(s->env, route, s);
	test_tape(s->loop);
	fsm_loop_strict(s->loop);
	s->ice = ice_new(s->env, s->loop, &io);
	ice_set_servers(s->ice, &url, 1);
}

void
world_new(struct world *w, enum nat_kind a, enum nat_kind b)
{
	memset(w, 0, sizeof(*w));
	w->delay = 5 * MONO_MS;
	w->stun = addr_v4(0xc6336409u, 3478);
	side_new(&w->a, w, "a", &w->b, 1, a);
	side_new(&w->b, w, "b", &w->a, 2, b);
}

static void
side_start(struct side *s)
{
	bool greater = s == &s->w->b;
	struct peer_config c = {
		.env = s->env, .loop = s->loop, .key = s->other->name, .self_key = s->name, .subject = s->name,
		.hooks = &hooks, .arg = s
	};

	s->session = ice_session_new(s->ice, s->name, greater, s);
	s->peer = peer_new(&c);
	fsm_drain(s->loop);
}

void
world_start(struct world *w, bool a, bool b)
{
	if (a)
		side_start(&w->a);
	if (b)
		side_start(&w->b);
}

static void
side_stop(struct side *s)
{
	peer_free(s->peer);
	ice_session_free(s->session);
	s->peer = NULL;
	s->session = NULL;
	memset(&s->endpoint, 0, sizeof(s->endpoint));
}

void
side_restart(struct side *s)
{
	side_stop(s);
	side_start(s);
}

static void
relay_event(struct side *s, enum path_event e)
{
	struct note_way *n = note_way_new(&s->way);

	path_post(&s->peer->path, e, &n->data);
	fsm_drain(s->loop);
}

void
world_relay(struct world *w, bool up)
{
	w->a.relays = w->b.relays = true;
	relay_event(&w->a, up ? PATH_EV_RELAY_UP : PATH_EV_RELAY_DOWN);
	relay_event(&w->b, up ? PATH_EV_RELAY_UP : PATH_EV_RELAY_DOWN);
}

bool
side_direct(const struct side *s)
{
	const struct side *o = s->other;

	if (s->endpoint.kind != PATH_TO_ICE)
		return false;
	return addr_equal(&s->endpoint.addr, o->nat == NAT_NONE ? &o->host : &o->outside);
}

bool
world_direct(const struct world *w)
{
	return side_direct(&w->a) && side_direct(&w->b);
}

int
world_until_direct(struct world *w, int ms)
{
	for (int t = 0; t < ms; t++) {
		if (world_direct(w))
			return t;
		fake_run(MONO_MS);
	}
	return world_direct(w) ? ms : -1;
}

void
side_rebind(struct side *s, uint32_t outside_ip)
{
	s->outside = addr_v4(outside_ip, (uint16_t)(s->outside.port + 1));
	s->nsent = s->nmap = 0;
}

void
world_free(struct world *w)
{
	fake_run(MONO_SEC);	/* what is under way arrives */
	for (int i = 0; i < 2; i++) {
		struct side *s = i == 0 ? &w->a : &w->b;

		side_stop(s);
		ice_free(s->ice);
		s->ice = NULL;
		fsm_loop_free(s->loop);
	}
	fake_run(MONO_SEC);
	free(w->a.env);
	free(w->b.env);
}
