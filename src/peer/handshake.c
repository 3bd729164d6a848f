/* SPDX-License-Identifier: ISC */
/*
 * handshake.c -- what is said to one peer, and in which order.
 *
 * The order of things is the table's (fsm/handshake.fsm); here is what is
 * remembered of the remote, and how a message of ours is made.
 *
 * Late copies: the signal server's Send has no answer, so senders repeat it, and
 * a copy may come behind a newer message.  Session ids have no order; but an id
 * that was replaced never returns, so the last few replaced ones are remembered.
 */
#include <string.h>
#include "base/log.h"
#include "peer/peer.h"
#include "fsm/handshake.inc"

static bool
is_retired(const struct handshake *h, const uint8_t id[WIRE_SIGNAL_SESSION])
{
	unsigned n = h->nretired < HANDSHAKE_RETIRED ? h->nretired : HANDSHAKE_RETIRED;

	for (unsigned i = 0; i < n; i++)
		if (memcmp(h->retired[i], id, WIRE_SIGNAL_SESSION) == 0)
			return true;
	return false;
}

/* ---- guards ---- */

static bool
handshake_if_late_copy(const struct handshake *h)
{
	const struct note_signal *n = note_signal_of(&h->fsm);

	if (n == NULL)
		return true;
	if (n->m.has_session && is_retired(h, n->m.session))
		return true;
	return h->seen && n->m.ufrag[0] != '\0' && strcmp(n->m.ufrag, h->ufrag) == 0 &&
	    n->m.has_generation && n->m.generation < h->generation;
}

/* New credentials: they live as long as the remote's peer object. */
static bool
handshake_if_reborn(const struct handshake *h)
{
	const struct note_signal *n = note_signal_of(&h->fsm);

	return h->seen && h->ufrag[0] != '\0' && n->m.ufrag[0] != '\0' && strcmp(n->m.ufrag, h->ufrag) != 0;
}

static bool
handshake_if_kept(const struct handshake *h)
{
	return h->kept != NULL;
}

static bool
handshake_if_kept_offer(const struct handshake *h)
{
	return h->kept != NULL && h->kept_offer;
}

/* ---- actions ---- */

static void
handshake_do_count_late(struct handshake *h)
{
	h->late++;
}

static void
remember(struct handshake *h, const struct wire_signal *m)
{
	if (m->has_session) {
		if (h->has_session && memcmp(h->session, m->session, sizeof(h->session)) != 0) {
			memcpy(h->retired[h->nretired % HANDSHAKE_RETIRED], h->session, sizeof(h->session));
			h->nretired++;
		}
		memcpy(h->session, m->session, sizeof(h->session));
		h->has_session = true;
	}
	if (m->ufrag[0] != '\0')
		memcpy(h->ufrag, m->ufrag, sizeof(h->ufrag));
	h->generation = m->has_generation ? m->generation : 0;
	h->seen = true;
	h->remote_ice = m->ufrag[0] != '\0' && m->pwd[0] != '\0';
	h->remote_relay = m->relay_url[0] != '\0';
	h->remote_wg_port = m->wg_port;
	memcpy(h->remote_version, m->version, sizeof(h->remote_version));
	memcpy(h->remote_relay_url, m->relay_url, sizeof(h->remote_relay_url));
	if (m->type == WIRE_SIGNAL_OFFER)
		h->offers_in++;
	else
		h->answers_in++;
}

static void
handshake_do_note_seen(struct handshake *h)
{
	remember(h, &note_signal_of(&h->fsm)->m);
}

static void
drop_kept(struct handshake *h)
{
	if (h->kept != NULL)
		fsm_data_unref(&h->kept->data);
	h->kept = NULL;
	h->kept_offer = false;
}

static void
handshake_do_keep_latest(struct handshake *h)
{
	struct fsm_data *d = fsm_data(&h->fsm);
	bool offer = h->kept_offer;

	drop_kept(h);
	h->kept = (struct note_signal *)fsm_data_ref(d);
	h->kept_offer = offer || h->kept->m.type == WIRE_SIGNAL_OFFER;
}

/* The kept one is what this row's sends carry.  Its reference goes with them. */
static void
handshake_do_take_kept(struct handshake *h)
{
	struct note_signal *n = h->kept;

	h->kept = NULL;
	h->kept_offer = false;
	remember(h, &n->m);
	fsm_carry(&h->fsm, &n->data);
}

static bool
say(struct handshake *h, struct wire_signal *m)
{
	int err = h->peer->hooks->send(h->peer->arg, h->peer, m);

	if (err != 0) {
		h->unsent++;
		log_debug("handshake", "%s: %s not sent: %s", h->fsm.subject, wire_signal_type_name(m->type),
		    strerror(-err));
	}
	return err == 0;
}

static void
describe_and_say(struct handshake *h, enum wire_signal_type type)
{
	struct wire_signal m;

	memset(&m, 0, sizeof(m));
	h->peer->hooks->describe(h->peer->arg, h->peer, &m);
	m.type = type;
	if (say(h, &m)) {
		memcpy(h->told_relay_url, m.relay_url, sizeof(h->told_relay_url));
		if (type == WIRE_SIGNAL_OFFER)
			h->offers_out++;
		else
			h->answers_out++;
	}
	sodium_memzero(&m, sizeof(m));
}

static void
handshake_do_send_offer(struct handshake *h)
{
	h->peer->hooks->offering(h->peer->arg, h->peer);
	describe_and_say(h, WIRE_SIGNAL_OFFER);
}

static void
handshake_do_send_answer(struct handshake *h)
{
	describe_and_say(h, WIRE_SIGNAL_ANSWER);
}

static void
say_candidates(struct handshake *h, const struct note_cands *n)
{
	struct wire_signal m;

	for (unsigned i = 0; n != NULL && i < n->n; i++) {
		memset(&m, 0, sizeof(m));
		m.type = WIRE_SIGNAL_CANDIDATE;
		memcpy(m.candidate, n->line[i], sizeof(m.candidate));
		say(h, &m);
	}
}

static void
handshake_do_send_candidates(struct handshake *h)
{
	say_candidates(h, (const struct note_cands *)fsm_data(&h->fsm));
}

static void
handshake_do_hold_candidates(struct handshake *h)
{
	struct fsm_data *d = fsm_data(&h->fsm);

	if (d == NULL || h->nheld == HANDSHAKE_HELD)
		return;		/* four rounds of candidates in one turn: none of them is the last word */
	h->held[h->nheld++] = (struct note_cands *)fsm_data_ref(d);
}

static void
handshake_do_send_held(struct handshake *h)
{
	for (unsigned i = 0; i < h->nheld; i++) {
		say_candidates(h, h->held[i]);
		fsm_data_unref(&h->held[i]->data);
		h->held[i] = NULL;
	}
	h->nheld = 0;
}

/* ---- life ---- */

void
handshake_init(struct handshake *h, struct peer *peer, struct fsm_loop *loop, const char *subject)
{
	h->peer = peer;
	h->remote_ice = true;	/* until it says otherwise (grpc-signal.md section 7) */
	handshake_fsm_init(h, loop, subject);
}

void
handshake_fini(struct handshake *h)
{
	handshake_fsm_fini(h);
	drop_kept(h);
	for (unsigned i = 0; i < h->nheld; i++)
		fsm_data_unref(&h->held[i]->data);
	h->nheld = 0;
}
