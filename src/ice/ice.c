/* SPDX-License-Identifier: ISC */
/*
 * ice.c -- the hub: sessions, servers, and the requests of ours that may still be
 * answered.
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

void
ice_tx_free(struct ice *ice, struct ice_tx *tx)
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
		ice_tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
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
		ice_tx_free(ice, tx);
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
			ice_tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}

void
ice_tx_drop_probe(struct ice *ice, const struct ice_probe *p)
{
	LIST_EACH(l, &ice->txs)
		if (LIST_OF(l, struct ice_tx, by_time)->probe == p)
			ice_tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}

void
ice_tx_drop_gather(struct ice *ice, const struct ice_gather *g)
{
	LIST_EACH(l, &ice->txs)
		if (LIST_OF(l, struct ice_tx, by_time)->gather == g)
			ice_tx_free(ice, LIST_OF(l, struct ice_tx, by_time));
}
