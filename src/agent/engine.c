/* SPDX-License-Identifier: ISC */
/*
 * engine.c -- what exists only while we are logged in: the WireGuard device, the
 * ICE hub on its sockets, the relay pool, and the peers of the map.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/impl.h"
#include "base/log.h"
#include "base/map.h"
#include "base/url.h"
#include "env/env.h"

/* ---- the device's hooks ------------------------------------------------------- */

static void
on_handshake(void *arg, struct wg_peer *p)
{
	struct remote *r = wg_peer_arg(p);

	if (r != NULL)
		wg_watch_post(r->watch, WG_WATCH_EV_SHAKEN, NULL);
}

static void
on_elsewhere(void *arg, struct wg_peer *p)
{
	struct remote *r = wg_peer_arg(p);

	if (r != NULL)
		wg_watch_post(r->watch, WG_WATCH_EV_ELSEWHERE, NULL);
}

static void
on_woken(void *arg, struct wg_peer *p)
{
	struct remote *r = wg_peer_arg(p);

	if (r != NULL)
		wg_watch_post(r->watch, WG_WATCH_EV_WOKEN, NULL);
}

/* Down and up again: two events that nobody can take back, and rows that are there. */
static void
on_gone(void *arg)
{
	struct engine *e = arg;

	log_warnx("agent", "interface %s was deleted by somebody: starting anew", wg_device_ifname(e->device));
	session_post(e->agent->session, SESSION_EV_DOWN, NULL);
	session_post(e->agent->session, SESSION_EV_UP, NULL);
}

static void
on_other(void *arg, const struct env_pkt *pkt)
{
	struct engine *e = arg;

	ice_input(e->ice, pkt);
}

/* On disk before the stamps up to it are used: a restart must not repeat one. */
static void
on_tai64n(void *arg, const uint8_t stamp[WG_TAI64N_LEN])
{
	struct engine *e = arg;
	struct state *s = e->agent->state;

	memcpy(s->stamp, stamp, sizeof(s->stamp));
	s->has_stamp = true;
	state_save(s);
}

/* ---- ICE's hands ----------------------------------------------------------------- */

static void
ice_io_send(void *arg, const struct addr *to, const void *bytes, size_t len)
{
	struct engine *e = arg;
	struct env_pkt pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.data = (uint8_t *)(uintptr_t)bytes;
	pkt.len = (uint32_t)len;
	pkt.peer = *to;
	wg_device_send_raw(e->device, &pkt, 1);
}

static uint16_t
ice_io_port(void *arg, int family)
{
	struct engine *e = arg;

	if (family == ADDR_V6 && e->agent->profile->disable_ipv6_discovery)
		return 0;
	return wg_device_local(e->device, family).port;
}

static uint16_t
ice_io_another_port(void *arg, uint16_t want)
{
	struct engine *e = arg;
	int err = wg_device_rebind(e->device, want);
	uint16_t port = wg_device_local(e->device, ADDR_V4).port;

	if (err != 0)
		log_warnx("agent", "no other UDP port is to be had (%s): %u stays", strerror(-err), port);
	else {
		e->agent->rebinds++;
		log_info("agent", "the router may hold our port for another: WireGuard port %u from now on", port);
	}
	return port;
}

static bool
ice_io_allowed(void *arg, const struct addr *a)
{
	struct engine *e = arg;

	return !addr_in_prefix(a, &e->address) && !addr_in_prefix(a, &e->address6);
}

/* ---- the engine -------------------------------------------------------------------- */

static void
on_home_changed(void *arg)
{
	struct engine *e = arg;

	if (e->agent->ctl != NULL)
		ctlsrv_changed(e->agent->ctl);
}

static int
open_device(struct engine *e, char *why, size_t whylen)
{
	struct agent *a = e->agent;
	struct wg_config conf;
	int err = 0;

	memset(&conf, 0, sizeof(conf));
	conf.env = a->env;
	conf.loop = a->loop;
	conf.name = a->conf.iface != NULL ? a->conf.iface : a->profile->iface;
	conf.mtu = a->profile->mtu;
	conf.port = a->profile->port;
	conf.private_key = a->profile->private_key;
	conf.tai64n = a->state->has_stamp ? a->state->stamp : NULL;
	conf.hooks.handshake = on_handshake;
	conf.hooks.elsewhere = on_elsewhere;
	conf.hooks.woken = on_woken;
	conf.hooks.other = on_other;
	conf.hooks.gone = on_gone;
	conf.hooks.tai64n = on_tai64n;
	conf.arg = e;
	e->device = wg_device_new(&conf, &err);
	if (e->device != NULL)
		return 0;
	if (err == -ENOENT || err == -ENODEV || err == -EPERM || err == -EACCES)
		snprintf(why, whylen, "interface %s: no TUN device to be had (/dev/net/tun): %s", conf.name, strerror(-err));
	else
		snprintf(why, whylen, "interface %s: %s", conf.name, strerror(err != 0 ? -err : ENOMEM));
	return err != 0 ? err : -ENOMEM;
}

static void
link_up_done(void *arg, int err)
{
	if (err != 0)
		log_warnx("agent", "bringing the interface up: %s", strerror(-err));
}

static void
link_up(struct engine *e)
{
	struct env_host_req req = {
		.op = ENV_HOST_LINK_UP, .iface = wg_device_ifname(e->device), .mtu = e->agent->profile->mtu
	};

	env_host_ask(e->agent->env, &req, link_up_done, NULL);
}

/* Where signal is: read at login only, as NetBird does. */
static int
take_signal(struct agent *a, const Management__NetbirdConfig *c, char *why, size_t whylen)
{
	struct url u;

	if (c == NULL || c->signal == NULL || url_parse(&u, wire_pb_str(c->signal->uri)) != 0) {
		snprintf(why, whylen, "management named no signal server");
		return -EINVAL;
	}
	if (config_set_str(&a->signal_conf.host, u.host) != 0)
		return -ENOMEM;
	a->signal_conf.tls = c->signal->protocol == MANAGEMENT__HOST_CONFIG__PROTOCOL__HTTPS;
	a->signal_conf.port = u.port != 0 ? u.port : a->signal_conf.tls ? 443 : 80;
	return 0;
}

struct engine *
engine_new(struct agent *a, const Management__LoginResponse *m, char *why, size_t whylen)
{
	static const struct relay_pool_hooks pool_hooks = { on_home_changed };
	struct relay_options options = { .ca_file = a->conf.ca_file, .mtu = a->profile->mtu };
	struct engine *e = calloc(1, sizeof(*e));
	struct ice_io io = { ice_io_send, ice_io_port, ice_io_another_port, NULL, ice_io_allowed, e };

	snprintf(why, whylen, "out of memory");
	if (e == NULL)
		return NULL;
	/* Who named a port may have opened or forwarded it. */
	if (a->profile->port != 0 && a->profile->port != CONFIG_PORT)
		io.another_port = NULL;
	e->agent = a;
	list_init(&e->remotes);
	list_init(&e->offline);
	if ((e->by_key = map_new()) == NULL ||
	    take_signal(a, m->netbird_config, why, whylen) != 0 ||
	    open_device(e, why, whylen) != 0 ||
	    (e->ice = ice_new(a->env, a->loop, &io)) == NULL ||
	    (e->pool = relay_pool_new(a->env, a->loop, a->mgmt_conf.public_key, &options, &pool_hooks, e)) == NULL) {
		engine_free(e);
		return NULL;
	}
	link_up(e);
	netmap_address(e, m->peer_config);
	netmap_config(e, m->netbird_config);
	log_info("agent", "interface %s, WireGuard port %u", wg_device_ifname(e->device), wg_device_port(e->device));
	if (wg_device_port(e->device) != a->profile->port && a->profile->port != 0)
		log_warnx("agent", "port %u is in use: another one was taken", a->profile->port);
	return e;
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	LIST_EACH(l, &e->remotes)
		remote_free(LIST_OF(l, struct remote, all));
	netmap_clear_offline(e);
	relay_pool_free(e->pool);
	ice_free(e->ice);
	wg_device_free(e->device);
	flow_free(e->flow);
	map_free(e->by_key);
	free(e->fqdn);
	free(e);
}

struct remote *
engine_remote(struct engine *e, const uint8_t key[WIRE_KEY_LEN])
{
	return map_get(e->by_key, key, WIRE_KEY_LEN);
}

void
engine_signal(struct engine *e, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct remote *r = engine_remote(e, from);
	char text[WIRE_KEY_TEXTLEN];

	if (r != NULL)
		peer_signal(r->peer, msg);
	else
		log_debug("signal", "%s from %s, who is not in the map", wire_signal_type_name(msg->type),
		    wire_key_text(text, from));
}
