/* SPDX-License-Identifier: ISC */
/*
 * stun.c -- STUN through libre, with NetBird's attribute taken off and put on.
 *
 * Reading: the header and the attributes are walked here first.  What follows
 * FINGERPRINT (or MESSAGE-INTEGRITY when there is none) is cut off, the length
 * corrected, and the rest is libre's.  An attribute between the two is covered
 * by nobody's signature, so such a message is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include "wire/librecodec.h"
#include "base/buf.h"
#include "wire/stun.h"

#define ATTR_ROUTE	0x8100
#define ATTR_MI_LEN	20
#define ATTR_FP_LEN	4

/* What the walk found. */
struct walk {
	size_t end;		/* of the part that is signed */
	bool integrity, fingerprint;
	const uint8_t *route;
	size_t route_len;
};

bool
wire_stun_is(const void *data, size_t len)
{
	struct rd r = rd_of(data, len);
	uint16_t type = rd_be16(&r), body = rd_be16(&r);
	uint32_t cookie = rd_be32(&r);

	return !r.bad && len >= STUN_HEADER_SIZE && (type & 0xc000) == 0 && body % 4 == 0 &&
	    body == len - STUN_HEADER_SIZE && cookie == 0x2112a442u;
}

/* One attribute more; false: the message must not be believed. */
static bool
walk_one(struct walk *w, uint16_t type, const uint8_t *value, size_t len, size_t end)
{
	bool closed = w->fingerprint;

	switch (type) {
	case STUN_ATTR_MSG_INTEGRITY:
		if (closed || w->integrity || len != ATTR_MI_LEN)
			return false;
		w->integrity = true;
		w->end = end;
		return true;
	case STUN_ATTR_FINGERPRINT:
		if (closed || len != ATTR_FP_LEN)
			return false;
		w->fingerprint = true;
		w->end = end;
		return true;
	case ATTR_ROUTE:
		w->route = value;
		w->route_len = len;
		break;
	default:
		break;
	}
	if (!w->integrity && !closed)
		w->end = end;
	return true;
}

static int
walk_message(struct walk *w, const uint8_t *data, size_t len)
{
	struct rd r = rd_of(data, len);
	size_t mi_end = 0;

	memset(w, 0, sizeof(*w));
	if (!wire_stun_is(data, len))
		return -EBADMSG;
	w->end = STUN_HEADER_SIZE;
	rd_skip(&r, STUN_HEADER_SIZE);
	while (r.left > 0) {
		size_t start = len - r.left;
		uint16_t type = rd_be16(&r), alen = rd_be16(&r);
		const uint8_t *value = rd_bytes(&r, alen);

		rd_skip(&r, (4 - alen % 4) % 4);
		if (r.bad)
			return -EBADMSG;
		if (type == STUN_ATTR_FINGERPRINT && w->integrity && start != mi_end)
			return -EBADMSG;
		if (!walk_one(w, type, value, alen, len - r.left))
			return -EBADMSG;
		if (type == STUN_ATTR_MSG_INTEGRITY)
			mi_end = w->end;
	}
	return 0;
}

/* The signed part in libre's hands; the caller derefs *mbp and *mp. */
static int
decode(struct stun_msg **mp, struct mbuf **mbp, struct stun_unknown_attr *ua, struct walk *w,
    const void *data, size_t len)
{
	struct mbuf *mb;
	size_t body;
	int err;

	*mp = NULL;
	*mbp = NULL;
	err = walk_message(w, data, len);
	if (err != 0)
		return err;
	mb = mbuf_alloc(w->end);
	if (mb == NULL)
		return -ENOMEM;
	memcpy(mb->buf, data, w->end);
	mb->end = w->end;
	body = w->end - STUN_HEADER_SIZE;
	mb->buf[2] = (uint8_t)(body >> 8);
	mb->buf[3] = (uint8_t)body;
	if (stun_msg_decode(mp, mb, ua) != 0) {
		mem_deref(mb);
		return -EBADMSG;
	}
	*mbp = mb;
	return 0;
}

static int
take_texts(struct wire_stun *out, const struct stun_msg *m, const struct walk *w)
{
	const struct stun_attr *a = stun_msg_attr(m, STUN_ATTR_USERNAME);

	if (a != NULL) {
		size_t n = strlen(a->v.username);

		if (n >= sizeof(out->username))
			return -EBADMSG;
		memcpy(out->username, a->v.username, n + 1);
	}
	if (w->route != NULL && w->route_len < sizeof(out->route) && memchr(w->route, 0, w->route_len) == NULL) {
		memcpy(out->route, w->route, w->route_len);
		out->route[w->route_len] = '\0';
	}
	return 0;
}

static void
take_attributes(struct wire_stun *out, const struct stun_msg *m)
{
	const struct stun_attr *a;

	out->use_candidate = stun_msg_attr(m, STUN_ATTR_USE_CAND) != NULL;
	a = stun_msg_attr(m, STUN_ATTR_PRIORITY);
	if (a != NULL) {
		out->has_priority = true;
		out->priority = a->v.priority;
	}
	a = stun_msg_attr(m, STUN_ATTR_CONTROLLING);
	if (a != NULL) {
		out->role = WIRE_STUN_CONTROLLING;
		out->tie_breaker = a->v.controlling;
	} else if ((a = stun_msg_attr(m, STUN_ATTR_CONTROLLED)) != NULL) {
		out->role = WIRE_STUN_CONTROLLED;
		out->tie_breaker = a->v.controlled;
	}
	a = stun_msg_attr(m, STUN_ATTR_XOR_MAPPED_ADDR);
	if (a == NULL)
		a = stun_msg_attr(m, STUN_ATTR_MAPPED_ADDR);
	if (a != NULL)
		out->mapped = libre_to_addr(&a->v.sa);
	a = stun_msg_attr(m, STUN_ATTR_CHANGE_REQ);
	if (a != NULL) {
		out->change_ip = a->v.change_req.ip;
		out->change_port = a->v.change_req.port;
	}
	a = stun_msg_attr(m, STUN_ATTR_RESP_ORIGIN);
	if (a != NULL)
		out->origin = libre_to_addr(&a->v.sa);
	a = stun_msg_attr(m, STUN_ATTR_OTHER_ADDR);
	if (a != NULL)
		out->other = libre_to_addr(&a->v.sa);
	a = stun_msg_attr(m, STUN_ATTR_ERR_CODE);
	if (a != NULL)
		out->error = a->v.err_code.code;
}

int
wire_stun_parse(struct wire_stun *out, const void *data, size_t len)
{
	struct stun_unknown_attr ua = { { 0 }, 0 };
	struct stun_msg *m;
	struct mbuf *mb;
	struct walk w;
	int err;

	memset(out, 0, sizeof(*out));
	err = decode(&m, &mb, &ua, &w, data, len);
	if (err != 0)
		return err;
	if (w.fingerprint && stun_msg_chk_fingerprint(m) != 0)
		err = -EBADMSG;
	else
		err = take_texts(out, m, &w);
	if (err == 0) {
		out->method = stun_msg_method(m);
		out->cls = (enum wire_stun_class)stun_msg_class(m);
		memcpy(out->tid, stun_msg_tid(m), WIRE_STUN_TID);
		out->integrity = w.integrity;
		out->fingerprint = w.fingerprint;
		out->unknown = ua.typec > 0 ? ua.typev[0] : 0;
		take_attributes(out, m);
	}
	mem_deref(m);
	mem_deref(mb);
	return err;
}

int
wire_stun_check(const void *data, size_t len, const char *password)
{
	struct stun_unknown_attr ua = { { 0 }, 0 };
	struct stun_msg *m;
	struct mbuf *mb;
	struct walk w;
	int err;

	err = decode(&m, &mb, &ua, &w, data, len);
	if (err != 0)
		return err;
	if (!w.integrity || stun_msg_chk_mi(m, (const uint8_t *)password, strlen(password)) != 0)
		err = -EBADMSG;
	mem_deref(m);
	mem_deref(mb);
	return err;
}

static const char *
reason(uint16_t code)
{
	switch (code) {
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 420: return "Unknown Attribute";
	case 487: return "Role Conflict";
	default: return "Error";
	}
}

/* 0x8100 behind everything, counted in the header's length. */
static void
put_route(struct buf *out, size_t at, const char *route)
{
	static const uint8_t pad[4];
	size_t n = strlen(route), body;

	buf_put_be16(out, ATTR_ROUTE);
	buf_put_be16(out, (uint16_t)n);
	buf_put(out, route, n);
	buf_put(out, pad, (4 - n % 4) % 4);
	if (buf_bad(out))
		return;
	body = buf_len(out) - at - STUN_HEADER_SIZE;
	buf_bytes(out)[at + 2] = (uint8_t)(body >> 8);
	buf_bytes(out)[at + 3] = (uint8_t)body;
}

/* NULL when there is none. */
static const struct sa *
to_libre(struct sa *sa, const struct addr *a)
{
	sa_init(sa, AF_UNSPEC);
	if (a->family == ADDR_NONE)
		return NULL;
	libre_from_addr(sa, a);
	return sa;
}

int
wire_stun_write(struct buf *out, const struct wire_stun *msg, const char *password)
{
	struct stun_errcode ec = { msg->error, (char *)reason(msg->error) };
	struct stun_change_req change = { msg->change_ip, msg->change_port };
	struct stun_unknown_attr unknown = { { msg->unknown }, 1 };
	struct sa mapped, origin, other;
	char pad[129] = "";
	struct mbuf *mb = mbuf_alloc(256);
	size_t at = buf_len(out);
	bool use = true;
	int err;

	if (mb == NULL)
		return -ENOMEM;
	if (msg->padding != 0 && msg->padding < sizeof(pad))
		memset(pad, ' ', msg->padding);
	err = stun_msg_encode(mb, msg->method, (uint8_t)msg->cls, msg->tid, msg->error ? &ec : NULL,
	    (const uint8_t *)password, password != NULL ? strlen(password) : 0, msg->fingerprint, 0, 11,
	    STUN_ATTR_USERNAME, msg->username[0] != '\0' ? msg->username : NULL,
	    STUN_ATTR_USE_CAND, msg->use_candidate ? &use : NULL,
	    STUN_ATTR_CONTROLLING, msg->role == WIRE_STUN_CONTROLLING ? &msg->tie_breaker : NULL,
	    STUN_ATTR_CONTROLLED, msg->role == WIRE_STUN_CONTROLLED ? &msg->tie_breaker : NULL,
	    STUN_ATTR_PRIORITY, msg->has_priority ? &msg->priority : NULL,
	    STUN_ATTR_XOR_MAPPED_ADDR, to_libre(&mapped, &msg->mapped),
	    STUN_ATTR_CHANGE_REQ, msg->change_ip || msg->change_port ? &change : NULL,
	    STUN_ATTR_RESP_ORIGIN, to_libre(&origin, &msg->origin),
	    STUN_ATTR_OTHER_ADDR, to_libre(&other, &msg->other),
	    STUN_ATTR_UNKNOWN_ATTR, msg->error == 420 ? &unknown : NULL,
	    STUN_ATTR_SOFTWARE, pad[0] != '\0' ? pad : NULL);
	if (err == 0) {
		buf_put(out, mb->buf, mb->end);
		if (msg->route[0] != '\0')
			put_route(out, at, msg->route);
	}
	mem_deref(mb);
	if (err != 0)
		return -EINVAL;
	return buf_bad(out) ? -ENOMEM : 0;
}
