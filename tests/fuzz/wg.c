/* SPDX-License-Identifier: ISC */
/*
 * wg.c -- bytes from the network and the TUN into a WireGuard device.
 *
 * The first byte says what the rest is: a datagram as it is; a handshake message
 * that gets a good mac1, so that what lies behind is reached; a plain packet that
 * a peer with a session sends; a packet from the TUN with offload fields.  A
 * world of a few lines stands behind env.h; time goes on a little each input.
 *
 * fuzz-needs: src/fsm/[a-z]*.c src/wg/[abcdghknprs]*.c
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "fsm/agent-wire.h"
#include "net/way.h"
#include "wg/gso.h"
#include "wg/impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the world ---- */

struct env { int64_t now; uint64_t rnd; unsigned hooks; struct { void (*fn)(void *arg); void *arg; } hook[8]; };
struct env_timer { int unused; };
struct env_dgram { struct addr local; struct { uint8_t data[2048]; uint32_t len; } out[16]; unsigned nout; };
struct env_tun { int unused; };
static struct env world = { .now = MONO_SEC, .rnd = 88172645463325252u };
static struct env_dgram sock[2];	/* ours, theirs */
static unsigned nsock;
static struct env_tun tun;

struct mono env_now(struct env *e) { return (struct mono){ e->now }; }
int64_t env_wall(struct env *e) { return e->now + INT64_C(1700000000000000); }
struct env_timer *env_timer_new(struct env *e, void (*fn)(void *), void *arg) { (void)e; (void)fn; (void)arg; return calloc(1, sizeof(struct env_timer)); }
void env_timer_set(struct env_timer *t, int64_t us) { (void)t; (void)us; }
void env_timer_stop(struct env_timer *t) { (void)t; }
bool env_timer_pending(const struct env_timer *t) { (void)t; return false; }
void env_timer_free(struct env_timer *t) { free(t); }

void
env_on_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	e->hook[e->hooks].fn = fn;
	e->hook[e->hooks++].arg = arg;
}

void env_off_turn_end(struct env *e, void (*fn)(void *), void *arg) { (void)e; (void)fn; (void)arg; }

uint64_t env_random_below(struct env *e, uint64_t n) { uint64_t v; env_random(e, &v, 8); return v % n; }

void
env_random(struct env *e, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		e->rnd ^= e->rnd << 13, e->rnd ^= e->rnd >> 7, e->rnd ^= e->rnd << 17;
		((uint8_t *)out)[i] = (uint8_t)(e->rnd >> 30);
	}
}

struct env_dgram *
env_dgram_open(struct env *e, const struct addr *a, env_pkts_fn fn, void *arg, int *err)
{
	(void)e; (void)fn; (void)arg;
	*err = a->family == ADDR_V4 ? 0 : -97;
	if (a->family != ADDR_V4)
		return NULL;
	sock[nsock].local = (struct addr){ .family = ADDR_V4, .port = 51820 };
	return &sock[nsock++];
}

/* runs are not needed here: what a device says in a handshake comes singly */
int
env_dgram_send(struct env_dgram *d, const struct env_pkt *k, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (d->nout == 16 || k[i].len > sizeof d->out[0].data)
			continue;
		memcpy(d->out[d->nout].data, k[i].data, k[i].len);
		d->out[d->nout++].len = k[i].len;
	}
	return (int)n;
}

struct addr env_dgram_local(const struct env_dgram *d) { return d->local; }
void env_dgram_close(struct env_dgram *d) { (void)d; }

struct env_tun *
env_tun_open(struct env *e, const char *name, unsigned mtu, env_pkts_fn fn, void *arg, int *err)
{
	(void)e; (void)name; (void)mtu; (void)fn; (void)arg;
	*err = 0;
	return &tun;
}

/* looks at every byte, for the sanitizers */
int
env_tun_write(struct env_tun *t, struct env_pkt *k, size_t n)
{
	volatile uint8_t x = 0;

	(void)t;
	for (size_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < k[i].len; j++)
			x ^= k[i].data[j];
	return (int)n;
}

bool env_tun_takes_runs(const struct env_tun *t) { (void)t; return true; }
const char *env_tun_name(const struct env_tun *t) { (void)t; return "wt0"; }
void env_tun_close(struct env_tun *t) { (void)t; }

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg; (void)send;
	wg_peer_post(wire_wg_keepalive_to_wg_peer((struct wg_keepalive *)from), WG_PEER_EV_WANT, data);
}

/* ---- two devices with a session ---- */

static struct wg_device *us, *them;
static struct wg_peer *us_peer, *them_peer;
static struct addr us_addr, them_addr;

static void
turn(void)
{
	for (unsigned i = 0; i < world.hooks; i++)
		world.hook[i].fn(world.hook[i].arg);
}

static void
carry(struct env_dgram *d, struct wg_device *to, const struct addr *from)
{
	for (unsigned i = 0; i < d->nout; i++) {
		struct env_pkt k = { .data = d->out[i].data, .len = d->out[i].len, .peer = *from };

		wg_receive_udp(to, &k, 1);
	}
	d->nout = 0;
	turn();
}

static void
set_up(void)
{
	static uint8_t a[32] = { 1, 2 }, b[32] = { 3, 4 };
	struct wg_config c = { .env = &world, .name = "wt0" };
	struct addr_prefix all4 = { addr_v4(0x0a000000, 0), 8 }, all6 = { { .family = ADDR_V6 }, 0 };
	int err;

	log_set_level(LOG_LV_ERROR);
	c.loop = fsm_loop_new(&world, route, NULL);
	us_addr = addr_v4(0xcb007101, 51820);
	them_addr = addr_v4(0xcb007102, 51820);
	c.private_key = a;
	us = wg_device_new(&c, &err);
	c.private_key = b;
	them = wg_device_new(&c, &err);
	us_peer = wg_device_peer_add(us, wg_device_public_key(them));
	them_peer = wg_device_peer_add(them, wg_device_public_key(us));
	wg_peer_add_allowed_ip(us_peer, &all4);
	wg_peer_add_allowed_ip(us_peer, &all6);
	wg_peer_add_allowed_ip(them_peer, &all4);
	wg_peer_add_allowed_ip(them_peer, &all6);
}

static void
session(void)
{
	world.now += 10 * MONO_SEC;
	wg_peer_set_endpoint(us_peer, &(struct wg_endpoint){ .kind = WG_ENDPOINT_UDP, .addr = them_addr, .roam = true });
	wg_peer_set_endpoint(them_peer, &(struct wg_endpoint){ .kind = WG_ENDPOINT_UDP, .addr = us_addr, .roam = true });
	wg_peer_handshake(them_peer, false);
	sock[0].nout = sock[1].nout = 0;
	turn();
	for (int i = 0; i < 4; i++) {
		carry(&sock[1], us, &them_addr);
		carry(&sock[0], them, &us_addr);
	}
	if (!wg_keypair_usable(us_peer, us_peer->cur) || !wg_keypair_usable(them_peer, them_peer->cur))
		abort();	/* what went before broke the handshake */
}

static void
from_peer(const uint8_t *data, size_t size)
{
	uint8_t room[WG_DATA_HEAD + 2048 + NOISE_TAG];
	struct wg_crypt c = { .keys = them_peer->cur, .data = room, .len = (uint32_t)(size < 2048 ? size : 2048),
	    .counter = them_peer->cur->counter++ };
	struct env_pkt k = { .data = room, .peer = them_addr, .ecn = (uint8_t)(size & 3) };

	memcpy(room + WG_DATA_HEAD, data, c.len);
	wg_crypt_seal(&c, 1);
	k.len = WG_DATA_HEAD + c.len + NOISE_TAG;
	wg_receive_udp(us, &k, 1);
}

static void
from_tun(const uint8_t *data, size_t size)
{
	static uint8_t out[70000];
	struct env_pkt k = { .headroom = 16 };
	struct wg_gso g;
	uint32_t len;

	if (size < 8)
		return;
	k.offload = data[0] % 5;
	k.segment = (uint16_t)(data[1] | data[2] << 8);
	k.csum_start = (uint16_t)(data[3] | data[4] << 8);
	k.csum_offset = data[5];
	k.data = (uint8_t *)(uintptr_t)data + 8;
	k.len = (uint32_t)size - 8;
	if (k.len == 0)
		return;
	if (wg_gso_begin(&g, &k))
		while ((len = wg_gso_next_len(&g)) > 0)
			wg_gso_next(&g, out);
	wg_send_tun(us, &k, 1);
}

static void
with_mac1(const uint8_t *data, size_t size)
{
	uint8_t msg[WG_INITIATION_LEN] = { 0 };
	struct env_pkt k = { .data = msg, .peer = them_addr };
	struct cookie_taker t;

	memcpy(msg, data, size < sizeof msg ? size : sizeof msg);
	msg[0] = size & 1 ? WG_MSG_INITIATION : WG_MSG_RESPONSE;
	memset(msg + 1, 0, 3);
	k.len = size & 1 ? WG_INITIATION_LEN : WG_RESPONSE_LEN;
	cookie_taker_init(&t, wg_device_public_key(us));
	cookie_sign(&t, msg, k.len, env_now(&world));
	world.now += 10 * MONO_MS;	/* not under load every time */
	wg_receive_udp(us, &k, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned count;
	struct env_pkt k = { .peer = them_addr };
	uint8_t *copy;

	if (us == NULL && sodium_init() >= 0)
		set_up();
	if (count++ % 2000 == 0)
		session();
	if (size < 2)
		return 0;
	world.now += MONO_MS / 10;
	copy = malloc(size - 1);
	memcpy(copy, data + 1, size - 1);
	k.data = copy;
	k.len = (uint32_t)size - 1;
	switch (data[0] % 4) {
	case 0:
		k.segment = data[0] / 4;	/* a run of small packets, too */
		wg_receive_udp(us, &k, 1);
		break;
	case 1:
		with_mac1(copy, size - 1);
		break;
	case 2:
		from_peer(copy, size - 1);
		break;
	case 3:
		from_tun(copy, size - 1);
		break;
	}
	turn();
	free(copy);
	return 0;
}
