/* SPDX-License-Identifier: ISC */
/*
 * path.c -- points WireGuard at what carries the tunnel; see fsm/path.fsm.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "peer/peer.h"
#include "fsm/path.inc"

/* A channel that was replaced says goodbye late. */
static bool
path_if_other_way(const struct path *p)
{
	const struct note_way *n = (const struct note_way *)fsm_data(&p->fsm);

	return n != NULL && n->way != p->way;
}

static void
path_do_keep_relay(struct path *p)
{
	const struct note_way *n = (const struct note_way *)fsm_data(&p->fsm);

	if (n == NULL)
		return;
	p->way = n->way;
	snprintf(p->server, sizeof(p->server), "%s", n->server);
}

static void
path_do_drop_relay(struct path *p)
{
	p->way = NULL;
	p->server[0] = '\0';
}

static void
path_do_keep_pair(struct path *p)
{
	const struct note_pair *n = (const struct note_pair *)fsm_data(&p->fsm);

	if (n == NULL)
		return;
	p->remote = n->remote;
	p->local = n->local;
	p->remote_type = n->remote_type;
	p->local_type = n->local_type;
	p->rtt_us = n->rtt_us;
}

static void
path_do_drop_pair(struct path *p)
{
	memset(&p->remote, 0, sizeof(p->remote));
	memset(&p->local, 0, sizeof(p->local));
}

static void
point(struct path *p, const struct peer_endpoint *e)
{
	p->since = env_now(fsm_env(&p->fsm));
	p->switches++;
	p->peer->hooks->endpoint(p->peer->arg, p->peer, e);
}

static void
path_do_point_at_relay(struct path *p)
{
	log_info("path", "%s: over the relay %s", p->fsm.subject, p->server);
	point(p, &(struct peer_endpoint){ .kind = PATH_TO_RELAY, .way = p->way });
}

static void
path_do_point_at_ice(struct path *p)
{
	char text[ADDR_STRLEN];

	log_info("path", "%s: direct, to %s", p->fsm.subject, addr_str_port(&p->remote, text));
	point(p, &(struct peer_endpoint){ .kind = PATH_TO_ICE, .addr = p->remote });
}

static void
path_do_point_at_none(struct path *p)
{
	log_info("path", "%s: no path", p->fsm.subject);
	point(p, &(struct peer_endpoint){ .kind = PATH_TO_NONE });
}

static void
path_do_shake_hands(struct path *p)
{
	p->peer->hooks->shake_hands(p->peer->arg, p->peer);
}

void
path_init(struct path *p, struct peer *peer, struct fsm_loop *loop, const char *subject)
{
	p->peer = peer;
	path_fsm_init(p, loop, subject);
}

void
path_fini(struct path *p)
{
	path_fsm_fini(p);
}

enum path_kind
path_kind(const struct path *p)
{
	switch ((enum path_state)p->fsm.state) {
	case PATH_NONE:
		break;
	case PATH_RELAY:
		return PATH_TO_RELAY;
	case PATH_ICE:
	case PATH_BOTH:
		return PATH_TO_ICE;
	}
	return PATH_TO_NONE;
}

bool
path_has_relay(const struct path *p)
{
	return p->fsm.state == PATH_RELAY || p->fsm.state == PATH_BOTH;
}
