/* SPDX-License-Identifier: ISC */
/*
 * agent.c -- the switchboard: profile, verbs, life.  It joins concerns and decides
 * nothing that a table could.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "agent/impl.h"
#include "base/log.h"
#include "base/url.h"
#include "env/env.h"

#define TOKEN "agent"

/* ---- verbs ----------------------------------------------------------------------------- */

int
agent_take_profile(struct agent *a, char *why, size_t whylen)
{
	struct config *c = a->profile;
	struct mgmt_conf *m = &a->mgmt_conf;

	memcpy(m->private_key, c->private_key, sizeof(m->private_key));
	wire_key_public(m->public_key, m->private_key);
	memcpy(a->signal_conf.private_key, m->private_key, sizeof(m->private_key));
	memcpy(a->signal_conf.public_key, m->public_key, sizeof(m->public_key));
	m->url = c->management_url;
	m->hostname = c->hostname;
	m->pinned = c->server_key != NULL;
	if (m->pinned && wire_key_parse(m->pin, c->server_key) != 0) {
		snprintf(why, whylen, "server key \"%s\" is not a base64 key of 32 bytes", c->server_key);
		return -EINVAL;
	}
	m->disable_ipv6 = c->disable_ipv6;
	m->disable_dns = c->disable_dns;
	m->disable_firewall = c->disable_firewall;
	m->block_inbound = c->block_inbound;
	m->disable_client_routes = c->disable_client_routes;
	m->disable_server_routes = c->disable_server_routes;
	m->rosenpass = c->rosenpass;
	return 0;
}

/* `psk` holds the preshared key already, if there is one to be set. */
static int
set_login(struct agent *a, const struct agent_login *l, const uint8_t psk[CONFIG_KEY_LEN], char *why, size_t whylen)
{
	struct config *c = a->profile;
	struct url u;
	char text[320];

	if (l->management_url != NULL) {
		if (url_parse(&u, l->management_url) != 0 ||
		    (strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0)) {
			snprintf(why, whylen, "management URL \"%s\" is not http(s)://host[:port]", l->management_url);
			return -EINVAL;
		}
		url_str(&u, text, sizeof(text));
		if (config_set_str(&c->management_url, text) != 0)
			return -ENOMEM;
	}
	if (l->psk != NULL) {
		c->has_psk = l->psk[0] != '\0';
		memcpy(c->psk, psk, sizeof(c->psk));
	}
	if ((l->server_key != NULL && config_set_str(&c->server_key, l->server_key) != 0) ||
	    (l->hostname != NULL && config_set_str(&c->hostname, l->hostname) != 0))
		return -ENOMEM;
	if (agent_take_profile(a, why, whylen) != 0)
		return -EINVAL;
	if (l->setup_key != NULL)
		session_set_setup_key(a->session, l->setup_key);
	return config_save(c);
}

int
agent_set_login(struct agent *a, const struct agent_login *l, char *why, size_t whylen)
{
	uint8_t psk[CONFIG_KEY_LEN] = { 0 };
	int err;

	/* looked at before anything is changed: others hold what is freed there */
	if (l->psk != NULL && l->psk[0] != '\0' && config_key_parse(psk, l->psk) != 0) {
		snprintf(why, whylen, "the preshared key is not a base64 key of 32 bytes");
		err = -EINVAL;
	} else
		err = set_login(a, l, psk, why, whylen);
	sodium_memzero(psk, sizeof(psk));
	return err;
}

int
agent_up(struct agent *a)
{
	char why[256];

	if (a->profile->management_url == NULL) {
		snprintf(a->fault, sizeof(a->fault), "no management URL is known: godwit up --management-url URL");
		return -EINVAL;
	}
	if (session_is_leaving(a->session)) {
		snprintf(a->fault, sizeof(a->fault), "this host is being deregistered: ask again when that is done");
		return -EBUSY;
	}
	if (agent_take_profile(a, why, sizeof(why)) != 0)
		return -EINVAL;
	a->fault[0] = '\0';
	a->state->up = true;
	state_save(a->state);
	session_post(a->session, SESSION_EV_UP, NULL);
	return 0;
}

void
agent_down(struct agent *a)
{
	a->state->up = false;
	state_save(a->state);
	session_post(a->session, SESSION_EV_DOWN, NULL);
}

void
agent_logout(struct agent *a)
{
	a->state->up = false;
	state_save(a->state);
	session_post(a->session, SESSION_EV_LOGOUT, NULL);
}

enum agent_state
agent_state(const struct agent *a)
{
	switch ((enum session_state)a->session->fsm.state) {
	case SESSION_IDLE:
	case SESSION_LEAVE_DIALING:
	case SESSION_LEAVE_KEYING:
	case SESSION_LEAVING:
		return AGENT_IDLE;
	case SESSION_NEEDS_LOGIN:
		return AGENT_NEEDS_LOGIN;
	case SESSION_RUNNING:
		return AGENT_CONNECTED;
	case SESSION_DIALING:
	case SESSION_KEYING:
	case SESSION_LOGGING_IN:
	case SESSION_BACKOFF:
		break;
	}
	return a->engine != NULL ? AGENT_CONNECTED : AGENT_CONNECTING;
}

const char *
agent_state_name(enum agent_state s)
{
	static const char *const name[] = { "Idle", "Connecting", "Connected", "NeedsLogin" };

	return name[s];
}

const char *
agent_why(const struct agent *a)
{
	return a->fault[0] != '\0' ? a->fault : session_why(a->session);
}

struct fsm_loop *
agent_loop(struct agent *a)
{
	return a->loop;
}

const char *
agent_address(const struct agent *a)
{
	static const char none[] = "";

	return a->engine == NULL || a->engine->address.addr.family == ADDR_NONE ? none : a->engine->address_text;
}

static void
dump_machine(void *arg, struct fsm *f)
{
	log_info("fsm", "%s %s: %s, %llu stale events dropped", f->def->name, f->subject != NULL ? f->subject : "",
	    fsm_state_name(f), (unsigned long long)f->stale);
	for (unsigned i = f->npast > FSM_RING ? f->npast - FSM_RING : 0; i < f->npast; i++) {
		const struct fsm_past *p = &f->past[i % FSM_RING];

		log_info("fsm", "    %s --%s--> %s, row %d: %s", f->def->state_name[p->from], f->def->event_name[p->event],
		    f->def->state_name[p->to], f->def->row[p->row].line, f->def->row[p->row].why);
	}
}

void
agent_dump(struct agent *a)
{
	fsm_each(a->loop, dump_machine, NULL);
}

/* ---- life --------------------------------------------------------------------------------- */

static char *
copy_or_null(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

struct agent *
agent_new(struct env *env, const struct agent_conf *conf, char *why, size_t whylen)
{
	struct agent *a = calloc(1, sizeof(*a));
	int err;

	snprintf(why, whylen, "out of memory");
	if (a == NULL)
		return NULL;
	a->env = env;
	a->conf = *conf;
	a->conf.state_dir = copy_or_null(conf->state_dir);
	a->conf.socket = copy_or_null(conf->socket);
	a->conf.iface = copy_or_null(conf->iface);
	a->conf.metrics = copy_or_null(conf->metrics);
	a->conf.ca_file = a->mgmt_conf.ca_file = a->signal_conf.ca_file = copy_or_null(conf->ca_file);
	a->mgmt_conf.version = AGENT_NETBIRD_VERSION;
	if ((err = env_dir_lock(env, conf->state_dir, 0700)) != 0) {
		snprintf(why, whylen, "state folder %s: %s", conf->state_dir,
		    err == -EWOULDBLOCK ? "another daemon uses it" : strerror(-err));
		goto fail;
	}
	if ((a->profile = config_load(env, conf->state_dir, why, whylen)) == NULL)
		goto fail;
	if ((a->state = state_load(env, conf->state_dir)) == NULL) {
		snprintf(why, whylen, "%s/state.json cannot be read", conf->state_dir);
		goto fail;
	}
	if (agent_take_profile(a, why, whylen) != 0 || machines_new(a) != 0 || control_new(a, why, whylen) != 0)
		goto fail;
	if (a->profile->fresh)
		config_save(a->profile);
	if (a->state->up && !a->profile->disable_auto_connect) {
		log_info(TOKEN, "going up: we were up when we ended");
		agent_up(a);
	}
	return a;
fail:
	agent_free(a);
	return NULL;
}

void
agent_free(struct agent *a)
{
	if (a == NULL)
		return;
	machines_quiet(a);
	control_free(a);
	engine_free(a->engine);
	a->engine = NULL;
	machines_free(a);
	config_free(a->profile);
	state_free(a->state);
	sodium_memzero(&a->mgmt_conf, sizeof(a->mgmt_conf));
	free(a->signal_conf.host);
	free((char *)(uintptr_t)a->conf.state_dir);
	free((char *)(uintptr_t)a->conf.socket);
	free((char *)(uintptr_t)a->conf.iface);
	free((char *)(uintptr_t)a->conf.ca_file);
	free((char *)(uintptr_t)a->conf.metrics);
	free(a);
}
