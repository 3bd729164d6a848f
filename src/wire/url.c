/* SPDX-License-Identifier: ISC */
/*
 * url.c -- URLs as configuration and management spell them.
 *
 * Not a general parser: userinfo, fragments and other schemes are refused, so
 * that a slip of the pen is told at once and not dialled.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "wire/url.h"

static const struct scheme {
	const char *name;
	uint16_t port;
	bool tls, slashes;
} schemes[] = {
	{ "http", 80, false, true }, { "https", 443, true, true },
	{ "rel", 80, false, true }, { "rels", 443, true, true },
	{ "stun", 3478, false, false }, { "stuns", 5349, true, false },
	{ "turn", 3478, false, false }, { "turns", 5349, true, false },
};

static const struct scheme *
find_scheme(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].name) == len && strncasecmp(schemes[i].name, text, len) == 0)
			return &schemes[i];
	return NULL;
}

static int
refuse(const char **why, const char *text)
{
	if (why != NULL)
		*why = text;
	return -EINVAL;
}

/* host, [v6] and :port up to `end`. */
static int
authority(struct wire_url *out, const char *p, const char *end, const char **why)
{
	const char *host = p, *host_end, *colon = NULL;

	if (p < end && *p == '[') {
		host = p + 1;
		host_end = memchr(p, ']', (size_t)(end - p));
		if (host_end == NULL)
			return refuse(why, "the address lacks its closing bracket");
		if (host_end + 1 < end && host_end[1] != ':')
			return refuse(why, "something follows the address");
		if (host_end + 1 < end)
			colon = host_end + 1;
	} else {
		colon = memchr(p, ':', (size_t)(end - p));
		host_end = colon != NULL ? colon : end;
	}
	if (host_end == host)
		return refuse(why, "there is no host in it");
	if ((size_t)(host_end - host) >= sizeof(out->host))
		return refuse(why, "the host is too long");
	for (const char *c = host; c < host_end; c++)
		if (!isalnum((unsigned char)*c) && strchr("-._:%~", *c) == NULL)
			return refuse(why, "the host has a character that no host has");
	memcpy(out->host, host, (size_t)(host_end - host));
	if (colon != NULL) {
		unsigned long port = 0;
		const char *c = colon + 1;

		if (c == end)
			return refuse(why, "the port is missing behind the colon");
		for (; c < end && isdigit((unsigned char)*c) && port <= 65535; c++)
			port = port * 10 + (unsigned long)(*c - '0');
		if (c != end || port == 0 || port > 65535)
			return refuse(why, "the port is not a number from 1 to 65535");
		out->port = (uint16_t)port;
	}
	return 0;
}

int
wire_url_parse(struct wire_url *out, const char *text, const char **why)
{
	const struct scheme *s = NULL;
	const char *p = text, *end, *sep, *q;
	int err;

	memset(out, 0, sizeof(*out));
	sep = strstr(text, "://");
	if (sep != NULL) {
		s = find_scheme(text, (size_t)(sep - text));
		if (s == NULL || !s->slashes)
			return refuse(why, "the scheme is not one of http, https, rel, rels");
		p = sep + 3;
	} else if ((sep = strchr(text, ':')) != NULL && (s = find_scheme(text, (size_t)(sep - text))) != NULL) {
		if (s->slashes)
			s = NULL;	/* a host named "http": bare host:port */
		else
			p = sep + 1;
	}
	if (s != NULL) {
		strcpy(out->scheme, s->name);
		out->port = s->port;
		out->tls = s->tls;
	}
	end = p + strcspn(p, "/?#");
	if (memchr(p, '@', (size_t)(end - p)) != NULL)
		return refuse(why, "a user in a URL is not supported");
	err = authority(out, p, end, why);
	if (err != 0)
		return err;
	q = end + strcspn(end, "?#");
	if ((size_t)(q - end) >= sizeof(out->path))
		return refuse(why, "the path is too long");
	memcpy(out->path, end, (size_t)(q - end));
	out->tcp = strstr(q, "transport=tcp") != NULL;
	return 0;
}
