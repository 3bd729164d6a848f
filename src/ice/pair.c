/* SPDX-License-Identifier: ISC */
/*
 * pair.c -- checks of one pair; see fsm/ice-pair.fsm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/session.h"
#include "fsm/ice-pair.inc"

void
ice_pair_check(struct ice_pair *p, bool nominate)
{
	struct ice_session *s = p->session;
	struct ice *ice = s->ice;
	struct ice_tx *tx = ice_tx_new(ice, &p->remote.addr);
	const char *mine = ice_session_cid(s, p->remote.addr.family);
	struct wire_stun m;

	if (tx == NULL)
		return;
	tx->pair = p;
	tx->nominate = nominate;
	tx->controlling = s->controlling;
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	m.cls = WIRE_STUN_REQUEST;
	memcpy(m.tid, tx->tid, sizeof(m.tid));
	snprintf(m.username, sizeof(m.username), "%.256s:%.256s", s->rufrag, s->ufrag);
	m.use_candidate = nominate;
	m.role = s->controlling ? WIRE_STUN_CONTROLLING : WIRE_STUN_CONTROLLED;
	m.tie_breaker = s->tie;
	m.has_priority = true;
	m.priority = wire_cand_priority(WIRE_CAND_PRFLX, 65535);
	m.fingerprint = true;
	if (mine[0] != '\0' && p->remote.cid[0] != '\0')
		snprintf(m.route, sizeof(m.route), "%s:%s", mine, p->remote.cid);
	p->checks++;
	ice_send(ice, &p->remote.addr, &m, s->rpwd);
}

static bool
ice_pair_if_doubted(const struct ice_pair *p)
{
	int state = p->session->fsm.state;

	return state == ICE_SESSION_DOUBTFUL || state == ICE_SESSION_LURKING;
}

static bool
ice_pair_if_pointless(const struct ice_pair *p)
{
	return p->session->fsm.state == ICE_SESSION_CONNECTED && p->checks >= 10;
}

/* As the session's probes: the controlling side nominates what is selected. */
static void
ice_pair_do_send_probe(struct ice_pair *p)
{
	ice_pair_check(p, p->session->controlling && p == p->session->selected);
}

static void
ice_pair_do_send_check(struct ice_pair *p)
{
	ice_pair_check(p, false);
}

static void
ice_pair_do_send_nominate(struct ice_pair *p)
{
	ice_pair_check(p, true);
}

/* Said directly, because the session may have another agent when it hears. */
static void
ice_pair_do_pick(struct ice_pair *p)
{
	p->session->picked = p;
}

uint64_t
ice_pair_priority(const struct ice_pair *p)
{
	uint64_t own = wire_cand_priority(WIRE_CAND_HOST, 65535), other = p->remote.priority;
	uint64_t g = p->session->controlling ? own : other, d = p->session->controlling ? other : own;

	return ((g < d ? g : d) << 32) + 2 * (g < d ? d : g) + (g > d);
}

/* Ours, as the remote sees it. */
enum wire_cand_type
ice_pair_local_type(const struct ice_pair *p)
{
	const struct ice_session *s = p->session;

	for (unsigned i = 0; i < s->nlocal; i++)
		if (addr_equal(&s->local[i].addr, &p->mapped))
			return s->local[i].type;
	return p->mapped.family == ADDR_NONE ? WIRE_CAND_HOST : WIRE_CAND_PRFLX;
}

bool
ice_pair_is_good(const struct ice_pair *p)
{
	return p->fsm.state == ICE_PAIR_GOOD;
}

struct ice_pair *
ice_pair_new(struct ice_session *s, const struct wire_cand *remote)
{
	struct ice_pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->session = s;
	p->remote = *remote;
	p->made = env_now(s->ice->env);
	list_append(&s->pairs, &p->in_session);
	s->npair++;
	ice_pair_fsm_init(p, s->ice->loop, s->fsm.subject);
	return p;
}

void
ice_pair_free(struct ice_pair *p)
{
	struct ice_session *s;

	if (p == NULL)
		return;
	s = p->session;
	if (s->chosen == p)
		s->chosen = NULL;
	if (s->picked == p)
		s->picked = NULL;
	if (s->selected == p)
		s->selected = NULL;
	ice_pair_fsm_fini(p);
	ice_tx_drop_pair(s->ice, p);
	list_remove(&p->in_session);
	s->npair--;
	free(p);
}
