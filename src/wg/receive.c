/* SPDX-License-Identifier: ISC */
/*
 * receive.c -- from the sockets and ways to the TUN.
 *
 * Data packets are only noted while a batch is looked through, then opened
 * together, in place, and then judged one by one in order: seen before?  from
 * an address its peer may use?  What is left goes to the TUN in one write.
 * Handshakes are done on the spot, after the data before them.
 */
#include "wg/impl.h"

#include <stdlib.h>
#include <string.h>
#include "wg/gso.h"

#define JOBS		256
#define ARENA		(256 * 1024)	/* copies of what came over ways */
#define ELSEWHERE_GAP	(100 * MONO_MS)

struct job {
	struct wg_from from;
	uint8_t ecn;
};

struct wg_rx {
	struct wg_crypt crypt[JOBS];
	struct job job[JOBS];
	size_t n;
	uint8_t *arena;
	size_t used;
	struct wg_gro *gro;
};

struct wg_rx *
wg_rx_new(void)
{
	struct wg_rx *r = calloc(1, sizeof *r);

	if (r != NULL && ((r->gro = wg_gro_new()) == NULL || (r->arena = malloc(ARENA)) == NULL)) {
		wg_rx_free(r);
		r = NULL;
	}
	return r;
}

void
wg_rx_free(struct wg_rx *r)
{
	if (r == NULL)
		return;
	wg_gro_free(r->gro);
	free(r->arena);
	free(r);
}

void
wg_rx_join(struct wg_rx *r, bool join)
{
	wg_gro_join(r->gro, join);
}

bool
wg_is_wireguard(const uint8_t *p, size_t len)
{
	if (len >= 32 && p[0] >= 1 && p[0] <= 4 && p[1] == 0 && p[2] == 0 && p[3] == 0)
		return true;
	return len < 8 || !(p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 && p[7] == 0x42);
}

/* ---- judging ------------------------------------------------------------------ */

void
wg_peer_seen_at(struct wg_peer *p, const struct wg_from *from)
{
	struct wg_device *d = p->dev;

	if (from->addr == NULL || p->endpoint.kind == WG_ENDPOINT_WAY || !p->endpoint.roam ||
	    (p->endpoint.kind == WG_ENDPOINT_UDP && addr_equal(from->addr, &p->endpoint.addr)))
		return;
	if (p->endpoint.kind == WG_ENDPOINT_NONE)
		wg_peer_post(p, WG_PEER_EV_ENDPOINT, NULL);
	p->endpoint.kind = WG_ENDPOINT_UDP;
	p->endpoint.addr = *from->addr;
	if (d->hooks.roamed != NULL)
		d->hooks.roamed(d->arg, p, from->addr);
}

static void
note_elsewhere(struct wg_peer *p, const struct wg_from *from)
{
	struct mono now = env_now(p->dev->env);
	bool same = from->addr != NULL ? p->endpoint.kind == WG_ENDPOINT_UDP :
	    p->endpoint.kind == WG_ENDPOINT_WAY && p->endpoint.way == from->way;

	if (same || (mono_is_set(p->stats.last_elsewhere) && mono_diff(now, p->stats.last_elsewhere) < ELSEWHERE_GAP))
		return;
	p->stats.last_elsewhere = now;
	if (p->dev->hooks.elsewhere != NULL)
		p->dev->hooks.elsewhere(p->dev->arg, p);
}

/* Congestion met outside goes inside: RFC 6040, 4.2.  False: drop. */
static bool
ecn_inside(uint8_t *ip, uint8_t outer)
{
	uint8_t inner;

	if (outer != 3)
		return true;
	inner = ip[0] >> 4 == 4 ? ip[1] & 3 : ip[1] >> 4 & 3;
	if (inner == 0)
		return false;
	if (inner == 3)
		return true;
	if (ip[0] >> 4 == 4) {
		uint32_t len = (ip[0] & 15) * 4u;
		uint16_t sum;

		ip[1] |= 3;
		ip[10] = ip[11] = 0;
		sum = (uint16_t)~wg_sum_fold(wg_sum(ip, len, 0));
		memcpy(ip + 10, &sum, 2);
	} else {
		ip[1] |= 0x30;
	}
	return true;
}

/* The length of the IP packet in a padded one, if the peer may send it; else 0. */
static uint32_t
inner_len(const struct wg_peer *p, const uint8_t *ip, uint32_t len)
{
	const struct allowedips *t = &p->dev->allowed;
	uint32_t n;

	if (len >= 20 && ip[0] >> 4 == 4) {
		n = (uint32_t)ip[2] << 8 | ip[3];
		return (ip[0] & 15) >= 5 && n >= (ip[0] & 15) * 4u && n <= len && allowedips_find4(t, ip + 12) == p ? n : 0;
	}
	if (len >= 40 && ip[0] >> 4 == 6) {
		n = ((uint32_t)ip[4] << 8 | ip[5]) + 40;
		return n <= len && allowedips_find6(t, ip + 8) == p ? n : 0;
	}
	return 0;
}

static void
to_tun(struct wg_device *d)
{
	struct wg_gro *g = d->rx->gro;
	size_t n;
	struct env_pkt *pkts = wg_gro_packets(g, &n);

	if (n > 0 && d->tun != NULL)
		env_tun_write(d->tun, pkts, n);
	wg_gro_reset(g);
}

static void
judge(struct wg_device *d, struct wg_crypt *c, const struct job *j)
{
	struct wg_keypair *k = c->keys;
	struct wg_peer *p = k->owner;
	uint8_t *ip = c->data + WG_DATA_HEAD;
	uint32_t plain = c->len - NOISE_TAG, n = 0;

	if (!c->good || !replay_accept(&k->replay, c->counter)) {
		p->stats.refused++;
		return;
	}
	k->heard = env_now(d->env);
	wg_peer_seen_at(p, &j->from);
	if (k == p->next)
		wg_session_confirm(p, k);
	if (plain > 0 && ((n = inner_len(p, ip, plain)) == 0 || !ecn_inside(ip, j->ecn)))
		p->stats.refused++;
	wg_peer_received(p, c->len + WG_DATA_HEAD, plain > 0 && n > 0);
	if (n == 0)
		return;
	note_elsewhere(p, &j->from);
	if (d->tap != NULL)
		d->tap(d->tap_arg, ip, n, false, 1, n);
	if (!wg_gro_add(d->rx->gro, ip, n, WG_DATA_HEAD)) {
		to_tun(d);
		wg_gro_add(d->rx->gro, ip, n, WG_DATA_HEAD);
	}
}

/* Also sends what waited for a session: its peer has just confirmed one. */
void
wg_receive_flush(struct wg_device *d)
{
	struct wg_rx *r = d->rx;
	size_t n = r->n;

	if (n == 0)
		return;
	r->n = 0;
	r->used = 0;
	wg_crypt_open(r->crypt, n);
	for (size_t i = 0; i < n; i++)
		judge(d, &r->crypt[i], &r->job[i]);
	to_tun(d);
	for (size_t i = 0; i < n; i++) {
		struct wg_peer *p = r->crypt[i].keys->owner;

		if (!list_empty(&p->kept))
			wg_send_kept(p);
	}
	wg_session_bury(d);
}

/* ---- looking through ----------------------------------------------------------- */

static void
data_packet(struct wg_device *d, const struct wg_from *from, uint8_t *msg, size_t len, uint8_t ecn)
{
	struct wg_rx *r = d->rx;
	struct wg_slot *slot;
	struct wg_keypair *k;

	if (len < WG_DATA_MIN)
		return;
	if (r->n > 0 && r->crypt[r->n - 1].keys->local_index == wg_le32(msg + 4)) {
		k = r->crypt[r->n - 1].keys;
	} else {
		if ((slot = wg_slot_find(d, wg_le32(msg + 4))) == NULL || (k = slot->keys) == NULL)
			return;
		if (mono_diff(env_now(d->env), k->born) >= d->times.reject_after)
			return;
	}
	if (wg_le64(msg + 8) >= WG_REJECT_AFTER_MESSAGES)
		return;
	r->crypt[r->n] = (struct wg_crypt){ .keys = k, .data = msg, .len = (uint32_t)(len - WG_DATA_HEAD),
	    .counter = wg_le64(msg + 8) };
	r->job[r->n++] = (struct job){ *from, ecn };
	if (r->n == JOBS)
		wg_receive_flush(d);
}

static void
wireguard_packet(struct wg_device *d, const struct wg_from *from, uint8_t *msg, size_t len, uint8_t ecn)
{
	if (len < WG_DATA_MIN || msg[0] < WG_MSG_INITIATION || msg[0] > WG_MSG_DATA || msg[1] != 0 || msg[2] != 0 || msg[3] != 0)
		return;
	if (msg[0] == WG_MSG_DATA) {
		data_packet(d, from, msg, len, ecn);
	} else {
		wg_receive_flush(d);	/* a handshake may do away with the keys that jobs point to */
		wg_handshake_input(d, from, msg, len);
	}
}

void
wg_receive_udp(void *arg, struct env_pkt *pkts, size_t n)
{
	struct wg_device *d = arg;

	for (size_t i = 0; i < n; i++) {
		struct env_pkt *k = &pkts[i];
		struct wg_from from = { .addr = &k->peer };
		uint32_t step = k->segment != 0 ? k->segment : k->len;

		for (uint32_t at = 0; at < k->len; at += step) {
			uint32_t len = k->len - at < step ? k->len - at : step;

			if (wg_is_wireguard(k->data + at, len)) {
				wireguard_packet(d, &from, k->data + at, len, k->ecn);
			} else if (d->hooks.other != NULL) {
				struct env_pkt one = *k;

				one.data += at;
				one.len = len;
				one.segment = 0;
				d->hooks.other(d->arg, &one);
			}
		}
	}
	wg_receive_flush(d);
}

/*
 * A way brings packets one by one, as its stream is parsed, so data is copied and
 * left until the end of the turn: opening and joining pay for many only.
 */
void
wg_device_input(struct wg_device *d, struct way *way, struct env_pkt *pkts, size_t n)
{
	struct wg_from from = { .way = way };
	struct wg_rx *r = d->rx;

	for (size_t i = 0; i < n; i++) {
		uint32_t step = pkts[i].segment != 0 ? pkts[i].segment : pkts[i].len, len;

		for (uint32_t at = 0; at < pkts[i].len; at += step) {
			len = pkts[i].len - at < step ? pkts[i].len - at : step;
			if (r->used + len > ARENA)
				wg_receive_flush(d);
			if (len > ARENA)
				continue;
			memcpy(r->arena + r->used, pkts[i].data + at, len);
			wireguard_packet(d, &from, r->arena + r->used, len, pkts[i].ecn);
			if (r->n > 0)
				r->used += (len + 63) & ~UINT32_C(63);
		}
	}
}

/* The machines have had their turn; what is posted here gets one of its own. */
void
wg_receive_turn_end(void *arg)
{
	struct wg_device *d = arg;

	if (d->rx->n == 0)
		return;
	wg_receive_flush(d);
	fsm_drain(d->loop);
}
