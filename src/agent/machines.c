/* SPDX-License-Identifier: ISC */
/*
 * machines.c -- the agent's own machines (session, control streams, netwatch), and
 * what happens when they tell of something.
 */
#include <errno.h>
#include "agent/impl.h"
#include "base/log.h"
#include "env/env.h"
#include "net/grpc.h"

#define TOKEN "agent"

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

int
machines_new(struct agent *a)
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

void
machines_quiet(struct agent *a)
{
	if (a->loop != NULL)
		fsm_loop_off_step(a->loop, on_step, a);
}

void
machines_free(struct agent *a)
{
	netwatch_free(a->netwatch);
	signal_stream_free(a->signal);
	job_stream_free(a->job);
	mgmt_stream_free(a->sync);
	session_free(a->session);
	fsm_loop_free(a->loop);
}
