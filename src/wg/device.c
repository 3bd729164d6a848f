/* SPDX-License-Identifier: ISC */
/*
 * device.c -- WireGuard in this process: the device, its peers, the calls of
 * device.h.
 *
 * Start here: packets come in by wg_receive_udp or wg_device_input (receive.c)
 * and from the TUN by wg_send_tun (send.c); handshakes are in handshake.c, what
 * waits is in peer.c and its two tables.  noise, cookie, keypair, replay,
 * allowedips and gso know nothing of devices and do no I/O.
 */
#include "wg/impl.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"

#define TOKEN		"wg"
#define DEFAULT_MTU	1280

/* ---- receiver indices ---------------------------------------------------------- */

struct wg_slot *
wg_slot_new(struct wg_device *d, struct wg_peer *p)
{
	struct wg_slot *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->peer = p;
	do
		env_random(d->env, &s->index, sizeof s->index);
	while (s->index == 0 || wg_slot_find(d, s->index) != NULL);
	if (map_put(d->by_index, &s->index, sizeof s->index, s) != 0) {
		free(s);
		s = NULL;
	}
	return s;
}

void
wg_slot_free(struct wg_device *d, struct wg_slot *s)
{
	if (s == NULL)
		return;
	map_del(d->by_index, &s->index, sizeof s->index);
	free(s);
}

struct wg_slot *
wg_slot_find(struct wg_device *d, uint32_t index)
{
	return map_get(d->by_index, &index, sizeof index);
}

/* ---- the device ----------------------------------------------------------------- */

static int64_t
or_default(int64_t v, int64_t otherwise)
{
	return v != 0 ? v : otherwise;
}

static void
set_times(struct wg_times *t)
{
	t->rekey_after = or_default(t->rekey_after, 120 * MONO_SEC);
	t->reject_after = or_default(t->reject_after, 180 * MONO_SEC);
	t->rekey_attempt = or_default(t->rekey_attempt, 90 * MONO_SEC);
	t->rekey_timeout = or_default(t->rekey_timeout, 5 * MONO_SEC);
	t->keepalive = or_default(t->keepalive, 10 * MONO_SEC);
	if (t->rekey_after_messages == 0)
		t->rekey_after_messages = UINT64_C(1) << 60;
}

/* Both families on one port; the wanted one, else any. */
static int
open_sockets(struct wg_device *d, uint16_t port)
{
	struct addr any4 = { .family = ADDR_V4 }, any6 = { .family = ADDR_V6 };
	int err = 0, err6 = 0;

	for (int tries = 0; tries < 8; tries++) {
		any4.port = tries == 0 ? port : 0;
		if ((d->udp4 = env_dgram_open(d->env, &any4, wg_receive_udp, d, &err)) == NULL && err == -EADDRINUSE)
			continue;
		any6.port = d->udp4 != NULL ? env_dgram_local(d->udp4).port : any4.port;
		if ((d->udp6 = env_dgram_open(d->env, &any6, wg_receive_udp, d, &err6)) != NULL || err6 != -EADDRINUSE)
			break;
		if (d->udp4 != NULL && tries == 7)
			break;
		env_dgram_close(d->udp4);
		d->udp4 = NULL;
	}
	if (d->udp4 == NULL && d->udp6 == NULL)
		return err != 0 ? err : err6;
	if (port != 0 && wg_device_port(d) != port)
		log_info(TOKEN, "UDP port %u is taken, using %u", port, wg_device_port(d));
	return 0;
}

static int
start(struct wg_device *d, const struct wg_config *c)
{
	uint8_t key[16];
	int err = 0;

	if ((d->by_key = map_new()) == NULL || (d->by_index = map_new()) == NULL || (d->tx = wg_tx_new()) == NULL ||
	    (d->rx = wg_rx_new()) == NULL || (d->self = sodium_malloc(sizeof *d->self)) == NULL ||
	    (d->giver = sodium_malloc(sizeof *d->giver)) == NULL)
		return -ENOMEM;
	noise_self_init(d->self, c->private_key);
	cookie_giver_init(d->giver, d->self->public);
	env_random(d->env, key, sizeof key);
	rate_init(&d->rate, key);
	if (c->tai64n != NULL) {
		memcpy(d->stamp, c->tai64n, sizeof d->stamp);
		memcpy(d->stamp_stored, c->tai64n, sizeof d->stamp_stored);
	}
	if ((err = open_sockets(d, c->port)) != 0)
		return err;
	if ((d->tun = env_tun_open(d->env, c->name, d->mtu, wg_send_tun, d, &err)) == NULL)
		return err;
	wg_rx_join(d->rx, env_tun_takes_runs(d->tun));
	return 0;
}

struct wg_device *
wg_device_new(const struct wg_config *c, int *err)
{
	struct wg_device *d;

	*err = -ENOMEM;
	if (sodium_init() < 0 || (d = calloc(1, sizeof *d)) == NULL)
		return NULL;
	d->env = c->env;
	d->loop = c->loop;
	d->times = c->times;
	set_times(&d->times);
	d->hooks = c->hooks;
	d->arg = c->arg;
	d->mtu = c->mtu != 0 ? c->mtu : DEFAULT_MTU;
	list_init(&d->peers);
	env_on_turn_end(d->env, wg_receive_turn_end, d);
	if ((*err = start(d, c)) != 0) {
		wg_device_free(d);
		return NULL;
	}
	return d;
}

void
wg_device_free(struct wg_device *d)
{
	if (d == NULL)
		return;
	env_off_turn_end(d->env, wg_receive_turn_end, d);
	while (!list_empty(&d->peers))
		wg_device_peer_remove(d, LIST_OF(d->peers.next, struct wg_peer, all));
	if (d->tun != NULL)
		env_tun_close(d->tun);
	if (d->udp4 != NULL)
		env_dgram_close(d->udp4);
	if (d->former4 != NULL)
		env_dgram_close(d->former4);
	if (d->udp6 != NULL)
		env_dgram_close(d->udp6);
	allowedips_free(&d->allowed);
	wg_tx_free(d->tx);
	wg_rx_free(d->rx);
	map_free(d->by_key);
	map_free(d->by_index);
	sodium_free(d->self);	/* wipes */
	sodium_free(d->giver);
	sodium_memzero(d, sizeof *d);
	free(d);
}

const char *
wg_device_ifname(const struct wg_device *d)
{
	return env_tun_name(d->tun);
}

uint16_t
wg_device_port(const struct wg_device *d)
{
	return env_dgram_local(d->udp4 != NULL ? d->udp4 : d->udp6).port;
}

struct addr
wg_device_local(const struct wg_device *d, int family)
{
	struct env_dgram *s = family == ADDR_V6 ? d->udp6 : d->udp4;

	return s != NULL ? env_dgram_local(s) : (struct addr){ .family = ADDR_NONE };
}

#define BOTH_FOR	MONO_SEC	/* ICE decides in half of that whether a pair lives on */

static bool
has_port(const struct env_dgram *s, uint16_t port)
{
	return s != NULL && port != 0 && env_dgram_local(s).port == port;
}

/* Routers in front of peers do not know the new port yet, and what is under way to the
 * former one should come in: both are sent from for a second, and heard until the next move. */
int
wg_device_rebind(struct wg_device *d, uint16_t port)
{
	struct addr any4 = { .family = ADDR_V4, .port = port };
	struct env_dgram *s = has_port(d->former4, port) ? d->former4 : NULL;
	int err = 0;

	if (has_port(d->udp4, port))
		return 0;
	if (s == NULL)
		s = env_dgram_open(d->env, &any4, wg_receive_udp, d, &err);
	if (s == NULL && err == -EADDRINUSE) {
		any4.port = 0;
		s = env_dgram_open(d->env, &any4, wg_receive_udp, d, &err);
	}
	if (s == NULL)
		return err;
	if (d->former4 != NULL && d->former4 != s)
		env_dgram_close(d->former4);
	d->former4 = d->udp4;
	d->both_until = mono_add(env_now(d->env), BOTH_FOR);
	d->udp4 = s;
	return 0;
}

const uint8_t *
wg_device_public_key(const struct wg_device *d)
{
	return d->self->public;
}

void
wg_device_set_tap(struct wg_device *d, wg_tap_fn tap, void *arg)
{
	d->tap = tap;
	d->tap_arg = arg;
}

/* ---- peers ------------------------------------------------------------------------ */

static void
peer_free(struct wg_peer *p)
{
	sodium_free(p->noise);	/* wipes */
	sodium_memzero(p, sizeof *p);
	free(p);
}

struct wg_peer *
wg_device_peer_add(struct wg_device *d, const uint8_t key[WG_KEY_LEN])
{
	struct wg_peer *p = wg_device_peer(d, key);
	char text[sodium_base64_ENCODED_LEN(WG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL)];

	if (p != NULL)
		return p;
	if (memcmp(key, d->self->public, WG_KEY_LEN) == 0 || (p = calloc(1, sizeof *p)) == NULL)
		return NULL;
	p->dev = d;
	list_init(&p->all);
	list_init(&p->kept);
	memcpy(p->key, key, WG_KEY_LEN);
	sodium_bin2base64(text, sizeof text, key, WG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	memcpy(p->name, text, 8);
	if ((p->noise = sodium_malloc(sizeof *p->noise)) == NULL || map_put(d->by_key, p->key, WG_KEY_LEN, p) != 0) {
		peer_free(p);
		return NULL;
	}
	noise_peer_init(p->noise, key);
	cookie_taker_init(&p->taker, key);
	list_append(&d->peers, &p->all);
	wg_peer_machines_init(p);
	return p;
}

struct wg_peer *
wg_device_peer(struct wg_device *d, const uint8_t key[WG_KEY_LEN])
{
	return map_get(d->by_key, key, WG_KEY_LEN);
}

void
wg_device_peer_remove(struct wg_device *d, struct wg_peer *p)
{
	if (p == NULL)
		return;
	wg_receive_flush(d);
	wg_peer_machines_fini(p);
	wg_send_drop_kept(p);
	wg_peer_wipe_keys(p);
	allowedips_del_owner(&d->allowed, p);
	map_del(d->by_key, p->key, WG_KEY_LEN);
	list_remove(&p->all);
	peer_free(p);
}

void
wg_device_each_peer(struct wg_device *d, void (*fn)(void *arg, struct wg_peer *), void *arg)
{
	LIST_EACH(l, &d->peers)
		fn(arg, LIST_OF(l, struct wg_peer, all));
}

const uint8_t *
wg_peer_key(const struct wg_peer *p)
{
	return p->key;
}

void
wg_peer_set_arg(struct wg_peer *p, void *arg)
{
	p->arg = arg;
}

void *
wg_peer_arg(const struct wg_peer *p)
{
	return p->arg;
}

void
wg_peer_set_psk(struct wg_peer *p, const uint8_t *psk)
{
	if (psk != NULL)
		memcpy(p->noise->psk, psk, sizeof p->noise->psk);
	else
		sodium_memzero(p->noise->psk, sizeof p->noise->psk);
}

void
wg_peer_set_keepalive(struct wg_peer *p, unsigned seconds)
{
	bool on = p->interval == 0 && seconds != 0;

	if (p->interval == seconds)
		return;
	p->interval = seconds;
	wg_keepalive_post(&p->keep, WG_KEEPALIVE_EV_INTERVAL, NULL);
	if (on && p->endpoint.kind != WG_ENDPOINT_NONE)
		wg_send_keepalive(p);
}

int
wg_peer_set_allowed_ips(struct wg_peer *p, const struct addr_prefix *list, size_t n)
{
	int err = 0;

	allowedips_del_owner(&p->dev->allowed, p);
	for (size_t i = 0; i < n && err == 0; i++)
		err = allowedips_add(&p->dev->allowed, &list[i], p);
	return err;
}

int
wg_peer_add_allowed_ip(struct wg_peer *p, const struct addr_prefix *prefix)
{
	return allowedips_add(&p->dev->allowed, prefix, p);
}

void
wg_peer_del_allowed_ip(struct wg_peer *p, const struct addr_prefix *prefix)
{
	allowedips_del(&p->dev->allowed, prefix, p);
}

static bool
same_endpoint(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case WG_ENDPOINT_UDP:
		return addr_equal(&a->addr, &b->addr);
	case WG_ENDPOINT_WAY:
		return a->way == b->way;
	case WG_ENDPOINT_NONE:
		break;
	}
	return true;
}

void
wg_peer_set_endpoint(struct wg_peer *p, const struct wg_endpoint *e)
{
	bool same = same_endpoint(&p->endpoint, e);

	p->endpoint = *e;
	if (same)
		return;
	if (e->kind == WG_ENDPOINT_NONE) {
		wg_peer_post(p, WG_PEER_EV_NO_ENDPOINT, NULL);
		return;
	}
	wg_peer_post(p, WG_PEER_EV_ENDPOINT, NULL);
	wg_send_kept(p);
}

void
wg_peer_handshake(struct wg_peer *p, bool forget)
{
	if (forget && p->cur != NULL)
		p->cur->spent = true;
	wg_peer_post(p, WG_PEER_EV_INSIST, NULL);
}

void
wg_peer_get_stats(const struct wg_peer *p, struct wg_peer_stats *out)
{
	*out = p->stats;
	out->endpoint = p->endpoint;
	out->kept = p->nkept;
	out->keepalive = p->interval;
	out->unanswered_since = p->unanswered_since;
}
