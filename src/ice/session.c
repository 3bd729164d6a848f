/* SPDX-License-Identifier: ISC */
/*
 * session.c -- one peer's ICE agent; see fsm/ice-session.fsm.  Its candidates and
 * pairs are kept in session-pairs.c.
 *
 * What differs from the letter of RFC 8445, and why: pairs are neither frozen
 * nor paced (a handful each, as upstream checks them); nomination waits a little
 * for better kinds of candidates instead of for the whole list; after a loss we
 * go on asking (lurk), because the path often returns and signal may not.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "ice/session-impl.h"
#include "net/notes.h"
#include "fsm/ice-session.inc"

#define VERDICT_MIN	(300 * MONO_MS)
#define VERDICT_MAX	(2 * MONO_SEC)
#define KEEPALIVE	(2 * MONO_SEC)	/* upstream's, effective */
#define SILENT		(5 * MONO_SEC)
#define SIGN		(25 * MONO_SEC)	/* our own kind: routers forget UDP after 30 s at the earliest */
#define SIGN_LATE	(30 * MONO_SEC)
#define EARLY		(5 * MONO_SEC)	/* candidates that overtook their offer by less are its own */
#define IN_VAIN		(10 * MONO_SEC)
#define SPARE_AGE	(3 * MONO_SEC)

static struct mono
now(const struct ice_session *s)
{
	return env_now(s->ice->env);
}

/* ---- the agent ---- */

/* All pairs were asked for as long as it takes, and nobody answered. */
static bool
in_vain(const struct ice_session *s)
{
	if (s->fsm.state != ICE_SESSION_CHECKING || mono_diff(now(s), s->started) < IN_VAIN)
		return false;
	for (const struct list *l = s->pairs.next; l != &s->pairs; l = l->next)
		if (LIST_OF(l, struct ice_pair, in_session)->answers > 0)
			return false;
	return s->npair > 0;
}

static void
ice_session_close_agent(struct ice_session *s)
{
	if (in_vain(s))
		ice_probe_in_vain(s->ice->probe, s);
	if (s->npair > 0)
		s->nlast = (unsigned)ice_session_outcomes_now(s, s->last, ICE_OUTCOMES);
	LIST_EACH(l, &s->pairs)
		ice_pair_free(LIST_OF(l, struct ice_pair, in_session));
	s->chosen = s->picked = s->selected = NULL;
	s->nlocal = 0;
}

static void
take_remote(struct ice_session *s, const struct wire_signal *m)
{
	memcpy(s->rufrag, m->ufrag, sizeof(s->rufrag));
	memcpy(s->rpwd, m->pwd, sizeof(s->rpwd));
	s->has_rsession = m->has_session;
	memcpy(s->rsession, m->session, sizeof(s->rsession));
	s->rgeneration = m->has_generation ? m->generation : 0;
	s->rstock = !m->has_generation;
	s->remote_known = true;
}

static void
ice_session_do_new_agent(struct ice_session *s)
{
	struct ice_remote early[ICE_REMOTES];
	unsigned n = 0;

	ice_session_close_agent(s);
	fsm_open(&s->fsm, ICE_SESSION_RES_AGENT);
	take_remote(s, &note_signal_of(&s->fsm)->m);
	s->id_used = true;
	s->id_worn = false;
	s->controlling = s->controller;
	env_random(s->ice->env, &s->tie, sizeof(s->tie));
	s->started = now(s);
	s->again = 0;
	s->verdict = VERDICT_MIN;
	ice_session_add_hosts(s);
	for (unsigned i = 0; i < s->nremote; i++)
		if (mono_diff(s->started, s->remote[i].at) < EARLY)
			early[n++] = s->remote[i];
	s->nremote = n;
	memcpy(s->remote, early, n * sizeof(*early));
	for (unsigned i = 0; i < n; i++)
		ice_session_apply(s, &s->remote[i].cand);
	/* What was good before is asked first: a restart of the remote keeps its address. */
	if (s->was.addr.family != ADDR_NONE && strcmp(s->was_rufrag, s->rufrag) == 0)
		ice_session_pair_and_go(s, &s->was.addr, &s->was);
}

static void
ice_session_do_renew_id(struct ice_session *s)
{
	s->id_worn = false;
	if (!s->id_used)
		return;
	env_random(s->ice->env, s->id, sizeof(s->id));
	s->id_used = false;
}

/* Not yet renewed: should the pair answer before our next offer, nothing is given
 * up, and whoever hears the id of an agent that works leaves it alone. */
static void
ice_session_do_expire_id(struct ice_session *s)
{
	s->id_worn = true;
}

static void
ice_session_do_forget_remote(struct ice_session *s)
{
	s->remote_known = false;
	s->nremote = 0;
	sodium_memzero(s->rpwd, sizeof(s->rpwd));
}

static void
ice_session_do_note_generation(struct ice_session *s)
{
	const struct wire_signal *m = &note_signal_of(&s->fsm)->m;

	if (m->has_generation)
		s->rgeneration = m->generation;
}

/* Candidates live on in the list for an agent made soon after. */
static void
ice_session_do_keep_candidate(struct ice_session *s)
{
	const struct note_signal *n = note_signal_of(&s->fsm);
	struct wire_cand c;
	unsigned i;

	if (n == NULL || wire_cand_parse(&c, n->m.candidate) != 0)
		return;
	for (i = 0; i < s->nremote; i++)
		if (addr_equal(&s->remote[i].cand.addr, &c.addr))
			break;
	if (i == ICE_REMOTES) {		/* the oldest goes */
		memmove(s->remote, s->remote + 1, sizeof(s->remote) - sizeof(s->remote[0]));
		i--;
	}
	s->remote[i].cand = c;
	s->remote[i].at = now(s);
	if (i >= s->nremote)
		s->nremote = i + 1;
}

static void
ice_session_do_add_candidate(struct ice_session *s)
{
	const struct note_signal *n = note_signal_of(&s->fsm);
	struct wire_cand c;

	if (n != NULL && wire_cand_parse(&c, n->m.candidate) == 0)
		ice_session_apply(s, &c);
}

static void
ice_session_do_take_mapped(struct ice_session *s)
{
	const struct note_mapped *m = (const struct note_mapped *)fsm_data(&s->fsm);
	struct note_cands *note = note_cands_new();

	for (int f = 0; f < 2; f++)
		if (m->mapped[f].family != ADDR_NONE)
			ice_session_add_local(s, WIRE_CAND_SRFLX, &m->mapped[f], note);
	if (note != NULL)
		fsm_carry(&s->fsm, &note->data);
}

/* A check on the selected pair and, in doubt, on every other that was good.  The
 * controlling side nominates with each: after a router changed its address the
 * remote may know this path as another pair, and must select that. */
static void
ice_session_do_probe(struct ice_session *s)
{
	if (s->selected != NULL)
		ice_pair_check(s->selected, s->controlling);
	if (s->fsm.state == ICE_SESSION_CONNECTED)
		return;
	LIST_EACH(l, &s->pairs) {
		struct ice_pair *p = LIST_OF(l, struct ice_pair, in_session);

		if (p != s->selected && ice_pair_is_good(p))
			ice_pair_check(p, false);
	}
}

/* Our sign of life: no answer is wanted, so there is nothing in it. */
static void
ice_session_do_indicate(struct ice_session *s)
{
	struct wire_stun m;

	if (s->selected == NULL)
		return;
	memset(&m, 0, sizeof(m));
	m.method = WIRE_STUN_BINDING;
	m.cls = WIRE_STUN_INDICATION;
	env_random(s->ice->env, m.tid, sizeof(m.tid));
	m.fingerprint = true;
	ice_send(s->ice, &s->selected->remote.addr, &m, NULL);
}

static void
ice_session_do_count_again(struct ice_session *s)
{
	s->again++;
}

/* All candidates of ours once more. */
static void
ice_session_do_repeat(struct ice_session *s)
{
	struct note_cands *n = note_cands_new();

	s->again++;
	if (n == NULL)
		return;
	for (unsigned i = 0; i < s->nlocal && n->n < NOTE_CANDS; i++)
		if (wire_cand_write(n->line[n->n], &s->local[i]) == 0)
			n->n++;
	fsm_carry(&s->fsm, &n->data);
}

static void
ice_session_do_look_again(struct ice_session *s)
{
	ice_session_add_hosts(s);
	ice_session_do_probe(s);
}

static void
set_verdict(struct ice_session *s)
{
	int64_t v = 2 * s->rtt_us + 200 * MONO_MS;

	s->verdict = v < VERDICT_MIN ? VERDICT_MIN : v > VERDICT_MAX ? VERDICT_MAX : v;
}

static void
ice_session_do_note_answer(struct ice_session *s)
{
	s->answered_at = now(s);
	if (s->selected != NULL && s->selected->rtt_us > 0)
		s->rtt_us = s->rtt_us == 0 ? s->selected->rtt_us : (7 * s->rtt_us + s->selected->rtt_us) / 8;
	set_verdict(s);
}

static void
ice_session_do_select(struct ice_session *s)
{
	struct ice_pair *p = s->picked != NULL ? s->picked : s->selected;
	struct note_pair *n = note_pair_new();

	s->picked = NULL;
	s->chosen = NULL;
	s->id_worn = false;
	if (p != s->selected)
		s->rtt_us = p->rtt_us;
	s->selected = p;
	s->answered_at = now(s);
	set_verdict(s);
	s->keepalive = s->rstock ? KEEPALIVE : SIGN;
	s->silent = s->rstock ? SILENT : SIGN_LATE;
	s->was = p->remote;
	memcpy(s->was_rufrag, s->rufrag, sizeof(s->was_rufrag));
	s->ups++;
	if (n == NULL)
		return;
	ice_session_pair(s, n);
	fsm_carry(&s->fsm, &n->data);
}

static void
ice_session_do_drop_path(struct ice_session *s)
{
	s->picked = s->chosen = NULL;
	s->downs++;
}

static void
ice_session_do_recall(struct ice_session *s)
{
	if (in_vain(s))
		ice_probe_in_vain(s->ice->probe, s);
	s->selected = ice_session_pair_to(s, &s->was.addr, &s->was);
}

/* ---- nomination ---- */

static bool
nominating(const struct ice_session *s)
{
	return s->picked != NULL || (s->chosen != NULL && s->chosen->fsm.state == ICE_PAIR_NOMINATING);
}

static bool
ice_session_if_may_nominate(const struct ice_session *s)
{
	const struct ice_pair *best;

	if (!s->controlling || nominating(s))
		return false;
	best = ice_session_best(s, INT64_MAX, NULL);
	return best != NULL && mono_diff(now(s), s->started) >= ice_session_patience(best);
}

static bool
ice_session_if_spare(const struct ice_session *s)
{
	return s->controlling && !nominating(s) && ice_session_best(s, SPARE_AGE, s->selected) != NULL;
}

/* Without a router between, where the selected one has one, and no slower. */
static bool
ice_session_if_better(const struct ice_session *s)
{
	const struct ice_pair *p;

	if (!s->controlling || nominating(s) || s->selected == NULL || (p = ice_session_best(s, SPARE_AGE, s->selected)) == NULL)
		return false;
	return p->remote.type == WIRE_CAND_HOST && s->selected->remote.type != WIRE_CAND_HOST &&
	    p->rtt_us <= (s->rtt_us != 0 ? s->rtt_us : s->selected->rtt_us);
}

static void
ice_session_do_choose(struct ice_session *s)
{
	s->chosen = ice_session_best(s, s->selected != NULL ? SPARE_AGE : INT64_MAX, s->selected);
}

/* ---- other guards ---- */

static bool
ice_session_if_no_ice(const struct ice_session *s)
{
	const struct note_signal *n = note_signal_of(&s->fsm);

	return n == NULL || !s->enabled || n->m.ufrag[0] == '\0' || n->m.pwd[0] == '\0';
}

/* The id names the session; a stock peer that sends none means "as before". */
static bool
ice_session_if_same_session(const struct ice_session *s)
{
	const struct wire_signal *m = &note_signal_of(&s->fsm)->m;

	if (strcmp(m->ufrag, s->rufrag) != 0)
		return false;
	return !m->has_session || (s->has_rsession && memcmp(m->session, s->rsession, sizeof(m->session)) == 0);
}

static bool
ice_session_if_same_but_newer(const struct ice_session *s)
{
	const struct wire_signal *m = &note_signal_of(&s->fsm)->m;

	return ice_session_if_same_session(s) && m->has_generation && m->generation > s->rgeneration;
}

/* The id that we offered was renewed, and no agent bears it. */
static bool
ice_session_if_nameless(const struct ice_session *s)
{
	return !s->id_used;
}

/* Only our own kind counts generations. */
static bool
ice_session_if_stock(const struct ice_session *s)
{
	return s->rstock;
}

static bool
ice_session_if_news(const struct ice_session *s)
{
	const struct note_mapped *m = (const struct note_mapped *)fsm_data(&s->fsm);

	for (int f = 0; m != NULL && f < 2; f++)
		if (m->mapped[f].family != ADDR_NONE && !ice_session_has_local(s, &m->mapped[f]))
			return true;
	return false;
}

/* At 0.12, 0.48 and 1.2 s. */
static bool
ice_session_if_due(const struct ice_session *s)
{
	return s->again == 0 || s->again == 3 || s->again == 9;
}

static bool
ice_session_if_picked(const struct ice_session *s)
{
	return s->picked != NULL;
}

static bool
ice_session_if_other_pair(const struct ice_session *s)
{
	return s->picked != NULL && s->picked != s->selected;
}

static bool
ice_session_if_was_good(const struct ice_session *s)
{
	return s->was.addr.family != ADDR_NONE && strcmp(s->was_rufrag, s->rufrag) == 0;
}

/* ---- life ---- */

struct ice_session *
ice_session_new(struct ice *ice, const char *subject, bool controller, void *owner)
{
	struct ice_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ice = ice;
	s->owner = owner;
	s->controller = controller;
	s->enabled = true;
	list_init(&s->pairs);
	ice_letters(ice, s->ufrag, ICE_UFRAG);
	ice_letters(ice, s->pwd, ICE_PWD);
	env_random(ice->env, s->id, sizeof(s->id));
	if (map_put_str(ice->by_ufrag, s->ufrag, s) != 0) {
		free(s);
		return NULL;
	}
	list_append(&ice->sessions, &s->all);
	ice_session_fsm_init(s, ice->loop, subject);
	return s;
}

void
ice_session_free(struct ice_session *s)
{
	if (s == NULL)
		return;
	ice_session_fsm_fini(s);
	ice_session_close_agent(s);
	map_del_str(s->ice->by_ufrag, s->ufrag);
	list_remove(&s->all);
	sodium_memzero(s, sizeof(*s));
	free(s);
}

void
ice_session_enable(struct ice_session *s, bool on)
{
	s->enabled = on;
}

void
ice_session_offering(struct ice_session *s)
{
	if (s->enabled && s->id_worn)
		ice_session_do_renew_id(s);
}

void
ice_session_describe(const struct ice_session *s, struct wire_signal *out)
{
	if (!s->enabled)
		return;
	memcpy(out->ufrag, s->ufrag, sizeof(s->ufrag));
	memcpy(out->pwd, s->pwd, sizeof(s->pwd));
	out->has_session = true;
	memcpy(out->session, s->id, sizeof(out->session));
}

bool
ice_session_busy(const struct ice_session *s)
{
	return s->fsm.state == ICE_SESSION_CHECKING;
}

struct ice_pair *
ice_session_chosen(struct ice_session *s)
{
	return s->chosen;
}
