/* SPDX-License-Identifier: ISC */
/*
 * handshake.c -- initiation, response and cookie: in, out, and the sessions that
 * come of them.
 *
 * A handshake costs four or five Diffie-Hellman operations, so what can be told
 * from a forgery cheaply is told first: length, mac1, under load mac2 and the
 * rate of the address.
 */
#include "wg/impl.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "net/way.h"

#define TOKEN		"wg"
#define MIN_ANSWER_GAP	(20 * MONO_MS)	/* initiations taken from one peer: 50 a second */
#define STAMP_STEP	(UINT64_C(1) << 24)	/* nanoseconds told only to 16 ms: clocks leak */
#define STAMP_AHEAD	60		/* seconds: how far ahead the stored one lies */
#define TAI_BASE	(UINT64_C(0x400000000000000a))

/* ---- the timestamp that never goes back -------------------------------------- */

static uint64_t
be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void
put_stamp(uint8_t out[WG_TAI64N_LEN], uint64_t sec, uint64_t nsec)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(sec >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		out[8 + i] = (uint8_t)(nsec >> (24 - 8 * i));
}

static void
next_stamp(struct wg_device *d)
{
	int64_t wall = env_wall(d->env);
	uint64_t sec = TAI_BASE + (uint64_t)(wall / 1000000), nsec = (uint64_t)(wall % 1000000) * 1000;
	uint64_t last = be(d->stamp, 8), last_n = be(d->stamp + 8, 4);

	nsec &= ~(STAMP_STEP - 1);
	if (sec < last || (sec == last && nsec <= last_n)) {
		sec = last;
		nsec = (last_n & ~(STAMP_STEP - 1)) + STAMP_STEP;
		if (nsec >= 1000000000) {
			sec++;
			nsec = 0;
		}
	}
	put_stamp(d->stamp, sec, nsec);
	if (d->hooks.tai64n != NULL && be(d->stamp_stored, 8) < sec + STAMP_AHEAD / 2) {
		put_stamp(d->stamp_stored, sec + STAMP_AHEAD, 0);
		d->hooks.tai64n(d->arg, d->stamp_stored);
	}
}

/* ---- sessions ------------------------------------------------------------------ */

void
wg_session_drop(struct wg_peer *p, struct wg_keypair **at)
{
	struct wg_keypair *k = *at;

	*at = NULL;
	if (k == NULL)
		return;
	wg_slot_free(p->dev, wg_slot_find(p->dev, k->local_index));
	k->next_dead = p->dev->dead;
	p->dev->dead = k;
}

void
wg_session_bury(struct wg_device *d)
{
	struct wg_keypair *k;

	while ((k = d->dead) != NULL) {
		d->dead = k->next_dead;
		wg_keypair_free(k);
	}
}

static struct wg_keypair *
session_new(struct wg_peer *p, struct wg_slot *slot, struct noise_keys *keys)
{
	struct wg_keypair *k = wg_keypair_new(keys, env_now(p->dev->env), p);

	sodium_memzero(keys, sizeof *keys);
	if (k == NULL)
		wg_slot_free(p->dev, slot);
	else
		slot->keys = k;
	return k;
}

static void
session_done(struct wg_peer *p)
{
	p->stats.last_handshake = env_now(p->dev->env);
	p->stats.last_handshake_wall = env_wall(p->dev->env);
	p->want_posted = false;
	wg_peer_post(p, WG_PEER_EV_KEYED, NULL);
	log_debug(TOKEN, "%s: session %08x", p->name, p->cur->local_index);
	if (p->dev->hooks.handshake != NULL)
		p->dev->hooks.handshake(p->dev->arg, p);
}

void
wg_session_confirm(struct wg_peer *p, struct wg_keypair *k)
{
	if (k != p->next)
		return;
	wg_session_drop(p, &p->prev);
	p->prev = p->cur;
	p->cur = k;
	p->next = NULL;
	session_done(p);
}

/* A session goes; the one that the peer used last stays for what is under way.
 * Where both ends began one each, either sends under its own, so that need not be
 * our current one: when both renewed theirs at once, a packet was lost. */
static void
session_retire(struct wg_peer *p, struct wg_keypair **at)
{
	if (*at != NULL && (p->old == NULL || mono_before(p->old->heard, (*at)->heard))) {
		wg_session_drop(p, &p->old);
		p->old = *at;
		*at = NULL;
	}
	wg_session_drop(p, at);
}

/* As initiator: ours at once, for the peer has shown that it has the keys. */
static void
session_as_initiator(struct wg_peer *p, struct wg_keypair *k)
{
	session_retire(p, &p->prev);
	if (p->next != NULL) {
		p->prev = p->next;
		p->next = NULL;
		session_retire(p, &p->cur);
	} else {
		p->prev = p->cur;
	}
	p->cur = k;
	wg_keepalive_post(&p->keep, WG_KEEPALIVE_EV_DERIVED, NULL);
	session_done(p);
}

/* As responder: not for sending before the peer has used it. */
static void
session_as_responder(struct wg_peer *p, struct wg_keypair *k)
{
	wg_session_drop(p, &p->next);
	p->next = k;
	wg_keepalive_post(&p->keep, WG_KEEPALIVE_EV_DERIVED, NULL);
}

/* ---- out ------------------------------------------------------------------------ */

int
wg_handshake_send_initiation(struct wg_peer *p)
{
	struct wg_device *d = p->dev;
	uint8_t room[WG_WAY_HEADROOM + WG_INITIATION_LEN], *msg = room + WG_WAY_HEADROOM, ephemeral[NOISE_KEY];
	struct wg_slot *slot = wg_slot_new(d, p);
	struct env_pkt pkt = { .data = msg, .len = WG_INITIATION_LEN, .headroom = WG_WAY_HEADROOM };
	int err;

	if (slot == NULL)
		return -ENOMEM;
	next_stamp(d);
	env_random(d->env, ephemeral, sizeof ephemeral);
	err = noise_write_initiation(p->noise, d->self, ephemeral, d->stamp, slot->index, msg);
	sodium_memzero(ephemeral, sizeof ephemeral);
	if (err != 0) {
		wg_slot_free(d, slot);
		return err;
	}
	wg_slot_free(d, p->asked);
	p->asked = slot;
	p->last_initiation = env_now(d->env);
	cookie_sign(&p->taker, msg, WG_INITIATION_LEN, p->last_initiation);
	if (wg_send_to_endpoint(p, &pkt, 1))
		wg_peer_sent(p, WG_INITIATION_LEN, 0);
	return 0;
}

static void
send_response(struct wg_peer *p, struct noise_opened *o, const struct wg_from *from)
{
	struct wg_device *d = p->dev;
	uint8_t room[WG_WAY_HEADROOM + WG_RESPONSE_LEN], *msg = room + WG_WAY_HEADROOM, ephemeral[NOISE_KEY];
	struct wg_slot *slot = wg_slot_new(d, p);
	struct noise_keys keys;
	struct wg_keypair *k;
	int err;

	if (slot == NULL)
		return;
	env_random(d->env, ephemeral, sizeof ephemeral);
	err = noise_write_response(p->noise, o, ephemeral, slot->index, msg, &keys);
	sodium_memzero(ephemeral, sizeof ephemeral);
	if (err != 0) {
		wg_slot_free(d, slot);
		return;
	}
	cookie_sign(&p->taker, msg, WG_RESPONSE_LEN, env_now(d->env));
	if ((k = session_new(p, slot, &keys)) == NULL)
		return;
	session_as_responder(p, k);
	/* to where the initiation came from: our endpoint may be none, or older */
	wg_send_answer(d, from, msg, WG_RESPONSE_LEN);
	wg_peer_sent(p, WG_RESPONSE_LEN, 0);
}

/* ---- in -------------------------------------------------------------------------- */

static bool
under_load(struct wg_device *d)
{
	struct mono now = env_now(d->env);

	if (!mono_is_set(d->load_window) || mono_diff(now, d->load_window) > 100 * MONO_MS) {
		d->load_window = now;
		d->load_count = 0;
	}
	if (++d->load_count > WG_LOAD_HANDSHAKES)
		d->load_until = mono_add(now, MONO_SEC);
	return mono_is_set(d->load_until) && mono_before(now, d->load_until);
}

/* True: worth the effort. */
static bool
admit(struct wg_device *d, const struct wg_from *from, const uint8_t *msg, size_t len)
{
	struct mono now = env_now(d->env);
	bool load;
	uint8_t secret[32], room[WG_WAY_HEADROOM + WG_COOKIE_LEN], nonce[COOKIE_NONCE];
	const char *who = from->addr == NULL && from->way->ops->name != NULL ? from->way->ops->name(from->way) : "";
	const void *mark = from->addr != NULL ? (const void *)from->addr : (const void *)who;
	size_t mark_len = from->addr != NULL ? sizeof *from->addr : strlen(who);

	/* who does not know our key costs one hash and is no load */
	if (cookie_check(d->giver, msg, len, mark, mark_len, false) == COOKIE_BAD)
		return false;
	load = under_load(d);
	if (load && cookie_giver_stale(d->giver, now)) {
		env_random(d->env, secret, sizeof secret);
		cookie_giver_secret(d->giver, secret, now);
		sodium_memzero(secret, sizeof secret);
	}
	switch (cookie_check(d->giver, msg, len, mark, mark_len, load)) {
	case COOKIE_BAD:
		return false;
	case COOKIE_MAC1:
		if (!load)
			return true;
		env_random(d->env, nonce, sizeof nonce);
		cookie_reply(d->giver, msg, len, mark, mark_len, nonce, room + WG_WAY_HEADROOM);
		wg_send_answer(d, from, room + WG_WAY_HEADROOM, WG_COOKIE_LEN);
		return false;
	case COOKIE_MAC2:
		return from->addr == NULL || rate_admit(&d->rate, from->addr, now);
	}
	return false;
}

static void
initiation(struct wg_device *d, const struct wg_from *from, const uint8_t *msg)
{
	struct mono now = env_now(d->env);
	struct noise_opened o;
	struct wg_peer *p;

	if (noise_open_initiation(d->self, msg, &o) == 0 && (p = wg_device_peer(d, o.remote)) != NULL &&
	    (!mono_is_set(p->last_answered) || mono_diff(now, p->last_answered) >= MIN_ANSWER_GAP) &&
	    noise_read_initiation(p->noise, d->self, &o, msg) == 0) {
		p->last_answered = now;
		wg_peer_seen_at(p, from);
		wg_peer_received(p, WG_INITIATION_LEN, false);
		send_response(p, &o, from);
	}
	sodium_memzero(&o, sizeof o);
}

static void
response(struct wg_device *d, const struct wg_from *from, const uint8_t *msg)
{
	struct wg_slot *slot = wg_slot_find(d, wg_le32(msg + 8));
	struct noise_keys keys;
	struct wg_keypair *k;
	struct wg_peer *p;

	if (slot == NULL || slot->keys != NULL)
		return;
	p = slot->peer;
	if (noise_read_response(p->noise, d->self, msg, &keys) != 0)
		return;
	p->asked = NULL;	/* the slot is the session's now */
	wg_peer_seen_at(p, from);
	wg_peer_received(p, WG_RESPONSE_LEN, false);
	if ((k = session_new(p, slot, &keys)) == NULL)
		return;
	session_as_initiator(p, k);
	if (list_empty(&p->kept))
		wg_send_keepalive(p);	/* the responder may not send before it hears from us */
	else
		wg_send_kept(p);
}

static void
cookie(struct wg_device *d, const uint8_t *msg)
{
	struct wg_slot *slot = wg_slot_find(d, wg_le32(msg + 4));

	if (slot != NULL && cookie_take(&slot->peer->taker, msg, env_now(d->env)) == 0)
		log_debug(TOKEN, "%s: is under load and gave a cookie", slot->peer->name);
}

void
wg_handshake_input(struct wg_device *d, const struct wg_from *from, const uint8_t *msg, size_t len)
{
	switch (wg_le32(msg)) {
	case WG_MSG_INITIATION:
		if (len == WG_INITIATION_LEN && admit(d, from, msg, len))
			initiation(d, from, msg);
		break;
	case WG_MSG_RESPONSE:
		if (len == WG_RESPONSE_LEN && admit(d, from, msg, len))
			response(d, from, msg);
		break;
	case WG_MSG_COOKIE:
		if (len == WG_COOKIE_LEN)
			cookie(d, msg);
		break;
	default:
		break;
	}
	wg_session_bury(d);
}
