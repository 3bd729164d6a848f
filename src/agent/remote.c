/* SPDX-License-Identifier: ISC */
/*
 * remote.c -- one peer of the map: makes its machines and lends them hands.
 *
 * The hooks below are where a concern reaches another without knowing it: the
 * path machine sets WireGuard's endpoint, the handshake speaks through signal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/impl.h"
#include "base/log.h"
#include "base/map.h"
#include "env/env.h"

#define UNUSED_AFTER	(5 * MONO_MIN)
#define KEEPALIVE_S	25	/* NetBird's; what our own kind does instead: fsm/ice-session.fsm, sign */

static struct agent *
agent_of(const struct remote *r)
{
	return r->engine->agent;
}

static int
on_send(void *arg, struct peer *peer, const struct wire_signal *msg)
{
	struct remote *r = arg;
	struct signal_stream *signal = agent_of(r)->signal;

	if (!signal_stream_is_up(signal))
		return -ENOTCONN;
	return signal_stream_send(signal, r->key, msg);
}

static void
on_offering(void *arg, struct peer *peer)
{
	struct remote *r = arg;

	if (signal_stream_is_up(agent_of(r)->signal))
		ice_session_offering(r->ice);
}

static const char *
on_our_relay(void *arg, const struct peer *peer)
{
	return relay_pool_home_url(((struct remote *)arg)->engine->pool);
}

static void
on_describe(void *arg, struct peer *peer, struct wire_signal *out)
{
	struct remote *r = arg;
	struct agent *a = agent_of(r);
	const char *home;

	out->wg_port = wg_device_port(r->engine->device);
	strcpy(out->version, AGENT_NETBIRD_VERSION);
	out->has_generation = true;
	out->generation = a->netwatch->changes + a->rebinds + 1;
	if ((home = on_our_relay(r, peer)) != NULL) {
		snprintf(out->relay_url, sizeof(out->relay_url), "%s", home);
		out->relay_ip = relay_pool_home_ip(r->engine->pool);
	}
	ice_session_describe(r->ice, out);
}

static void
on_endpoint(void *arg, struct peer *peer, const struct peer_endpoint *ep)
{
	struct remote *r = arg;
	struct wg_endpoint to = { .kind = WG_ENDPOINT_NONE };

	switch (ep->kind) {
	case PATH_TO_NONE:
		break;
	case PATH_TO_ICE:
		to.kind = WG_ENDPOINT_UDP;
		to.addr = ep->addr;
		to.roam = true;
		break;
	case PATH_TO_RELAY:
		to.kind = WG_ENDPOINT_WAY;
		to.way = ep->way;
		break;
	}
	/* A session that nobody uses may end: 0.36 MB a day for keepalives and the handshakes
	 * that they ask for, over a relay four times that.  The next packet opens another. */
	wg_peer_set_keepalive(r->wg, r->peer->handshake.generation != 0 ? 0 : KEEPALIVE_S);
	wg_peer_set_endpoint(r->wg, &to);
	r->changed_wall = env_wall(agent_of(r)->env);
}

static void
on_shake_hands(void *arg, struct peer *peer)
{
	struct remote *r = arg;

	wg_peer_handshake(r->wg, true);
}

static bool
on_ice_busy(void *arg, const struct peer *peer)
{
	const struct remote *r = arg;

	return ice_session_busy(r->ice);
}

/* Longer than the guard's longest wait, so that no use falls between two looks. */
static bool
on_unused(void *arg, const struct peer *peer)
{
	const struct remote *r = arg;
	struct wg_peer_stats s;

	wg_peer_get_stats(r->wg, &s);
	return !mono_is_set(s.last_data_sent) || mono_diff(env_now(agent_of(r)->env), s.last_data_sent) > UNUSED_AFTER;
}

static bool
on_we_do_ice(void *arg, const struct peer *peer)
{
	const struct remote *r = arg;

	return !agent_of(r)->conf.force_relay;
}

static bool
on_we_do_relay(void *arg, const struct peer *peer)
{
	const struct remote *r = arg;

	return relay_pool_configured(r->engine->pool);
}

static void
on_relay_input(void *arg, struct way *way, struct env_pkt *pkts, size_t n)
{
	struct remote *r = arg;

	wg_device_input(r->engine->device, way, pkts, n);
}

static const struct relay_channel_hooks channel_hooks = { on_relay_input };

static const struct peer_hooks hooks = {
	.send = on_send, .offering = on_offering, .describe = on_describe, .our_relay = on_our_relay, .endpoint = on_endpoint,
	.shake_hands = on_shake_hands, .ice_busy = on_ice_busy, .unused = on_unused,
	.we_do_ice = on_we_do_ice, .we_do_relay = on_we_do_relay,
};

static int
make_peer(struct remote *r)
{
	struct agent *a = agent_of(r);
	char self[WIRE_KEY_TEXTLEN];
	struct peer_config conf = {
		.env = a->env, .loop = a->loop, .key = r->key_text, .self_key = self,
		.hooks = &hooks, .arg = r,
	};

	wire_key_text(self, a->mgmt_conf.public_key);
	r->peer = peer_new(&conf);
	return r->peer == NULL ? -ENOMEM : 0;
}

struct remote *
remote_new(struct engine *e, const uint8_t key[WIRE_KEY_LEN])
{
	struct agent *a = e->agent;
	struct remote *r = calloc(1, sizeof(*r));
	bool controller = wire_key_cmp_text(a->mgmt_conf.public_key, key) > 0;

	if (r == NULL)
		return NULL;
	r->engine = e;
	memcpy(r->key, key, WIRE_KEY_LEN);
	wire_key_text(r->key_text, key);
	list_init(&r->all);
	/* The peer comes last: it begins to ask at once, and its machines must hear it. */
	if ((r->wg = wg_device_peer_add(e->device, key)) == NULL ||
	    (r->ice = ice_session_new(e->ice, r->key_text, controller, r)) == NULL ||
	    (r->watch = wg_watch_new(a->loop, r->wg, r->key_text, r)) == NULL ||
	    (r->channel = relay_channel_new(e->pool, key, r->key_text, &channel_hooks, r)) == NULL ||
	    make_peer(r) != 0 || map_put(e->by_key, key, WIRE_KEY_LEN, r) != 0) {
		remote_free(r);
		return NULL;
	}
	ice_session_enable(r->ice, !a->conf.force_relay);
	wg_peer_set_arg(r->wg, r);
	if (a->profile->has_psk)
		wg_peer_set_psk(r->wg, a->profile->psk);
	wg_peer_set_keepalive(r->wg, KEEPALIVE_S);
	r->changed_wall = env_wall(a->env);
	list_append(&e->remotes, &r->all);
	return r;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	list_remove(&r->all);
	map_del(r->engine->by_key, r->key, WIRE_KEY_LEN);
	if (agent_of(r)->signal != NULL)
		signal_stream_forget(agent_of(r)->signal, r->key);
	/* WireGuard forgets the endpoint before the way under it goes */
	peer_free(r->peer);
	wg_watch_free(r->watch);
	ice_session_free(r->ice);
	if (r->wg != NULL)
		wg_device_peer_remove(r->engine->device, r->wg);
	relay_channel_free(r->channel);
	free(r->fqdn);
	free(r->version);
	free(r);
}
