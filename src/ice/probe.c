/* SPDX-License-Identifier: ISC */
/*
 * probe.c -- asks a STUN server to answer from elsewhere; see fsm/ice-probe.fsm.
 */
#include <stdlib.h>
#include <string.h>
#include "env/env.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "ice/session.h"
#include "fsm/ice-probe.inc"

#define OPEN_FOR	(5 * MONO_MIN)	/* routers forget UDP after two minutes, some after five */
#define MOVE_AGAIN	MONO_MIN	/* from one other port to the next */
#define MOVE_SELDOM	MONO_HOUR
#define PADDING		32		/* of a request: 64 bytes with it, as many as an answer has */

/* Where a server with one address answers from, when it is asked for its other port. */
static struct addr
near_address(const struct ice_probe *p)
{
	struct addr a = p->server;

	a.port = p->other.port;
	return a;
}

/* The last question goes to where nothing came from, or else did. */
static struct addr
back_address(const struct ice_probe *p)
{
	return p->now.far || p->now.near ? p->other : near_address(p);
}

static bool
ice_probe_if_two_addresses(const struct ice_probe *p)
{
	return !addr_same_ip(&p->server, &p->other);
}

/* Of the mapping that we have now, or NULL. */
static const struct ice_probed *
past(const struct ice_probe *p)
{
	for (unsigned i = 0; i < ICE_PAST && i < p->npast; i++)
		if (addr_equal(&p->past[i].base, &p->now.base) && addr_equal(&p->past[i].mapped, &p->now.mapped))
			return &p->past[i];
	return NULL;
}

/* The same router may be met again. */
static void
keep(struct ice_probe *p)
{
	const struct ice_probed *b = past(p);

	p->past[b != NULL ? b - p->past : p->npast++ % ICE_PAST] = p->now;
}

static bool
ice_probe_if_still_open(const struct ice_probe *p)
{
	const struct ice_probed *b = past(p);

	return b != NULL && mono_is_set(b->opened) && mono_diff(env_now(p->ice->env), b->opened) < OPEN_FOR;
}

static void
ice_probe_do_recall(struct ice_probe *p)
{
	p->now = *past(p);
}

/* Is another peer behind our router?  It may have our port, or have had it: a remote
 * that asks there still keeps that mapping. */
static bool
has_neighbour(const struct ice *ice)
{
	for (const struct list *l = ice->sessions.next; l != &ice->sessions; l = l->next) {
		const struct ice_session *s = LIST_OF(l, struct ice_session, all);

		for (unsigned i = 0; i < s->nremote; i++)
			if (s->remote[i].cand.type == WIRE_CAND_SRFLX && ice_is_mapped_ip(ice, &s->remote[i].cand.addr))
				return true;
	}
	return false;
}

/* Does any peer beyond the router send to our port now? */
static bool
in_use(const struct ice *ice)
{
	for (const struct list *l = ice->sessions.next; l != &ice->sessions; l = l->next) {
		const struct ice_session *s = LIST_OF(l, struct ice_session, all);

		if ((s->fsm.state == ICE_SESSION_CONNECTED || s->fsm.state == ICE_SESSION_DOUBTFUL) && s->selected != NULL &&
		    s->selected->remote.addr.family == ADDR_V4 && !addr_is_private(&s->selected->remote.addr))
			return true;
	}
	return false;
}

/* Who gets ports of the router's own choice gains nothing from another of his.  With
 * a sign that the port may not be ours alone, soon, but thrice at a place; without one,
 * because who held it may have left, seldom.  Those who reach us there are disturbed
 * for a sign only. */
static bool
ice_probe_if_may_move(const struct ice_probe *p)
{
	struct ice_nat n;
	bool sign, thrice = p->moves >= 3;

	if (p->ice->io.another_port == NULL || !p->ice->behind)
		return false;
	ice_nat_get(p->ice, &n);
	sign = n.mapping == ICE_MAPPING_ADDRESS_DEPENDENT || has_neighbour(p->ice);
	if (!n.port_preserved || (in_use(p->ice) && (!sign || thrice)))
		return false;
	return p->moves == 0 || mono_diff(env_now(p->ice->env), p->moved) >= (sign && !thrice ? MOVE_AGAIN : MOVE_SELDOM);
}

static void
ice_probe_do_another_port(struct ice_probe *p)
{
	p->moved = env_now(p->ice->env);
	p->moves++;
	p->ice->io.another_port(p->ice->io.arg, 0);
}

static void
ice_probe_do_note_two(struct ice_probe *p)
{
	p->now.two_addresses = true;
}

static void
ice_probe_close_question(struct ice_probe *p)
{
	ice_tx_drop_probe(p->ice, p);
}

/* `from` is where the answer must come from. */
static void
ask(struct ice_probe *p, const struct addr *to, const struct addr *from, bool ip, bool port)
{
	struct ice_tx *tx = ice_tx_new(p->ice, from);
	struct wire_stun m;

	if (tx == NULL)
		return;
	tx->probe = p;
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	m.cls = WIRE_STUN_REQUEST;
	memcpy(m.tid, tx->tid, sizeof(m.tid));
	m.change_ip = ip;
	m.change_port = port;
	m.padding = PADDING;
	ice_send(p->ice, to, &m, NULL);
}

static void
open_question(struct ice_probe *p, enum ice_probe_state wanted)
{
	if ((enum ice_probe_state)p->fsm.state == wanted)
		return;				/* repeated */
	ice_probe_close_question(p);
	fsm_open(&p->fsm, ICE_PROBE_RES_QUESTION);
}

static void
ice_probe_do_ask_far(struct ice_probe *p)
{
	open_question(p, ICE_PROBE_FAR);
	ask(p, &p->server, &p->other, true, true);
}

static void
ice_probe_do_ask_near(struct ice_probe *p)
{
	struct addr from = near_address(p);

	open_question(p, ICE_PROBE_NEAR);
	ask(p, &p->server, &from, false, true);
}

static void
ice_probe_do_ask_back(struct ice_probe *p)
{
	struct addr to = back_address(p);

	open_question(p, ICE_PROBE_BACK);
	p->now.opened = env_now(p->ice->env);
	keep(p);
	ask(p, &to, &to, false, false);
}

static void
ice_probe_do_note_came(struct ice_probe *p)
{
	p->now.far |= p->fsm.state == ICE_PROBE_FAR;
	p->now.near |= p->fsm.state == ICE_PROBE_NEAR;
}

static void
ice_probe_do_note_back(struct ice_probe *p)
{
	p->now.back = true;
	p->now.back_mapped = p->seen;
	keep(p);
}

static void
ice_probe_do_forget(struct ice_probe *p)
{
	memset(&p->now, 0, sizeof(p->now));
}

void
ice_probe_able(struct ice_probe *p, const struct addr *server, const struct addr *other, const struct addr *local,
    const struct addr *mapped)
{
	if (p->fsm.state != ICE_PROBE_IDLE || server->family != ADDR_V4 || other->family != ADDR_V4 || other->port == 0 ||
	    local->family != ADDR_V4 || mapped->family != ADDR_V4)
		return;
	p->server = *server;
	p->other = *other;
	/* A server that is itself behind a router tells an address that means nothing here. */
	if (addr_is_private(other) && !addr_is_private(server)) {
		p->other = *server;
		p->other.port = other->port;
	}
	if (addr_equal(&p->other, server))
		return;
	memset(&p->now, 0, sizeof(p->now));
	p->now.base = *local;
	p->now.base.port = p->ice->io.port(p->ice->io.arg, ADDR_V4);
	p->now.mapped = *mapped;
	ice_probe_post(p, ICE_PROBE_EV_ABLE, NULL);
}

void
ice_probe_in_vain(struct ice_probe *p, const struct ice_session *s)
{
	for (unsigned i = 0; i < s->nremote; i++)
		if (s->remote[i].cand.type == WIRE_CAND_SRFLX && s->remote[i].cand.addr.family == ADDR_V4) {
			ice_probe_post(p, ICE_PROBE_EV_CROWDED, NULL);
			return;
		}
}

void
ice_probe_input(struct ice_probe *p, const struct ice_tx *tx, const struct wire_stun *m, const struct addr *from)
{
	if (m->cls == WIRE_STUN_SUCCESS && m->mapped.family == ADDR_V4 && addr_equal(from, &tx->to)) {
		p->seen = m->mapped;
		ice_probe_post(p, ICE_PROBE_EV_CAME, NULL);
	} else if (addr_equal(from, &tx->to) || addr_equal(from, &p->server))
		ice_probe_post(p, ICE_PROBE_EV_REFUSED, NULL);
}

/* A router of Linux that takes in what nobody asked for (a bare masquerade) has noted the
 * answer that we did not get, and so gives us another port towards there, and only
 * there: where it keeps our port otherwise, that is no sign of anything. */
const struct addr *
ice_probe_observed(const struct ice_probe *p)
{
	static const struct addr none = { .family = ADDR_NONE };
	const struct ice_probed *n = &p->now;

	if (!n->far && !n->near && n->mapped.port == n->base.port && !addr_equal(&n->back_mapped, &n->mapped))
		return &none;
	return &n->back_mapped;
}

enum ice_filtering
ice_probe_filtering(const struct ice_probe *p)
{
	const struct ice_probed *n = &p->now;

	if (n->far)
		return ICE_FILTERING_ENDPOINT_INDEPENDENT;
	if (n->near)
		return n->two_addresses && n->back ? ICE_FILTERING_ADDRESS_DEPENDENT : ICE_FILTERING_ADDRESS_OR_NONE;
	return n->back ? ICE_FILTERING_PORT_DEPENDENT : ICE_FILTERING_UNKNOWN;
}

struct ice_probe *
ice_probe_new(struct ice *ice)
{
	struct ice_probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->ice = ice;
	ice_probe_fsm_init(p, ice->loop, "router");
	return p;
}

void
ice_probe_free(struct ice_probe *p)
{
	if (p == NULL)
		return;
	ice_probe_fsm_fini(p);
	free(p);
}
