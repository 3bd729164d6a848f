/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_ENV_H
#define GODWIT_ENV_ENV_H
/*
 * env.h -- the one seam to the world.
 *
 * Everything that touches time, the network, the disk, the host or chance goes
 * through these functions.  There are two implementations, chosen at link time:
 * src/env (libevent and the operating system) and tests/sim (a whole network
 * under a virtual clock).  A struct env is one process' view of its world; the
 * simulator has many in one process.
 *
 * The rule of turns.  Every callback below is one thing from outside.  When it
 * has returned, and before the next one is called, the function given to
 * env_on_turn_end() runs: that is where the machines' queue is drained.  So a
 * callback only says what happened (it posts an event), and a resource may be
 * closed in the drain without a callback of its own on the stack.  No function
 * here ever calls back before it has returned.
 *
 * After X_close or X_free no callback of that object comes any more.
 *
 * Ownership: bytes handed to a callback are borrowed until it returns; bytes
 * handed to a function are copied if it needs them longer.  Errors: 0 or a
 * pointer on success, a negative errno value or NULL otherwise; what the world
 * does wrong later is an event.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/mono.h"

struct env;

/* ---- the loop ---------------------------------------------------------- */

struct env *env_new(void);			/* the real one; the simulator makes its own */
void env_free(struct env *);
int env_run(struct env *);			/* until env_stop; 0 or -errno */
void env_stop(struct env *);
/* Functions to run after every callback, in the order they were added. */
void env_on_turn_end(struct env *, void (*fn)(void *arg), void *arg);
void env_off_turn_end(struct env *, void (*fn)(void *arg), void *arg);

/* How long callbacks held the loop: count by upper bound in microseconds. */
struct env_stalls {
	uint64_t turns;
	uint64_t over_1ms, over_5ms, over_20ms, over_100ms;
	int64_t longest_us;
};
const struct env_stalls *env_stalls(const struct env *);
/* Microseconds that the present turn has held the loop so far: for figures, never
 * for decisions.  0 outside of a turn, and in the simulator. */
int64_t env_turn_us(const struct env *);

/* ---- clocks and timers -------------------------------------------------- */

struct mono env_now(struct env *);		/* since boot, suspend included; steady within a turn */
int64_t env_wall(struct env *);			/* microseconds since 1970, UTC; may jump */
/* The machine slept, `slept_us` of it unseen by the loop. */
void env_on_resume(struct env *, void (*fn)(void *arg, int64_t slept_us), void *arg);

struct env_timer;
struct env_timer *env_timer_new(struct env *, void (*fn)(void *arg), void *arg);
void env_timer_set(struct env_timer *, int64_t us);	/* fires once, `us` from now; replaces */
void env_timer_stop(struct env_timer *);
bool env_timer_pending(const struct env_timer *);
void env_timer_free(struct env_timer *);		/* fine with NULL */

/* ---- chance ------------------------------------------------------------- */

/* The only source of randomness, also for libre, libsodium and SQLite. */
void env_random(struct env *, void *out, size_t len);
uint64_t env_random_below(struct env *, uint64_t bound);	/* 0 .. bound-1; bound > 0 */

/* ---- signals and the process -------------------------------------------- */

/* Unix signals; the simulator delivers SIGTERM and SIGUSR1 when it likes. */
void env_on_signal(struct env *, int signo, void (*fn)(void *arg, int signo), void *arg);

/* ---- streams: TCP, TLS over TCP, local sockets --------------------------- */

enum env_stream_event {
	ENV_STREAM_CONNECTED,	/* usable for writing; TLS is through its handshake */
	ENV_STREAM_DATA,	/* data, len; all of it is the callee's now */
	ENV_STREAM_DRAINED,	/* queued bytes fell to the low watermark */
	ENV_STREAM_EOF,		/* orderly end: FIN, and close_notify where TLS is used */
	ENV_STREAM_TRUNCATED,	/* FIN without close_notify */
	ENV_STREAM_ERROR	/* err: negative errno; text: one line for people */
};

struct env_stream_note {
	enum env_stream_event event;
	const uint8_t *data;	/* ENV_STREAM_DATA */
	size_t len;
	int err;		/* ENV_STREAM_ERROR */
	const char *text;	/* ENV_STREAM_ERROR; never NULL there */
};

struct env_stream;
/* After EOF, TRUNCATED and ERROR nothing more comes; the owner still closes. */
typedef void (*env_stream_fn)(void *arg, const struct env_stream_note *);

struct env_tls_client {
	const char *server_name;	/* for SNI and verification */
	const char *alpn;		/* "h2", "http/1.1", or NULL for none; no agreement is an error */
	const char *ca_file;		/* PEM; NULL: the system's roots */
	bool insecure;			/* skip verification: tests only */
};

struct env_dial {
	const char *host;	/* name or address literal; NULL for a local socket */
	uint16_t port;
	const char *path;	/* local socket */
	const struct env_tls_client *tls;	/* NULL: clear text */
};

/* Dials; names are resolved on the way, every address is tried, families raced
 * as RFC 8305 says.  There is no time limit in here: a machine's timer closes. */
struct env_stream *env_stream_dial(struct env *, const struct env_dial *, env_stream_fn, void *arg);
void env_stream_set_fn(struct env_stream *, env_stream_fn, void *arg);	/* hand the stream over */
int env_stream_write(struct env_stream *, const void *, size_t);	/* queues; 0 or -errno */
size_t env_stream_queued(const struct env_stream *);	/* bytes accepted and not yet with the kernel */
/* DRAINED comes when queued falls to `low` after it was above; default 0. */
void env_stream_set_low(struct env_stream *, size_t low);
void env_stream_pause(struct env_stream *, bool paused);	/* stop reading: back-pressure */
void env_stream_close(struct env_stream *);		/* at once, queued bytes lost; fine with NULL */
void env_stream_finish(struct env_stream *);		/* sends what is queued (5 s at most), then closes; no more callbacks */
struct addr env_stream_remote(const struct env_stream *);
struct addr env_stream_local(const struct env_stream *);
int env_stream_uid(const struct env_stream *);		/* peer of a local socket; -1 unknown */
const char *env_stream_alpn(const struct env_stream *);	/* agreed protocol or NULL */

struct env_tls_server {
	const char *cert_file;	/* PEM chain */
	const char *key_file;
};

struct env_listen {
	struct addr addr;	/* family ADDR_NONE: all addresses, both families, addr.port */
	const char *path;	/* local socket; a stale one is replaced, a live one is -EADDRINUSE */
	unsigned mode;		/* of the local socket, e.g. 0600 */
	const struct env_tls_server *tls;
};

struct env_listener;
/* The accepted stream has no fn yet: set one before returning, or close it.
 * With TLS the callback comes after the handshake. */
typedef void (*env_accept_fn)(void *arg, struct env_stream *);
struct env_listener *env_listen(struct env *, const struct env_listen *, env_accept_fn, void *arg, int *err);
uint16_t env_listener_port(const struct env_listener *);
void env_listener_close(struct env_listener *);

/* ---- datagrams and TUN: always arrays of packets -------------------------- */

/*
 * One packet, or one run of packets to or from one peer: when `segment` is not
 * 0, `len` bytes are packets of `segment` bytes each, the last may be shorter
 * (UDP GSO and GRO).  `headroom` bytes before `data` may be overwritten.
 */
struct env_pkt {
	uint8_t *data;
	uint32_t len;
	uint16_t segment;
	uint16_t headroom;
	uint8_t ecn;		/* IP ECN bits */
	uint8_t offload;	/* TUN: enum env_offload */
	uint16_t hdr_len;	/* TUN offload: bytes of IP and transport header */
	uint16_t csum_start, csum_offset;	/* TUN offload: as in virtio_net_hdr */
	struct addr peer;	/* UDP: from or to */
	struct addr local;	/* UDP: the address it came in on, or family ADDR_NONE */
};

enum env_offload { ENV_OFFLOAD_NONE = 0, ENV_OFFLOAD_CSUM, ENV_OFFLOAD_TCP4, ENV_OFFLOAD_TCP6, ENV_OFFLOAD_UDP };

typedef void (*env_pkts_fn)(void *arg, struct env_pkt *, size_t n);

struct env_dgram;
/* `addr` with family ADDR_V4 or ADDR_V6 (IPv6 only); port 0 picks one. */
struct env_dgram *env_dgram_open(struct env *, const struct addr *, env_pkts_fn, void *arg, int *err);
/* Sends now; what the socket does not take is dropped and counted, as UDP may.
 * Returns how many of the array were taken, or -errno of the first failure. */
int env_dgram_send(struct env_dgram *, const struct env_pkt *, size_t n);
struct addr env_dgram_local(const struct env_dgram *);
uint64_t env_dgram_dropped(const struct env_dgram *);
void env_dgram_close(struct env_dgram *);

struct env_tun;
/* name: "wt0", or NULL for any.  Comes up without addresses: see env_host.  When
 * somebody deletes the interface the callback is told once, with NULL and 0. */
struct env_tun *env_tun_open(struct env *, const char *name, unsigned mtu, env_pkts_fn, void *arg, int *err);
int env_tun_write(struct env_tun *, struct env_pkt *, size_t n);	/* whole IP packets; headroom used */
bool env_tun_takes_runs(const struct env_tun *);	/* may packets with `segment` be written? */
const char *env_tun_name(const struct env_tun *);
void env_tun_close(struct env_tun *);

/* ---- name lookup ----------------------------------------------------------- */

struct env_lookup;
/* n addresses with port 0, or n = 0 and a text that says why.  While the name
 * servers are silent, the last good answer for a name is given again. */
typedef void (*env_lookup_fn)(void *arg, const struct addr *, size_t n, const char *why);
struct env_lookup *env_lookup(struct env *, const char *host, env_lookup_fn, void *arg);
void env_lookup_cancel(struct env_lookup *);	/* before the callback only; fine with NULL */

/* ---- the host: asked for, done elsewhere, answered by event ----------------- */

enum env_host_op {
	ENV_HOST_ADDR_ADD,	/* iface, prefix */
	ENV_HOST_ADDR_DEL,
	ENV_HOST_LINK_UP,	/* iface, mtu (0: leave) */
	ENV_HOST_ROUTE_ADD,	/* iface, prefix */
	ENV_HOST_ROUTE_DEL
};

struct env_host_req {
	enum env_host_op op;
	const char *iface;
	struct addr_prefix prefix;
	unsigned mtu;
};

struct env_host;
/* `err` is 0 or a negative errno; "already so" is success. */
typedef void (*env_host_fn)(void *arg, int err);
int env_host_ask(struct env *, const struct env_host_req *, env_host_fn, void *arg);

/* Local addresses that can be used to reach others, loopback left out. */
struct env_ifaddr {
	char iface[16];
	struct addr_prefix prefix;
	bool up;
	bool point_to_point;
};
/* Writes at most max, in the host's order; returns how many there are. */
size_t env_ifaddrs(struct env *, struct env_ifaddr *, size_t max);
/* Addresses, links or default routes changed (bursts are joined for 50 ms). */
void env_on_host_change(struct env *, void (*fn)(void *arg), void *arg);
/* A number that is another one when the default routes are: the addresses may be
 * the same and the router on the way not.  0 before env_on_host_change. */
uint64_t env_host_ways(struct env *);
/* What the host is, for the meta data that login sends; borrowed, valid always. */
struct env_sysinfo {
	char hostname[256];
	char system[64];	/* uname -s: "Linux" */
	char os[64], os_version[128];	/* the distribution where there is one: "Debian GNU/Linux", "12" */
	char kernel[128], machine[64];	/* uname -r, uname -m */
};
const struct env_sysinfo *env_sysinfo(struct env *);

/* ---- disk --------------------------------------------------------------------- */

/* Whole small files.  Reading is for start-up only and returns at once: bytes
 * malloc'd, caller frees; 0 or -errno. */
int env_file_read(struct env *, const char *path, uint8_t **out, size_t *len);
/* Written beside, synced, renamed; mode e.g. 0600.  done may be NULL.  Writes to
 * one path are done in order.  env_file_write_now is for the last words of a
 * process and blocks. */
typedef void (*env_file_fn)(void *arg, int err);
int env_file_write(struct env *, const char *path, unsigned mode, const void *, size_t, env_file_fn done, void *arg);
int env_file_write_now(struct env *, const char *path, unsigned mode, const void *, size_t);
int env_file_remove(struct env *, const char *path);
/* Makes the folder (0700 as a rule) and takes the lock file in it that keeps a
 * second process out: -EWOULDBLOCK when one is there. */
int env_dir_lock(struct env *, const char *dir, unsigned mode);

/*
 * A SQLite database whose transactions run in a helper process.  Reading is for
 * start-up (env_db_read); afterwards the owner keeps what it needs in memory.
 * A batch is one transaction; its completion comes by event, in order, once it
 * is on disk.  After a failed batch the database is as before it.
 */
struct env_db;
struct env_db_value {
	enum { ENV_DB_NULL, ENV_DB_INT, ENV_DB_TEXT, ENV_DB_BLOB } type;
	int64_t num;		/* ENV_DB_INT */
	const void *bytes;	/* ENV_DB_TEXT (NUL behind it when read), ENV_DB_BLOB */
	size_t len;
};
struct env_db *env_db_open(struct env *, const char *path, const char *schema_sql, int *err);
typedef void (*env_db_row_fn)(void *arg, const struct env_db_value *, int columns);
int env_db_read(struct env_db *, const char *sql, env_db_row_fn, void *arg);	/* blocks */
typedef void (*env_db_done_fn)(void *arg, int err);	/* 0, -ENOSPC, -EIO, ... */
struct env_db_batch;
struct env_db_batch *env_db_begin(struct env_db *);
void env_db_exec(struct env_db_batch *, const char *sql, const struct env_db_value *, int n);
int env_db_commit(struct env_db_batch *, env_db_done_fn, void *arg);	/* frees the batch */
void env_db_close(struct env_db *);		/* waits for what is under way */
#endif
