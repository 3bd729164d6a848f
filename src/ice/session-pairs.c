/* SPDX-License-Identifier: ISC */
/*
 * session-pairs.c -- what a session's agent has in its hands: our candidates, the
 * remote's, the pairs they make, and what became of those.
 */
#include <string.h>
#include "env/env.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/session-impl.h"
#include "net/notes.h"

/* ---- pairs ---- */

static struct ice_pair *
find_pair(const struct ice_session *s, const struct addr *remote)
{
	for (const struct list *l = s->pairs.next; l != &s->pairs; l = l->next) {
		struct ice_pair *p = LIST_OF(l, struct ice_pair, in_session);

		if (addr_equal(&p->remote.addr, remote))
			return p;
	}
	return NULL;
}

static bool
make_room(struct ice_session *s)
{
	if (s->npair < ICE_PAIRS)
		return true;
	LIST_EACH(l, &s->pairs) {
		struct ice_pair *p = LIST_OF(l, struct ice_pair, in_session);

		if (p->fsm.state == ICE_PAIR_FAILED && p != s->selected && p != s->picked && p != s->chosen) {
			ice_pair_free(p);
			return true;
		}
	}
	return false;
}

struct ice_pair *
ice_session_pair_to(struct ice_session *s, const struct addr *remote, const struct wire_cand *cand)
{
	struct ice_pair *p = find_pair(s, remote);
	struct wire_cand c;

	if (p != NULL) {
		/* Learnt from a check, now signalled: its real kind is known. */
		if (cand != NULL && p->remote.type == WIRE_CAND_PRFLX)
			p->remote = *cand;
		return p;
	}
	if (s->ice->io.port(s->ice->io.arg, remote->family) == 0 || !ice_allowed(s->ice, remote) || !make_room(s))
		return NULL;
	memset(&c, 0, sizeof(c));
	if (cand != NULL)
		c = *cand;
	else {
		c.type = WIRE_CAND_PRFLX;
		c.priority = wire_cand_priority(WIRE_CAND_PRFLX, 65535);
	}
	c.addr = *remote;
	return ice_pair_new(s, &c);
}

void
ice_session_pair_and_go(struct ice_session *s, const struct addr *remote, const struct wire_cand *cand)
{
	struct ice_pair *p = ice_session_pair_to(s, remote, cand);

	if (p != NULL)
		ice_pair_post(p, ICE_PAIR_EV_GO, NULL);
}

void
ice_session_apply(struct ice_session *s, const struct wire_cand *c)
{
	if (c->type == WIRE_CAND_PRFLX || c->addr.port == 0 || addr_is_loopback(&c->addr))
		return;
	if (c->ufrag[0] != '\0' && strcmp(c->ufrag, s->rufrag) != 0)
		return;
	ice_session_pair_and_go(s, &c->addr, c);
	if (c->type == WIRE_CAND_SRFLX && c->related.port != 0 && c->related.port != c->addr.port) {
		struct addr a = c->addr;

		a.port = c->related.port;
		ice_session_pair_and_go(s, &a, c);
	}
}

size_t
ice_session_outcomes_now(const struct ice_session *s, struct ice_outcome *out, size_t max)
{
	bool lurking = s->fsm.state == ICE_SESSION_LURKING;
	size_t n = 0;

	for (const struct list *l = s->pairs.next; l != &s->pairs && n < max; l = l->next) {
		const struct ice_pair *p = LIST_OF(l, struct ice_pair, in_session);
		bool lost = lurking && p == s->selected;	/* its machine waits for the session's verdict on it */

		out[n++] = (struct ice_outcome){
			.remote = p->remote.addr, .remote_type = p->remote.type,
			.local_type = ice_pair_local_type(p), .mapped = p->mapped,
			.state = lost ? "lost" : fsm_state_name(&p->fsm), .selected = p == s->selected && !lost,
			.rtt_us = p->rtt_us, .checks = p->checks, .answers = p->answers
		};
	}
	return n;
}

size_t
ice_session_outcomes(const struct ice_session *s, struct ice_outcome *out, size_t max)
{
	size_t n = ice_session_outcomes_now(s, out, max);

	if (n > 0 || s->fsm.state != ICE_SESSION_NONE)
		return n;
	n = s->nlast < max ? s->nlast : max;
	memcpy(out, s->last, n * sizeof(*out));
	return n;
}

/* ---- our candidates ---- */

const char *
ice_session_cid(const struct ice_session *s, int family)
{
	for (unsigned i = 0; i < s->nlocal; i++)
		if (s->local[i].addr.family == family)
			return s->local[i].cid;
	return "";
}

bool
ice_session_has_local(const struct ice_session *s, const struct addr *a)
{
	for (unsigned i = 0; i < s->nlocal; i++)
		if (addr_equal(&s->local[i].addr, a))
			return true;
	return false;
}

/* Full after some changes of network: the oldest goes that is ours no more. */
static void
forget_one_local(struct ice_session *s)
{
	struct addr host[ICE_LOCALS];
	size_t n = ice_locals(s->ice, host, ICE_LOCALS);

	for (unsigned i = 0; i < s->nlocal; i++) {
		bool ours = ice_is_mapped(s->ice, &s->local[i].addr);

		for (size_t k = 0; k < n; k++)
			ours |= addr_equal(&host[k], &s->local[i].addr);
		if (ours)
			continue;
		memmove(s->local + i, s->local + i + 1, (s->nlocal - i - 1) * sizeof(s->local[0]));
		s->nlocal--;
		return;
	}
}

void
ice_session_add_local(struct ice_session *s, enum wire_cand_type type, const struct addr *a, struct note_cands *n)
{
	struct wire_cand *c;

	if (ice_session_has_local(s, a))
		return;
	if (s->nlocal == ICE_LOCALS)
		forget_one_local(s);
	if (s->nlocal == ICE_LOCALS)
		return;
	c = &s->local[s->nlocal++];
	memset(c, 0, sizeof(*c));
	c->type = type;
	c->addr = *a;
	c->priority = wire_cand_priority(type, 65535);
	wire_cand_foundation(c->foundation, type, a);
	memcpy(c->ufrag, s->ufrag, sizeof(s->ufrag));
	ice_letters(s->ice, c->cid, ICE_CID);
	if (type == WIRE_CAND_SRFLX)	/* the shared socket's, as upstream states it */
		c->related = addr_v4(0, s->ice->io.port(s->ice->io.arg, a->family));
	if (n != NULL && n->n < NOTE_CANDS && wire_cand_write(n->line[n->n], c) == 0)
		n->n++;
}

void
ice_session_add_hosts(struct ice_session *s)
{
	struct addr a[ICE_LOCALS];
	size_t n = ice_locals(s->ice, a, ICE_LOCALS);
	struct note_cands *note = note_cands_new();

	for (size_t i = 0; i < n; i++)
		ice_session_add_local(s, WIRE_CAND_HOST, &a[i], note);
	if (note != NULL)
		fsm_carry(&s->fsm, &note->data);
}

/* ---- which one ---- */

int64_t
ice_session_patience(const struct ice_pair *p)
{
	switch (p->remote.type) {
	case WIRE_CAND_HOST:
		return 0;
	case WIRE_CAND_SRFLX:
		return 50 * MONO_MS;
	case WIRE_CAND_PRFLX:
		return 100 * MONO_MS;
	case WIRE_CAND_RELAY:
		break;
	}
	return 500 * MONO_MS;
}

struct ice_pair *
ice_session_best(const struct ice_session *s, int64_t age, const struct ice_pair *not)
{
	struct ice_pair *best = NULL;
	struct mono now = env_now(s->ice->env);

	for (const struct list *l = s->pairs.next; l != &s->pairs; l = l->next) {
		struct ice_pair *p = LIST_OF(l, struct ice_pair, in_session);

		if (p == not || !ice_pair_is_good(p) || mono_diff(now, p->last_ok) > age)
			continue;
		if (best == NULL || ice_pair_priority(p) > ice_pair_priority(best))
			best = p;
	}
	return best;
}

bool
ice_session_pair(const struct ice_session *s, struct note_pair *out)
{
	const struct ice_pair *p = s->selected;

	if (p == NULL)
		return false;
	out->remote = p->remote.addr;
	out->remote_type = p->remote.type;
	out->local_type = ice_pair_local_type(p);
	out->rtt_us = s->rtt_us != 0 ? s->rtt_us : p->rtt_us;
	for (unsigned i = 0; i < s->nlocal; i++)
		if (s->local[i].addr.family == p->remote.addr.family && out->local.family == ADDR_NONE)
			out->local = s->local[i].addr;
	if (p->mapped.family != ADDR_NONE && out->local_type != WIRE_CAND_HOST)
		out->local = p->mapped;
	return s->fsm.state == ICE_SESSION_CONNECTED || s->fsm.state == ICE_SESSION_DOUBTFUL;
}
