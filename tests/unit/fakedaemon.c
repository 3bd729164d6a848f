/* SPDX-License-Identifier: ISC */
/*
 * fakedaemon.c -- the real control socket over an agent that only pretends, for
 * tests/unit/cli.sh:  fakedaemon SOCKET DIR
 *
 * The setup key says what happens: "good" joins after 50 ms, "unknown" is refused
 * as management refuses it, "slow" never ends.  Two peers, one direct and one
 * over the relay; one machine, the kettle of tests/gen, boiling.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/config.h"
#include "agent/ctlsrv.h"
#include "agent/metrics.h"
#include "agent/settings.h"
#include "base/log.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "net/grpc.h"
#include "tests/gen/kettle.inc"

struct fake {
	struct env *env;
	struct fsm_loop *loop;
	struct kettle kettle;
	struct config *config;
	struct ctlsrv *ctl;
	struct env_timer *done;
	enum ctlsrv_job job;
	const char *state;
	char hostname[64];
};

/* ---- the kettle: nothing happens but the table ------------------------------------------ */

static bool kettle_if_plugged(const struct kettle *k) { return k->plugged; }
static bool kettle_if_full(const struct kettle *k) { return k->full; }
static void kettle_do_close_lid(struct kettle *k) { }
static void kettle_do_spill(struct kettle *k) { }
static void kettle_do_count_look(struct kettle *k) { k->looks++; }
static void kettle_do_blow_fuse(struct kettle *k) { }
static void kettle_do_mend(struct kettle *k) { }
static void kettle_do_remember_plug(struct kettle *k) { k->plugged = true; }
static void kettle_do_give_note(struct kettle *k) { }
static void kettle_close_coil(struct kettle *k) { }
static void kettle_close_mains(struct kettle *k) { }

static void
kettle_do_heat(struct kettle *k)
{
	fsm_open(&k->fsm, KETTLE_RES_COIL);
}

static void
kettle_do_connect(struct kettle *k)
{
	fsm_open(&k->fsm, KETTLE_RES_MAINS);
}

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	fsm_data_unref(data);
}

/* ---- the hooks ------------------------------------------------------------------------------ */

static void
on_done(void *arg)
{
	struct fake *f = arg;

	f->state = f->job == CTLSRV_UP ? "Connected" : "Idle";
	ctlsrv_done(f->ctl, f->job, GRPC_OK, NULL);
	ctlsrv_changed(f->ctl);
}

static void
later(struct fake *f, enum ctlsrv_job job)
{
	f->job = job;
	env_timer_set(f->done, 50 * MONO_MS);
}

static void
on_login(void *arg, const struct ctlsrv_login *l)
{
	struct fake *f = arg;
	char why[256];

	if (settings_apply(f->config, l->patch, why, sizeof(why)) != 0) {
		ctlsrv_done(f->ctl, CTLSRV_LOGIN, GRPC_INVALID_ARGUMENT, why);
		return;
	}
	snprintf(f->hostname, sizeof(f->hostname), "%s", l->hostname);
	config_save(f->config);
	if (strcmp(l->setup_key, "good") == 0 || l->setup_key[0] == '\0')
		later(f, CTLSRV_LOGIN);
	else if (strcmp(l->setup_key, "slow") == 0)
		f->state = "Connecting";
	else
		ctlsrv_done(f->ctl, CTLSRV_LOGIN, GRPC_NOT_FOUND, "setup key not found");
}

static void
on_up(void *arg)
{
	later(arg, CTLSRV_UP);
}

static void
on_down(void *arg)
{
	struct fake *f = arg;

	f->state = "Idle";
	ctlsrv_done(f->ctl, CTLSRV_DOWN, GRPC_OK, NULL);
}

static void
on_logout(void *arg)
{
	struct fake *f = arg;

	f->state = "NeedsLogin";
	ctlsrv_done(f->ctl, CTLSRV_LOGOUT, GRPC_OK, NULL);
}

static void
set_peers(struct agent_status *s)
{
	struct agent_peer *p = s->peers = calloc(2, sizeof(*p));

	if (p == NULL)
		return;
	s->npeers = 2;
	strcpy(p[0].ip, "100.64.0.9");
	strcpy(p[0].pub_key, "iDGGuAC0HVzwQpaV2ps8xPMo680YSm5IL6V4wQPwbHc=");
	strcpy(p[0].fqdn, "b.example.test");
	p[0].state = AGENT_PEER_CONNECTED;
	p[0].relayed = true;
	strcpy(p[0].relay_url, "rel://relay.example.test:80");
	p[0].state_since = p[0].last_handshake = INT64_C(1700000000000000);
	strcpy(p[1].ip, "100.64.0.7");
	strcpy(p[1].ipv6, "fd00::7");
	strcpy(p[1].pub_key, "ZLEBsdC+WocEvQePmJUAH8A+jp+VIvGI3RKNmEbUhGY=");
	strcpy(p[1].fqdn, "a.example.test");
	p[1].state = AGENT_PEER_CONNECTED;
	strcpy(p[1].local_type, "host");
	strcpy(p[1].remote_type, "srflx");
	strcpy(p[1].local_endpoint, "192.0.2.1:51820");
	strcpy(p[1].remote_endpoint, "198.51.100.7:40000");
	p[1].rx_bytes = 1234;
	p[1].tx_bytes = 5;
	p[1].latency_us = 12300;
}

static void
on_status(void *arg, struct agent_status *s)
{
	struct fake *f = arg;

	s->state = f->state;
	snprintf(s->management.url, sizeof(s->management.url), "%s", f->config->management_url ? f->config->management_url : "");
	s->management.connected = s->signal.connected = strcmp(f->state, "Connected") == 0;
	strcpy(s->signal.url, "http://signal.example.test:80");
	s->wg_port = f->config->port;
	if (!s->management.connected)
		return;
	strcpy(s->ip, "100.64.0.5/16");
	strcpy(s->pub_key, "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=");
	snprintf(s->fqdn, sizeof(s->fqdn), "%s.example.test", f->hostname[0] != '\0' ? f->hostname : "me");
	s->firewall_not_enforced = true;
	s->relays = calloc(1, sizeof(*s->relays));
	if (s->relays != NULL) {
		s->nrelays = 1;
		strcpy(s->relays[0].url, "rel://relay.example.test:80");
		strcpy(s->relays[0].transport, "ws");
		s->relays[0].connected = true;
	}
	set_peers(s);
}

static const struct config *
on_config(void *arg)
{
	return ((struct fake *)arg)->config;
}

static int
on_set_config(void *arg, const json_t *patch, char *why, size_t whylen)
{
	struct fake *f = arg;
	int err = settings_apply(f->config, patch, why, whylen);

	return err != 0 ? err : config_save(f->config);
}

static int
on_why(void *arg, const char *peer, struct agent_why *w)
{
	if (strcmp(peer, "twins") == 0)
		return -EEXIST;
	if (strcmp(peer, "b") != 0)
		return -ENOENT;
	strcpy(w->fqdn, "b.example.test");
	strcpy(w->ip, "100.64.0.9");
	strcpy(w->subject, "on the hob");	/* the kettle's */
	w->path = "relay";
	w->since_us = 300 * MONO_SEC;
	strcpy(w->why, "No direct address answered.");
	strcpy(w->better, "Let UDP through.");
	strcpy(w->ours.mapping, "endpoint-independent");
	strcpy(w->ours.seen[0], "198.51.100.7:51820");
	w->npair = 2;
	for (int i = 0; i < 2; i++) {
		strcpy(w->pair[i].local_type, "host");
		strcpy(w->pair[i].remote_type, i ? "srflx" : "host");
		strcpy(w->pair[i].remote, i ? "203.0.113.5:40000" : "10.0.0.2:51820");
		w->pair[i].state = i ? "good" : "failed";
		w->pair[i].rtt_us = i ? 1500 : 0;
		w->pair[i].checks = 7;
	}
	strcpy(w->relay_url, "rel://relay.example.test:80");
	w->relay_state = "open";
	w->relay_why = "packets flow as far as we know";
	return 0;
}

static void
on_signal(void *arg, int signo)
{
	env_stop(arg);
}

int
main(int argc, char **argv)
{
	struct fake f = { .state = "NeedsLogin" };
	struct ctlsrv_hooks hooks = {
		on_login, on_up, on_down, on_logout, on_status, on_config, on_set_config, &f, on_why
	};
	struct ctlsrv_options opt = { .config_path = "here" };
	char why[256];
	int err;

	struct metrics_hooks metrics_hooks = { on_status, &f };
	struct addr local = addr_v4(0x7f000001, 0);	/* any port: told on stdout */
	struct metrics *metrics;

	if (argc != 3)
		return 2;
	f.env = env_new();
	f.loop = fsm_loop_new(f.env, route, NULL);
	f.done = env_timer_new(f.env, on_done, &f);
	f.config = config_load(f.env, argv[2], why, sizeof(why));
	if (f.config == NULL) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	f.kettle.full = f.kettle.plugged = true;
	kettle_fsm_init(&f.kettle, f.loop, "on the hob");
	fsm_post(&f.kettle.fsm, KETTLE_EV_PRESS, NULL);
	opt.path = argv[1];
	opt.loop = f.loop;
	f.ctl = ctlsrv_new(f.env, &opt, &hooks, &err);
	if (f.ctl == NULL) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	metrics = metrics_new(f.env, f.loop, &local, &metrics_hooks, &err);
	if (metrics != NULL) {
		metrics_sync(metrics, METRICS_SYNC, 3 * MONO_MS);
		metrics_sync(metrics, METRICS_SYNC_REMOVED, 700 * MONO_MS);
		printf("%u\n", (unsigned)metrics_port(metrics));
		fflush(stdout);
	}
	env_on_signal(f.env, SIGTERM, on_signal, f.env);
	env_run(f.env);
	metrics_free(metrics);
	ctlsrv_free(f.ctl);
	kettle_fsm_fini(&f.kettle);
	fsm_loop_free(f.loop);
	env_timer_free(f.done);
	config_free(f.config);
	env_free(f.env);
	return 0;
}
