/* SPDX-License-Identifier: ISC */
/*
 * listen.c -- the TCP port that three services share, and what agents are told
 * about where the services are.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/url.h"
#include "net/grpc.h"
#include "net/http1.h"
#include "server/inside.h"

__attribute__((format(printf, 4, 5))) int
server_because(int err, char *why, unsigned len, const char *fmt, ...)
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
			if (!a[i].up || a[i].point_to_point || addr_is_link_local(&a[i].prefix.addr) || addr_is_loopback(&a[i].prefix.addr))
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
	an->flows_us = conf->flows_us;
	an->token_ttl_us = conf->token_ttl_us > 0 ? conf->token_ttl_us : 12 * MONO_HOUR;
	return (s->url = strdup(url)) != NULL ? 0 : -ENOMEM;
}

int
server_listen(struct server *s, const struct server_conf *conf, char *why, unsigned len)
{
	static const struct http1_front_ops front_ops = { .h2 = on_h2, .request = on_request };
	struct env_tls_server tls = { conf->tls_cert, conf->tls_key };
	struct env_listen l = { .addr = conf->listen, .tls = conf->tls_cert != NULL ? &tls : NULL };
	char url[400];
	int err = 0;

	if (l.addr.port == 0)
		l.addr.port = l.tls != NULL ? 443 : 80;
	if ((s->front = http1_front_new(s->env, &front_ops, s)) == NULL)
		return server_because(-ENOMEM, why, len, "listener");
	if ((s->listener = env_listen(s->env, &l, on_accept, s, &err)) == NULL)
		return server_because(err, why, len, "cannot listen on TCP port %u%s", l.addr.port,
		    l.tls != NULL ? " with this certificate and key" : "");
	guess_url(s, &conf->listen, l.tls != NULL, env_listener_port(s->listener), url, sizeof(url));
	if ((err = announce(s, conf, conf->url != NULL ? conf->url : url)) != 0)
		return server_because(err, why, len, "--url %s is not http[s]://host[:port]", conf->url != NULL ? conf->url : url);
	if (conf->stun_port != 0 && (err = server_stun_start(s, conf)) != 0)
		return server_because(err, why, len, "cannot open UDP port %u for STUN", conf->stun_port);
	return 0;
}

