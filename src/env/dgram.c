/* SPDX-License-Identifier: ISC */
/*
 * dgram.c -- UDP sockets, always in batches.
 *
 * Packets are received into the loop's slots, up to 64 a call, each perhaps a
 * run of packets (GRO); their bytes are the callee's until it returns, and it
 * may work in place.  Sending is at once: what the kernel does not take is
 * dropped and counted, as a network would.  Where the system cannot send runs,
 * they are cut up here.
 */
#include "config.h"
#include <sys/socket.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/loop.h"
#include "sys/sockaddr.h"
#include "sys/udp.h"

#define SOCKET_BUFFER	(4 * 1024 * 1024)	/* asked for; the system may give less */
#define BATCHES_A_ROUND	4

struct env_dgram {
	struct env *env;
	env_pkts_fn fn;
	void *arg;
	int fd;
	struct event ev;
	struct addr local;
	bool gro, gso;
	uint64_t dropped;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct env_dgram *d = arg;
	struct env *env = d->env;
	struct sys_udp_msg m[LOOP_SLOTS];
	struct env_pkt p[LOOP_SLOTS];

	for (int round = 0; round < BATCHES_A_ROUND; round++) {
		int n;

		for (unsigned i = 0; i < LOOP_SLOTS; i++) {
			m[i].data = loop_slot(env, i);
			m[i].len = (uint32_t)loop_slot_room();
			if (m[i].data == NULL)
				return;
		}
		n = sys_udp_recv(d->fd, m, LOOP_SLOTS);
		if (n <= 0)
			return;		/* nothing there, or an error that a datagram socket gets over */
		for (int i = 0; i < n; i++)
			p[i] = (struct env_pkt){
				.data = m[i].data, .len = m[i].len, .segment = m[i].segment,
				.headroom = LOOP_HEADROOM, .ecn = m[i].ecn,
				.peer = m[i].peer, .local = m[i].local
			};
		loop_slots_used(env, (unsigned)n, m[0].len);
		loop_turn_begin(env);
		d->fn(d->arg, p, (size_t)n);
		loop_turn_end(env);
		if (d->fd < 0 || n < LOOP_SLOTS)
			return;
	}
}

struct env_dgram *
env_dgram_open(struct env *env, const struct addr *addr, env_pkts_fn fn, void *arg, int *err)
{
	struct env_dgram *d = calloc(1, sizeof *d);
	struct sockaddr_storage ss;
	socklen_t len = sys_addr_to_sockaddr(addr, &ss);

	*err = -ENOMEM;
	if (d == NULL)
		return NULL;
	d->env = env;
	d->fn = fn;
	d->arg = arg;
	d->fd = socket(addr->family == ADDR_V6 ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		goto fail;
	sys_udp_setup(d->fd, (enum addr_family)addr->family, &d->gro, &d->gso);
	sys_udp_buffers(d->fd, SOCKET_BUFFER);
	if (bind(d->fd, (struct sockaddr *)&ss, len) < 0 ||
	    getsockname(d->fd, (struct sockaddr *)&ss, &len) < 0)
		goto fail;
	d->local = sys_addr_from_sockaddr((struct sockaddr *)&ss);
	event_assign(&d->ev, env->base, d->fd, EV_READ | EV_PERSIST, on_readable, d);
	event_add(&d->ev, NULL);
	*err = 0;
	return d;
fail:
	*err = -errno;
	if (d->fd >= 0)
		close(d->fd);
	free(d);
	return NULL;
}

static int send_all(struct env_dgram *, const struct sys_udp_msg *, int n, int *err);

/* A run of packets without the system's help. True when all of it went. */
static bool
send_cut_up(struct env_dgram *d, const struct sys_udp_msg *run, int *err)
{
	struct sys_udp_msg m[SYS_UDP_BATCH];
	uint32_t off = 0;
	bool whole = true;

	while (off < run->len) {
		int n = 0;

		for (; n < SYS_UDP_BATCH && off < run->len; n++) {
			m[n] = *run;
			m[n].data += off;
			m[n].len = run->len - off < run->segment ? run->len - off : run->segment;
			m[n].segment = 0;
			off += m[n].len;
		}
		whole &= send_all(d, m, n, err) == n;
	}
	return whole;
}

/* A run that the kernel refused: the device behind the route cannot do it (EIO,
 * as wireguard-go found out), or its MTU is smaller than a packet of it. */
static bool
refused_run(struct env_dgram *d, const struct sys_udp_msg *m, int r)
{
	if (m->segment == 0 || (r != -EIO && r != -EINVAL && r != -EMSGSIZE && r != -EOPNOTSUPP))
		return false;
	if (r == -EIO || r == -EOPNOTSUPP) {
		log_info("env", "this network takes no runs of packets: %s", strerror(-r));
		d->gso = false;
	}
	return true;
}

/* Sends the array; a message that fails is left out, the rest still goes.
 * Returns how many were taken; *err is the first failure. */
static int
send_all(struct env_dgram *d, const struct sys_udp_msg *m, int n, int *err)
{
	int at = 0, taken = 0;

	while (at < n) {
		int r = sys_udp_send(d->fd, m + at, n - at);

		if (r > 0) {
			taken += r;
			at += r;
			continue;
		}
		if (r == -EINTR)
			continue;
		if (refused_run(d, m + at, r)) {
			taken += send_cut_up(d, m + at++, err);
			continue;
		}
		if (*err == 0)
			*err = r;
		if (r == -EAGAIN || r == -EWOULDBLOCK || r == -ENOBUFS) {
			d->dropped += (uint64_t)(n - at);	/* the rest would fare no better */
			break;
		}
		d->dropped++;
		at++;
	}
	return taken;
}

static bool
is_run(const struct env_pkt *p)
{
	return p->segment != 0 && p->segment < p->len;
}

int
env_dgram_send(struct env_dgram *d, const struct env_pkt *p, size_t n)
{
	struct sys_udp_msg m[SYS_UDP_BATCH];
	int taken = 0, err = 0, k = 0;

	for (size_t i = 0; i < n; i++) {
		m[k++] = (struct sys_udp_msg){ .data = p[i].data, .len = p[i].len,
		    .segment = is_run(&p[i]) ? p[i].segment : 0, .ecn = p[i].ecn,
		    .peer = p[i].peer, .local = p[i].local };
		if (k < SYS_UDP_BATCH && i + 1 < n && (d->gso || m[k - 1].segment == 0))
			continue;
		if (!d->gso && m[k - 1].segment != 0) {		/* the last one is a run to cut up */
			if (k > 1)
				taken += send_all(d, m, k - 1, &err);
			taken += send_cut_up(d, &m[k - 1], &err);
		} else {
			taken += send_all(d, m, k, &err);
		}
		k = 0;
	}
	return taken > 0 || n == 0 ? taken : err;
}

struct addr
env_dgram_local(const struct env_dgram *d)
{
	return d->local;
}

uint64_t
env_dgram_dropped(const struct env_dgram *d)
{
	return d->dropped;
}

void
env_dgram_close(struct env_dgram *d)
{
	if (d == NULL || d->fd < 0)
		return;
	event_del(&d->ev);
	close(d->fd);
	d->fd = -1;
	loop_bury(d->env, d);
}
