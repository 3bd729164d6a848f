/* SPDX-License-Identifier: ISC */
/*
 * twopeers-wire.c -- the router of agent.wire's lines for the machines of twopeers.h.
 */
#include "twopeers-impl.h"

struct hear {
	int event;
	struct fsm_data *data;
};

static void
hear_gather(struct ice_gather *g, void *arg)
{
	const struct hear *h = arg;

	ice_gather_post(g, (enum ice_gather_event)h->event, fsm_data_ref(h->data));
}

static void
hear_session(struct ice_session *s, void *arg)
{
	const struct hear *h = arg;

	ice_session_post(s, (enum ice_session_event)h->event, fsm_data_ref(h->data));
}

static void
from_handshake(struct side *s, int send, struct fsm_data *d)
{
	switch ((enum handshake_send)send) {
	case HANDSHAKE_SEND_ICE_OFFER:
		ice_session_post(s->session, ICE_SESSION_EV_OFFER, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_ICE_ANSWER:
		ice_session_post(s->session, ICE_SESSION_EV_ANSWER, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_ICE_CANDIDATE:
		ice_session_post(s->session, ICE_SESSION_EV_CANDIDATE, fsm_data_ref(d));
		break;
	case HANDSHAKE_SEND_RELAY_OFFER:
		break;
	case HANDSHAKE_SEND_PEER_RESTARTED:
		path_post(&s->peer->path, PATH_EV_RESTARTED, NULL);
		break;
	case HANDSHAKE_SEND_WORD:
		guard_post(&s->peer->guard, GUARD_EV_WORD, NULL);
		break;
	case HANDSHAKE_SEND_FINISH:
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_FINISH, NULL);
		break;
	}
}

static void
from_session(struct side *s, int send, struct fsm_data *d)
{
	struct hear h = { ICE_GATHER_EV_WANT, NULL };

	switch ((enum ice_session_send)send) {
	case ICE_SESSION_SEND_ICE_UP:
		s->ups++;
		path_post(&s->peer->path, PATH_EV_ICE_UP, fsm_data_ref(d));
		break;
	case ICE_SESSION_SEND_ICE_DOWN:
		s->downs++;
		path_post(&s->peer->path, PATH_EV_ICE_DOWN, NULL);
		break;
	case ICE_SESSION_SEND_LOCAL_CANDIDATE:
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_LOCAL_CANDIDATE, fsm_data_ref(d));
		break;
	case ICE_SESSION_SEND_GATHER:
		ice_each_gather(s->ice, hear_gather, &h);
		break;
	case ICE_SESSION_SEND_NOMINATE:
		if (ice_session_chosen(s->session) != NULL)
			ice_pair_post(ice_session_chosen(s->session), ICE_PAIR_EV_NOMINATE, NULL);
		break;
	}
}

static void
from_path(struct side *s, int send)
{
	switch ((enum path_send)send) {
	case PATH_SEND_CLOSE_ICE:
		ice_session_post(s->session, ICE_SESSION_EV_CLOSE, NULL);
		break;
	case PATH_SEND_RESET:
		if (!s->mute_reset)
			guard_post(&s->peer->guard, GUARD_EV_RESET, NULL);
		break;
	case PATH_SEND_MARK_STALE:
	case PATH_SEND_PATH_ON:
	case PATH_SEND_PATH_OFF:
		break;
	}
}

void
twopeers_route(void *arg, struct fsm *from, int send, struct fsm_data *d)
{
	struct side *s = arg;
	struct hear h = { ICE_SESSION_EV_MAPPED, d };

	if (from->def == &handshake_fsm)
		from_handshake(s, send, d);
	else if (from->def == &ice_session_fsm)
		from_session(s, send, d);
	else if (from->def == &path_fsm)
		from_path(s, send);
	else if (from->def == &ice_pair_fsm)
		ice_session_post(((struct ice_pair *)from)->session,
		    send == ICE_PAIR_SEND_SELECTED ? ICE_SESSION_EV_SELECTED : ICE_SESSION_EV_PAIR_GOOD, NULL);
	else if (from->def == &ice_gather_fsm)
		ice_each_session(s->ice, hear_session, &h);
	else if (from->def == &guard_fsm)
		handshake_post(&s->peer->handshake, HANDSHAKE_EV_ASK, NULL);
}
