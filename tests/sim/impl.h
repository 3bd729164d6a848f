/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_IMPL_H
#define GODWIT_TESTS_SIM_IMPL_H
/*
 * impl.h -- the simulator's inside, shared by its files only.
 *
 * A struct ev is one thing that will happen.  It belongs to nobody (the network),
 * to a host (its kernel: TCP, echo) or to a program (its callbacks); what belongs
 * to a sleeping host or a stopped program waits in a list until it wakes.
 *
 * struct sim_host is a machine with a kernel and a disk; struct env is one
 * process on it and is what env.h's functions see.
 */
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "env/env.h"
#include "tests/sim/sim.h"

struct tcp;

/* ---- chance ---------------------------------------------------------------- */

struct prng {
	uint64_t s[4];
};
void prng_seed(struct prng *, uint64_t a, uint64_t b);
uint64_t prng_next(struct prng *);
uint64_t prng_below(struct prng *, uint64_t bound);
bool prng_ppm(struct prng *, uint32_t ppm);
void prng_fill(struct prng *, void *, size_t);

/* ---- events ------------------------------------------------------------------ */

struct ev {
	int64_t at;
	uint64_t seq;
	size_t pos;			/* in the heap, from 1; 0: not there */
	void (*fn)(void *arg);
	void (*drop)(void *arg);	/* frees arg when the world ends before it ran; may be NULL */
	void *arg;
	struct env *env;		/* whose callback it makes, or NULL */
	struct sim_host *host;		/* whose kernel it is, or NULL */
	struct list waiting;		/* of a sleeping host or stopped program */
	bool is_waiting;
};
void ev_init(struct ev *, void (*fn)(void *), void *arg);
void ev_set(struct sim *, struct ev *, int64_t at);	/* replaces */
void ev_stop(struct sim *, struct ev *);
bool ev_pending(const struct ev *);

struct hook {
	void (*fn)(void *);
	void *arg;
};
struct hooks {
	struct hook *v;
	size_t n, cap;
};
void hooks_add(struct hooks *, void (*fn)(void *), void *arg);
void hooks_free(struct hooks *);

struct sim {
	uint64_t seed;
	int64_t now;
	uint64_t seq;
	struct ev **heap;
	size_t nheap, capheap;
	struct prng net, scene;		/* the network's and the scenario's chance */
	uint64_t hash, events;
	struct env *cur;		/* whose turn it is, or NULL */
	struct env *ran;		/* whose turn it was in the last event */
	bool verbose, in_check, cheap_crypto;
	struct list hosts, nets, nats, cuts, names, pings;
	unsigned nhost, nif, pingids;
	bool dns_dead;
	size_t leaks;
	struct hooks checks;
	struct sim_stats stats;
	sim_tap_fn tap;
	void *tap_arg;
};
extern struct sim *sim_world;		/* the one made last: what libsodium and SQLite ask */
bool sim_step(struct sim *, int64_t until);	/* one event; false: none before `until` */
void sim_mark(struct sim *, const char *what, uint64_t a, uint64_t b, uint64_t c);	/* into the hash */
void sim_say(struct sim *, const char *who, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- hosts and processes --------------------------------------------------------- */

#define IF_ADDRS	4
struct sim_if {
	struct list in_host, in_net;
	struct sim *sim;
	struct sim_host *host;		/* one of the two */
	struct sim_nat *nat;
	bool nat_inside;
	struct sim_net *net;
	char name[16];
	struct addr_prefix addr[IF_ADDRS];	/* [0] IPv4, [1] IPv6 if any; TUNs as asked */
	size_t naddr;
	bool up;
	struct sim_link out, in;
	unsigned id;
	int64_t *last;			/* by id of the other end: jitter keeps the order */
	unsigned nlast;
	struct env_tun *tun;		/* a TUN: no net */
	struct addr_prefix *route;
	size_t nroute;
};

struct sim_net {
	struct list all, ifs;
	struct sim *sim;
	char name[32];
	struct addr_prefix p4, p6;	/* p6 family ADDR_NONE: none */
	unsigned next;			/* host number to give out */
	struct sim_if *gateway;
};

struct sim_host {
	struct list all, ifs, envs, dgrams, listeners, waiting, files, dbs;
	struct sim *sim;
	char name[64];
	unsigned id, starts;
	struct prng kernel;
	int64_t boot_offset, wall_offset;
	bool asleep, off;
	uint64_t ways;			/* default routes so far */
	int64_t slept_at;
	struct map *tcps;		/* struct tcp by both ends */
	struct map *paths;		/* local sockets: struct env_listener, or a stale mark */
	struct sim_disk_faults disk;
	int64_t disk_busy;		/* writes are done one after the other */
	struct env_sysinfo info;
	void (*on_ip)(void *, const uint8_t *, size_t);
	void *on_ip_arg;
	unsigned ntun, npath;
	bool no_tun;
	size_t read_most;		/* bytes a stream hands over at once; 0: all */
	int64_t read_every;
};

struct env {
	struct list in_host;
	struct sim *sim;
	struct sim_host *host;
	struct prng prng;
	struct hooks turn_end;
	struct list resume, host_change, signals;
	struct list timers, streams, listeners, dgrams, tuns, lookups, writes, dbs, asks, locks;
	struct list waiting;
	bool frozen, dead, stopped, ending, in_turn;
	struct env_stalls stalls;
	const struct sim_prog *prog;
	void *object;
	struct env_stream *handing;	/* accepted, its fn not set yet */
	struct ev exit_ev, change_ev, resume_ev;
	int64_t slept_us;
};

struct env *process_new(struct sim_host *);
void process_end(struct env *, bool killed, bool power);
void turn_begin(struct env *);
void turn_end(struct env *);
void watches_init(struct env *), watches_free(struct env *);	/* who is told of resume, change, signals */
void env_ev_init(struct env *, struct ev *, void (*fn)(void *), void *arg);
void host_ev_init(struct sim_host *, struct ev *, void (*fn)(void *), void *arg);
void host_changed(struct sim_host *);		/* tells its programs, 50 ms later */
struct sim_host *host_for_env_new(void);
/* The source for a packet to dst, port 0; family ADDR_NONE: no route. */
struct addr host_source(struct sim_host *, const struct addr *dst);
bool host_owns(struct sim_host *, const struct addr *);
bool addr_is_any(const struct addr *);
uint16_t host_free_port(struct sim_host *, uint8_t proto);

/* ---- packets ------------------------------------------------------------------------ */

enum { SEG_SYN = 1, SEG_ACK = 2, SEG_FIN = 4, SEG_RST = 8, SEG_CLEAN = 16 /* close_notify came before */ };
struct seg {
	uint64_t conn;		/* in the place of initial sequence numbers */
	uint64_t seq, ack;
	uint32_t wnd;
	unsigned flags;
};

struct pkt {
	struct ev ev;
	struct sim *sim;
	uint8_t proto;		/* SIM_UDP, SIM_TCP */
	uint8_t ecn, hops;
	struct addr src, dst;
	struct seg seg;
	struct sim_if *to;
	struct sim_host *loop;	/* stays inside this host */
	struct list q;
	size_t len;
	uint8_t data[];
};
struct pkt *pkt_new(struct sim *, uint8_t proto, const struct addr *src, const struct addr *dst, const void *, size_t);
void pkt_free(struct pkt *);
int host_send(struct sim_host *, struct pkt *);		/* takes it; -ENETUNREACH: no route (freed) */
void net_send(struct sim_if *from, struct pkt *);	/* onto from's network */
void net_loop(struct sim_host *, struct pkt *);		/* stays inside this host */
void nat_input(struct sim_nat *, struct sim_if *at, struct pkt *);
bool nat_delegates(const struct sim_if *outside, const struct addr *dst);
void nat_free(struct sim_nat *);
struct addr net_next_addr(struct sim_net *);
struct sim_if *if_attach_nat(struct sim_nat *, struct sim_net *, const char *name, bool inside, const char *addr);
struct sim_if *if_new_tun(struct sim_host *, struct env_tun *, const char *name);
void if_free(struct sim_if *);
bool if_covers(const struct sim_if *, const struct addr *dst);

void tcp_input(struct sim_host *, struct pkt *);	/* borrows */
void udp_input(struct sim_host *, struct pkt *);	/* takes */
void tcp_free_all(struct sim_host *);			/* power cut: silently */

/* ---- pieces of a process that end with it ---------------------------------------------- */

void streams_kill(struct env *);
void listeners_kill(struct env *);
size_t streams_finishing(const struct env *);
void dgrams_kill(struct env *);
void tuns_kill(struct env *);
void lookups_kill(struct env *);
void disk_kill(struct env *, bool power);
void disk_free(struct sim_host *);
void names_free(struct sim *);
void tun_input(struct env_tun *, const uint8_t *, size_t);	/* from the host's stack */
void pings_free(struct sim *);
bool ping_echo_reply(struct sim_host *, const struct addr *from, uint16_t id, uint16_t seq);
int tun_send_echo(struct sim_host *, const struct addr *dst, uint16_t id, uint16_t seq);

/* ---- chance of libraries ------------------------------------------------------------------ */
void chance_install(void);
void cheap_reset(void);	/* the real one */
#endif
