/* SPDX-License-Identifier: ISC */
/*
 * ice.c -- the hub: which session or server a STUN packet belongs to, and what
 * is answered to a request.
 *
 * A request is answered here, at once and whatever the machines think, as long
 * as the session has an agent: the remote gives a pair up after eight unanswered
 * checks.  What it means is the machines' to say: an event is posted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/url.h"
#include "env/env.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "ice/session.h"
#include "net/hostaddrs.h"

/* ---- life ---- */

struct ice *
ice_new(struct env *env, struct fsm_loop *loop, const struct ice_io *io)
{
	struct ice *ice = calloc(1, sizeof(*ice));

	if (ice == NULL)
		return NULL;
	ice->env = env;
	ice->loop = loop;
	ice->io = *io;
	list_init(&ice->sessions);
	list_init(&ice->gathers);
	list_init(&ice->txs);
	ice->by_ufrag = map_new();
	ice->by_tid = map_new();
	ice->probe = ice_probe_new(ice);
	if (ice->by_ufrag == NULL || ice->by_tid == NULL || ice->probe == NULL) {
		ice_free(ice);
		return NULL;
	}
	return ice;
}

static void
tx_free(struct ice *ice, struct ice_tx *tx)
{
	map_del(ice->by_tid, tx->tid, sizeof(tx->tid));
	list_remove(&tx->by_time);
	ice->ntx--;
	free(tx);
}

void
ice_free(struct ice *ice)
{
	if (ice == NULL)
		return;
	LIST_EACH(l, &ice->gathers)
		ice_gather_free(LIST_OF(l, struct ice_gather, all));
	ice_probe_free(ice->probe);
	LIST_EACH(l, &ice->txs)
		tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
	map_free(ice->by_ufrag);
	map_free(ice->by_tid);
	free(ice);
}

int
ice_set_servers(struct ice *ice, const char *const *urls, size_t n)
{
	struct list old;
	struct url u;

	list_init(&old);
	while (!list_empty(&ice->gathers)) {
		struct list *l = ice->gathers.next;

		list_remove(l);
		list_append(&old, l);
	}
	for (size_t i = 0; i < n; i++) {
		struct ice_gather *g = NULL;

		if (url_parse(&u, urls[i]) != 0) {
			log_warnx("ice", "STUN server %s: not a URL", urls[i]);
			continue;
		}
		if (u.port == 0)
			u.port = 3478;
		LIST_EACH(l, &old) {
			struct ice_gather *o = LIST_OF(l, struct ice_gather, all);

			if (g == NULL && o->port == u.port && strcmp(o->host, u.host) == 0)
				g = o;
		}
		if (g != NULL) {
			list_remove(&g->all);
			list_append(&ice->gathers, &g->all);
		} else if (ice_gather_new(ice, u.host, u.port) == NULL)
			return -ENOMEM;
	}
	LIST_EACH(l, &old)
		ice_gather_free(LIST_OF(l, struct ice_gather, all));
	return 0;
}

void
ice_gather_now(struct ice *ice)
{
	LIST_EACH(l, &ice->gathers)
		ice_gather_post(LIST_OF(l, struct ice_gather, all), ICE_GATHER_EV_WANT, NULL);
}

void
ice_each_gather(struct ice *ice, void (*fn)(struct ice_gather *, void *), void *arg)
{
	LIST_EACH(l, &ice->gathers)
		fn(LIST_OF(l, struct ice_gather, all), arg);
}

struct ice_probe *
ice_prober(struct ice *ice)
{
	return ice->probe;
}

void
ice_each_session(struct ice *ice, void (*fn)(struct ice_session *, void *), void *arg)
{
	LIST_EACH(l, &ice->sessions)
		fn(LIST_OF(l, struct ice_session, all), arg);
}

const struct ice_counters *
ice_counters(const struct ice *ice)
{
	return &ice->count;
}

/* ---- what is known of our router ---- */

static void
observe(struct ice_nat *n, const struct addr *seen)
{
	if (seen->family != ADDR_V4)
		return;
	n->observers++;
	if (!n->known) {
		n->known = true;
		n->mapped[0] = *seen;
	} else if (!addr_equal(&n->mapped[0], seen))
		n->mapping = ICE_MAPPING_ADDRESS_DEPENDENT;
}

static bool
is_host(const struct addr *a, const struct addr *host, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(a, &host[i]))
			return true;
	return false;
}

void
ice_nat_get(const struct ice *ice, struct ice_nat *n)
{
	struct addr host[32];
	size_t nhost = ice_locals(ice, host, 32);

	memset(n, 0, sizeof(*n));
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next) {
		const struct ice_gather *g = LIST_OF(l, struct ice_gather, all);

		observe(n, &g->mapped[0]);
		if (n->mapped[1].family == ADDR_NONE)
			n->mapped[1] = g->mapped[1];
	}
	observe(n, ice_probe_observed(ice->probe));
	n->none = n->known && is_host(&n->mapped[0], host, nhost);
	/* Peers beyond our router saw us too; those within see the host's address. */
	for (const struct list *l = ice->sessions.next; l != &ice->sessions; l = l->next) {
		const struct ice_session *s = LIST_OF(l, struct ice_session, all);

		for (const struct list *k = s->pairs.next; k != &s->pairs; k = k->next) {
			const struct ice_pair *p = LIST_OF(k, struct ice_pair, in_session);

			if (!is_host(&p->mapped, host, nhost))
				observe(n, &p->mapped);
		}
	}
	if (n->observers >= 2 && n->mapping == ICE_MAPPING_UNKNOWN)
		n->mapping = ICE_MAPPING_ENDPOINT_INDEPENDENT;
	/* What came uncalled for is proof of itself. */
	n->filtering = ice_probe_filtering(ice->probe);
	n->filtering_measured = n->filtering != ICE_FILTERING_UNKNOWN;
	if (ice->filter.seen == ICE_FILTERING_ENDPOINT_INDEPENDENT ||
	    (n->filtering < ICE_FILTERING_ADDRESS_DEPENDENT && ice->filter.seen != ICE_FILTERING_UNKNOWN))
		n->filtering = ice->filter.seen;
	n->port_preserved = n->known && n->mapped[0].port == ice->io.port(ice->io.arg, ADDR_V4);
}

/* ---- where we are ---- */

void
ice_seen(struct ice *ice, const struct addr *local, const struct addr *mapped)
{
	struct ice_base first = { *local, ice->io.port(ice->io.arg, ADDR_V4) };
	size_t at = 0;

	if (mapped->family != ADDR_V4 || local->family != ADDR_V4)
		return;
	first.addr.port = 0;
	ice->behind = !addr_same_ip(local, mapped);
	if (!addr_equal(&ice->base[0].addr, &first.addr))
		ice->probe->moves = 0;	/* another place, other neighbours */
	while (at < ICE_BASES - 1 && !addr_equal(&ice->base[at].addr, &first.addr))
		at++;
	memmove(ice->base + 1, ice->base, at * sizeof(*ice->base));
	ice->base[0] = first;
}

bool
ice_is_mapped(const struct ice *ice, const struct addr *a)
{
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next) {
		const struct ice_gather *g = LIST_OF(l, struct ice_gather, all);

		if (addr_equal(&g->mapped[0], a) || addr_equal(&g->mapped[1], a))
			return true;
	}
	return false;
}

bool
ice_is_mapped_ip(const struct ice *ice, const struct addr *a)
{
	for (const struct list *l = ice->gathers.next; l != &ice->gathers; l = l->next)
		if (addr_same_ip(&LIST_OF(l, struct ice_gather, all)->mapped[0], a))
			return true;
	return false;
}

/* Is it one of the n? */
static bool
have(const struct addr *host, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_same_ip(&host[i], a))
			return true;
	return false;
}

bool
ice_moved(const struct ice *ice)
{
	struct addr host[32];
	size_t n = ice_locals(ice, host, 32);
	bool other = false;

	if (ice->io.another_port == NULL || !ice->behind || have(host, n, &ice->base[0].addr))
		return false;
	for (size_t i = 0; i < n; i++)
		other |= host[i].family == ADDR_V4;
	return other;
}

void
ice_another_port(struct ice *ice)
{
	struct addr host[32];
	size_t n = ice_locals(ice, host, 32);
	uint16_t want = 0;

	for (size_t i = 0; i < ICE_BASES && want == 0; i++)
		if (ice->base[i].addr.family != ADDR_NONE && have(host, n, &ice->base[i].addr))
			want = ice->base[i].port;
	ice->io.another_port(ice->io.arg, want);
	ice->behind = false;	/* as far as we know: once is enough, whatever the next server says */
}

/* ---- small services for this folder ---- */

bool
ice_allowed(const struct ice *ice, const struct addr *a)
{
	return ice->io.allowed == NULL || ice->io.allowed(ice->io.arg, a);
}

/* Of the families that have a socket, with its port. */
size_t
ice_locals(const struct ice *ice, struct addr *out, size_t max)
{
	struct addr all[64];
	size_t n, got = 0;

	if (ice->io.locals != NULL)
		n = ice->io.locals(ice->io.arg, all, 64);
	else
		n = net_host_addrs(ice->env, all, 64);
	for (size_t i = 0; i < n && got < max; i++) {
		uint16_t port = ice->io.port(ice->io.arg, all[i].family);

		if (port == 0 || !ice_allowed(ice, &all[i]))
			continue;
		out[got] = all[i];
		out[got++].port = port;
	}
	return got;
}

void
ice_letters(struct ice *ice, char *out, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < n; i++)
		out[i] = letters[env_random_below(ice->env, sizeof(letters) - 1)];
	out[n] = '\0';
}

void
ice_send(struct ice *ice, const struct addr *to, const struct wire_stun *m, const char *password)
{
	struct buf b;

	if (!ice_allowed(ice, to))
		return;
	buf_init(&b);
	ice_filter_sent(&ice->filter, to);
	if (wire_stun_write(&b, m, password) == 0)
		ice->io.send(ice->io.arg, to, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

/* ---- transactions ---- */

struct ice_tx *
ice_tx_new(struct ice *ice, const struct addr *to)
{
	struct mono now = env_now(ice->env);
	struct ice_tx *tx;

	LIST_EACH(l, &ice->txs) {
		tx = LIST_OF(l, struct ice_tx, by_time);
		if (mono_diff(now, tx->at) < ICE_TX_LIFE && ice->ntx < ICE_TX_MAX)
			break;
		tx_free(ice, tx);
	}
	tx = calloc(1, sizeof(*tx));
	if (tx == NULL)
		return NULL;
	env_random(ice->env, tx->tid, sizeof(tx->tid));
	tx->at = now;
	tx->to = *to;
	if (map_put(ice->by_tid, tx->tid, sizeof(tx->tid), tx) != 0) {
		free(tx);
		return NULL;
	}
	list_append(&ice->txs, &tx->by_time);
	ice->ntx++;
	return tx;
}

void
ice_tx_drop_pair(struct ice *ice, const struct ice_pair *p)
{
	LIST_EACH(l, &ice->txs)
		if (LIST_OF(l, struct ice_tx, by_time)->pair == p)
			tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}

void
ice_tx_drop_probe(struct ice *ice, const struct ice_probe *p)
{
	LIST_EACH(l, &ice->txs)
		if (LIST_OF(l, struct ice_tx, by_time)->probe == p)
			tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}

void
ice_tx_drop_gather(struct ice *ice, const struct ice_gather *g)
{
	LIST_EACH(l, &ice->txs)
		if (LIST_OF(l, struct ice_tx, by_time)->gather == g)
			tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}

/* ---- what comes in ---- */

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
	tx_free(ice, tx);
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
