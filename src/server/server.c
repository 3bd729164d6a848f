/* SPDX-License-Identifier: ISC */
/*
 * server.c -- the server put together: store, services, one listener.
 *
 * Start-up is one list of steps; whatever fails says what it was about and
 * server_free takes down what there is, in the opposite order.
 */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "base/url.h"
#include "net/grpc.h"
#include "net/http1.h"
#include "server/account.h"
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

void
server_map_changed(struct server *s)
{
	for (struct map_it i = map_first(s->sync_by_key); i.value != NULL; i = map_next(i))
		srv_stream_post(i.value, SRV_STREAM_EV_MAP_CHANGED, NULL);
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

/* ---- the listener ------------------------------------------------------------------------------ */

static void
on_accept(void *arg, struct env_stream *stream)
{
	http1_front_take(((struct server *)arg)->front, stream);
}

static void
on_h2(void *arg, struct env_stream *stream, const uint8_t *first, size_t len)
{
	grpc_server_attach(((struct server *)arg)->grpc, stream, first, len);
}

static void
on_request(void *arg, struct env_stream *stream, const struct http1_head *head, const uint8_t *rest, size_t len)
{
	if (http1_path_is(head, "/relay"))
		server_relay_accept(arg, stream, head, rest, len);
	else
		http1_answer(stream, 404, "Not Found", NULL, "404 page not found\n");
}

/* ---- what agents are told --------------------------------------------------------------------- */

/* Without --url: the first address that others can reach. */
static void
guess_url(struct server *s, const struct addr *listen, bool tls, uint16_t port, char *out, size_t len)
{
	struct env_ifaddr a[32];
	size_t n = env_ifaddrs(s->env, a, 32);
	struct addr best = addr_v4(0x7f000001, 0);
	char text[ADDR_STRLEN];

	if (listen->family != ADDR_NONE) {
		best = *listen;
	} else {
		for (size_t i = 0; i < n && i < 32; i++) {
			if (!a[i].up || addr_is_link_local(&a[i].prefix.addr) || addr_is_loopback(&a[i].prefix.addr))
				continue;
			best = a[i].prefix.addr;
			if (best.family == ADDR_V4)
				break;
		}
	}
	best.port = port;
	snprintf(out, len, "%s://%s", tls ? "https" : "http", addr_str_port(&best, text));
}

static int
announce(struct server *s, const struct server_conf *conf, const char *url)
{
	struct server_announce *an = &s->announce;
	char host[300];
	struct url u;

	if (url_parse(&u, url) != 0 || (strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0))
		return -EINVAL;
	an->tls = u.tls;
	url_host_port(&u, an->signal, sizeof(an->signal));
	snprintf(an->relay, sizeof(an->relay), "%s://%.280s", u.tls ? "rels" : "rel", an->signal);
	if (conf->stun_port != 0) {
		u.port = conf->stun_port;
		url_host_port(&u, host, sizeof(host));
		snprintf(an->stun, sizeof(an->stun), "stun:%.280s", host);
	}
	an->token_ttl_us = conf->token_ttl_us > 0 ? conf->token_ttl_us : 12 * MONO_HOUR;
	return (s->url = strdup(url)) != NULL ? 0 : -ENOMEM;
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

__attribute__((format(printf, 4, 5))) static int
because(int err, char *why, unsigned len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why, len, fmt, ap);
	va_end(ap);
	if (n >= 0 && (unsigned)n < len)
		snprintf(why + n, len - (unsigned)n, ": %s", strerror(-err));
	return err;
}

static int
start_listening(struct server *s, const struct server_conf *conf, char *why, unsigned len)
{
	static const struct http1_front_ops front_ops = { .h2 = on_h2, .request = on_request };
	struct env_tls_server tls = { conf->tls_cert, conf->tls_key };
	struct env_listen l = { .addr = conf->listen, .tls = conf->tls_cert != NULL ? &tls : NULL };
	char url[400];
	int err = 0;

	if (l.addr.port == 0)
		l.addr.port = l.tls != NULL ? 443 : 80;
	if ((s->front = http1_front_new(s->env, &front_ops, s)) == NULL)
		return because(-ENOMEM, why, len, "listener");
	if ((s->listener = env_listen(s->env, &l, on_accept, s, &err)) == NULL)
		return because(err, why, len, "cannot listen on TCP port %u%s", l.addr.port,
		    l.tls != NULL ? " with this certificate and key" : "");
	guess_url(s, &conf->listen, l.tls != NULL, env_listener_port(s->listener), url, sizeof(url));
	if ((err = announce(s, conf, conf->url != NULL ? conf->url : url)) != 0)
		return because(err, why, len, "--url %s is not http[s]://host[:port]", conf->url != NULL ? conf->url : url);
	if (conf->stun_port != 0 && (err = server_stun_start(s, &conf->listen, conf->stun_port)) != 0)
		return because(err, why, len, "cannot open UDP port %u for STUN", conf->stun_port);
	return 0;
}

static int
start(struct server *s, const struct server_conf *conf, char *why, unsigned len)
{
	bool fresh = false;
	int err;

	if ((conf->tls_cert == NULL) != (conf->tls_key == NULL))
		return because(-EINVAL, why, len, "--tls-cert and --tls-key belong together");
	if ((err = env_dir_lock(s->env, conf->data_dir, 0700)) != 0)
		return err == -EWOULDBLOCK ? because(err, why, len, "another server runs in %s", conf->data_dir) :
		    because(err, why, len, "data folder %s", conf->data_dir);
	s->store = server_store_open(s->env, conf->data_dir, conf->dns_domain != NULL ? conf->dns_domain :
	    "netbird.selfhosted", &fresh, &err);
	if (s->store == NULL)
		return because(err, why, len, "store in %s", conf->data_dir);
	if ((s->loop = server_loop_new(s->env)) == NULL || (s->sync_by_key = map_new()) == NULL ||
	    (s->job_by_key = map_new()) == NULL || (s->signal_by_id = map_new()) == NULL ||
	    (s->sweep = env_timer_new(s->env, sweep, s)) == NULL || (s->grpc = grpc_server_new(s->env)) == NULL)
		return because(-ENOMEM, why, len, "start");
	env_on_turn_end(s->env, turn_end, s);
	if ((err = server_mgmt_start(s)) != 0 || (err = server_signal_start(s)) != 0 || (err = server_relay_start(s)) != 0)
		return because(err, why, len, "services");
	if ((err = start_listening(s, conf, why, len)) != 0)
		return err;
	if ((err = server_admin_start(s, conf->data_dir)) != 0)
		return because(err, why, len, "admin socket in %s", conf->data_dir);
	env_timer_set(s->sweep, SWEEP_US);
	return fresh ? first_start(s) : 0;
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
	s->beat_us = conf->beat_us == 0 ? 30 * MONO_SEC : conf->beat_us > 0 ? conf->beat_us : 0;
	s->on_join = conf->on_join;
	s->on_fatal = conf->on_fatal;
	s->arg = conf->arg;
	list_init(&s->streams);
	list_init(&s->signals);
	list_init(&s->graves);
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
