/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_SIM_H
#define GODWIT_TESTS_SIM_SIM_H
/*
 * sim.h -- another world behind env.h, for those who write scenarios.
 *
 * One struct sim is a whole world: networks, NAT routers, hosts with disks, and
 * programs that run on them, each with a struct env of its own.  Time is virtual,
 * chance is one seed, and events run in the order (time, sequence): the same seed
 * gives the same trace hash, on any machine and under any memory layout.
 *
 *	struct sim *s = sim_new(seed);
 *	struct sim_net *inet = sim_net_new(s, "inet", "203.0.113.0/24", NULL);
 *	struct sim_net *home = sim_net_new(s, "home", "192.168.1.0/24", NULL);
 *	sim_nat_new(s, "router", home, inet, NULL, NULL);
 *	struct sim_host *h = sim_host_new(s, "alice");
 *	sim_attach(h, home, "eth0", NULL);
 *	sim_start(h, &agent_prog, conf);
 *	ok(sim_until(s, everybody_pings, arg, 60 * MONO_SEC), "...");
 *
 * The code under test is linked with libsim.a instead of libenv.a.  Functions
 * here are called from outside any turn: between runs, from sim_after() callbacks
 * and from predicates.  Times are int64_t microseconds of virtual time.  Objects
 * belong to the world and go with sim_free().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/addr.h"
#include "base/mono.h"

struct env;
struct fsm_loop;
struct sim;
struct sim_cut;
struct sim_host;
struct sim_if;
struct sim_nat;
struct sim_net;
struct sim_ping;

/* ---- the world ------------------------------------------------------------ */

/* One world at a time: libsodium and SQLite draw from the one made last. */
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *);		/* kills all programs; fine with NULL */
int64_t sim_now(const struct sim *);	/* since the world began */
uint64_t sim_chance(struct sim *, uint64_t bound);	/* the scenario's own draw: 0 .. bound-1 */
/* Runs fn once, `us` from now, outside any program's turn. */
void sim_after(struct sim *, int64_t us, void (*fn)(void *arg), void *arg);
void sim_run(struct sim *, int64_t us);
/* Runs until pred is true, asked after every event; false when `limit` has passed. */
bool sim_until(struct sim *, bool (*pred)(void *arg), void *arg, int64_t limit);
/* An invariant, asked after every event.  Only the program that ran, if any, can
 * have changed. */
void sim_check(struct sim *, void (*fn)(void *arg), void *arg);
struct env *sim_ran(const struct sim *);

/* Every packet that arrives at a host: what is below, with its payload. */
typedef void (*sim_tap_fn)(void *arg, unsigned proto, const struct addr *src, const struct addr *dst, const uint8_t *, size_t len);
void sim_tap(struct sim *, sim_tap_fn, void *arg);

/* ---- the trace hash ---------------------------------------------------------- */

uint64_t sim_hash(const struct sim *);
uint64_t sim_events(const struct sim *);		/* how many the world has run */
void sim_hash_add(struct sim *, const void *, size_t);	/* the scenario's own marks */
/* Every transition of this loop's machines goes into the hash, and to the log
 * when sim_set_verbose(); call it right after the loop was made. */
void sim_hash_loop(struct sim *, struct fsm_loop *);
/* How often each row of each table that ran was taken, in all worlds so far. */
void sim_rows_print(FILE *);
/* How often this one was: "machine\tstates\tevents\tguard", as its table says it; -1: there is none. */
int64_t sim_row_taken(const char *row);
/* Curve25519 and HMAC-SHA1 cost two thirds of the time: stand-ins without secrecy
 * for this world, from its beginning on; see cheap.c. */
void sim_cheap_crypto(struct sim *, bool);
/* Packets and connections on stderr, with virtual times. */
void sim_set_verbose(struct sim *, bool);
struct sim *sim_of(struct env *);
const char *sim_turn_of(const struct sim *);	/* the host whose program is running now, or NULL */
struct sim_host *sim_host_of(struct env *);

/* ---- networks ------------------------------------------------------------------ */

/* What a link does to packets in one direction; probabilities in millionths. */
struct sim_link {
	int64_t delay;		/* microseconds */
	int64_t jitter;		/* added: uniformly 0 .. jitter; keeps the order */
	uint32_t loss, dup;
	uint32_t reorder;	/* these packets are late by up to 4 x (delay + jitter) */
};

/* A network with its prefixes; prefix6 may be NULL.  Whoever has no better way
 * sends to its NAT's inside, when there is one. */
struct sim_net *sim_net_new(struct sim *, const char *name, const char *prefix4, const char *prefix6);
struct sim_host *sim_host_new(struct sim *, const char *name);
/* addr: an IPv4 address of the net's prefix; NULL takes the next free one.  An
 * address of prefix6 comes by itself.  The default link has 5..6 ms, no loss. */
struct sim_if *sim_attach(struct sim_host *, struct sim_net *, const char *ifname, const char *addr);
struct addr sim_if_addr(const struct sim_if *);
struct sim_net *sim_if_net(struct sim_if *);
void sim_if_link(struct sim_if *, const struct sim_link *);	/* both directions */
void sim_if_link_dirs(struct sim_if *, const struct sim_link *out, const struct sim_link *in);
void sim_if_set_up(struct sim_if *, bool);		/* a cable pulled and put back */
void sim_if_set_addr(struct sim_if *, const char *addr);/* NULL: the next free one */
void sim_if_move(struct sim_if *, struct sim_net *);	/* roaming: another network, a new address */

/* Drops what goes between the two prefixes, both ways, as seen on each network it
 * passes ("0.0.0.0/0" is everybody).  A cut is silent: neither RST nor ICMP. */
enum { SIM_UDP = 1, SIM_TCP = 2 };
struct sim_cut *sim_cut(struct sim *, const char *a, const char *b, unsigned protos);
void sim_uncut(struct sim_cut *);	/* fine with NULL */

/* What a proxy or a forgetful router does to all TCP connections of a host that
 * go somewhere else: RST to both ends, or (eof) an end that only the host sees. */
void sim_tcp_break(struct sim_host *, bool eof);
/* Only those that carried nothing for `idle`, as a proxy with a time limit does; how many. */
unsigned sim_tcp_break_idle(struct sim_host *, int64_t idle, bool eof);
/* A host that takes in streams slowly: at most `most` bytes each `every`; 0: as fast as they come. */
void sim_slow_reader(struct sim_host *, size_t most, int64_t every);

enum sim_mapping { SIM_MAP_EIM, SIM_MAP_SYM, SIM_MAP_LINUX };	/* RFC 4787 section 4; see nat.c */
enum sim_filter { SIM_FILTER_EIF, SIM_FILTER_ADDR, SIM_FILTER_PORT };	/* section 5 */
struct sim_nat_conf {
	enum sim_mapping mapping;
	enum sim_filter filter;
	bool hairpin;
	bool keep_port;		/* port preservation where it is free (EIM) */
	bool udp_blocked;	/* TCP only */
	int64_t udp_life;	/* of a mapping, renewed by packets that leave */
	int64_t tcp_life;
};
#define SIM_NAT_DEFAULT	{ .mapping = SIM_MAP_EIM, .filter = SIM_FILTER_PORT, .keep_port = true, \
	.udp_life = 120 * MONO_SEC, .tcp_life = 7440 * MONO_SEC }
/* IPv6 passes untranslated, filtered in the same way. */
struct sim_nat *sim_nat_new(struct sim *, const char *name, struct sim_net *inside, struct sim_net *outside,
    const char *outside_addr, const struct sim_nat_conf *);	/* both may be NULL */
struct addr sim_nat_addr(const struct sim_nat *);
struct sim_if *sim_nat_outside(struct sim_nat *);	/* its uplink: sim_if_link, sim_if_set_up */
void sim_nat_rebind(struct sim_nat *, const char *new_addr);	/* NULL: same address; all mappings are gone */
/* Mappings expire before their time: each of those protocols with that chance, in per cent. */
void sim_nat_forget(struct sim_nat *, unsigned protos, unsigned percent);
void sim_nat_forget_one(struct sim_nat *, const struct addr *outside);	/* that mapping only */
/* From now on TCP that belongs to no mapping passes with a SYN only, without a word:
 * after sim_nat_forget connections die and nobody is told. */
void sim_nat_strict(struct sim_nat *, bool);
size_t sim_nat_mappings(const struct sim_nat *);

/* ---- names ------------------------------------------------------------------------ */

void sim_name(struct sim *, const char *name, const struct addr *);	/* adds an address */
void sim_name_clear(struct sim *, const char *name);
void sim_dns_dead(struct sim *, bool);		/* lookups fail after 5 s; literals still work */

/* ---- programs ------------------------------------------------------------------------ */

struct sim_prog {
	const char *name;
	void *(*start)(struct env *, void *arg);	/* the program's object; NULL: it exited at once */
	void (*stop)(void *object);			/* frees it.  After a kill no env call has any effect */
};
/* arg must live until the program ends.  NULL when start said so. */
struct env *sim_start(struct sim_host *, const struct sim_prog *, void *arg);
void *sim_object(struct env *);			/* what start returned */
void sim_kill(struct env *);			/* SIGKILL: the kernel closes its sockets, its files stay */
void sim_exit(struct env *);			/* orderly: stop() with a living env */
void sim_signal(struct env *, int signo);	/* to env_on_signal */
/* Calls into the program as its own socket would: one turn. */
void sim_call(struct env *, void (*fn)(void *arg), void *arg);
void sim_freeze(struct env *, bool);		/* SIGSTOP and SIGCONT */
bool sim_awake(const struct env *);		/* neither stopped nor on a sleeping host */
struct env *sim_host_env(struct sim_host *, const char *prog);	/* the running program, or NULL */
/* Streams that the program holds now, dials under way among them. */
size_t sim_streams(const struct env *);
/* When the next of its connections would send something again that was not acknowledged;
 * 0: none has to. */
int64_t sim_tcp_patience(struct sim_host *);
/* Objects (streams, timers, ...) the program left behind when it ended, in all. */
size_t sim_leaks(const struct sim *);

/* ---- faults of a host ------------------------------------------------------------------ */

void sim_tun_refuse(struct sim_host *, bool);	/* no interface can be made: -EBUSY */
void sim_tun_delete(struct env *);		/* somebody deletes the program's interfaces */
void sim_reroute(struct sim_host *);		/* another default route, with the addresses as they are */
void sim_suspend(struct sim_host *);		/* neither packets nor timers until resume */
void sim_resume(struct sim_host *);
void sim_power_cut(struct sim_host *);		/* programs die, unfinished writes are lost, no packet says so */
void sim_power_on(struct sim_host *);		/* programs are started by the scenario */
void sim_wall_step(struct sim_host *, int64_t us);	/* somebody set the clock */

struct sim_disk_faults {
	int64_t delay;		/* of a write, default 2 ms */
	int64_t jitter;		/* default 3 ms */
	bool full;		/* -ENOSPC */
	bool broken;		/* -EIO */
};
void sim_disk(struct sim_host *, const struct sim_disk_faults *);	/* NULL: well again */
/* Puts a file there or looks at one (borrowed; NULL when absent). */
void sim_file_put(struct sim_host *, const char *path, const void *, size_t);
const uint8_t *sim_file_get(struct sim_host *, const char *path, size_t *len);

/* ---- the overlay --------------------------------------------------------------------------- */

/* The host's own address on a TUN, IPv4 first; family ADDR_NONE when there is none. */
struct addr sim_overlay_addr(struct sim_host *);
/* Sends an echo request to dst through the host's TUN every `interval`. */
struct sim_ping *sim_ping(struct sim_host *, const struct addr *dst, int64_t interval);
struct sim_ping_stats {
	uint64_t sent, got;
	int64_t last_rtt;	/* -1: none yet */
	int64_t first_got;	/* sim_now of the first answer; -1 */
	int64_t last_got;	/* sim_now of the last answer; -1 */
	int64_t longest_gap;	/* between two answers, or from the start or the last one until now */
};
struct sim_ping_stats sim_ping_stats(const struct sim_ping *);
struct addr sim_ping_dst(const struct sim_ping *);
void sim_ping_reset(struct sim_ping *);		/* counts and gap begin anew */
void sim_ping_every(struct sim_ping *, int64_t interval);	/* from now on */
void sim_ping_stop(struct sim_ping *);
/* IP packets that came out of the host's TUN and were no echo for it to answer. */
void sim_on_ip(struct sim_host *, void (*fn)(void *arg, const uint8_t *, size_t), void *arg);
/* Sends one IP packet from the host's stack into its TUN; -ENETUNREACH without one. */
int sim_send_ip(struct sim_host *, const uint8_t *, size_t);

/* ---- figures ---------------------------------------------------------------------------------- */

struct sim_stats {
	uint64_t packets;		/* put on a network (each router's leg counts) */
	uint64_t bytes;			/* of those, with IP and UDP or TCP headers */
	uint64_t delivered, lost, duplicated, cut, filtered, unreachable;
	uint64_t ip_delivered;		/* out of TUNs, checksums right */
	uint64_t ip_bad;		/* out of TUNs, not for this host or damaged */
};
const struct sim_stats *sim_stats(const struct sim *);
#endif
