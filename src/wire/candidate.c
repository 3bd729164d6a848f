/* SPDX-License-Identifier: ISC */
/*
 * candidate.c -- candidate lines; see candidate.h for who does what.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include "wire/librecodec.h"
#include "wire/candidate.h"

static const enum ice_cand_type libre_type[] = {
	[WIRE_CAND_HOST] = ICE_CAND_TYPE_HOST,
	[WIRE_CAND_SRFLX] = ICE_CAND_TYPE_SRFLX,
	[WIRE_CAND_PRFLX] = ICE_CAND_TYPE_PRFLX,
	[WIRE_CAND_RELAY] = ICE_CAND_TYPE_RELAY,
};

const char *
wire_cand_type_name(enum wire_cand_type t)
{
	static const char *const name[] = { "host", "srflx", "prflx", "relay" };

	return name[t];
}

/* The value behind " key " in the extensions; false when it does not fit. */
static bool
extension(char *out, size_t cap, const char *line, const char *key)
{
	char find[16];
	const char *p;
	size_t n;

	out[0] = '\0';
	snprintf(find, sizeof(find), " %s ", key);
	p = strstr(line, " typ ");	/* extensions lie behind the type */
	p = p != NULL ? strstr(p, find) : NULL;
	if (p == NULL)
		return true;
	p += strlen(find);
	n = strcspn(p, " \t\r\n");
	if (n >= cap)
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

/* NetBird's port-mapped candidates have a stray prefix in their cid. */
static int
take_extensions(struct wire_cand *c, const char *line)
{
	char cid[sizeof(c->cid) + sizeof("candidate:")];
	const char *p = cid;

	if (!extension(c->ufrag, sizeof(c->ufrag), line, "ufrag") || !extension(cid, sizeof(cid), line, "cid"))
		return -EBADMSG;
	if (strncmp(p, "candidate:", 10) == 0)
		p += 10;
	if (strlen(p) >= sizeof(c->cid))
		return -EBADMSG;
	strcpy(c->cid, p);
	return 0;
}

int
wire_cand_parse(struct wire_cand *c, const char *line)
{
	struct ice_cand_attr a;

	memset(c, 0, sizeof(*c));
	memset(&a, 0, sizeof(a));
	sa_init(&a.addr, AF_UNSPEC);
	sa_init(&a.rel_addr, AF_UNSPEC);
	if (strncmp(line, "candidate:", 10) == 0)
		line += 10;
	if (line[0] == ' ' || strlen(line) >= WIRE_CAND_LINE || ice_cand_attr_decode(&a, line) != 0)
		return -EBADMSG;
	if (a.proto != IPPROTO_UDP || a.compid != 1)
		return -EPROTONOSUPPORT;
	snprintf(c->foundation, sizeof(c->foundation), "%s", a.foundation);
	for (size_t i = 0; i < sizeof(libre_type) / sizeof(libre_type[0]); i++)
		if (libre_type[i] == a.type)
			c->type = (enum wire_cand_type)i;
	c->priority = a.prio;
	c->addr = libre_to_addr(&a.addr);
	if (sa_isset(&a.rel_addr, SA_PORT) || sa_isset(&a.rel_addr, SA_ADDR))
		c->related = libre_to_addr(&a.rel_addr);
	if (c->addr.family == ADDR_NONE || c->addr.port == 0)
		return -EBADMSG;
	return take_extensions(c, line);
}

int
wire_cand_write(char out[WIRE_CAND_LINE], const struct wire_cand *c)
{
	char ip[ADDR_STRLEN], raddr[ADDR_STRLEN + 32] = "", ufrag[sizeof(c->ufrag) + 8] = "", cid[sizeof(c->cid) + 8] = "";
	int n;

	if (c->addr.family == ADDR_NONE || c->addr.port == 0 || c->foundation[0] == '\0')
		return -EINVAL;
	if (c->related.family != ADDR_NONE && c->related.port != 0)
		snprintf(raddr, sizeof(raddr), " raddr %s rport %u", addr_str(&c->related, ip), (unsigned)c->related.port);
	if (c->ufrag[0] != '\0')
		snprintf(ufrag, sizeof(ufrag), " ufrag %s", c->ufrag);
	if (c->cid[0] != '\0')
		snprintf(cid, sizeof(cid), " cid %s", c->cid);
	n = snprintf(out, WIRE_CAND_LINE, "%s 1 udp %u %s %u typ %s%s%s%s", c->foundation, (unsigned)c->priority,
	    addr_str(&c->addr, ip), (unsigned)c->addr.port, wire_cand_type_name(c->type), raddr, ufrag, cid);
	return n > 0 && n < WIRE_CAND_LINE ? 0 : -EINVAL;
}

uint32_t
wire_cand_priority(enum wire_cand_type type, uint16_t local_pref)
{
	return ice_cand_calc_prio(libre_type[type], local_pref, 1);
}

/* CRC-32 as in IEEE 802.3, bit by bit: a few bytes, once a candidate. */
static uint32_t
crc32_add(uint32_t crc, const char *s)
{
	for (; *s != '\0'; s++) {
		crc ^= (uint8_t)*s;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
	}
	return crc;
}

void
wire_cand_foundation(char out[33], enum wire_cand_type type, const struct addr *a)
{
	char ip[ADDR_STRLEN];
	uint32_t crc = 0xffffffffu;

	crc = crc32_add(crc, wire_cand_type_name(type));
	crc = crc32_add(crc, addr_str(a, ip));
	crc = crc32_add(crc, a->family == ADDR_V4 ? "udp4" : "udp6");
	snprintf(out, 33, "%u", (unsigned)~crc);
}
