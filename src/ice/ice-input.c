/* SPDX-License-Identifier: ISC */
/*
 * ice-input.c -- which session or server a STUN packet belongs to, and what is
 * answered to a request.
 *
 * A request is answered here, at once and whatever the machines think, as long
 * as the session has an agent: the remote gives a pair up after eight unanswered
 * checks.  What it means is the machines' to say: an event is posted.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "ice/session.h"

/* Who is right about the roles?  True: go on (we may have switched); false: the
 * other one must switch, 487 (RFC 8445 section 7.3.1.1). */
static bool
settle_roles(struct ice_session *s, const struct wire_stun *m)
{
	if (m->role == WIRE_STUN_CONTROLLING && s->controlling) {
		if (s->tie >= m->tie_breaker)
			return false;
		s->controlling = false;
	} else if (m->role == WIRE_STUN_CONTROLLED && !s->controlling) {
		if (s->tie < m->tie_breaker)
			return false;
		s->controlling = true;
	} else
		return true;
	s->chosen = NULL;
	log_debug("ice", "%s: role switched to %s", s->fsm.subject, s->controlling ? "controlling" : "controlled");
	return true;
}

/* 0x8100: ours first, then the one the sender named first. */
static void
set_route(struct wire_stun *m, struct ice_session *s, const struct ice_pair *p, int family)
{
	const char *mine = ice_session_cid(s, family);

	if (mine[0] != '\0' && p->remote.cid[0] != '\0')
		snprintf(m->route, sizeof(m->route), "%s:%s", mine, p->remote.cid);
}

static void
learn_cid(struct ice_pair *p, const struct wire_stun *m)
{
	const char *colon = strchr(m->route, ':');
	size_t n;

	if (p->remote.cid[0] != '\0' || colon == NULL)
		return;
	n = (size_t)(colon - m->route);
	if (n == 0 || n >= sizeof(p->remote.cid))
		return;
	memcpy(p->remote.cid, m->route, n);
	p->remote.cid[n] = '\0';
}

static void
answer(struct ice *ice, struct ice_session *s, struct ice_pair *p, const struct wire_stun *q, const struct addr *from,
    uint16_t error)
{
	struct wire_stun r;

	memset(&r, 0, sizeof(r));
	r.method = WIRE_STUN_BINDING;
	r.cls = error != 0 ? WIRE_STUN_ERROR : WIRE_STUN_SUCCESS;
	memcpy(r.tid, q->tid, sizeof(r.tid));
	r.error = error;
	if (error == 0)
		r.mapped = *from;
	r.fingerprint = true;
	if (p != NULL)
		set_route(&r, s, p, from->family);
	ice_send(ice, from, &r, s->pwd);
}

/* The session whose credentials the user name states, or NULL. */
static struct ice_session *
session_of(struct ice *ice, const struct wire_stun *m)
{
	const char *colon = strchr(m->username, ':');
	struct ice_session *s;

	if (colon == NULL)
		return NULL;
	s = map_get(ice->by_ufrag, m->username, (size_t)(colon - m->username));
	if (s == NULL || s->fsm.state == ICE_SESSION_NONE || strcmp(colon + 1, s->rufrag) != 0)
		return NULL;
	return s;
}

static void
on_request(struct ice *ice, const struct wire_stun *m, const struct env_pkt *pkt)
{
	struct ice_session *s = session_of(ice, m);
	struct ice_pair *p;

	if (s == NULL || wire_stun_check(pkt->data, pkt->len, s->pwd) != 0) {
		ice->count.refused++;
		return;
	}
	ice->count.requests++;
	ice_filter_came(&ice->filter, &pkt->peer);
	if (!settle_roles(s, m)) {
		answer(ice, s, NULL, m, &pkt->peer, 487);
		return;
	}
	p = ice_session_pair_to(s, &pkt->peer, NULL);
	if (p == NULL)
		return;
	learn_cid(p, m);
	answer(ice, s, p, m, &pkt->peer, 0);
	ice_pair_post(p, m->use_candidate && !s->controlling ? ICE_PAIR_EV_USE : ICE_PAIR_EV_TRIGGER, NULL);
}

/* 487: the role that this request was sent with is the wrong one. */
static void
on_conflict(struct ice_tx *tx)
{
	struct ice_session *s = tx->pair->session;

	if (s->controlling == tx->controlling) {
		s->controlling = !s->controlling;
		s->chosen = NULL;
		log_debug("ice", "%s: told to be %s", s->fsm.subject, s->controlling ? "controlling" : "controlled");
	}
	ice_pair_post(tx->pair, ICE_PAIR_EV_TRIGGER, NULL);
}

static void
on_pair_answer(struct ice *ice, struct ice_tx *tx, const struct wire_stun *m, const struct env_pkt *pkt)
{
	struct ice_pair *p = tx->pair;
	struct ice_session *s = p->session;

	if (wire_stun_check(pkt->data, pkt->len, s->rpwd) != 0) {
		ice->count.refused++;
		return;
	}
	ice->count.answers++;
	if (m->cls == WIRE_STUN_ERROR) {
		if (m->error == 487)
			on_conflict(tx);
		return;
	}
	learn_cid(p, m);
	p->last_ok = env_now(ice->env);
	p->rtt_us = mono_diff(p->last_ok, tx->at);
	p->mapped = m->mapped;
	p->answers++;
	ice_pair_post(p, tx->nominate ? ICE_PAIR_EV_NOMINATED_ANSWER : ICE_PAIR_EV_ANSWERED, NULL);
	if (p == s->selected)
		ice_session_post(s, ICE_SESSION_EV_ANSWERED, NULL);
}

static void
on_response(struct ice *ice, const struct wire_stun *m, const struct env_pkt *pkt)
{
	struct ice_tx *tx = map_get(ice->by_tid, m->tid, sizeof(m->tid));

	if (tx == NULL || (tx->probe == NULL && !addr_equal(&tx->to, &pkt->peer)) ||
	    mono_diff(env_now(ice->env), tx->at) > ICE_TX_LIFE) {
		ice->count.refused++;
		return;
	}
	if (tx->probe != NULL)
		ice_probe_input(tx->probe, tx, m, &pkt->peer);
	else if (tx->pair != NULL)
		on_pair_answer(ice, tx, m, pkt);
	else if (m->cls == WIRE_STUN_SUCCESS && m->mapped.family != ADDR_NONE) {
		ice_seen(ice, &pkt->local, &m->mapped);
		ice_probe_able(ice->probe, &pkt->peer, &m->other, &pkt->local, &m->mapped);
		ice_gather_input(tx->gather, &pkt->peer, &m->mapped);
	}
	ice_tx_free(ice, tx);
}

/* Of whose path is the address?  Nothing is proven by it, and nothing but the next
 * question depends on it. */
static void
on_sign(struct ice *ice, const struct addr *from)
{
	LIST_EACH(l, &ice->sessions) {
		struct ice_session *s = LIST_OF(l, struct ice_session, all);

		if (s->selected != NULL && addr_equal(&s->selected->remote.addr, from))
			ice_session_post(s, ICE_SESSION_EV_SIGN, NULL);
	}
}

void
ice_input(struct ice *ice, const struct env_pkt *pkt)
{
	struct wire_stun m;

	if (!wire_stun_is(pkt->data, pkt->len) || !ice_allowed(ice, &pkt->peer) ||
	    wire_stun_parse(&m, pkt->data, pkt->len) != 0 || m.method != WIRE_STUN_BINDING) {
		ice->count.refused++;
		return;
	}
	switch (m.cls) {
	case WIRE_STUN_REQUEST:
		on_request(ice, &m, pkt);
		break;
	case WIRE_STUN_SUCCESS:
	case WIRE_STUN_ERROR:
		on_response(ice, &m, pkt);
		break;
	case WIRE_STUN_INDICATION:
		on_sign(ice, &pkt->peer);
		break;
	}
}
