/* SPDX-License-Identifier: ISC */
/* url.c -- see url.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/addr.h"
#include "base/url.h"

static const struct {
	const char *scheme;
	uint16_t port;
	bool tls;
} known[] = {
	{ "http", 80, false }, { "https", 443, true }, { "rel", 80, false }, { "rels", 443, true },
	{ "stun", 3478, false }, { "stuns", 5349, true }, { "turn", 3478, false }, { "turns", 5349, true },
};

/* The part before "://" or, for stun and turn, before the first ':'. */
static const char *
take_scheme(struct url *u, const char *text)
{
	const char *end = strstr(text, "://"), *rest;
	size_t n;

	if (end != NULL) {
		rest = end + 3;
	} else {
		if (strncasecmp(text, "stun", 4) != 0 && strncasecmp(text, "turn", 4) != 0)
			return text;
		end = strchr(text, ':');
		if (end == NULL || end - text > 5)
			return text;
		rest = end + 1;
	}
	n = (size_t)(end - text);
	if (n >= sizeof(u->scheme))
		return NULL;
	for (size_t i = 0; i < n; i++)
		u->scheme[i] = (char)tolower((unsigned char)text[i]);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].scheme, u->scheme) == 0) {
			u->port = known[i].port;
			u->tls = known[i].tls;
		}
	return rest;
}

static int
take_port(struct url *u, const char *text)
{
	char *end;
	unsigned long port;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port > 65535)
		return -EINVAL;
	u->port = (uint16_t)port;
	return 0;
}

static int
take_authority(struct url *u, char *text)
{
	struct addr a;
	char *port;

	if (text[0] == '[') {
		char *close = strchr(text, ']');

		if (close == NULL || (close[1] != '\0' && close[1] != ':'))
			return -EINVAL;
		*close = '\0';
		port = close[1] == ':' ? close + 2 : NULL;
		text++;
		if (addr_parse(&a, text) != 0 || a.family != ADDR_V6)
			return -EINVAL;
		u->v6 = true;
	} else if ((port = strchr(text, ':')) != NULL) {
		*port++ = '\0';
	}
	if (text[0] == '\0' || strchr(text, '@') != NULL || strlen(text) >= sizeof(u->host))
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			return -EINVAL;
	strcpy(u->host, text);
	return port == NULL ? 0 : take_port(u, port);
}

int
url_parse(struct url *out, const char *text)
{
	char authority[320];
	struct url u;
	size_t n;

	memset(&u, 0, sizeof(u));
	if ((text = take_scheme(&u, text)) == NULL)
		return -EINVAL;
	n = strcspn(text, "/?#");
	if (n >= sizeof(authority) || strlen(text + n) >= sizeof(u.path))
		return -EINVAL;
	memcpy(authority, text, n);
	authority[n] = '\0';
	strcpy(u.path, text + n);
	if (take_authority(&u, authority) != 0)
		return -EINVAL;
	*out = u;
	return 0;
}

const char *
url_host_port(const struct url *u, char *out, size_t len)
{
	snprintf(out, len, u->v6 ? "[%s]:%u" : "%s:%u", u->host, u->port);
	return out;
}

const char *
url_str(const struct url *u, char *out, size_t len)
{
	char hp[300];

	url_host_port(u, hp, sizeof(hp));
	if (u->scheme[0] != '\0')
		snprintf(out, len, "%s://%s", u->scheme, hp);
	else
		snprintf(out, len, "%s", hp);
	return out;
}
