/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_CTLSRV_H
#define GODWIT_AGENT_CTLSRV_H
/*
 * ctlsrv.h -- the daemon's control socket: NetBird's daemon.DaemonService and our
 * godwit.v1.Inspect.
 *
 * It knows nothing of the agent but this header.  What a caller asks for becomes
 * a call of one hook; what takes time is answered later, by ctlsrv_done, to all
 * who wait for that job.  A caller who goes away is forgotten here.
 *
 * The socket is 0666, as NetBird's is: whoever is on the host may use it.  What
 * NetBird keeps for root (its SSH server's switches) godwit does not have yet.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "base/addr.h"

struct config;
struct env;
struct fsm_loop;
struct ctlsrv;

/* ---- what `godwit status` shows --------------------------------------------- */

enum agent_peer_state { AGENT_PEER_IDLE, AGENT_PEER_CONNECTING, AGENT_PEER_CONNECTED };

/* Texts are "" when unknown; wall times are microseconds since 1970, 0: never. */
struct agent_peer {
	char ip[ADDR_STRLEN], ipv6[ADDR_STRLEN];	/* without prefix length */
	char pub_key[45];
	char fqdn[256];
	enum agent_peer_state state;
	int64_t state_since;		/* wall */
	bool relayed;
	char local_type[8], remote_type[8];		/* "host", "srflx", "prflx", "relay" */
	char local_endpoint[ADDR_STRLEN], remote_endpoint[ADDR_STRLEN];
	char relay_url[256];
	int64_t last_handshake;		/* wall */
	uint64_t rx_bytes, tx_bytes;
	int64_t latency_us;		/* 0: unknown */
};

struct agent_link {			/* management, signal, a relay, a STUN server */
	char url[256];
	bool connected;
	char error[200];
	char transport[8];		/* relays: "ws" */
};

struct agent_status {
	const char *state;		/* "Idle", "Connecting", "Connected", "NeedsLogin", "LoginFailed", "SessionExpired"; static */
	struct agent_link management, signal;
	char ip[ADDR_STRLEN], ipv6[ADDR_STRLEN];	/* with prefix length */
	char pub_key[45], fqdn[256], iface[16];
	bool kernel_interface;
	uint16_t wg_port;
	bool lazy;
	char profile[64];
	bool firewall_not_enforced;	/* rules came that nobody enforces: said in plain words */
	struct agent_peer *peers;	/* malloc'd by the hook, freed by agent_status_free */
	size_t npeers;
	struct agent_link *relays;	/* likewise */
	size_t nrelays;
};
void agent_status_free(struct agent_status *);

/* ---- what `godwit why PEER` shows ----------------------------------------------- */

struct agent_why_pair {
	char local_type[8], remote_type[8];
	char remote[ADDR_STRLEN];
	char seen_as[ADDR_STRLEN];	/* our address as that remote saw it */
	const char *state;		/* of fsm/ice-pair.fsm; static */
	int64_t rtt_us;			/* 0: it never answered */
	unsigned checks, answers;
	bool selected;
};

struct agent_why_nat {			/* in words; "" : not known */
	char mapping[80], filtering[96], ports[80];
	char seen[2][ADDR_STRLEN];
};

#define AGENT_WHY_PAIRS	32

struct agent_why {
	char fqdn[256], ip[ADDR_STRLEN], pub_key[45];
	char subject[64];		/* of the peer's machines */
	const char *path;		/* "direct", "relay", "none"; static */
	int64_t since_us;		/* ago */
	char why[400], better[400];
	struct agent_why_nat ours, theirs;
	struct agent_why_pair pair[AGENT_WHY_PAIRS];
	size_t npair;
	char relay_url[256];
	const char *relay_state, *relay_why;	/* static */
};

/* ---- what the CLI may ask ------------------------------------------------------ */

struct ctlsrv_login {
	const char *setup_key;		/* "" : none; never logged */
	const char *hostname;		/* "" : unchanged */
	const json_t *patch;		/* the profile's keys to change: see settings_apply; {} when there is nothing */
};

enum ctlsrv_job { CTLSRV_LOGIN, CTLSRV_UP, CTLSRV_DOWN, CTLSRV_LOGOUT };

struct ctlsrv_hooks {
	/* Each of these four begins a job.  The agent calls ctlsrv_done when it is
	 * over, from within the hook or later.  A second caller of a job under way
	 * begins it again (new parameters win) and both get the answer. */
	void (*login)(void *arg, const struct ctlsrv_login *);
	void (*up)(void *arg);
	void (*down)(void *arg);
	void (*logout)(void *arg);
	void (*status)(void *arg, struct agent_status *out);	/* out is zeroed before */
	/* Current profile; borrowed.  Secrets are masked by ctlsrv. */
	const struct config *(*config)(void *arg);
	/* Changes it (settings_apply) and saves; 0 or -EINVAL with `why`. */
	int (*set_config)(void *arg, const json_t *patch, char *why, size_t whylen);
	void *arg;
	/* 0; -ENOENT: no such peer; -EEXIST: more than one.  May be NULL. */
	int (*why)(void *arg, const char *peer, struct agent_why *out);
};

struct ctlsrv_options {
	const char *path;		/* of the unix socket */
	const char *config_path;	/* shown by GetConfig */
	struct fsm_loop *loop;		/* for Inspect; NULL: none */
};

/* NULL with *err: -EADDRINUSE when another daemon answers there. */
struct ctlsrv *ctlsrv_new(struct env *, const struct ctlsrv_options *, const struct ctlsrv_hooks *, int *err);
void ctlsrv_free(struct ctlsrv *);	/* fine with NULL; removes the socket */
/* A job is over: `code` is a gRPC status (net/grpc.h), `text` one line for people (NULL when 0). */
void ctlsrv_done(struct ctlsrv *, enum ctlsrv_job, int code, const char *text);
/* The status may have changed: SubscribeStatus callers get it, at most every 200 ms. */
void ctlsrv_changed(struct ctlsrv *);
#endif
