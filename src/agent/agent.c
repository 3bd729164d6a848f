/* SPDX-License-Identifier: ISC */
/*
 * agent.c -- the switchboard: profile, control streams, verbs.  It joins
 * concerns and decides nothing that a table could.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "agent/impl.h"
#include "agent/settings.h"
#include "base/log.h"
#include "base/url.h"
#include "env/env.h"
#include "net/grpc.h"

#define TOKEN "agent"

/* ---- what the machines tell us ------------------------------------------------------ */

static void
on_session_start(void *arg, const Management__LoginResponse *m, bool running)
{
	struct agent *a = arg;

	if (running) {
		netmap_address(a->engine, m->peer_config);
		return;
	}
	log_info(TOKEN, "logged in at %s", a->mgmt_conf.url);
	log_warnx(TOKEN, "firewall rules of the map are not enforced by this version: every peer of the map may connect to this host");
	log_info(TOKEN, "DNS and routes of the map are not applied by this version");
	a->engine = engine_new(a, m, a->fault, sizeof(a->fault));
	if (a->engine == NULL) {
		log_error(TOKEN, "cannot start: %s", a->fault);
		session_post(a->session, SESSION_EV_NO_ENGINE, NULL);
		return;
	}
	a->fault[0] = '\0';
}

static void
on_session_stop(void *arg)
{
	struct agent *a = arg;

	engine_free(a->engine);
	a->engine = NULL;
}

/* Who waits for `up` or `login` is answered as soon as it is clear what became of it. */
static void
on_changed(void *arg)
{
	struct agent *a = arg;

	if (a->ctl != NULL)
		ctlsrv_changed(a->ctl);
}

static void
on_left(void *arg, const char *why)
{
	struct agent *a = arg;

	if (why != NULL)
		log_warnx(TOKEN, "deregistering: %s", why);
	else
		log_info(TOKEN, "deregistered at %s", a->mgmt_conf.url);
	if (a->ctl != NULL)
		ctlsrv_done(a->ctl, CTLSRV_LOGOUT, why != NULL ? GRPC_UNAVAILABLE : GRPC_OK, why);
}

static void
on_sync(void *arg, const Management__SyncResponse *m)
{
	struct agent *a = arg;
	int64_t began = env_turn_us(a->env);

	if (a->engine != NULL && a->sync->fresh && wire_mgmt_map(m) != NULL) {
		/* Serials count within a stream: a server that lost some (a backup was
		 * put back) must not be held for outdated until it has caught up. */
		a->engine->serial = 0;
		a->sync->fresh = false;
	}
	if (a->engine != NULL)
		netmap_apply(a->engine, m);
	metrics_sync(a->metrics, METRICS_SYNC, env_turn_us(a->env) - began);
	on_changed(a);
}

static void
on_signal_message(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct agent *a = arg;

	if (a->engine != NULL)
		engine_signal(a->engine, from, msg);
}

/* After each step of the session: the verbs that waited for its state. */
static void
on_step(void *arg, const struct fsm_trace *t)
{
	struct agent *a = arg;

	if (a->ctl == NULL || t->machine != &a->session->fsm || t->from == t->to)
		return;
	switch ((enum session_state)t->to) {
	case SESSION_RUNNING:
		if (a->engine == NULL)
			break;	/* it could not be made: the step to backoff tells why */
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_OK, NULL);
		ctlsrv_done(a->ctl, CTLSRV_UP, GRPC_OK, NULL);
		break;
	case SESSION_NEEDS_LOGIN:
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, a->session->code, session_why(a->session));
		ctlsrv_done(a->ctl, CTLSRV_UP, a->session->code, session_why(a->session));
		break;
	case SESSION_IDLE:
		if (t->event == SESSION_EV_LOGIN_OK) {
			ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_OK, NULL);
			break;
		}
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_FAILED_PRECONDITION, agent_why(a));
		ctlsrv_done(a->ctl, CTLSRV_UP, GRPC_FAILED_PRECONDITION, agent_why(a));
		ctlsrv_done(a->ctl, CTLSRV_DOWN, GRPC_OK, NULL);
		break;
	case SESSION_BACKOFF:
		if (t->event != SESSION_EV_NO_ENGINE)
			break;
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_FAILED_PRECONDITION, agent_why(a));
		ctlsrv_done(a->ctl, CTLSRV_UP, GRPC_FAILED_PRECONDITION, agent_why(a));
		break;
	case SESSION_DIALING:
	case SESSION_KEYING:
	case SESSION_LOGGING_IN:
	case SESSION_LEAVE_DIALING:
	case SESSION_LEAVE_KEYING:
	case SESSION_LEAVING:
		break;
	}
	ctlsrv_changed(a->ctl);
}

/* ---- verbs ----------------------------------------------------------------------------- */

/* The profile's members that management is told, or is found by. */
static int
take_profile(struct agent *a, char *why, size_t whylen)
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
	if (take_profile(a, why, whylen) != 0)
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
	if (take_profile(a, why, sizeof(why)) != 0)
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

/* ---- the control socket's hooks ---------------------------------------------------------- */

static void
ctl_login(void *arg, const struct ctlsrv_login *l)
{
	struct agent *a = arg;
	struct agent_login login = { .setup_key = l->setup_key };
	char why[256];

	if (l->hostname[0] != '\0')
		login.hostname = l->hostname;
	if (settings_apply(a->profile, l->patch, why, sizeof(why)) != 0 ||
	    agent_set_login(a, &login, why, sizeof(why)) != 0) {
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_INVALID_ARGUMENT, why);
		return;
	}
	if (a->session->fsm.state == SESSION_RUNNING) {
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_OK, NULL);
		return;
	}
	if (a->profile->management_url == NULL)
		ctlsrv_done(a->ctl, CTLSRV_LOGIN, GRPC_FAILED_PRECONDITION, "no management URL is known: give --management-url URL");
	else
		session_post(a->session, SESSION_EV_LOGIN, NULL);
}

static void
ctl_up(void *arg)
{
	struct agent *a = arg;

	if (agent_up(a) != 0)
		ctlsrv_done(a->ctl, CTLSRV_UP, GRPC_FAILED_PRECONDITION, agent_why(a));
	else if (a->session->fsm.state == SESSION_RUNNING)
		ctlsrv_done(a->ctl, CTLSRV_UP, GRPC_OK, NULL);
}

static void
ctl_down(void *arg)
{
	struct agent *a = arg;

	agent_down(a);
	if (a->session->fsm.state == SESSION_IDLE)
		ctlsrv_done(a->ctl, CTLSRV_DOWN, GRPC_OK, NULL);
}

static void
ctl_logout(void *arg)
{
	struct agent *a = arg;

	if (a->profile->management_url == NULL)
		ctlsrv_done(a->ctl, CTLSRV_LOGOUT, GRPC_FAILED_PRECONDITION, "this host was never logged in");
	else
		agent_logout(a);
}

static void
ctl_status(void *arg, struct agent_status *out)
{
	status_fill(arg, out);
}

static int
ctl_why(void *arg, const char *peer, struct agent_why *out)
{
	return why_fill(arg, peer, out);
}

static const struct config *
ctl_config(void *arg)
{
	return ((struct agent *)arg)->profile;
}

static int
ctl_set_config(void *arg, const json_t *patch, char *why, size_t whylen)
{
	struct agent *a = arg;
	int rc = settings_apply(a->profile, patch, why, whylen);

	if (rc == 0)
		rc = take_profile(a, why, whylen);
	return rc != 0 ? rc : config_save(a->profile);
}

/* ---- life --------------------------------------------------------------------------------- */

static int
make_machines(struct agent *a)
{
	static const struct session_hooks session_hooks = { on_session_start, on_session_stop, on_changed, on_left };
	static const struct mgmt_stream_hooks sync_hooks = { on_sync, on_changed };
	static const struct signal_hooks signal_hooks = { on_signal_message, on_changed };

	if ((a->loop = wiring_new(a)) == NULL)
		return -ENOMEM;
	fsm_tape(a->loop, &a->conf.tape);
	if ((a->session = session_new(a->env, a->loop, &a->mgmt_conf, &session_hooks, a)) == NULL ||
	    (a->sync = mgmt_stream_new(a->env, a->loop, &a->mgmt_conf, &sync_hooks, a)) == NULL ||
	    (a->job = job_stream_new(a->env, a->loop, &a->mgmt_conf)) == NULL ||
	    (a->signal = signal_stream_new(a->env, a->loop, &a->signal_conf, &signal_hooks, a)) == NULL ||
	    (a->netwatch = netwatch_new(a->env, a->loop)) == NULL)
		return -ENOMEM;
	fsm_loop_on_step(a->loop, on_step, a);
	return 0;
}

static int
open_socket(struct agent *a, char *why, size_t whylen)
{
	struct ctlsrv_hooks hooks = {
		ctl_login, ctl_up, ctl_down, ctl_logout, ctl_status, ctl_config, ctl_set_config, a, ctl_why
	};
	struct ctlsrv_options opt = { .path = a->conf.socket, .config_path = a->profile->path, .loop = a->loop };
	int err = 0;

	if (a->conf.socket == NULL)
		return 0;
	a->ctl = ctlsrv_new(a->env, &opt, &hooks, &err);
	if (a->ctl == NULL)
		snprintf(why, whylen, "%s: %s", a->conf.socket,
		    err == -EADDRINUSE ? "another daemon answers there" : strerror(-err));
	return err;
}

static int
open_metrics(struct agent *a, char *why, size_t whylen)
{
	struct metrics_hooks hooks = { ctl_status, a };
	struct addr at;
	int err = 0;

	if (a->conf.metrics == NULL)
		return 0;
	if (addr_parse_port(&at, a->conf.metrics) != 0) {
		snprintf(why, whylen, "metrics address %s is not ADDRESS:PORT", a->conf.metrics);
		return -EINVAL;
	}
	a->metrics = metrics_new(a->env, a->loop, &at, &hooks, &err);
	if (a->metrics == NULL)
		snprintf(why, whylen, "metrics address %s: %s", a->conf.metrics, strerror(-err));
	return err;
}

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
	if (take_profile(a, why, whylen) != 0 || make_machines(a) != 0 || open_socket(a, why, whylen) != 0 ||
	    open_metrics(a, why, whylen) != 0)
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
	if (a->loop != NULL)
		fsm_loop_off_step(a->loop, on_step, a);
	metrics_free(a->metrics);
	ctlsrv_free(a->ctl);
	a->ctl = NULL;
	engine_free(a->engine);
	a->engine = NULL;
	netwatch_free(a->netwatch);
	signal_stream_free(a->signal);
	job_stream_free(a->job);
	mgmt_stream_free(a->sync);
	session_free(a->session);
	fsm_loop_free(a->loop);
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
