/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_IMPL_H
#define GODWIT_AGENT_IMPL_H
/*
 * impl.h -- the agent's inside, for the files of this folder only.
 *
 *	struct agent	one a process: control streams, profile, control socket
 *	struct engine	while logged in: WireGuard device, ICE hub, relay pool, peers
 *	struct remote	one peer of the map: its machines, side by side
 */
#include "agent/agent.h"
#include "agent/config.h"
#include "agent/ctlsrv.h"
#include "agent/metrics.h"
#include "base/addr.h"
#include "base/list.h"
#include "flow/flow.h"
#include "ice/session.h"
#include "mgmt/job.h"
#include "mgmt/session.h"
#include "mgmt/stream.h"
#include "net/notes.h"
#include "netwatch/netwatch.h"
#include "peer/peer.h"
#include "relay/channel.h"
#include "relay/pool.h"
#include "signal/stream.h"
#include "wg/device.h"
#include "wg/watch.h"

struct map;

#define REMOTE_ALLOWED_MAX	64

struct agent {
	struct env *env;		/* borrowed */
	struct fsm_loop *loop;
	struct agent_conf conf;		/* its strings owned */
	unsigned rebinds;		/* other UDP ports that we took: a move for our peers */
	struct config *profile;
	struct state *state;
	struct mgmt_conf mgmt_conf;
	struct signal_conf signal_conf;
	struct session *session;
	struct mgmt_stream *sync;
	struct job_stream *job;
	struct signal_stream *signal;
	struct netwatch *netwatch;
	struct engine *engine;		/* NULL while not logged in */
	struct ctlsrv *ctl;		/* NULL in the simulator */
	struct metrics *metrics;	/* NULL: not asked for */
	char fault[256];		/* why the engine could not start, "" when it could */
};

struct engine {
	struct agent *agent;
	struct wg_device *device;
	struct ice *ice;
	struct relay_pool *pool;
	struct flow *flow;		/* NULL until management speaks of it */
	struct addr_prefix address, address6;	/* overlay; family NONE: none yet */
	char address_text[ADDR_STRLEN];	/* `address`, without prefix length */
	char *fqdn;
	uint64_t serial;		/* of the last map applied */
	struct list remotes;		/* struct remote.all, in the order of the maps */
	struct map *by_key;		/* 32-byte key -> struct remote */
	struct list offline;		/* struct offline.all: for status only */
	unsigned firewall_rules;	/* in the map; not enforced */
};

struct remote {
	struct list all;
	struct engine *engine;
	uint8_t key[WIRE_KEY_LEN];
	char key_text[WIRE_KEY_TEXTLEN];
	char *fqdn, *version;
	struct addr_prefix allowed[REMOTE_ALLOWED_MAX];
	unsigned nallowed;
	struct wg_peer *wg;
	struct peer *peer;
	struct ice_session *ice;
	struct wg_watch *watch;
	struct relay_channel *channel;
	int64_t changed_wall;		/* microseconds since 1970: last change of path */
	bool seen;			/* scratch while a map is applied */
};

struct offline {
	struct list all;
	char *fqdn;
	char key_text[WIRE_KEY_TEXTLEN];
	struct addr ip;
};

/* agent.c */
/* The profile's members that management is told, or is found by; 0 or -EINVAL with `why`. */
int agent_take_profile(struct agent *, char *why, size_t whylen);

/* machines.c */
int machines_new(struct agent *);	/* 0 or -ENOMEM; what was made is freed by machines_free */
void machines_quiet(struct agent *);	/* nobody is told any more of their steps */
void machines_free(struct agent *);

/* control.c */
int control_new(struct agent *, char *why, size_t whylen);	/* 0 or -errno with `why` */
void control_free(struct agent *);

/* engine.c */
struct engine *engine_new(struct agent *, const Management__LoginResponse *, char *why, size_t whylen);
void engine_free(struct engine *);	/* fine with NULL */
struct remote *engine_remote(struct engine *, const uint8_t key[WIRE_KEY_LEN]);
void engine_signal(struct engine *, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *);

/* netmap.c */
void netmap_config(struct engine *, const Management__NetbirdConfig *);
void netmap_address(struct engine *, const Management__PeerConfig *);
void netmap_apply(struct engine *, const Management__SyncResponse *);
void netmap_clear_offline(struct engine *);

/* remote.c */
struct remote *remote_new(struct engine *, const uint8_t key[WIRE_KEY_LEN]);
void remote_free(struct remote *);	/* fine with NULL */

/* status.c */
struct agent_status;
void status_fill(struct agent *, struct agent_status *);

/* why.c */
struct agent_why;
int why_fill(struct agent *, const char *peer, struct agent_why *);

/* wiring.c */
struct fsm_loop *wiring_new(struct agent *);	/* the loop that routes by fsm/agent.wire */
#endif
