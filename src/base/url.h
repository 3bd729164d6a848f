/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_URL_H
#define GODWIT_BASE_URL_H
/*
 * url.h -- the few forms of URL that NetBird uses: http(s)://, rel(s)://,
 * stun(s):host:port, turn(s):host:port?transport=udp, host:port alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct url {
	char scheme[16];	/* lower case; "" when there was none */
	char host[256];		/* without brackets */
	uint16_t port;		/* given, or the scheme's: 80/443 for http, rel and their s; 3478/5349 stun, turn */
	char path[256];		/* with its '/', "" when absent; a query is kept */
	bool tls;		/* the scheme ends in s: https, rels, stuns, turns */
	bool v6;		/* host is an IPv6 literal */
};

/* 0 or -EINVAL (no host, bad port, too long, a user part). */
int url_parse(struct url *out, const char *text);
/* "scheme://host:port" (brackets where needed) into out, which is returned. */
const char *url_str(const struct url *, char *out, size_t len);
/* "host:port", brackets where needed. */
const char *url_host_port(const struct url *, char *out, size_t len);
#endif
