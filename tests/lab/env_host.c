/* SPDX-License-Identifier: ISC */
/*
 * env_host.c -- TUN, addresses, routes, change notices, a full disk: as root,
 * in network and mount namespaces of its own, so the host sees none of it.
 */
#include "config.h"
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/lab/env_host.h"
#include "tests/shell.h"
#include "tests/tap.h"

char lab_dir[] = "/tmp/godwit-lab.XXXXXX";

static void
on_limit(void *arg)
{
	struct world *w = arg;

	w->timed_out = true;
	env_stop(w->env);
}

void
lab_run(struct world *w, int64_t us)
{
	w->timed_out = false;
	env_timer_set(w->limit, us);
	env_run(w->env);
	env_timer_stop(w->limit);
}

void
lab_answer(void *arg, int err)
{
	struct world *w = arg;

	w->answers++;
	w->err = err;
	env_stop(w->env);
}

static int
ask(struct world *w, enum env_host_op op, const char *iface, const char *prefix, unsigned mtu)
{
	struct env_host_req r = { .op = op, .iface = iface, .mtu = mtu };

	if (prefix != NULL)
		addr_prefix_parse(&r.prefix, prefix);
	w->answers = 0;
	w->err = -ETIMEDOUT;
	env_host_ask(w->env, &r, lab_answer, w);
	if (w->answers != 0)
		return -EDOM;		/* called back before it returned */
	lab_run(w, 2 * MONO_SEC);
	return w->err;
}

static void
on_change(void *arg)
{
	struct world *w = arg;

	w->changes++;
}

/* Answers echo requests, as a peer behind the tunnel would. */
static void
on_ping(void *arg, struct env_pkt *p, size_t n)
{
	struct world *w = arg;

	w->gone += n == 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t *b = p[i].data, tmp[4];
		unsigned sum;

		if (p[i].len < 28 || b[0] != 0x45 || b[9] != 1 || b[20] != 8)
			continue;
		memcpy(tmp, b + 12, 4);
		memcpy(b + 12, b + 16, 4);
		memcpy(b + 16, tmp, 4);
		b[20] = 0;
		sum = (unsigned)(b[22] << 8 | b[23]) + 0x800;
		sum = (sum & 0xffff) + (sum >> 16);
		b[22] = (uint8_t)(sum >> 8);
		b[23] = (uint8_t)sum;
		w->pings++;
		env_tun_write(w->tun[0], &p[i], 1);
	}
}

static size_t
addrs_of(struct world *w, const char *iface, struct env_ifaddr *out)
{
	struct env_ifaddr all[32];
	size_t n = env_ifaddrs(w->env, all, 32), found = 0;

	for (size_t i = 0; i < n && i < 32; i++) {
		if (strcmp(all[i].iface, iface) != 0 || all[i].prefix.addr.family != ADDR_V4)
			continue;
		if (found++ == 0)
			*out = all[i];
	}
	return found;
}

static void
test_host(struct world *w)
{
	struct env_ifaddr a = { 0 };
	char text[ADDR_STRLEN];
	uint64_t ways;
	int err;

	w->tun[0] = env_tun_open(w->env, "gw0", 1280, on_ping, w, &err);
	if (!ok(w->tun[0] != NULL, "a TUN opens (%d)", err))
		return;
	is_str(env_tun_name(w->tun[0]), "gw0", "under the name asked for");
	is_int(shell("ip link show gw0 | grep -q 'UP.*mtu 1280'"), 0, "up, with the MTU asked for");
	ok(env_tun_open(w->env, "gw0", 1280, on_ping, w, &err) == NULL && err == -EBUSY,
	    "a second one of that name is -EBUSY (%d)", err);
	ok(env_tun_open(w->env, "a-name-that-is-too-long", 1280, on_ping, w, &err) == NULL && err == -ENAMETOOLONG,
	    "a name that is too long is refused");

	env_on_host_change(w->env, on_change, w);
	is_int(ask(w, ENV_HOST_ADDR_ADD, "gw0", "100.64.0.1/16", 0), 0, "an address is added");
	is_int(ask(w, ENV_HOST_ADDR_ADD, "gw0", "100.64.0.1/16", 0), 0, "twice is fine");
	is_int(ask(w, ENV_HOST_ADDR_ADD, "gw0", "fd00:64::1/64", 0), 0, "an IPv6 address");
	is_int(addrs_of(w, "gw0", &a), 1, "it is in the list");
	is_str(addr_prefix_str(&a.prefix, text), "100.64.0.1/16", "with its prefix");
	ok(a.up && a.point_to_point, "up and point to point");
	is_int(ask(w, ENV_HOST_ROUTE_ADD, "gw0", "10.9.1.2/16", 0), 0, "a route is added");
	is_int(ask(w, ENV_HOST_ROUTE_ADD, "gw0", "10.9.0.0/16", 0), 0, "twice is fine");
	is_int(shell("ip route get 10.9.7.7 | grep -q 'dev gw0 src 100.64.0.1'"), 0, "and used");
	is_int(ask(w, ENV_HOST_ROUTE_ADD, "gw0", "fd00:9::/32", 0), 0, "an IPv6 route");
	is_int(ask(w, ENV_HOST_LINK_UP, "gw0", NULL, 1400), 0, "another MTU");
	is_int(shell("ip link show gw0 | grep -q 'mtu 1400'"), 0, "is set");
	is_int(ask(w, ENV_HOST_LINK_UP, "nosuch0", NULL, 0), -ENODEV, "an unknown interface is -ENODEV");

	shell("(ping -c 3 -i 0.2 -W 2 10.9.7.7 > %s/ping; true) &", lab_dir);
	lab_run(w, 1200 * MONO_MS);
	is_int(w->pings, 3, "packets come out of the TUN");
	is_int(shell("grep -q '3 received' %s/ping", lab_dir), 0, "and go back in");

	is_int(ask(w, ENV_HOST_ROUTE_DEL, "gw0", "10.9.0.0/16", 0), 0, "a route is removed");
	is_int(ask(w, ENV_HOST_ROUTE_DEL, "gw0", "10.9.0.0/16", 0), 0, "twice is fine");
	is_int(ask(w, ENV_HOST_ADDR_DEL, "gw0", "100.64.0.1/16", 0), 0, "an address is removed");
	is_int(ask(w, ENV_HOST_ADDR_DEL, "gw0", "100.64.0.1/16", 0), 0, "twice is fine");
	is_int(addrs_of(w, "gw0", &a), 0, "it is gone");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 0, "nothing of that is a change of the host: the interface is ours");

	shell("ip link add d0 type dummy 2>/dev/null || ip link add d0 type veth peer name d1;"
	    "ip addr add 192.0.2.1/24 dev d0; ip link set d0 up; ip link set d1 up 2>/dev/null");
	lab_run(w, 300 * MONO_MS);
	ok(w->changes >= 1 && w->changes <= 3, "a new interface with an address is one (%d)", w->changes);
	w->changes = 0;
	shell("ip addr add 192.0.2.2/24 dev d0; ip addr add 192.0.2.3/24 dev d0; ip addr add 192.0.2.4/24 dev d0");
	lab_run(w, 300 * MONO_MS);
	is_int(w->changes, 1, "a burst is one change");
	w->changes = 0;
	shell("ip route add default via 192.0.2.9");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 1, "a default route is one");
	w->changes = 0;
	shell("ip route replace default via 192.0.2.9; ip addr change 192.0.2.2/24 dev d0 valid_lft 999 preferred_lft 999;"
	    "ip -6 addr add 2001:db8:9::1/64 dev d0 nodad");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 1, "what is renewed unchanged is none, a new IPv6 address is one");
	w->changes = 0;
	shell("ip -6 addr change 2001:db8:9::1/64 dev d0 valid_lft 999 preferred_lft 999; ip link set d0 txqueuelen 77");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 0, "nor is an IPv6 address that a router renews");
	ways = env_host_ways(w->env);
	shell("ip route replace default via 192.0.2.8");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 1, "another gateway is one");
	ok(env_host_ways(w->env) != ways, "and another way");
	shell("ip route replace default via 192.0.2.9");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 2, "so is the first one again");
	ok(env_host_ways(w->env) == ways, "which is the way that it was");
	w->changes = 0;
	shell("ip route add 198.51.100.0/24 via 192.0.2.9");
	lab_run(w, 200 * MONO_MS);
	is_int(w->changes, 0, "another route is none");
	shell("ip link set d0 down");
	lab_run(w, 200 * MONO_MS);
	ok(w->changes == 1 || w->changes == 2, "a link that goes down is one (%d)", w->changes);

	ok(*env_sysinfo(w->env)->hostname && *env_sysinfo(w->env)->kernel, "the host says what it is: %s, %s, %s",
	    env_sysinfo(w->env)->os, env_sysinfo(w->env)->os_version, env_sysinfo(w->env)->kernel);
	env_tun_close(w->tun[0]);
	is_int(shell("ip link show gw0 2>/dev/null | grep -q gw0"), 256, "a closed TUN is gone");
}

/* Somebody deletes it: told once, and no busy loop over the dead descriptor. */
static void
test_deleted(struct world *w)
{
	struct rusage before, after;
	int64_t used;
	int err;

	w->tun[0] = env_tun_open(w->env, "gw0", 1280, on_ping, w, &err);
	if (!ok(w->tun[0] != NULL, "a TUN opens again (%d)", err))
		return;
	w->gone = 0;
	getrusage(RUSAGE_SELF, &before);
	shell("ip link set gw0 down");
	lab_run(w, 300 * MONO_MS);
	shell("ip link set gw0 up");
	lab_run(w, 100 * MONO_MS);
	is_int(w->gone, 0, "one that is only set down is still there");
	shell("ip link del gw0");
	lab_run(w, 500 * MONO_MS);
	getrusage(RUSAGE_SELF, &after);
	used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * MONO_SEC + after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	    (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * MONO_SEC + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
	is_int(w->gone, 1, "a TUN that is deleted says so once");
	ok(used < 100 * MONO_MS, "and nothing spins over it (%lld us of CPU in a second)", (long long)used);
	env_tun_close(w->tun[0]);
}

/* More messages than the socket holds: what was lost is looked up (EN-7). */
static void
test_overflow(struct world *w)
{
	shell("ip link add d9 type dummy 2>/dev/null || ip link add d9 type veth peer name d8; ip link set d9 up; ip link set d8 up 2>/dev/null;"
	    "ip addr add 198.18.0.1/24 dev d9");
	lab_run(w, 300 * MONO_MS);
	shell("for i in $(seq 1 2000); do echo addr add 198.18.7.7/32 dev d9; echo addr del 198.18.7.7/32 dev d9; done | ip -batch -;"
	    "ip addr del 198.18.0.1/24 dev d9");
	w->changes = 0;
	lab_run(w, 300 * MONO_MS);
	ok(w->changes > 0, "a flood of changes is one");
	w->changes = 0;
	shell("ip addr add 198.18.0.1/24 dev d9");
	lab_run(w, 300 * MONO_MS);
	ok(w->changes > 0, "and an address that went unheard in it is news when it comes back");
	shell("ip link del d9");
	lab_run(w, 300 * MONO_MS);
}

int
main(void)
{
	struct world w = { 0 };
	int err;

	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("1..0 # SKIP needs root and namespaces\n");
		return 0;
	}
	if (mkdtemp(lab_dir) == NULL || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 99;
	shell("mkdir %s/full && mount -t tmpfs -o size=1m none %s/full; ip link set lo up", lab_dir, lab_dir);
	w.env = env_new();
	w.limit = env_timer_new(w.env, on_limit, &w);
	test_host(&w);
	test_deleted(&w);
	test_overflow(&w);
	test_runs(&w, "IPv4", "10.1.0.1", "10.1.0.2");
	test_runs(&w, "IPv6", "fd00::1", "fd00::2");
	test_full_disk(&w);

	mount("none", "/dev/net", "tmpfs", 0, NULL);
	ok(env_tun_open(w.env, "gw0", 1280, on_ping, &w, &err) == NULL && err == -ENOENT,
	    "no /dev/net/tun is -ENOENT (%d)", err);
	env_timer_free(w.limit);
	env_free(w.env);
	shell("umount %s/full; rm -rf %s", lab_dir, lab_dir);
	return tap_done();
}
