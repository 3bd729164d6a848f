/* SPDX-License-Identifier: ISC */
/*
 * odd_signal.c -- two agents' machines again (twopeers.h), and what a signal
 * server or a remote may say at an odd moment: fsm/DEFECTS.md names the tests.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "tests/tap.h"
#include "fakeenv.h"
#include "ice/hub.h"
#include "twopeers.h"

static struct world w;

/* IW-15: a message without credentials, from a moment before ICE was on again. */
static void
late_without_ice(void)
{
	struct wire_signal m = { .type = WIRE_SIGNAL_ANSWER, .relay_url = "rel://relay.test:80" };
	unsigned gaps = 0;

	world_stands(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED, true);
	fake_run(5 * MONO_SEC);
	peer_signal(w.a.peer, &m);
	for (int t = 0; t < 1000; t++) {
		fake_run(MONO_MS);
		gaps += w.a.endpoint.kind == PATH_TO_NONE || w.b.endpoint.kind == PATH_TO_NONE;
	}
	ok(world_direct(&w) && gaps == 0, "one late message without credentials: direct again within 1 s, never without a path (%u ms)", gaps);
	world_free(&w);
}

/* IA-4, 9e81e782e */
static void
one_answer_a_check(void)
{
	struct addr many[3];
	const struct ice_counters *a, *b;

	world_new(&w, NAT_NONE, NAT_NONE);
	many[0] = w.a.host;
	many[1] = addr_v4(0x0a090909, 0);
	many[2] = addr_v4(0xc0000207, 0);
	fake_env_set_addrs(w.a.env, many, 3);
	world_start(&w, true, true);
	world_until_direct(&w, 5000);
	fake_run(20 * MONO_SEC);
	a = ice_counters(w.a.ice);
	b = ice_counters(w.b.ice);
	ok(world_direct(&w) && w.a.session->nlocal >= 3, "three addresses on one socket");
	ok(a->requests > 0 && a->requests == b->answers && b->requests == a->answers && a->refused + b->refused == 0,
	    "each check has one answer, and each answer its check (%u of %u, %u of %u)",
	    (unsigned)b->answers, (unsigned)a->requests, (unsigned)a->answers, (unsigned)b->requests);
	world_free(&w);
}

static void
candidate(struct side *s, const char *line)
{
	struct wire_signal m = { .type = WIRE_SIGNAL_CANDIDATE };

	snprintf(m.candidate, sizeof(m.candidate), "%s", line);
	peer_signal(s->peer, &m);
	fsm_drain(s->loop);
}

/* Does a have a pair to that address? */
static bool
tries(const char *text)
{
	struct ice_outcome out[ICE_OUTCOMES];
	size_t n = ice_session_outcomes(w.a.session, out, ICE_OUTCOMES);
	char have[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++)
		if (strcmp(addr_str(&out[i].remote, have), text) == 0)
			return true;
	return false;
}

static bool
not_overlay(void *arg, const struct addr *a)
{
	(void)arg;
	return !(a->family == ADDR_V4 && a->ip[0] == 100 && a->ip[1] == 64);
}

/* A check with the right names and signature, from that address. */
static void
knock(struct side *s, uint32_t from)
{
	struct wire_stun m = { .method = WIRE_STUN_BINDING, .cls = WIRE_STUN_REQUEST, .role = WIRE_STUN_CONTROLLING };
	struct env_pkt pkt = { .peer = addr_v4(from, 51820) };
	struct buf b;

	snprintf(m.username, sizeof(m.username), "%s:%s", s->session->ufrag, s->session->rufrag);
	buf_init(&b);
	wire_stun_write(&b, &m, s->session->pwd);
	pkt.data = (uint8_t *)(uintptr_t)buf_bytes(&b);
	pkt.len = (uint32_t)buf_len(&b);
	ice_input(s->ice, &pkt);
	fsm_drain(s->loop);
	buf_free(&b);
}

/* b57f71435: only what is inside the overlay is left out, and at the socket too */
static void
no_filter_but_the_overlay(void)
{
	static const char *const line[] = {
		"1 1 udp 2130706431 10.99.0.1 51820 typ host", "1 1 udp 2130706431 192.0.2.77 51820 typ host",
		"1 1 udp 2130706431 100.65.1.1 51820 typ host", "1 1 udp 2130706431 169.254.3.4 51820 typ host",
		"1 1 udp 2130706431 100.64.3.4 51820 typ host",
	};
	uint64_t requests;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.a.ice->io.allowed = not_overlay;
	world_start(&w, true, true);
	fake_run(100 * MONO_MS);
	for (size_t i = 0; i < 5; i++)
		candidate(&w.a, line[i]);
	ok(tries("10.99.0.1") && tries("192.0.2.77") && tries("100.65.1.1") && tries("169.254.3.4"), "candidates of any network are tried");
	ok(!tries("100.64.3.4"), "but none inside the overlay");
	world_until_direct(&w, 5000);
	requests = ice_counters(w.a.ice)->requests;
	knock(&w.a, 0x64400304u);
	ok(ice_counters(w.a.ice)->requests == requests, "a check from there is not heard, though it is signed");
	knock(&w.a, 0x64410304u);
	ok(ice_counters(w.a.ice)->requests == requests + 1, "from elsewhere it is");
	ok(world_until_direct(&w, 5000) >= 0, "direct all the same");
	world_free(&w);
}

/* P9: a candidate that comes before its offer is applied when the agent is made. */
static void
early_candidate(void)
{
	world_new(&w, NAT_NONE, NAT_NONE);
	world_start(&w, true, false);
	candidate(&w.a, "1 1 udp 2130706431 192.0.2.55 51820 typ host");
	ok(!tries("192.0.2.55"), "a candidate before any offer waits");
	world_start(&w, false, true);
	fake_run(300 * MONO_MS);
	ok(tries("192.0.2.55"), "and is tried when the offer made its agent");
	world_free(&w);
}

/* IA-5: the address of the same network is signalled late. */
static void
better_path(void)
{
	struct addr at;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_NONE);
	w.a.drop_candidates = 1;
	w.b.host = addr_v4(0xcb0071feu, 51820);
	fake_env_set_addrs(w.b.env, &w.b.host, 1);
	world_start(&w, true, true);
	ok(world_until_direct(&w, 5000) >= 0 && !addr_equal(&w.b.endpoint.addr, &w.a.host), "direct, through a router");
	fake_run(20 * MONO_SEC);
	w.lan = true;
	candidate(&w.b, "1 1 udp 2130706431 10.1.0.2 51820 typ host");
	at = w.a.host;
	for (int t = 0; t < 2000 && !addr_equal(&w.b.endpoint.addr, &at); t++)
		fake_run(MONO_MS);
	ok(addr_equal(&w.b.endpoint.addr, &at), "a host candidate that comes late is used");
	ok(w.a.downs + w.b.downs == 0, "without losing the path for it");
	candidate(&w.b, "1 1 udp 1694498815 203.0.113.1 40001 typ srflx raddr 0.0.0.0 rport 51820");
	fake_run(5 * MONO_SEC);
	ok(addr_equal(&w.b.endpoint.addr, &at), "and not left for a longer one");
	world_free(&w);
}

/* The peer had no relay when our guard came to rest; its next word is that it has. */
static void
relay_again(void)
{
	unsigned offers;

	world_new(&w, NAT_PORT_RESTRICTED, NAT_PORT_RESTRICTED);
	w.a.relays = true;
	world_start(&w, true, true);
	world_until_direct(&w, 5000);
	fake_run(20 * MONO_SEC);
	ok(w.a.peer->guard.fsm.state == GUARD_SETTLED, "direct, and the peer has no relay: nothing is missing");
	w.b.relays = true;
	offers = w.a.offers;
	guard_post(&w.b.peer->guard, GUARD_EV_SIGNAL_UP, NULL);
	fsm_drain(w.b.loop);
	fake_run(300 * MONO_MS);
	ok(w.a.peer->guard.fsm.state == GUARD_SEEKING && w.a.offers == offers, "it has one again: the guard looks again, and gives that half a second");
	fake_run(MONO_SEC);
	ok(w.a.offers > offers, "the standby does not come: it is asked for");
	world_relay(&w, true);
	fake_run(10 * MONO_SEC);
	ok(w.a.peer->guard.fsm.state == GUARD_SETTLED, "and when it is there, all is at rest");
	world_free(&w);
}

int
main(void)
{
	if (getenv("TEST_DEBUG") != NULL)
		log_set_level(LOG_LV_TRACE);
	late_without_ice();
	one_answer_a_check();
	no_filter_but_the_overlay();
	early_candidate();
	better_path();
	relay_again();
	return tap_done();
}
