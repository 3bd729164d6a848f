/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_PEER_HANDSHAKE_H
#define GODWIT_PEER_HANDSHAKE_H
/*
 * handshake.h -- offers, answers and candidates of one peer; the machine of
 * fsm/handshake.fsm.
 *
 * Events from outside: offer, answer, candidate, go-idle, each with a struct
 * note_signal.  It owns no transport: what it says goes through peer_hooks.
 */
#include "fsm/fsm.h"
#include "fsm/handshake.h"
#include "net/notes.h"

struct peer;

#define HANDSHAKE_RETIRED	8	/* session ids of the remote that were replaced */
#define HANDSHAKE_HELD		4	/* notes of candidates that wait for an answer to leave */

struct handshake {
	struct fsm fsm;
	struct peer *peer;		/* owner */

	bool seen;			/* an offer or answer came since the start */
	char ufrag[257];		/* the remote's, last seen; "" : none */
	bool has_session;
	uint8_t session[WIRE_SIGNAL_SESSION];
	uint8_t retired[HANDSHAKE_RETIRED][WIRE_SIGNAL_SESSION];
	unsigned nretired;		/* total ever; the ring holds the last ones */
	uint32_t generation;

	struct note_signal *kept;	/* a reference: the latest that came while busy */
	bool kept_offer;		/* ... or one before it was an OFFER */
	struct note_cands *held[HANDSHAKE_HELD];	/* references */
	unsigned nheld;

	/* what the remote is, for guard and status */
	bool remote_ice, remote_relay;	/* by its last message */
	uint16_t remote_wg_port;
	char remote_version[64], remote_relay_url[256];
	char told_relay_url[256];	/* ours, by our last message that left */
	uint64_t offers_in, answers_in, offers_out, answers_out, late, unsent;
};

void handshake_init(struct handshake *, struct peer *, struct fsm_loop *, const char *subject);
void handshake_fini(struct handshake *);
#endif
