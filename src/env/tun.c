/* SPDX-License-Identifier: ISC */
/*
 * tun.c -- the TUN interface: packets in batches, out of the loop's slots.
 *
 * A batch ends when enough bytes are there for one pass over them to stay in
 * the processor's cache, not when the interface is empty: with offloads one
 * packet has up to 64 KB.
 */
#include "config.h"
#include <sys/types.h>
#include <sys/socket.h>
#include <net/if.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/loop.h"
#include "sys/tun.h"

#define BATCH_BYTES	(192 * 1024)
#define BATCHES_A_ROUND	8

struct env_tun {
	struct env *env;
	env_pkts_fn fn;
	void *arg;
	int fd;
	struct event ev;
	char name[SYS_TUN_NAME];
};

/* Deleted beneath us: the descriptor is readable for ever and gives nothing. */
static bool
is_gone(long err)
{
#ifdef EBADFD
	if (err == -EBADFD)
		return true;
#endif
	return err == -EIO || err == -ENXIO || err == -ENODEV;
}

/* How many packets; *more: the interface was not seen empty; *gone: nor is it there. */
static int
read_batch(struct env_tun *t, struct env_pkt *p, bool *more, bool *gone)
{
	size_t bytes = 0;
	int n = 0;

	*more = true;
	while (n < LOOP_SLOTS && bytes < BATCH_BYTES) {
		uint8_t *slot = loop_slot(t->env, (unsigned)n);
		struct sys_tun_meta m;
		long len;

		if (slot == NULL)
			break;
		if ((len = sys_tun_read(t->fd, slot, loop_slot_room(), &m)) < 0) {
			*more = false;
			*gone = is_gone(len);
			break;
		}
		if (len == 0)
			continue;
		p[n++] = (struct env_pkt){
			.data = slot, .len = (uint32_t)len, .headroom = LOOP_HEADROOM, .segment = m.segment,
			.offload = m.offload, .hdr_len = m.hdr_len, .csum_start = m.csum_start, .csum_offset = m.csum_offset
		};
		bytes += (size_t)len;
	}
	return n;
}

static void
say_gone(struct env_tun *t)
{
	event_del(&t->ev);
	log_error("env", "the interface %s was deleted", t->name);
	loop_turn_begin(t->env);
	t->fn(t->arg, NULL, 0);
	loop_turn_end(t->env);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct env_tun *t = arg;
	struct env_pkt p[LOOP_SLOTS];
	bool more = true, gone = false;

	for (int round = 0; round < BATCHES_A_ROUND && more; round++) {
		int n = read_batch(t, p, &more, &gone);

		if (n == 0) {
			if (gone)
				say_gone(t);
			return;
		}
		loop_slots_used(t->env, (unsigned)n, p[0].len);
		loop_turn_begin(t->env);
		t->fn(t->arg, p, (size_t)n);
		loop_turn_end(t->env);
		if (t->fd < 0)
			return;
	}
}

struct env_tun *
env_tun_open(struct env *env, const char *name, unsigned mtu, env_pkts_fn fn, void *arg, int *err)
{
	struct env_tun *t = calloc(1, sizeof *t);

	*err = -ENOMEM;
	if (t == NULL)
		return NULL;
	t->env = env;
	t->fn = fn;
	t->arg = arg;
	if (name != NULL && strlen(name) >= sizeof t->name)
		t->fd = -ENAMETOOLONG;
	else
		t->fd = sys_tun_open(strcpy(t->name, name != NULL ? name : ""), mtu);
	if ((*err = t->fd) < 0) {
		log_error("env", "cannot open the TUN interface %s: %s%s", name ? name : "", strerror(-*err),
		    *err == -ENOENT || *err == -ENODEV ? " (is there a TUN driver?)" : "");
		free(t);
		return NULL;
	}
	host_own_iface(env, if_nametoindex(t->name));
	event_assign(&t->ev, env->base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
	event_add(&t->ev, NULL);
	*err = 0;
	return t;
}

int
env_tun_write(struct env_tun *t, struct env_pkt *p, size_t n)
{
	int taken = 0, err = 0;

	for (size_t i = 0; i < n; i++) {
		struct sys_tun_meta m = { .offload = p[i].offload, .segment = p[i].segment, .hdr_len = p[i].hdr_len,
		    .csum_start = p[i].csum_start, .csum_offset = p[i].csum_offset };
		int r = sys_tun_write(t->fd, p[i].data, p[i].len, &m);

		taken += r == 0;
		if (r < 0 && err == 0)
			err = r;
	}
	return taken > 0 || n == 0 ? taken : err;
}

bool
env_tun_takes_runs(const struct env_tun *t)
{
	(void)t;
	return sys_tun_takes_runs();
}

const char *
env_tun_name(const struct env_tun *t)
{
	return t->name;
}

void
env_tun_close(struct env_tun *t)
{
	if (t == NULL || t->fd < 0)
		return;
	event_del(&t->ev);
	close(t->fd);
	t->fd = -1;
	loop_bury(t->env, t);
}
