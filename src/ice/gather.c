/* SPDX-License-Identifier: ISC */
/*
 * gather.c -- asks one STUN server; see fsm/ice-gather.fsm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "ice/gather.h"
#include "ice/hub.h"
#include "net/notes.h"
#include "fsm/ice-gather.inc"

static bool
ice_gather_if_addresses(const struct ice_gather *g)
{
	return g->server[0].family != ADDR_NONE || g->server[1].family != ADDR_NONE;
}

static bool
ice_gather_if_known(const struct ice_gather *g)
{
	return g->mapped[0].family != ADDR_NONE || g->mapped[1].family != ADDR_NONE;
}

static bool
ice_gather_if_moved(const struct ice_gather *g)
{
	return ice_moved(g->ice);
}

/* The callback keeps the first address of each family and says that it has. */
static void
on_lookup(void *arg, const struct addr *found, size_t n, const char *why)
{
	struct ice_gather *g = arg;

	g->lookup = NULL;
	for (size_t i = 0; i < n; i++) {
		struct addr *to = &g->server[found[i].family == ADDR_V6];

		if (to->family != ADDR_NONE)
			continue;
		*to = found[i];
		to->port = g->port;
	}
	if (n == 0)
		log_debug("ice", "STUN server %s: %s", g->host, why);
	ice_gather_post(g, n > 0 ? ICE_GATHER_EV_RESOLVED : ICE_GATHER_EV_UNRESOLVED, NULL);
}

static void
ice_gather_do_look_up(struct ice_gather *g)
{
	fsm_open(&g->fsm, ICE_GATHER_RES_LOOKUP);
	g->lookup = env_lookup(g->ice->env, g->host, on_lookup, g);
	if (g->lookup == NULL)
		ice_gather_post(g, ICE_GATHER_EV_UNRESOLVED, NULL);
}

static void
ice_gather_close_lookup(struct ice_gather *g)
{
	env_lookup_cancel(g->lookup);
	g->lookup = NULL;
}

/* One request a family that has a socket; repeated until answered. */
static void
ice_gather_do_ask(struct ice_gather *g)
{
	bool again = g->waiting[0] || g->waiting[1];

	for (int f = 0; f < 2; f++) {
		struct wire_stun m;
		struct ice_tx *tx;

		if (g->server[f].family == ADDR_NONE || (again && !g->waiting[f]) ||
		    g->ice->io.port(g->ice->io.arg, g->server[f].family) == 0)
			continue;
		tx = ice_tx_new(g->ice, &g->server[f]);
		if (tx == NULL)
			continue;
		tx->gather = g;
		g->waiting[f] = true;
		memset(&m, 0, sizeof(m));
		m.method = WIRE_STUN_BINDING;
		m.cls = WIRE_STUN_REQUEST;
		memcpy(m.tid, tx->tid, sizeof(m.tid));
		ice_send(g->ice, &g->server[f], &m, NULL);
	}
}

static void
carry(struct ice_gather *g)
{
	struct note_mapped *n = note_mapped_new();

	if (n == NULL)
		return;
	n->mapped[0] = g->mapped[0];
	n->mapped[1] = g->mapped[1];
	fsm_carry(&g->fsm, &n->data);
}

static void
ice_gather_do_carry_known(struct ice_gather *g)
{
	carry(g);
}

static void
ice_gather_do_note_mapped(struct ice_gather *g)
{
	const struct note_mapped *n = (const struct note_mapped *)fsm_data(&g->fsm);

	g->told = env_now(g->ice->env);
	for (int f = 0; n != NULL && f < 2; f++)
		if (n->mapped[f].family != ADDR_NONE)
			g->mapped[f] = n->mapped[f];
	carry(g);
}

static void
ice_gather_do_another_port(struct ice_gather *g)
{
	ice_another_port(g->ice);
}

static void
ice_gather_do_forget(struct ice_gather *g)
{
	memset(g->server, 0, sizeof(g->server));
	memset(g->mapped, 0, sizeof(g->mapped));
	memset(g->waiting, 0, sizeof(g->waiting));
	g->told = (struct mono){ 0 };
	ice_tx_drop_gather(g->ice, g);
	g->ice->since = env_now(g->ice->env);
	ice_filter_forget(&g->ice->filter);	/* another network may have another router */
}

void
ice_gather_input(struct ice_gather *g, const struct addr *from, const struct addr *mapped)
{
	int f = from->family == ADDR_V6;
	struct note_mapped *n = note_mapped_new();

	if (n == NULL)
		return;
	g->waiting[f] = false;
	n->mapped[mapped->family == ADDR_V6] = *mapped;
	ice_gather_post(g, g->waiting[!f] ? ICE_GATHER_EV_MAPPED : ICE_GATHER_EV_ALL_MAPPED, &n->data);
}

struct ice_gather *
ice_gather_new(struct ice *ice, const char *host, uint16_t port)
{
	struct ice_gather *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->ice = ice;
	g->port = port;
	snprintf(g->host, sizeof(g->host), "%s", host);
	list_append(&ice->gathers, &g->all);
	ice_gather_fsm_init(g, ice->loop, g->host);
	return g;
}

void
ice_gather_free(struct ice_gather *g)
{
	if (g == NULL)
		return;
	ice_gather_fsm_fini(g);
	ice_tx_drop_gather(g->ice, g);
	list_remove(&g->all);
	free(g);
}
