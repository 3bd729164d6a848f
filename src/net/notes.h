/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_NOTES_H
#define GODWIT_NET_NOTES_H
/*
 * notes.h -- what events between machines of different concerns carry.
 *
 * Concerns do not include each other; what one tells another is an event and
 * one of these.  The queue owns a note: a note is handed over when posted,
 * borrowed in an action, and wiped and freed with its last reference.  An action
 * that keeps one takes a reference (fsm_data_ref).
 *
 * Which event carries what is said in fsm/agent.wire, beside each line.
 */
#include <stdlib.h>
#include <sodium.h>
#include "base/addr.h"
#include "fsm/fsm.h"
#include "wire/candidate.h"
#include "wire/signal.h"

struct way;

/* OFFER, ANSWER, CANDIDATE or GO_IDLE of a peer, as it came out of its box. */
struct note_signal {
	struct fsm_data data;
	struct wire_signal m;		/* holds the ICE password: wiped */
};

/* Candidates of ours, to be signalled one message each, in this order. */
#define NOTE_CANDS	12

struct note_cands {
	struct fsm_data data;
	unsigned n;
	char line[NOTE_CANDS][WIRE_CAND_LINE];
};

/* The ICE pair that was selected (ice-up). */
struct note_pair {
	struct fsm_data data;
	struct addr local, remote;	/* WireGuard's endpoint becomes `remote` */
	enum wire_cand_type local_type, remote_type;
	int64_t rtt_us;			/* of the check that proved it */
};

/* A relay channel (relay-up, relay-down).  In relay-down `way` says which one
 * went; it is compared, never called. */
struct note_way {
	struct fsm_data data;
	struct way *way;
	char server[256];		/* the relay's URL, for status */
};

/* Our addresses as a STUN server saw them (ice-gather's mapped). */
struct note_mapped {
	struct fsm_data data;
	struct addr mapped[2];		/* IPv4, IPv6; family ADDR_NONE: not known */
};

static inline void
note_signal_free(struct fsm_data *d)
{
	sodium_memzero(d, sizeof(struct note_signal));
	free(d);
}

static inline void
note_plain_free(struct fsm_data *d)
{
	free(d);
}

/* Each: zeroed, one reference, or NULL when out of memory. */
static inline struct note_signal *
note_signal_new(const struct wire_signal *m)
{
	struct note_signal *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->data.refs = 1;
	n->data.free = note_signal_free;
	if (m != NULL)
		n->m = *m;
	return n;
}

static inline void *
note_plain_new(size_t size)
{
	struct fsm_data *d = calloc(1, size);

	if (d == NULL)
		return NULL;
	d->refs = 1;
	d->free = note_plain_free;
	return d;
}

static inline struct note_cands *
note_cands_new(void)
{
	return note_plain_new(sizeof(struct note_cands));
}

static inline struct note_pair *
note_pair_new(void)
{
	return note_plain_new(sizeof(struct note_pair));
}

static inline struct note_way *
note_way_new(struct way *way)
{
	struct note_way *n = note_plain_new(sizeof(*n));

	if (n != NULL)
		n->way = way;
	return n;
}

static inline struct note_mapped *
note_mapped_new(void)
{
	return note_plain_new(sizeof(struct note_mapped));
}

/* The event's note in an action or guard, or NULL. */
static inline const struct note_signal *
note_signal_of(const struct fsm *f)
{
	return (const struct note_signal *)fsm_data(f);
}
#endif
