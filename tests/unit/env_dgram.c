/* SPDX-License-Identifier: ISC */
/*
 * env_dgram.c -- datagrams over loopback: runs, addresses, ECN, headroom, drops.
 *
 * sendmmsg is defined here, so that the kernel can be made to refuse runs, as it
 * does for devices without checksum offload.
 */
#include "config.h"
#include <sys/socket.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/tap.h"

static bool refuse_runs;
static int refused;

int
sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	for (unsigned i = 0; refuse_runs && i < n; i++) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr);

		for (; c != NULL; c = CMSG_NXTHDR(&m[i].msg_hdr, c))
			if (c->cmsg_level == IPPROTO_UDP)
				break;
		if (c == NULL)
			continue;
		if (i == 0) {
			refused++;
			errno = EIO;
			return -1;
		}
		n = i;		/* those before it go */
	}
	return (int)syscall(SYS_sendmmsg, fd, m, n, flags);
}

struct world {
	struct env *env;
	struct env_dgram *a, *b;
	struct env_timer *limit;
	size_t packets, bytes, calls, want;
	bool in_order, in_place;
	uint8_t ecn;
	struct addr from, local;
	uint32_t next;
};

static void
on_limit(void *arg)
{
	struct world *w = arg;

	env_stop(w->env);
}

static void
on_packets(void *arg, struct env_pkt *p, size_t n)
{
	struct world *w = arg;

	w->calls++;
	for (size_t i = 0; i < n; i++) {
		uint32_t step = p[i].segment ? p[i].segment : p[i].len;

		w->from = p[i].peer;
		w->local = p[i].local;
		w->ecn = p[i].ecn;
		w->bytes += p[i].len;
		w->in_place &= p[i].headroom >= 64;
		memset(p[i].data - 64, 0xee, 64);	/* ours to overwrite */
		for (uint32_t off = 0; off < p[i].len; off += step) {
			uint32_t number;

			memcpy(&number, p[i].data + off, sizeof number);
			w->in_order &= number == w->next++;
			w->packets++;
		}
	}
	if (w->packets >= w->want)
		env_stop(w->env);
}

static void
wait_for(struct world *w, size_t want)
{
	w->packets = w->bytes = w->calls = 0;
	w->next = 0;
	w->in_order = w->in_place = true;
	w->want = want;
	env_timer_set(w->limit, 2 * MONO_SEC);
	env_run(w->env);
}

static void
test_family(struct world *w, const char *text)
{
	static uint8_t bytes[64 * 1200];
	struct env_pkt p[100];
	struct addr any, to;
	int err;

	addr_parse(&any, strchr(text, ':') ? "::" : "0.0.0.0");
	w->a = env_dgram_open(w->env, &any, on_packets, w, &err);
	w->b = env_dgram_open(w->env, &any, on_packets, w, &err);
	if (w->a == NULL || w->b == NULL) {
		ok(err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL, "%s # SKIP this host lacks the family", text);
		return;
	}
	ok(env_dgram_local(w->a).port != 0, "%s: port 0 picks one", text);
	addr_parse(&to, text);
	to.port = env_dgram_local(w->b).port;

	memset(p, 0, sizeof p);
	for (uint32_t i = 0; i < 100; i++) {
		memcpy(bytes + i * 100, &i, sizeof i);
		p[i].data = bytes + i * 100;
		p[i].len = 100;
		p[i].ecn = 2;
		p[i].peer = to;
	}
	is_int(env_dgram_send(w->a, p, 100), 100, "%s: a hundred packets are taken at once", text);
	wait_for(w, 100);
	is_int(w->packets, 100, "%s: and arrive", text);
	ok(w->in_order && w->in_place, "%s: in order, with room before them", text);
	ok(w->calls < 20, "%s: in batches (%zu calls)", text, w->calls);
	is_int(w->ecn, 2, "%s: with their ECN bits", text);
	ok(addr_same_ip(&w->local, &to), "%s: the local address is told", text);
	is_int(w->from.port, env_dgram_local(w->a).port, "%s: and the sender", text);

	for (uint32_t i = 0; i < 40; i++)
		memcpy(bytes + i * 1200, &i, sizeof i);
	p[0] = (struct env_pkt){ .data = bytes, .len = 39 * 1200 + 500, .segment = 1200, .peer = to,
	    .local = to };
	p[0].local.port = 0;
	is_int(env_dgram_send(w->a, p, 1), 1, "%s: a run of packets is taken as one", text);
	wait_for(w, 40);
	is_int(w->packets, 40, "%s: and arrives as forty", text);
	is_int(w->bytes, 39 * 1200 + 500, "%s: with every byte", text);
	ok(w->in_order, "%s: in order", text);
	ok(addr_same_ip(&w->from, &to), "%s: from the address it was told to use", text);

	refuse_runs = true;
	refused = 0;
	p[1] = p[0];
	p[1].len = 1200;
	p[1].segment = 0;
	for (uint32_t i = 0; i < 40; i++)	/* between two single packets: numbers 0, 0..39 shifted by one */
		memcpy(bytes + i * 1200, &(uint32_t){ i + 1 }, sizeof i);
	p[2] = p[0];
	p[0] = p[1];
	p[0].data = bytes + 50 * 1200;
	memset(p[0].data, 0, 4);
	p[1] = p[2];
	p[2] = p[0];
	p[2].data = bytes + 51 * 1200;
	memcpy(p[2].data, &(uint32_t){ 41 }, sizeof(uint32_t));
	for (int round = 0; round < 2; round++) {
		is_int(env_dgram_send(w->a, p, 3), 3, "%s: where runs are refused they are cut up", text);
		wait_for(w, 42);
		is_int(w->packets, 42, "%s: and arrive", text);
		ok(w->in_order, "%s: in order with the others", text);
	}
	is_int(refused, 1, "%s: the network was asked once", text);
	is_int(env_dgram_dropped(w->a), 0, "%s: and nothing was dropped", text);
	refuse_runs = false;

	p[0] = (struct env_pkt){ .data = bytes, .len = 100, .peer = to };
	p[1] = p[0];
	p[1].peer.port = 0;		/* no such thing: refused by the kernel */
	p[2] = p[0];
	is_int(env_dgram_send(w->a, p, 3), 2, "%s: one bad packet does not stop the others", text);
	is_int(env_dgram_dropped(w->a), 1, "%s: and is counted", text);
	ok(env_dgram_send(w->a, p + 1, 1) < 0, "%s: alone it is an error", text);
	{
		struct addr taken = env_dgram_local(w->b);

		ok(env_dgram_open(w->env, &taken, on_packets, w, &err) == NULL && err == -EADDRINUSE,
		    "%s: a port in use is -EADDRINUSE", text);
	}
	env_dgram_close(w->a);
	env_dgram_close(w->b);
}

int
main(void)
{
	struct world w = { .env = env_new() };

	w.limit = env_timer_new(w.env, on_limit, &w);
	test_family(&w, "127.0.0.1");
	test_family(&w, "::1");
	env_timer_free(w.limit);
	env_free(w.env);
	return tap_done();
}
