/* SPDX-License-Identifier: ISC */
/*
 * table.c -- see table.h.
 */
#include "flow/table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "env/env.h"
#include "proto/flow.pb-c.h"
#include "wire/pb.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58, TCP_FIN = 1, TCP_RST = 4 };

/* Zero-filled and compared whole. */
struct key {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;		/* ICMP: code, type */
	uint8_t proto, family;
	uint8_t pad[2];
};

struct tally {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, starts, ends;
	int64_t first;			/* wall clock of its first packet in the window; 0: none */
};

/* What the map knows a connection by.  Peers choose the keys and the map's hash
 * is open, so it gets a hash that they cannot aim. */
struct mark {
	uint8_t bytes[crypto_shorthash_BYTES];
};

struct conn {
	struct list all;
	struct key key;
	struct mark mark;
	uint8_t flow_id[16];
	bool out;			/* we began it */
	bool over;
	struct mono last;
	struct tally now;
};

struct flow_table {
	struct env *env;
	size_t max;
	struct list conns;		/* of struct conn, by beginning; owned */
	struct map *by_mark;
	uint8_t secret[crypto_shorthash_KEYBYTES];
	uint64_t untracked;
};

static struct mark
mark_of(const struct flow_table *t, const struct key *k)
{
	struct mark m;

	crypto_shorthash(m.bytes, (const uint8_t *)k, sizeof(*k), t->secret);
	return m;
}

struct flow_table *
flow_table_new(struct env *env, size_t max)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->env = env;
	t->max = max;
	list_init(&t->conns);
	env_random(env, t->secret, sizeof(t->secret));
	if ((t->by_mark = map_new()) == NULL) {
		free(t);
		t = NULL;
	}
	return t;
}

static void
conn_free(struct flow_table *t, struct conn *c)
{
	map_del(t->by_mark, &c->mark, sizeof(c->mark));
	list_remove(&c->all);
	free(c);
}

void
flow_table_forget(struct flow_table *t)
{
	while (!list_empty(&t->conns))
		conn_free(t, LIST_OF(t->conns.next, struct conn, all));
}

void
flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	flow_table_forget(t);
	map_free(t->by_mark);
	free(t);
}

uint64_t
flow_table_untracked(const struct flow_table *t)
{
	return t->untracked;
}

/* ---- packets ------------------------------------------------------------------- */

static bool
is_icmp(const struct key *k)
{
	return k->proto == PROTO_ICMP || k->proto == PROTO_ICMP6;
}

/* An answer to an echo has the type of the question, so that both are one. */
static uint16_t
icmp_type(uint8_t proto, uint8_t type)
{
	if (proto == PROTO_ICMP)
		return type == 0 ? 8 : type;
	return type == 129 ? 128 : type;
}

static bool
parse(const uint8_t *ip, uint32_t len, struct key *k, uint8_t *flags)
{
	struct rd r;
	uint32_t hdr;
	bool fragment = false;

	memset(k, 0, sizeof(*k));
	*flags = 0;
	if (len >= 20 && ip[0] >> 4 == 4) {
		hdr = (ip[0] & 15) * 4u;
		fragment = ((ip[6] & 0x1f) | ip[7]) != 0;
		k->family = 4;
		k->proto = ip[9];
		memcpy(k->src, ip + 12, 4);
		memcpy(k->dst, ip + 16, 4);
	} else if (len >= 40 && ip[0] >> 4 == 6) {
		hdr = 40;
		k->family = 6;
		k->proto = ip[6];
		memcpy(k->src, ip + 8, 16);
		memcpy(k->dst, ip + 24, 16);
	} else {
		return false;
	}
	if (fragment || hdr > len)
		return !fragment;	/* a later fragment has no ports; the first one was counted */
	r = rd_of(ip + hdr, len - hdr);
	if (is_icmp(k)) {
		k->dport = icmp_type(k->proto, rd_u8(&r));
		k->sport = rd_u8(&r);
	} else if (k->proto == PROTO_TCP || k->proto == PROTO_UDP) {
		k->sport = rd_be16(&r);
		k->dport = rd_be16(&r);
		rd_skip(&r, 9);
		*flags = k->proto == PROTO_TCP ? rd_u8(&r) : 0;
	}
	return true;
}

static struct key
reversed(const struct key *k)
{
	struct key r = *k;

	memcpy(r.src, k->dst, sizeof(r.src));
	memcpy(r.dst, k->src, sizeof(r.dst));
	if (!is_icmp(k)) {
		r.sport = k->dport;
		r.dport = k->sport;
	}
	return r;
}

static struct conn *
find(struct flow_table *t, const struct key *k)
{
	struct mark m = mark_of(t, k);
	struct conn *c = map_get(t->by_mark, &m, sizeof(m));
	struct key r;

	if (c != NULL)
		return c;
	r = reversed(k);
	m = mark_of(t, &r);
	return map_get(t->by_mark, &m, sizeof(m));
}

static struct conn *
begin(struct flow_table *t, const struct key *k, bool out)
{
	struct conn *c;

	if (map_count(t->by_mark) >= t->max || (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->key = *k;
	c->mark = mark_of(t, k);
	c->out = out;
	c->now.starts = 1;
	env_random(t->env, c->flow_id, sizeof(c->flow_id));
	if (map_put(t->by_mark, &c->mark, sizeof(c->mark), c) != 0) {
		free(c);
		return NULL;
	}
	list_append(&t->conns, &c->all);
	return c;
}

void
flow_table_count(struct flow_table *t, const uint8_t *ip, uint32_t len, bool out, uint32_t packets, uint32_t bytes)
{
	struct key k;
	struct conn *c;
	uint8_t flags;

	if (!parse(ip, len, &k, &flags))
		return;
	if ((c = find(t, &k)) == NULL && (c = begin(t, &k, out)) == NULL) {
		t->untracked += packets;
		return;
	}
	c->last = env_now(t->env);
	if (c->now.first == 0)
		c->now.first = env_wall(t->env);
	if (out) {
		c->now.tx_packets += packets;
		c->now.tx_bytes += bytes;
	} else {
		c->now.rx_packets += packets;
		c->now.rx_bytes += bytes;
	}
	c->over |= (flags & (TCP_FIN | TCP_RST)) != 0;
}

/* ---- a window's end -------------------------------------------------------------- */

/* What is merged into one event; the key without source port and ICMP code. */
struct merged {
	struct list all;
	struct key key;
	const struct conn *first;	/* the earliest: its source port, its id */
	struct tally sum;
};

static int64_t
patience(const struct key *k)
{
	return k->proto == PROTO_TCP ? 300 * MONO_SEC : is_icmp(k) ? 30 * MONO_SEC : 120 * MONO_SEC;
}

static bool
is_dns(const struct key *k)
{
	return k->proto == PROTO_UDP && (k->dport == 53 || k->dport == 5353 || k->dport == 22054);
}

static Wellknown__Timestamp
timestamp(int64_t us)
{
	Wellknown__Timestamp ts;

	wellknown__timestamp__init(&ts);
	ts.seconds = us / 1000000;
	ts.nanos = (int32_t)(us % 1000000) * 1000;
	return ts;
}

static void
emit(struct flow_table *t, const struct merged *m, const struct flow_close *how, flow_emit_fn fn, void *arg)
{
	Wellknown__Timestamp at = timestamp(m->sum.first), from = timestamp(how->begin), to = timestamp(how->end);
	Flow__FlowEvent ev;
	Flow__FlowFields f;
	Flow__PortInfo ports;
	Flow__ICMPInfo icmp;
	struct buf b = { 0 };
	size_t iplen = m->key.family == 4 ? 4 : 16;
	uint8_t id[16];

	flow__flow_event__init(&ev);
	flow__flow_fields__init(&f);
	flow__port_info__init(&ports);
	flow__icmpinfo__init(&icmp);
	env_random(t->env, id, sizeof(id));
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);	/* RFC 9562, version 4 */
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	ev.event_id = (ProtobufCBinaryData){ sizeof(id), id };
	ev.timestamp = &at;
	ev.window_start = &from;
	ev.window_end = &to;
	ev.public_key = (ProtobufCBinaryData){ 32, (uint8_t *)(uintptr_t)how->public_key };
	ev.flow_fields = &f;
	f.flow_id = (ProtobufCBinaryData){ 16, (uint8_t *)(uintptr_t)m->first->flow_id };
	f.direction = m->first->out ? FLOW__DIRECTION__EGRESS : FLOW__DIRECTION__INGRESS;
	f.protocol = m->key.proto;
	f.source_ip = (ProtobufCBinaryData){ iplen, (uint8_t *)(uintptr_t)m->key.src };
	f.dest_ip = (ProtobufCBinaryData){ iplen, (uint8_t *)(uintptr_t)m->key.dst };
	if (is_icmp(&m->key)) {
		icmp.icmp_type = m->key.dport;
		icmp.icmp_code = m->first->key.sport;
		f.connection_info_case = FLOW__FLOW_FIELDS__CONNECTION_INFO_ICMP_INFO;
		f.icmp_info = &icmp;
	} else {
		ports.source_port = m->first->key.sport;
		ports.dest_port = m->key.dport;
		f.connection_info_case = FLOW__FLOW_FIELDS__CONNECTION_INFO_PORT_INFO;
		f.port_info = &ports;
	}
	if (how->counters) {
		f.rx_packets = m->sum.rx_packets;
		f.tx_packets = m->sum.tx_packets;
		f.rx_bytes = m->sum.rx_bytes;
		f.tx_bytes = m->sum.tx_bytes;
	}
	f.num_of_starts = m->sum.starts;
	f.num_of_ends = m->sum.ends;
	if (wire_pb_put(&b, &ev.base) == 0)
		fn(arg, id, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
merge(struct merged *m, const struct conn *c)
{
	const struct tally *n = &c->now;

	if (m->first == NULL || (n->first != 0 && (m->sum.first == 0 || n->first < m->sum.first)))
		m->first = c;
	if (n->first != 0 && (m->sum.first == 0 || n->first < m->sum.first))
		m->sum.first = n->first;
	m->sum.rx_packets += n->rx_packets;
	m->sum.tx_packets += n->tx_packets;
	m->sum.rx_bytes += n->rx_bytes;
	m->sum.tx_bytes += n->tx_bytes;
	m->sum.starts += n->starts;
	m->sum.ends += n->ends;
}

static struct merged *
place(const struct flow_table *t, struct map *by_mark, struct list *all, const struct conn *c)
{
	struct key k = c->key;
	struct merged *m;
	struct mark mark;

	k.sport = 0;
	k.pad[0] = c->out;
	mark = mark_of(t, &k);
	if ((m = map_get(by_mark, &mark, sizeof(mark))) != NULL)
		return m;
	if ((m = calloc(1, sizeof(*m))) == NULL || map_put(by_mark, &mark, sizeof(mark), m) != 0) {
		free(m);
		return NULL;
	}
	m->key = k;
	list_append(all, &m->all);
	return m;
}

void
flow_table_close_window(struct flow_table *t, const struct flow_close *how, flow_emit_fn fn, void *arg)
{
	struct mono now = env_now(t->env);
	struct map *by_mark = map_new();
	struct list all;
	struct merged *m;

	list_init(&all);
	LIST_EACH(it, &t->conns) {
		struct conn *c = LIST_OF(it, struct conn, all);

		c->over |= mono_diff(now, c->last) >= patience(&c->key);
		c->now.ends = c->over;
		if (by_mark == NULL || (c->now.first == 0 && c->now.ends == 0) || (!how->dns && is_dns(&c->key)))
			continue;
		if ((m = place(t, by_mark, &all, c)) != NULL)
			merge(m, c);
	}
	LIST_EACH(it, &all) {
		m = LIST_OF(it, struct merged, all);
		if (m->sum.first == 0)
			m->sum.first = how->end;	/* it only ended */
		emit(t, m, how, fn, arg);
		list_remove(&m->all);
		free(m);
	}
	map_free(by_mark);
	LIST_EACH(it, &t->conns) {
		struct conn *c = LIST_OF(it, struct conn, all);

		memset(&c->now, 0, sizeof(c->now));
		if (c->over)
			conn_free(t, c);
	}
}
