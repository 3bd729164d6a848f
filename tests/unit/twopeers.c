/* SPDX-License-Identifier: ISC */
/*
 * twopeers.c -- signal, the hooks of a peer, and the life of the two: twopeers.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "env/env.h"
#include "fakeenv.h"
#include "tests/tape.h"
#include "twopeers-impl.h"

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
	struct ice_io io = { .send = twopeers_send, .port = twopeers_port, .arg = s };

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
	s->loop = fsm_loop_new(s->env, twopeers_route, s);
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
world_stands(struct world *w, enum nat_kind a, enum nat_kind b, bool relay)
{
	world_new(w, a, b);
	world_start(w, true, true);
	if (relay)
		world_relay(w, true);
	world_until_direct(w, 5000);
}

void
world_doubt(struct world *w)
{
	ice_session_post(w->a.session, ICE_SESSION_EV_DOUBT, NULL);
	ice_session_post(w->b.session, ICE_SESSION_EV_DOUBT, NULL);
	fsm_drain(w->a.loop);
	fsm_drain(w->b.loop);
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
