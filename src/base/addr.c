/* SPDX-License-Identifier: ISC */
/* addr.c -- see addr.h.  inet_pton and inet_ntop are the only things asked of the system. */
#include <arpa/inet.h>
#include <net/if.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"

/* A scope is taken as a number; names are the host's business. */
int
addr_parse(struct addr *out, const char *text)
{
	char copy[ADDR_STRLEN], *zone;
	struct addr a;

	memset(&a, 0, sizeof(a));
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if ((zone = strchr(copy, '%')) != NULL) {
		*zone++ = '\0';
		a.scope = (uint32_t)strtoul(zone, NULL, 10);
	}
	if (inet_pton(AF_INET, copy, a.ip) == 1 && zone == NULL)
		a.family = ADDR_V4;
	else if (inet_pton(AF_INET6, copy, a.ip) == 1)
		a.family = ADDR_V6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

static int
parse_number(const char *text, long max, long *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	*out = strtol(text, &end, 10);
	return *end == '\0' && *out <= max ? 0 : -EINVAL;
}

int
addr_parse_port(struct addr *out, const char *text)
{
	char copy[ADDR_STRLEN + 8], *ip = copy, *colon, *close;
	long port;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if ((colon = strrchr(copy, ':')) == NULL || parse_number(colon + 1, 65535, &port) != 0)
		return -EINVAL;
	*colon = '\0';
	if (ip[0] == '[') {
		if ((close = strchr(++ip, ']')) == NULL || close[1] != '\0')
			return -EINVAL;
		*close = '\0';
	} else if (strchr(ip, ':') != NULL) {
		return -EINVAL;		/* an IPv6 address with a port wants brackets */
	}
	if (addr_parse(out, ip) != 0)
		return -EINVAL;
	out->port = (uint16_t)port;
	return 0;
}

int
addr_prefix_parse(struct addr_prefix *out, const char *text)
{
	char copy[ADDR_STRLEN], *slash;
	struct addr_prefix p;
	long bits;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if ((slash = strchr(copy, '/')) != NULL)
		*slash++ = '\0';
	if (addr_parse(&p.addr, copy) != 0)
		return -EINVAL;
	bits = (long)addr_ip_len(&p.addr) * 8;
	if (slash != NULL && parse_number(slash, bits, &bits) != 0)
		return -EINVAL;
	p.bits = (uint8_t)bits;
	*out = p;
	return 0;
}

const char *
addr_str(const struct addr *a, char out[ADDR_STRLEN])
{
	if (a->family == ADDR_NONE) {
		strcpy(out, "none");
		return out;
	}
	inet_ntop(a->family == ADDR_V4 ? AF_INET : AF_INET6, a->ip, out, ADDR_STRLEN);
	if (a->scope != 0)
		snprintf(out + strlen(out), ADDR_STRLEN - strlen(out), "%%%u", a->scope);
	return out;
}

const char *
addr_str_port(const struct addr *a, char out[ADDR_STRLEN])
{
	char ip[ADDR_STRLEN];

	if (a->family == ADDR_NONE)
		return addr_str(a, out);
	addr_str(a, ip);
	snprintf(out, ADDR_STRLEN, a->family == ADDR_V4 ? "%.60s:%u" : "[%.60s]:%u", ip, a->port);
	return out;
}

const char *
addr_prefix_str(const struct addr_prefix *p, char out[ADDR_STRLEN])
{
	addr_str(&p->addr, out);
	snprintf(out + strlen(out), ADDR_STRLEN - strlen(out), "/%u", p->bits);
	return out;
}

struct addr
addr_v4(uint32_t host_order, uint16_t port)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_V4;
	a.port = port;
	for (int i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(host_order >> (24 - 8 * i));
	return a;
}

struct addr
addr_v6(const uint8_t ip[16], uint16_t port)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_V6;
	a.port = port;
	memcpy(a.ip, ip, 16);
	return a;
}

uint32_t
addr_v4_host(const struct addr *a)
{
	return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 | a->ip[3];
}

bool
addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_ip(a, b);
}

int
addr_cmp(const struct addr *a, const struct addr *b)
{
	int c;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if ((c = memcmp(a->ip, b->ip, 16)) != 0)
		return c;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

bool
addr_in_prefix(const struct addr *a, const struct addr_prefix *p)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (a->family != p->addr.family || memcmp(a->ip, p->addr.ip, whole) != 0)
		return false;
	return rest == 0 || ((a->ip[whole] ^ p->addr.ip[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == ADDR_V4)
		return a->ip[0] == 127;
	return a->family == ADDR_V6 && memcmp(a->ip, one, 16) == 0;
}

bool
addr_is_link_local(const struct addr *a)
{
	if (a->family == ADDR_V4)
		return a->ip[0] == 169 && a->ip[1] == 254;
	return a->family == ADDR_V6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool
addr_is_private(const struct addr *a)
{
	if (a->family == ADDR_V4)
		return a->ip[0] == 10 || (a->ip[0] == 172 && (a->ip[1] & 0xf0) == 16) ||
		    (a->ip[0] == 192 && a->ip[1] == 168) || (a->ip[0] == 100 && (a->ip[1] & 0xc0) == 64);
	return a->family == ADDR_V6 && (a->ip[0] & 0xfe) == 0xfc;
}

size_t
addr_ip_len(const struct addr *a)
{
	return a->family == ADDR_V4 ? 4 : a->family == ADDR_V6 ? 16 : 0;
}
