/* SPDX-License-Identifier: ISC */
/*
 * channel.c -- one peer at the relay where the pair meets: guards and actions of
 * fsm/relay-channel.fsm, and the way that WireGuard sends through.
 *
 * Packets pass as soon as the channel has its entry at the link, also before the
 * peer's presence is known: the first handshake of a peer that was quicker is
 * not lost.  The path hears of the channel only when it is open.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "env/env.h"
#include "fsm/agent-wire.h"
#include "net/notes.h"
#include "relay/channel-impl.h"
#include "relay/pool-impl.h"
#include "wire/keys.h"

#include "fsm/relay-channel.inc"

/* ---- the way ------------------------------------------------------------------- */

static struct relay_channel *
relay_channel_of(struct way *w)
{
	return (struct relay_channel *)(void *)((char *)w - offsetof(struct relay_channel, way));
}

static void
relay_channel_send_one(struct relay_channel *ch, const uint8_t *data, size_t len)
{
	if (!ch->joined || ch->link == NULL || relay_link_send(ch->link, ch->id, data, len) != 0) {
		ch->dropped++;
		return;
	}
	ch->tx_packets++;
	ch->tx_bytes += len;
}

static void
relay_channel_way_send(struct way *w, struct env_pkt *pkts, size_t n)
{
	struct relay_channel *ch = relay_channel_of(w);

	for (size_t i = 0; i < n; i++) {
		size_t step = pkts[i].segment != 0 ? pkts[i].segment : pkts[i].len;

		for (size_t at = 0; at < pkts[i].len; at += step)
			relay_channel_send_one(ch, pkts[i].data + at, pkts[i].len - at < step ? pkts[i].len - at : step);
	}
}

static const char *
relay_channel_way_name(const struct way *w)
{
	const struct relay_channel *ch = (const struct relay_channel *)(const void *)((const char *)w - offsetof(struct relay_channel, way));

	return ch->name;
}

static const struct way_ops relay_way_ops = { relay_channel_way_send, relay_channel_way_name };

void
relay_channel_input(struct relay_channel *ch, struct env_pkt *p, size_t n)
{
	ch->rx_packets += n;
	for (size_t i = 0; i < n; i++)
		ch->rx_bytes += p[i].len;
	if (ch->hooks.input != NULL)
		ch->hooks.input(ch->arg, &ch->way, p, n);
}

void
relay_channel_told(struct relay_channel *ch, bool online)
{
	relay_channel_post_gen(ch, online ? RELAY_CHANNEL_EV_ONLINE : RELAY_CHANNEL_EV_OFFLINE,
	    fsm_gen(&ch->fsm, RELAY_CHANNEL_RES_ENTRY), NULL);
}

bool
relay_channel_wants(const struct relay_channel *ch)
{
	return ch->fsm.state != RELAY_CHANNEL_IDLE && ch->fsm.state != RELAY_CHANNEL_STALE;
}

/* ---- guards ----------------------------------------------------------------------- */

static const struct wire_signal *
relay_channel_offer(const struct relay_channel *ch)
{
	const struct note_signal *n = note_signal_of(&ch->fsm);

	return n != NULL ? &n->m : NULL;
}

/* The link that this offer leads to; NULL when it would have to be made. */
static struct relay_link *
relay_channel_target(const struct relay_channel *ch)
{
	const struct wire_signal *m = relay_channel_offer(ch);
	struct url u;

	if (ch->choose_own)
		return ch->pool->home;
	if (m == NULL || url_parse(&u, m->relay_url) != 0)
		return NULL;
	return relay_pool_find(ch->pool, &u);
}

static bool
relay_channel_if_no_relay(const struct relay_channel *ch)
{
	const struct wire_signal *m = relay_channel_offer(ch);
	struct url u;

	if (m == NULL || m->relay_url[0] == '\0' || !relay_pool_configured(ch->pool))
		return true;
	return url_parse(&u, m->relay_url) != 0 || (strcmp(u.scheme, "rel") != 0 && strcmp(u.scheme, "rels") != 0);
}

static bool
relay_channel_if_link_ready(const struct relay_channel *ch)
{
	const struct relay_link *l = relay_channel_target(ch);

	return l != NULL && relay_link_is_up(l);
}

static bool
relay_channel_if_same_place(const struct relay_channel *ch)
{
	return ch->link != NULL && relay_channel_target(ch) == ch->link;
}

static bool
relay_channel_if_elsewhere(const struct relay_channel *ch)
{
	return relay_channel_target(ch) != ch->link;
}

static bool
relay_channel_if_elsewhere_ready(const struct relay_channel *ch)
{
	return relay_channel_if_elsewhere(ch) && relay_channel_if_link_ready(ch);
}

static bool
relay_channel_if_renewed(const struct relay_channel *ch)
{
	const struct wire_signal *m = relay_channel_offer(ch);

	return m != NULL && m->has_generation && m->generation != ch->generation;
}

static bool
relay_channel_if_at_home(const struct relay_channel *ch)
{
	return ch->link != NULL && ch->link->home;
}

/* ---- actions ------------------------------------------------------------------------ */

static void
relay_channel_do_note_generation(struct relay_channel *ch)
{
	const struct wire_signal *m = relay_channel_offer(ch);

	if (m != NULL && m->has_generation)
		ch->generation = m->generation;
}

static void
relay_channel_do_choose(struct relay_channel *ch)
{
	const struct wire_signal *m = relay_channel_offer(ch);
	struct relay_link *l = ch->pool->home;
	struct url u;

	relay_channel_do_note_generation(ch);
	snprintf(ch->remote_url, sizeof(ch->remote_url), "%s", m->relay_url);
	ch->remote_ip = m->relay_ip;
	if (!ch->choose_own && url_parse(&u, m->relay_url) == 0)
		l = relay_pool_foreign(ch->pool, &u, &m->relay_ip);
	if (l == ch->link)
		return;
	if (ch->link != NULL)
		relay_link_detach(ch->link, ch);
	if (l != NULL)
		relay_link_attach(l, ch);
}

static void
relay_channel_do_join(struct relay_channel *ch)
{
	fsm_open(&ch->fsm, RELAY_CHANNEL_RES_ENTRY);
	snprintf(ch->name, sizeof(ch->name), "relay %s", ch->link != NULL ? relay_link_name(ch->link) : "");
	if (ch->link == NULL || relay_link_join(ch->link, ch) != 0)
		return;
	ch->joined = true;
	relay_link_flush_early(ch->link, ch);
}

static void
relay_channel_do_subscribe(struct relay_channel *ch)
{
	/* also the entry, should there have been no memory for it at first (RW-7) */
	if (ch->link != NULL)
		ch->joined = relay_link_join(ch->link, ch) == 0;
}

static void
relay_channel_close_entry(struct relay_channel *ch)
{
	ch->joined = false;
	if (ch->link != NULL)
		relay_link_leave(ch->link, ch);
}

static void
relay_channel_do_leave(struct relay_channel *ch)
{
	relay_channel_close_entry(ch);
}

static void
relay_channel_do_let_go(struct relay_channel *ch)
{
	relay_channel_close_entry(ch);
	if (ch->link != NULL)
		relay_link_detach(ch->link, ch);
}

/* What relay-up and relay-down carry. */
static void
relay_channel_do_announce(struct relay_channel *ch)
{
	struct note_way *n = note_way_new(&ch->way);

	if (n == NULL)
		return;
	snprintf(n->server, sizeof(n->server), "%s", relay_channel_server(ch));
	fsm_carry(&ch->fsm, &n->data);
}

/* ---- wiring and life ------------------------------------------------------------------ */

struct relay_link *
wire_relay_channel_to_relay_link(struct relay_channel *ch)
{
	return ch->link;
}

struct relay_channel *
relay_channel_new(struct relay_pool *p, const uint8_t peer_key[32], const char *subject,
    const struct relay_channel_hooks *hooks, void *arg)
{
	struct relay_channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->pool = p;
	ch->way.ops = &relay_way_ops;
	wire_relay_id(ch->id, peer_key);
	ch->choose_own = wire_key_cmp_text(p->key, peer_key) > 0;
	if (hooks != NULL)
		ch->hooks = *hooks;
	ch->arg = arg;
	list_init(&ch->on_link);
	list_append(&p->channels, &ch->all);
	snprintf(ch->name, sizeof(ch->name), "relay");
	relay_channel_fsm_init(ch, p->loop, subject);
	return ch;
}

void
relay_channel_free(struct relay_channel *ch)
{
	if (ch == NULL)
		return;
	relay_channel_fsm_fini(ch);
	if (ch->link != NULL)
		relay_link_detach(ch->link, ch);
	list_remove(&ch->all);
	free(ch);
}

struct way *
relay_channel_way(struct relay_channel *ch)
{
	return &ch->way;
}

bool
relay_channel_is_open(const struct relay_channel *ch)
{
	return ch->fsm.state == RELAY_CHANNEL_OPEN || ch->fsm.state == RELAY_CHANNEL_CHECKING;
}

const char *
relay_channel_server(const struct relay_channel *ch)
{
	return ch->link != NULL ? relay_link_name(ch->link) : "";
}
