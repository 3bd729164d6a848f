/* SPDX-License-Identifier: ISC */
/*
 * peer.c -- one remote peer: makes its machines, hands them what signal brings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peer/peer.h"

struct peer *
peer_new(const struct peer_config *c)
{
	struct peer *p = calloc(1, sizeof(*p));
	const char *subject = c->subject != NULL ? c->subject : c->key;

	if (p == NULL)
		return NULL;
	p->env = c->env;
	p->hooks = c->hooks;
	p->arg = c->arg;
	snprintf(p->key, sizeof(p->key), "%s", c->key);
	p->controller = strcmp(c->self_key, c->key) > 0;
	handshake_init(&p->handshake, p, c->loop, subject);
	path_init(&p->path, p, c->loop, subject);
	guard_init(&p->guard, p, c->loop, subject);
	return p;
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	guard_fini(&p->guard);
	path_fini(&p->path);
	handshake_fini(&p->handshake);
	free(p);
}

void
peer_signal(struct peer *p, const struct wire_signal *m)
{
	enum handshake_event event;
	struct note_signal *n;

	switch (m->type) {
	case WIRE_SIGNAL_OFFER:
		event = HANDSHAKE_EV_OFFER;
		break;
	case WIRE_SIGNAL_ANSWER:
		event = HANDSHAKE_EV_ANSWER;
		break;
	case WIRE_SIGNAL_CANDIDATE:
		event = HANDSHAKE_EV_CANDIDATE;
		break;
	case WIRE_SIGNAL_GO_IDLE:
		event = HANDSHAKE_EV_GO_IDLE;
		break;
	case WIRE_SIGNAL_MODE:
	case WIRE_SIGNAL_HEARTBEAT:
	default:
		return;
	}
	n = note_signal_new(m);
	if (n != NULL)
		handshake_post(&p->handshake, event, &n->data);
}

bool
peer_wants_ice(const struct peer *p)
{
	return p->hooks->we_do_ice(p->arg, p) && p->handshake.remote_ice;
}

bool
peer_wants_relay(const struct peer *p)
{
	return p->hooks->we_do_relay(p->arg, p) && p->handshake.remote_relay;
}

bool
peer_has_news(const struct peer *p)
{
	const char *ours = p->hooks->our_relay(p->arg, p);

	return strcmp(ours != NULL ? ours : "", p->handshake.told_relay_url) != 0;
}
