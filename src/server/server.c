/* SPDX-License-Identifier: ISC */
/*
 * server.c -- the server put together: store, services, one listener.
 *
 * Start-up is one list of steps; whatever fails says what it was about and
 * server_free takes down what there is, in the opposite order.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "net/grpc.h"
#include "net/http1.h"
#include "server/account.h"
#include "server/flows.h"
#include "server/setupkey.h"
#include "server/relay.h"
#include "server/signal.h"
#include "server/stream.h"
#include "server/wiring.h"

#define SWEEP_US	MONO_MIN
#define EPHEMERAL_US	(10 * MONO_MIN)		/* server.md 5.7 */

/* ---- for the other files of this folder ------------------------------------------------ */

void
server_bury(struct server *s, struct server_grave *g, void (*fn)(struct server_grave *))
{
	g->free = fn;
	list_remove(&g->list);
	list_append(&s->graves, &g->list);
}

/* After the queue has been drained: nobody looks at them any more. */
static void
turn_end(void *arg)
{
	struct server *s = arg;

	while (!list_empty(&s->graves)) {
		struct server_grave *g = LIST_OF(s->graves.next, struct server_grave, list);

		list_remove(&g->list);
		g->free(g);
	}
}

/* A map costs three or four microseconds for each peer in it: as many maps a turn
 * as make some 2,500 of them.  (Not a wait, so not a table's: work in slices.) */
static void
push_some(void *arg)
{
	struct server *s = arg;
	size_t peers = list_count(&s->store->peers) + 1, maps = 2500 / peers + 1;

	while (maps-- > 0 && !list_empty(&s->push)) {
		struct srv_stream *m = LIST_OF(s->push.next, struct srv_stream, push);

		list_remove(&m->push);
		srv_stream_post(m, SRV_STREAM_EV_MAP_CHANGED, NULL);
	}
	if (!list_empty(&s->push))
		env_timer_set(s->pusher, 0);
}

void
server_map_changed(struct server *s)
{
	bool idle = list_empty(&s->push);

	for (struct map_it i = map_first(s->sync_by_key); i.value != NULL; i = map_next(i)) {
		struct srv_stream *m = i.value;

		/* One that waits already will get the newest. */
		if (list_empty(&m->push))
			list_append(&s->push, &m->push);
	}
	if (idle)
		push_some(s);
}

void
server_peer_gone(struct server *s, const char *key)
{
	struct srv_stream *sync = map_get_str(s->sync_by_key, key), *job = map_get_str(s->job_by_key, key);

	if (sync != NULL)
		srv_stream_post(sync, SRV_STREAM_EV_REMOVED, NULL);
	if (job != NULL)
		srv_stream_post(job, SRV_STREAM_EV_REMOVED, NULL);
	server_map_changed(s);
}

bool
server_peer_connected(const struct server *s, const char *key)
{
	return map_get_str(s->sync_by_key, key) != NULL;
}

/* ---- ephemeral peers ----------------------------------------------------------------------- */

struct sweeping {
	struct server *server;
	char key[SERVER_WG_KEY];
};

static void
swept(void *arg, struct server_peer *p, int err)
{
	struct sweeping *w = arg;

	(void)p;
	if (err == 0) {
		log_info("mgmt", "ephemeral peer %s was away for 10 minutes and is gone", w->key);
		server_peer_gone(w->server, w->key);
	}
	free(w);
}

static void
sweep(void *arg)
{
	struct server *s = arg;

	LIST_EACH(l, &s->store->peers) {
		struct server_peer *p = LIST_OF(l, struct server_peer, all);
		struct sweeping *w;

		if (!p->ephemeral || p->connected || p->leaving ||
		    mono_diff(env_now(s->env), p->away_since) < EPHEMERAL_US || (w = calloc(1, sizeof(*w))) == NULL)
			continue;
		w->server = s;
		strcpy(w->key, p->key);
		if (server_peer_remove(s->store, p, swept, w) != 0)
			free(w);
	}
	env_timer_set(s->sweep, SWEEP_US);
}

/* ---- the first start ------------------------------------------------------------------------------ */

struct join {
	struct server *server;
	char text[SERVER_SETUPKEY_TEXT];
};

static void
join_ready(void *arg, struct server_setupkey *k, int err)
{
	struct join *j = arg;
	struct server *s = j->server;
	char line[600];

	(void)k;
	if (err != 0 && err != -ECANCELED && s->on_fatal != NULL)
		s->on_fatal(s->arg, "the store cannot be written");
	if (err == 0 && s->on_join != NULL) {
		snprintf(line, sizeof(line), "godwit up --management-url %.300s --setup-key %s --server-key %s", s->url, j->text,
		    s->store->account->box_public_text);
		s->on_join(s->arg, line);
		sodium_memzero(line, sizeof(line));
	}
	sodium_memzero(j, sizeof(*j));
	free(j);
}

static int
first_start(struct server *s)
{
	struct server_setupkey_spec spec = { .name = "first day", .reusable = true, .lifetime_us = 24 * MONO_HOUR };
	struct join *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return -ENOMEM;
	j->server = s;
	return server_setupkey_create(s->store, &spec, j->text, join_ready, j);
}

int
server_make_key(struct server *s, const char *name, int64_t expires_us, char out[37])
{
	struct server_setupkey_spec spec = { .name = name, .reusable = true, .lifetime_us = expires_us };

	return server_setupkey_create(s->store, &spec, out, NULL, NULL);
}

/* ---- start and end ------------------------------------------------------------------------------------ */

/* Better to be started again than to refuse everybody who is new. */
static void
store_dead(void *arg)
{
	struct server *s = arg;

	if (s->on_fatal != NULL)
		s->on_fatal(s->arg, "the store cannot be written any more");
}

static int
start(struct server *s, const struct server_conf *conf, char *why, unsigned len)
{
	bool fresh = false;
	int err;

	if ((conf->tls_cert == NULL) != (conf->tls_key == NULL))
		return server_because(-EINVAL, why, len, "--tls-cert and --tls-key belong together");
	if ((err = env_dir_lock(s->env, conf->data_dir, 0700)) != 0)
		return err == -EWOULDBLOCK ? server_because(err, why, len, "another server runs in %s", conf->data_dir) :
		    server_because(err, why, len, "data folder %s", conf->data_dir);
	s->store = server_store_open(s->env, conf->data_dir, conf->dns_domain != NULL ? conf->dns_domain :
	    "netbird.selfhosted", &fresh, &err);
	if (s->store == NULL)
		return server_because(err, why, len, "store in %s", conf->data_dir);
	s->store->on_dead = store_dead;
	s->store->arg = s;
	if ((s->loop = server_loop_new(s->env)) == NULL)
		return server_because(-ENOMEM, why, len, "start");
	fsm_tape(s->loop, &conf->tape);
	if ((s->sync_by_key = map_new()) == NULL ||
	    (s->job_by_key = map_new()) == NULL || (s->signal_by_id = map_new()) == NULL ||
	    (s->sweep = env_timer_new(s->env, sweep, s)) == NULL ||
	    (s->pusher = env_timer_new(s->env, push_some, s)) == NULL || (s->grpc = grpc_server_new(s->env)) == NULL)
		return server_because(-ENOMEM, why, len, "start");
	env_on_turn_end(s->env, turn_end, s);
	if ((err = server_mgmt_start(s)) != 0 || (err = server_signal_start(s)) != 0 || (err = server_relay_start(s)) != 0)
		return server_because(err, why, len, "services");
	if (conf->flows_us > 0 && (err = server_flows_start(s, conf->data_dir)) != 0)
		return server_because(err, why, len, "flows.db in %s", conf->data_dir);
	if ((err = server_listen(s, conf, why, len)) != 0)
		return err;
	if ((err = server_admin_start(s, conf->data_dir)) != 0)
		return server_because(err, why, len, "admin socket in %s", conf->data_dir);
	env_timer_set(s->sweep, SWEEP_US);
	/* A start that failed half-way (a port in use) was not the first one yet. */
	return list_empty(&s->store->setupkeys) && list_empty(&s->store->peers) ? first_start(s) : 0;
}

struct server *
server_new_why(struct env *env, const struct server_conf *conf, int *err, char *why, unsigned whylen)
{
	struct server *s = calloc(1, sizeof(*s));

	*err = -ENOMEM;
	if (s == NULL) {
		snprintf(why, whylen, "no memory");
		return NULL;
	}
	s->env = env;
	server_beat_init(&s->beat, conf->beat_us == 0 ? 30 * MONO_SEC : conf->beat_us > 0 ? conf->beat_us : 0);
	s->on_join = conf->on_join;
	s->on_fatal = conf->on_fatal;
	s->arg = conf->arg;
	list_init(&s->streams);
	list_init(&s->signals);
	list_init(&s->graves);
	list_init(&s->push);
	if ((*err = start(s, conf, why, whylen)) == 0)
		return s;
	server_free(s);
	return NULL;
}

struct server *
server_new(struct env *env, const struct server_conf *conf)
{
	char why[256] = "";
	struct server *s;
	int err;

	if ((s = server_new_why(env, conf, &err, why, sizeof(why))) == NULL)
		log_error("server", "%s", why);
	return s;
}

static void
stop_machines(struct server *s)
{
	LIST_EACH(a, &s->streams)
		srv_stream_post(LIST_OF(a, struct srv_stream, all), SRV_STREAM_EV_STOP, NULL);
	LIST_EACH(b, &s->signals)
		srv_signal_post(LIST_OF(b, struct srv_signal, all), SRV_SIGNAL_EV_STOP, NULL);
	if (s->relay != NULL)
		server_relay_stop(s);
	fsm_drain(s->loop);
	turn_end(s);
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	env_timer_free(s->sweep);
	env_timer_free(s->pusher);
	server_admin_free(s->admin);
	if (s->listener != NULL)
		env_listener_close(s->listener);
	http1_front_free(s->front);
	server_stun_free(s->stun);
	if (s->loop != NULL)
		stop_machines(s);
	server_stream_free_all(s);
	server_signal_free_all(s);
	server_relay_free(s);
	grpc_server_free(s->grpc);
	server_flows_free(s->flows);
	env_off_turn_end(s->env, turn_end, s);
	fsm_loop_free(s->loop);
	server_store_close(s->store);
	map_free(s->sync_by_key);
	map_free(s->job_by_key);
	map_free(s->signal_by_id);
	free(s->url);
	free(s);
}

/* ---- questions ------------------------------------------------------------------------------------------ */

struct fsm_loop *
server_loop(struct server *s)
{
	return s->loop;
}

const char *
server_url(const struct server *s)
{
	return s->url;
}

const char *
server_key_text(const struct server *s)
{
	return s->store->account->box_public_text;
}

uint16_t
server_port(const struct server *s)
{
	return env_listener_port(s->listener);
}

struct server_counts
server_counts(const struct server *s)
{
	return (struct server_counts){
		.peers = (unsigned)list_count(&s->store->peers),
		.sync = (unsigned)map_count(s->sync_by_key),
		.job = (unsigned)map_count(s->job_by_key),
		.signal = (unsigned)map_count(s->signal_by_id),
		.relay = (unsigned)server_relay_count(s),
	};
}
