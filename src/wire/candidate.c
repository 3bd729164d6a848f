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

/*
 * libre looks for the pattern anywhere in the line and takes a type that it does
 * not know for a host.  So the words are looked at here first: the eight that
 * must be there, in their places, and pairs of words behind them.
 */
#define WORDS	40

struct words {
	const char *at[WORDS];
	size_t len[WORDS];
	size_t n;
};

static bool
split(struct words *w, const char *line)
{
	for (w->n = 0; *line != '\0' && w->n < WORDS; w->n++) {
		const char *p = line;

		while (*p > ' ' && *p < 127)
			p++;
		if (p == line || (*p != ' ' && *p != '\0'))
			return false;
		w->at[w->n] = line;
		w->len[w->n] = (size_t)(p - line);
		line = *p == ' ' ? p + 1 : p;
	}
	return *line == '\0' && w->n >= 8 && w->n % 2 == 0;
}

static bool
word_is(const struct words *w, size_t i, const char *text)
{
	return strlen(text) == w->len[i] && strncmp(w->at[i], text, w->len[i]) == 0;
}

static bool
is_number(const struct words *w, size_t i)
{
	for (size_t k = 0; k < w->len[i]; k++)
		if (!isdigit((unsigned char)w->at[i][k]))
			return false;
	return w->len[i] <= 10;
}

/* RFC 8839 section 5.1: letters, digits, '+' and '/'; stock agents send digits. */
static bool
is_foundation(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '+' && *text != '/')
			return false;
	return true;
}

static bool
take_word(char *out, size_t cap, const char *p, size_t len)
{
	if (len >= cap)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

/* Type, ufrag and cid.  NetBird's port-mapped candidates have a stray
 * "candidate:" at the head of their cid. */
static bool
take_words(struct wire_cand *c, const struct words *w)
{
	bool typed = false;

	if (!is_number(w, 1) || !is_number(w, 3) || !is_number(w, 5) || !word_is(w, 6, "typ"))
		return false;
	for (int t = WIRE_CAND_HOST; t <= WIRE_CAND_RELAY; t++)
		if (word_is(w, 7, wire_cand_type_name((enum wire_cand_type)t))) {
			c->type = (enum wire_cand_type)t;
			typed = true;
		}
	for (size_t i = 8; i + 1 < w->n; i += 2) {
		const char *v = w->at[i + 1];
		size_t n = w->len[i + 1];

		if (word_is(w, i, "ufrag") && !take_word(c->ufrag, sizeof(c->ufrag), v, n))
			return false;
		if (!word_is(w, i, "cid"))
			continue;
		while (n > 10 && strncmp(v, "candidate:", 10) == 0) {
			v += 10;
			n -= 10;
		}
		if (!take_word(c->cid, sizeof(c->cid), v, n))
			return false;
	}
	return typed;
}

int
wire_cand_parse(struct wire_cand *c, const char *line)
{
	struct ice_cand_attr a;
	struct words w;

	memset(c, 0, sizeof(*c));
	memset(&a, 0, sizeof(a));
	sa_init(&a.addr, AF_UNSPEC);
	sa_init(&a.rel_addr, AF_UNSPEC);
	if (strncmp(line, "candidate:", 10) == 0)
		line += 10;
	if (strlen(line) >= WIRE_CAND_LINE || !split(&w, line) || !take_words(c, &w) || ice_cand_attr_decode(&a, line) != 0)
		return -EBADMSG;
	if (a.proto != IPPROTO_UDP || a.compid != 1)
		return -EPROTONOSUPPORT;
	snprintf(c->foundation, sizeof(c->foundation), "%s", a.foundation);
	if (!is_foundation(c->foundation))
		return -EBADMSG;
	c->priority = a.prio;
	c->addr = libre_to_addr(&a.addr);
	if (sa_isset(&a.rel_addr, SA_PORT) || sa_isset(&a.rel_addr, SA_ADDR))
		c->related = libre_to_addr(&a.rel_addr);
	if (c->addr.family == ADDR_NONE || c->addr.port == 0)
		return -EBADMSG;
	return 0;
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
