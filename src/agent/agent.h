/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_AGENT_H
#define GODWIT_AGENT_AGENT_H
/*
 * agent.h -- the whole agent: the switchboard of src/agent as others see it.
 *
 * It lives on a struct env, the real one (godwitd) or a simulated one, and owns
 * everything it opened there.  It never touches the process.  It remembers its
 * last wish in the state folder: made again there, it goes up by itself if it
 * was up and stays down after agent_down.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "fsm/fsm.h"

struct agent;
struct env;
struct fsm_loop;

/* The NetBird release whose protocol and features we speak; servers compare it. */
#define AGENT_NETBIRD_VERSION	"0.77.1"

struct agent_conf {
	const char *state_dir;		/* made with mode 0700; locked while we run */
	const char *socket;		/* control socket; NULL: none (simulator) */
	const char *iface;		/* overrides the profile's interface name; NULL: not */
	const char *ca_file;		/* PEM roots for management, signal and relays; NULL: the system's */
	const char *daemon_version;	/* for status */
	bool force_relay;		/* NB_FORCE_RELAY: no direct paths */
	const char *metrics;		/* "127.0.0.1:9191": GET /metrics there; NULL: nowhere */
	struct fsm_tape_to tape;	/* for developers: what the machines do; see fsm/fsm.h */
};

/* NULL: `why` (one line) names what is wrong. */
struct agent *agent_new(struct env *, const struct agent_conf *, char *why, size_t whylen);
void agent_free(struct agent *);	/* orderly: goodbyes are sent, files are written; fine with NULL */
struct fsm_loop *agent_loop(struct agent *);

/* What `godwit up` and `login` say; NULL members keep what the profile has. */
struct agent_login {
	const char *management_url, *setup_key, *server_key, *hostname;
	const char *psk;		/* base64; "" takes it away */
};
/* Takes the members over into the profile.  0 or -EINVAL with `why`. */
int agent_set_login(struct agent *, const struct agent_login *, char *why, size_t whylen);
int agent_up(struct agent *);		/* wants to be up; what becomes of it shows in agent_state; -EINVAL, -EBUSY: agent_why */
void agent_down(struct agent *);	/* durable: survives restarts */
void agent_logout(struct agent *);	/* deregisters, then down */

enum agent_state { AGENT_IDLE, AGENT_CONNECTING, AGENT_CONNECTED, AGENT_NEEDS_LOGIN };
enum agent_state agent_state(const struct agent *);
const char *agent_state_name(enum agent_state);		/* NetBird's: "Idle", "Connecting", ... */
const char *agent_why(const struct agent *);		/* the last failure, "" when none */
void agent_dump(struct agent *);	/* all machines and their last transitions into the log */
/* Our overlay address as text, "" before there is one. */
const char *agent_address(const struct agent *);
#endif
