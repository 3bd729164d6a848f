/* SPDX-License-Identifier: ISC */
/*
 * pool.c -- which relay servers there are, and the agent's identity at them.
 *
 * Nothing here waits: links and channels do.  A link is the same server whatever
 * its URL's spelling, because two connections with one peer id at one server
 * would evict each other for ever (pitfalls 99).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "env/env.h"
#include "relay/channel-impl.h"
#include "relay/pool-impl.h"

static void
relay_pool_options(struct relay_pool *p, const struct relay_options *opt)
{
	if (opt != NULL)
		p->opt = *opt;
	if (p->opt.mtu < 1280)
		p->opt.mtu = 1280;
	if (p->opt.mtu > 65535)
		p->opt.mtu = 65535;
	if (p->opt.cleanup_us <= 0)
		p->opt.cleanup_us = 60 * MONO_SEC;
	if (p->opt.unused_us <= 0)
		p->opt.unused_us = 5 * MONO_SEC;
}

size_t
relay_pool_longest(const struct relay_pool *p)
{
	size_t most = WIRE_RELAY_MAX - WIRE_RELAY_HEADER, n = (size_t)p->opt.mtu + 32 + 15;

	return n < most ? n : most;
}

struct relay_pool *
relay_pool_new(struct env *env, struct fsm_loop *loop, const uint8_t public_key[32], const struct relay_options *opt,
    const struct relay_pool_hooks *hooks, void *arg)
{
	struct relay_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->env = env;
	p->loop = loop;
	memcpy(p->key, public_key, 32);
	wire_relay_id(p->id, public_key);
	relay_pool_options(p, opt);
	if (hooks != NULL)
		p->hooks = *hooks;
	p->arg = arg;
	list_init(&p->links);
	list_init(&p->channels);
	if (p->opt.ca_file != NULL) {
		p->ca_file = strdup(p->opt.ca_file);
		p->opt.ca_file = p->ca_file;
	}
	p->home = relay_link_new(p, "home", true);
	if (p->home == NULL) {
		relay_pool_free(p);
		return NULL;
	}
	return p;
}

void
relay_pool_free(struct relay_pool *p)
{
	if (p == NULL)
		return;
	p->hooks.home_changed = NULL;
	while (!list_empty(&p->links))
		relay_link_free(LIST_OF(p->links.next, struct relay_link, all));
	buf_wipe(&p->token);
	free(p->ca_file);
	free(p);
}

/* ---- the home link ------------------------------------------------------------- */

static bool
relay_url_usable(const struct url *u)
{
	return strcmp(u->scheme, "rel") == 0 || strcmp(u->scheme, "rels") == 0;
}

int
relay_pool_set_home(struct relay_pool *p, const char *const *urls, size_t n)
{
	struct relay_link *l = p->home;
	bool dialling = l->fsm.state == RELAY_LINK_DIALING || l->fsm.state == RELAY_LINK_HANDSHAKING;
	struct url used = l->url[dialling ? l->dialled : l->at], fresh[RELAY_LINK_URLS];
	size_t m = 0, keep = RELAY_LINK_URLS;

	for (size_t i = 0; i < n && m < RELAY_LINK_URLS; i++) {
		if (url_parse(&fresh[m], urls[i]) != 0 || !relay_url_usable(&fresh[m])) {
			log_warnx("relay", "management's relay address is no rel:// or rels:// URL: %s", urls[i]);
			continue;
		}
		if (l->nurl > 0 && strcmp(fresh[m].host, used.host) == 0 && fresh[m].port == used.port && fresh[m].tls == used.tls)
			keep = m;
		m++;
	}
	memset(l->url, 0, sizeof(l->url));
	memcpy(l->url, fresh, m * sizeof(fresh[0]));
	l->nurl = m;
	l->at = l->dialled = keep < m ? keep : 0;
	p->configured = m > 0;
	/* who was used, or was being dialled, is not on the list any more */
	if (m == 0 || keep == RELAY_LINK_URLS)
		relay_link_post(l, RELAY_LINK_EV_STOP, NULL);
	if (m > 0)
		relay_link_post(l, RELAY_LINK_EV_START, NULL);
	return n > 0 && m == 0 ? -EINVAL : 0;
}

int
relay_pool_set_token(struct relay_pool *p, const char *payload, const char *signature_b64)
{
	struct buf b = { 0 };
	int err = wire_relay_token_put(&b, payload, signature_b64);

	if (err != 0) {
		buf_wipe(&b);
		return err;
	}
	buf_wipe(&p->token);
	p->token = b;
	return 0;
}

bool
relay_pool_configured(const struct relay_pool *p)
{
	return p->configured;
}

const char *
relay_pool_home_url(const struct relay_pool *p)
{
	return p->configured && relay_link_is_up(p->home) && p->home->instance[0] != '\0' ? p->home->instance : NULL;
}

struct addr
relay_pool_home_ip(const struct relay_pool *p)
{
	struct addr a = { 0 };

	if (relay_pool_home_url(p) == NULL)
		return a;
	a = p->home->remote;
	a.port = 0;
	return a;
}

void
relay_pool_home_moved(struct relay_pool *p)
{
	if (p->hooks.home_changed != NULL)
		p->hooks.home_changed(p->arg);
}

/* ---- foreign links ---------------------------------------------------------------- */

struct relay_link *
relay_pool_find(const struct relay_pool *p, const struct url *u)
{
	LIST_EACH(it, &p->links) {
		struct relay_link *l = LIST_OF(it, struct relay_link, all);

		if (relay_link_serves(l, u))
			return l;
	}
	return NULL;
}

/* Links that sleep and that nobody sits on. */
static void
relay_pool_forget(struct relay_pool *p)
{
	LIST_EACH(it, &p->links) {
		struct relay_link *l = LIST_OF(it, struct relay_link, all);

		if (!l->home && l->fsm.state == RELAY_LINK_IDLE && list_empty(&l->channels))
			relay_link_free(l);
	}
}

struct relay_link *
relay_pool_foreign(struct relay_pool *p, const struct url *u, const struct addr *hint)
{
	struct relay_link *l = relay_pool_find(p, u);
	char name[300];

	if (l == NULL) {
		relay_pool_forget(p);
		l = relay_link_new(p, url_str(u, name, sizeof(name)), false);
		if (l == NULL)
			return NULL;
		l->url[0] = *u;
		l->nurl = 1;
	}
	if (!l->home)
		l->hint = *hint;
	return l;
}

void
relay_pool_each_link(struct relay_pool *p, void (*fn)(struct relay_link *, void *arg), void *arg)
{
	LIST_EACH(it, &p->links)
		fn(LIST_OF(it, struct relay_link, all), arg);
}
