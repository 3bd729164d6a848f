/* SPDX-License-Identifier: ISC */
/*
 * send.c -- from the TUN to the peers.
 *
 * Packets are written into one large buffer, each with room for its head and
 * tag, sealed there together, and handed to the sockets as runs: packets of one
 * size to one peer lie side by side, so that the kernel takes up to 64 of them
 * at once (UDP GSO).  A way gets single packets with room in front instead.
 *
 * Nothing stays in the buffer when a function that the outside calls returns.
 */
#include "wg/impl.h"

#include <stdlib.h>
#include <string.h>
#include "net/way.h"
#include "wg/gso.h"

#define ARENA		(512 * 1024)
#define JOBS		512
#define RUN_BYTES	65000		/* one UDP GSO send: 65507 at most */
#define RUN_PACKETS	60		/* the kernel's UDP_MAX_SEGMENTS is 64 */

struct run {
	struct wg_peer *peer;
	size_t at;		/* of its first packet's head in the arena */
	uint32_t len;
	uint16_t segment;	/* length of every packet but the last */
	uint16_t packets;
	unsigned data;		/* packets that are no keepalives */
	uint8_t ecn;
	bool closed;		/* its last packet was shorter */
	bool way;
};

struct wg_tx {
	uint8_t *arena;
	size_t used;
	struct wg_crypt job[JOBS];
	size_t njobs;
	struct run run[JOBS];
	size_t nruns;
	struct env_pkt out[JOBS];
};

struct wg_tx *
wg_tx_new(void)
{
	struct wg_tx *t = calloc(1, sizeof *t);

	if (t != NULL && (t->arena = malloc(ARENA)) == NULL) {
		free(t);
		t = NULL;
	}
	return t;
}

void
wg_tx_free(struct wg_tx *t)
{
	if (t == NULL)
		return;
	free(t->arena);
	free(t);
}

/* ---- to endpoints ----------------------------------------------------------- */

static void
to_udp(struct wg_device *d, const struct env_pkt *pkts, size_t n)
{
	for (size_t i = 0, j; i < n; i = j) {
		int family = pkts[i].peer.family;
		struct env_dgram *s = family == ADDR_V6 ? d->udp6 : d->udp4;

		for (j = i + 1; j < n && pkts[j].peer.family == family; j++)
			;
		if (s != NULL)
			env_dgram_send(s, pkts + i, j - i);
		if (family == ADDR_V4 && d->former4 != NULL && mono_before(env_now(d->env), d->both_until))
			env_dgram_send(d->former4, pkts + i, j - i);	/* the far end drops what came already */
	}
}

bool
wg_send_to_endpoint(struct wg_peer *p, struct env_pkt *pkts, size_t n)
{
	switch (p->endpoint.kind) {
	case WG_ENDPOINT_UDP:
		for (size_t i = 0; i < n; i++)
			pkts[i].peer = p->endpoint.addr;
		to_udp(p->dev, pkts, n);
		return true;
	case WG_ENDPOINT_WAY:
		p->endpoint.way->ops->send(p->endpoint.way, pkts, n);
		return true;
	case WG_ENDPOINT_NONE:
		break;
	}
	return false;
}

void
wg_send_answer(struct wg_device *d, const struct wg_from *from, uint8_t *msg, size_t len)
{
	struct env_pkt pkt = { .data = msg, .len = (uint32_t)len, .headroom = WG_WAY_HEADROOM };

	if (from->addr != NULL) {
		pkt.peer = *from->addr;
		to_udp(d, &pkt, 1);
	} else {
		from->way->ops->send(from->way, &pkt, 1);
	}
}

void
wg_device_send_raw(struct wg_device *d, const struct env_pkt *pkts, size_t n)
{
	to_udp(d, pkts, n);
}

/* ---- the buffer --------------------------------------------------------------- */

static void
run_to_pkt(struct wg_tx *t, const struct run *r, struct env_pkt *out)
{
	*out = (struct env_pkt){ .data = t->arena + r->at, .len = r->len, .ecn = r->ecn };
	out->segment = r->packets > 1 ? r->segment : 0;
	if (r->way)
		out->headroom = WG_WAY_HEADROOM;
	else
		out->peer = r->peer->endpoint.addr;
}

static void
flush(struct wg_device *d)
{
	struct wg_tx *t = d->tx;
	size_t n = 0;

	if (t->njobs == 0)
		return;
	wg_crypt_seal(t->job, t->njobs);
	for (size_t i = 0; i < t->nruns; i++) {
		struct run *r = &t->run[i];

		run_to_pkt(t, r, &t->out[n++]);
		/* datagrams go together, also to different peers; a way's only with its like */
		if (r->way && (i + 1 == t->nruns || t->run[i + 1].peer != r->peer)) {
			wg_send_to_endpoint(r->peer, t->out, n);
			n = 0;
		} else if (!r->way && (i + 1 == t->nruns || t->run[i + 1].way)) {
			to_udp(d, t->out, n);
			n = 0;
		}
	}
	for (size_t i = 0; i < t->nruns; i++)
		wg_peer_sent(t->run[i].peer, t->run[i].len, t->run[i].data);
	t->used = t->njobs = t->nruns = 0;
}

/* Room for a plain packet of up to `len` bytes behind its head; the peer has a
 * usable session and an endpoint. */
static uint8_t *
room(struct wg_peer *p, uint32_t len)
{
	struct wg_tx *t = p->dev->tx;

	if (t->njobs == JOBS || t->used + WG_WAY_HEADROOM + WG_DATA_HEAD + len + 16 + NOISE_TAG > ARENA)
		flush(p->dev);
	if (p->endpoint.kind == WG_ENDPOINT_WAY)
		t->used += WG_WAY_HEADROOM;
	return t->arena + t->used + WG_DATA_HEAD;
}

/* The packet of `len` bytes in the room just given: padded, numbered, put into a run. */
static void
commit(struct wg_peer *p, uint32_t len, uint8_t ecn)
{
	struct wg_tx *t = p->dev->tx;
	struct run *r = t->nruns > 0 ? &t->run[t->nruns - 1] : NULL;
	uint8_t *head = t->arena + t->used;
	uint32_t padded = (len + 15) & ~UINT32_C(15), wire;
	bool way = p->endpoint.kind == WG_ENDPOINT_WAY;

	if (padded > p->dev->mtu)	/* as the kernel: never beyond the tunnel's MTU */
		padded = len > p->dev->mtu ? len : p->dev->mtu;
	memset(head + WG_DATA_HEAD + len, 0, padded - len);
	wire = WG_DATA_HEAD + padded + NOISE_TAG;
	t->job[t->njobs++] = (struct wg_crypt){ .keys = p->cur, .data = head, .len = padded, .counter = p->cur->counter++ };
	if (r == NULL || way || r->way || r->peer != p || r->closed || r->ecn != ecn || wire > r->segment ||
	    r->len + wire > RUN_BYTES || r->packets == RUN_PACKETS) {
		r = &t->run[t->nruns++];
		*r = (struct run){ .peer = p, .at = t->used, .segment = (uint16_t)wire, .ecn = ecn, .way = way };
	}
	r->closed = wire < r->segment;
	r->len += wire;
	r->packets++;
	r->data += len > 0;
	t->used += wire;
}

/* ---- packets that must wait ------------------------------------------------------ */

static void
kept_drop(struct wg_peer *p, struct wg_kept *k)
{
	list_remove(&k->link);
	p->nkept--;
	p->kept_bytes -= k->len;
	free(k);
}

void
wg_send_drop_kept(struct wg_peer *p)
{
	while (!list_empty(&p->kept)) {
		kept_drop(p, LIST_OF(p->kept.next, struct wg_kept, link));
		p->stats.kept_dropped++;
	}
}

/* The oldest go first: what TCP resends comes as a new packet anyway. */
static void
keep(struct wg_peer *p, struct wg_gso *g, uint8_t ecn)
{
	uint32_t len;

	while ((len = wg_gso_next_len(g)) > 0) {
		struct wg_kept *k = malloc(sizeof *k + len);

		if (k == NULL)
			return;
		k->len = len;
		k->ecn = ecn;
		wg_gso_next(g, k->data);
		list_append(&p->kept, &k->link);
		p->nkept++;
		p->kept_bytes += len;
		while (p->nkept > WG_KEEP_PACKETS || p->kept_bytes > WG_KEEP_BYTES) {
			kept_drop(p, LIST_OF(p->kept.next, struct wg_kept, link));
			p->stats.kept_dropped++;
		}
	}
}

static bool
ready(const struct wg_peer *p)
{
	return p->endpoint.kind != WG_ENDPOINT_NONE && wg_keypair_usable(p, p->cur);
}

void
wg_send_kept(struct wg_peer *p)
{
	if (!ready(p))
		return;
	while (!list_empty(&p->kept)) {
		struct wg_kept *k = LIST_OF(p->kept.next, struct wg_kept, link);

		memcpy(room(p, k->len), k->data, k->len);
		commit(p, k->len, k->ecn);
		kept_drop(p, k);
	}
	flush(p->dev);
}

void
wg_send_keepalive(struct wg_peer *p)
{
	if (!ready(p)) {
		wg_peer_want(p);
		return;
	}
	room(p, 0);
	commit(p, 0, 0);
	flush(p->dev);
}

/* ---- from the TUN ----------------------------------------------------------------- */

/* Whose is it?  Also the ECN bits, which go outside as they are: RFC 6040, 4.1. */
static struct wg_peer *
route(const struct wg_device *d, const struct env_pkt *k, uint8_t *ecn)
{
	if (k->len >= 20 && k->data[0] >> 4 == 4) {
		*ecn = k->data[1] & 3;
		return allowedips_find4(&d->allowed, k->data + 16);
	}
	if (k->len >= 40 && k->data[0] >> 4 == 6) {
		*ecn = k->data[1] >> 4 & 3;
		return allowedips_find6(&d->allowed, k->data + 24);
	}
	return NULL;
}

void
wg_send_tun(void *arg, struct env_pkt *pkts, size_t n)
{
	struct wg_device *d = arg;

	if (pkts == NULL) {
		if (d->hooks.gone != NULL)
			d->hooks.gone(d->arg);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t ecn = 0;
		struct wg_peer *p = route(d, &pkts[i], &ecn);
		struct wg_gso g;
		uint32_t len;

		if (p == NULL || !wg_gso_begin(&g, &pkts[i]))
			continue;
		if (d->tap != NULL) {
			uint32_t bytes, packets = wg_gso_packets(&g, &bytes);

			d->tap(d->tap_arg, pkts[i].data, pkts[i].len, true, packets, bytes);
		}
		if (!ready(p)) {
			keep(p, &g, ecn);
			wg_peer_waits(p);
			wg_peer_want(p);
			continue;
		}
		while ((len = wg_gso_next_len(&g)) > 0) {
			wg_gso_next(&g, room(p, len));
			commit(p, len, ecn);
		}
	}
	flush(d);
}
