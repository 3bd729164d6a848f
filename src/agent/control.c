/* SPDX-License-Identifier: ISC */
/*
 * control.c -- who may ask the agent: the hooks of its control socket (ctlsrv.h)
 * and of its metrics.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/impl.h"
#include "agent/settings.h"
#include "env/env.h"
#include "net/grpc.h"

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
		rc = agent_take_profile(a, why, whylen);
	return rc != 0 ? rc : config_save(a->profile);
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

int
control_new(struct agent *a, char *why, size_t whylen)
{
	int err = open_socket(a, why, whylen);

	return err != 0 ? err : open_metrics(a, why, whylen);
}

void
control_free(struct agent *a)
{
	metrics_free(a->metrics);
	ctlsrv_free(a->ctl);
	a->ctl = NULL;
}
