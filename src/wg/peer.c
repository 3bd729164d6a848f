/* SPDX-License-Identifier: ISC */
/*
 * peer.c -- the two machines of a peer: when to ask for a handshake, and the
 * clocks of a session (fsm/wg-peer.fsm, fsm/wg-keepalive.fsm).
 *
 * Packets do not post events as a rule: wg_peer_sent and wg_peer_received leave
 * times behind and post only when a timer that should run does not.
 */
#include "wg/impl.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "fsm/agent-wire.h"

#define TOKEN		"wg"
#define JITTER		(333 * MONO_MS)		/* the paper, 6.1 */
#define OFF		INT64_C(-1)		/* in a timer's field: it does not run */
#define HOT		(250 * MONO_MS)		/* see the table */

static struct mono
now_of(const struct wg_peer *p)
{
	return env_now(p->dev->env);
}

/* ---- wg-peer -------------------------------------------------------------- */

static bool
wg_peer_if_needs_session(const struct wg_peer *p)
{
	if (wg_keypair_usable(p, p->cur))
		return false;
	return !list_empty(&p->kept) || p->interval != 0 || p->told_away || p->cur != NULL;
}

static bool
wg_peer_if_may_ask(const struct wg_peer *p)
{
	return !mono_is_set(p->last_initiation) ||
	    mono_diff(now_of(p), p->last_initiation) >= p->dev->times.rekey_timeout;
}

static bool
wg_peer_if_may_try_again(const struct wg_peer *p)
{
	return mono_diff(now_of(p), p->asking_since) < p->dev->times.rekey_attempt;
}

static bool
wg_peer_if_hot(const struct wg_peer *p)
{
	return mono_is_set(p->last_initiation) && mono_diff(now_of(p), p->last_initiation) < HOT;
}

static void
wait_since_last(struct wg_peer *p, int64_t gap)
{
	int64_t left = gap - mono_diff(now_of(p), p->last_initiation);

	p->want_posted = false;
	p->retry_us = left > 0 ? left : 1;
}

static void
wg_peer_do_wait_turn(struct wg_peer *p)
{
	wait_since_last(p, p->dev->times.rekey_timeout);
}

static void
wg_peer_do_wait_little(struct wg_peer *p)
{
	wait_since_last(p, HOT);
}

static void
wg_peer_do_begin(struct wg_peer *p)
{
	p->told_away = false;
	p->asking_since = now_of(p);
}

static void
wg_peer_do_send_initiation(struct wg_peer *p)
{
	p->want_posted = false;
	p->retry_us = p->dev->times.rekey_timeout + (int64_t)env_random_below(p->dev->env, JITTER);
	wg_handshake_send_initiation(p);
}

static void
wg_peer_do_give_up(struct wg_peer *p)
{
	log_info(TOKEN, "%s: no answer to the handshake, %u packets dropped", p->name, p->nkept);
	wg_send_drop_kept(p);
	p->want_posted = false;
}

static void
wg_peer_do_tell_away(struct wg_peer *p)
{
	p->want_posted = false;
	if (p->told_away)
		return;
	p->told_away = true;
	if (p->dev->hooks.no_endpoint != NULL)
		p->dev->hooks.no_endpoint(p->dev->arg, p);
}

#include "fsm/wg-peer.inc"

/* ---- wg-keepalive --------------------------------------------------------- */

static int64_t
elapsed(const struct wg_keepalive *k, struct mono since)
{
	return mono_diff(now_of(k->peer), since);
}

static int64_t
silence_limit(const struct wg_keepalive *k)
{
	return k->peer->dev->times.keepalive + k->peer->dev->times.rekey_timeout;
}

static bool
wg_keepalive_if_owes(const struct wg_keepalive *k)
{
	return mono_is_set(k->peer->owed_since) && elapsed(k, k->peer->owed_since) >= k->peer->dev->times.keepalive;
}

static bool
wg_keepalive_if_unanswered(const struct wg_keepalive *k)
{
	return mono_is_set(k->peer->unanswered_since) && elapsed(k, k->peer->unanswered_since) >= silence_limit(k);
}

/* Microseconds until the persistent keepalive; 0: off. */
static int64_t
persistent_left(const struct wg_keepalive *k)
{
	const struct wg_peer *p = k->peer;
	struct mono last = p->stats.last_sent;
	int64_t left, interval = (int64_t)p->interval * MONO_SEC;

	if (p->interval == 0)
		return 0;
	if (mono_before(last, p->stats.last_received))
		last = p->stats.last_received;
	left = mono_is_set(last) ? interval - elapsed(k, last) : interval;
	return left > 0 ? left : 1;
}

static bool
wg_keepalive_if_due(const struct wg_keepalive *k)
{
	return k->peer->interval != 0 && persistent_left(k) == 1;
}

static void
wg_keepalive_do_reckon_keepalive(struct wg_keepalive *k)
{
	int64_t left = 0;

	if (mono_is_set(k->peer->owed_since)) {
		left = k->peer->dev->times.keepalive - elapsed(k, k->peer->owed_since);
		left = left > 0 ? left : 1;
	}
	k->keepalive_set = left > 0;
	k->keepalive_us = left > 0 ? left : OFF;
}

static void
wg_keepalive_do_reckon_silence(struct wg_keepalive *k)
{
	int64_t left = 0;

	if (mono_is_set(k->peer->unanswered_since)) {
		left = silence_limit(k) - elapsed(k, k->peer->unanswered_since);
		left = (left > 0 ? left : 1) + (int64_t)env_random_below(k->peer->dev->env, JITTER);
	}
	k->silence_set = left > 0;
	k->silence_us = left > 0 ? left : OFF;
}

static void
wg_keepalive_do_reckon_persistent(struct wg_keepalive *k)
{
	int64_t left = persistent_left(k);

	/* just sent, or asked in vain: a whole interval, never a busy loop */
	k->persistent_us = left == 1 ? (int64_t)k->peer->interval * MONO_SEC : left > 0 ? left : OFF;
}

static void
wg_keepalive_do_reckon(struct wg_keepalive *k)
{
	wg_keepalive_do_reckon_keepalive(k);
	wg_keepalive_do_reckon_silence(k);
	wg_keepalive_do_reckon_persistent(k);
	k->zero_us = 3 * k->peer->dev->times.reject_after;
}

static void
wg_keepalive_do_send_keepalive(struct wg_keepalive *k)
{
	k->keepalive_set = false;
	wg_send_keepalive(k->peer);
}

static void
wg_keepalive_do_note_silence(struct wg_keepalive *k)
{
	k->silence_set = false;
	k->peer->unanswered_since = (struct mono){ 0 };
	log_debug(TOKEN, "%s: nothing came back, a new handshake is due", k->peer->name);
}

static void
wg_keepalive_do_wipe_keys(struct wg_keepalive *k)
{
	k->keepalive_set = k->silence_set = false;
	wg_peer_wipe_keys(k->peer);
}

#include "fsm/wg-keepalive.inc"

/* The connection `wg-keepalive !want -> wg-peer want` of fsm/agent.wire. */
struct wg_peer *
wire_wg_keepalive_to_wg_peer(struct wg_keepalive *k)
{
	return k->peer;
}

/* ---- for the rest of the folder -------------------------------------------- */

void
wg_peer_machines_init(struct wg_peer *p)
{
	p->keep.peer = p;
	p->retry_us = p->keep.keepalive_us = p->keep.silence_us = p->keep.persistent_us = p->keep.zero_us = OFF;
	wg_peer_fsm_init(p, p->dev->loop, p->name);
	wg_keepalive_fsm_init(&p->keep, p->dev->loop, p->name);
}

void
wg_peer_machines_fini(struct wg_peer *p)
{
	wg_keepalive_fsm_fini(&p->keep);
	wg_peer_fsm_fini(p);
}

void
wg_peer_want(struct wg_peer *p)
{
	if (p->want_posted || p->fsm.state == WG_PEER_ASKING || (p->fsm.state == WG_PEER_AWAY && p->told_away))
		return;
	p->want_posted = true;
	wg_peer_post(p, WG_PEER_EV_WANT, NULL);
}

bool
wg_keypair_usable(const struct wg_peer *p, const struct wg_keypair *k)
{
	return k != NULL && !k->spent && k->counter < WG_REJECT_AFTER_MESSAGES &&
	    mono_diff(now_of(p), k->born) < p->dev->times.reject_after;
}

void
wg_peer_wipe_keys(struct wg_peer *p)
{
	wg_receive_flush(p->dev);
	wg_session_drop(p, &p->old);
	wg_session_drop(p, &p->prev);
	wg_session_drop(p, &p->cur);
	wg_session_drop(p, &p->next);
	if (p->asked != NULL) {
		wg_slot_free(p->dev, p->asked);
		p->asked = NULL;
	}
	noise_peer_forget(p->noise);
	wg_session_bury(p->dev);
	p->owed_since = p->unanswered_since = (struct mono){ 0 };
}

/* Data after a rest: somebody should look again. */
static void
wake(struct wg_peer *p, struct mono now, struct mono last)
{
	if (p->dev->hooks.woken != NULL && mono_diff(now, last) > 3 * MONO_SEC)
		p->dev->hooks.woken(p->dev->arg, p);
}

/* Data wants out: an idle peer is looked at again, and silence from here on is doubt. */
static void
note_data(struct wg_peer *p, struct mono now)
{
	wake(p, now, p->stats.last_data_sent);
	p->stats.last_data_sent = now;
	if (!mono_is_set(p->unanswered_since))
		p->unanswered_since = now;
}

/* Kept until a handshake is through: on a dead path it never is, and nobody else
 * would notice.  Without a path there is nothing to doubt, but somebody wants one. */
void
wg_peer_waits(struct wg_peer *p)
{
	if (p->endpoint.kind != WG_ENDPOINT_NONE)
		note_data(p, now_of(p));
	else
		p->stats.last_data_sent = now_of(p);
}

void
wg_peer_sent(struct wg_peer *p, uint32_t bytes, unsigned data_packets)
{
	struct wg_keypair *k = p->cur;
	struct mono now = now_of(p);

	p->stats.tx_bytes += bytes;
	p->stats.last_sent = now;
	p->owed_since = (struct mono){ 0 };
	if (data_packets > 0) {
		p->stats.tx_packets += data_packets;
		note_data(p, now);
		if (!p->keep.silence_set) {
			p->keep.silence_set = true;
			wg_keepalive_post(&p->keep, WG_KEEPALIVE_EV_SENT, NULL);
		}
	}
	if (k != NULL && (k->counter >= p->dev->times.rekey_after_messages ||
	    (k->initiator && mono_diff(now, k->born) >= p->dev->times.rekey_after)))
		wg_peer_want(p);
}

void
wg_peer_received(struct wg_peer *p, uint32_t bytes, bool data)
{
	const struct wg_times *t = &p->dev->times;
	struct wg_keypair *k = p->cur;
	struct mono now = now_of(p);

	p->stats.rx_bytes += bytes;
	p->stats.last_received = now;
	p->unanswered_since = (struct mono){ 0 };
	if (data) {
		wake(p, now, p->last_data_received);	/* who only listens is looked after as well */
		p->last_data_received = now;
		p->stats.rx_packets++;
		if (!mono_is_set(p->owed_since))
			p->owed_since = now;
		if (!p->keep.keepalive_set) {
			p->keep.keepalive_set = true;
			wg_keepalive_post(&p->keep, WG_KEEPALIVE_EV_RECEIVED, NULL);
		}
	}
	/* the initiator who only listens must not let the session run out: the paper, 6.2 */
	if (k != NULL && k->initiator &&
	    mono_diff(now, k->born) >= t->reject_after - t->keepalive - t->rekey_timeout)
		wg_peer_want(p);
}
