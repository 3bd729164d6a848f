/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_CTLPARTS_H
#define GODWIT_AGENT_CTLPARTS_H
/*
 * ctlparts.h -- what the files of the control socket share: ctlsrv.c (calls and
 * jobs), ctlask.c (questions), ctlstatus.c (status as messages), ctlconfig.c (settings as messages and
 * back), ctlinspect.c (looking into the machines).
 */
#include <jansson.h>
#include "agent/ctlsrv.h"
#include "base/list.h"
#include "proto/daemon.pb-c.h"
#include "wire/pb.h"

struct buf;
struct config;
struct grpc_call;
struct grpc_method;
struct grpc_server;
struct inspect;

#define SERVICE		"/daemon.DaemonService/"

struct ctlsrv {
	struct env *env;
	struct ctlsrv_hooks hooks;
	char *config_path;
	struct grpc_server *server;
	struct env_listener *listener;
	struct inspect *inspect;
	struct list waiting, watching;
	struct env_timer *push;		/* runs while a change is held back */
	bool dirty;
};

/* ctlask.c */
int ctl_ask_new(struct ctlsrv *);	/* its methods; 0 or -errno */
int ctl_add_methods(struct ctlsrv *, const struct grpc_method *, size_t n);	/* with the ctlsrv as their arg */
void ctl_garbled(struct grpc_call *);	/* the request does not parse: ends the call */
int ctl_say_status(struct ctlsrv *, struct buf *out, bool full);	/* the agent's of now */

/* Appends a daemon.StatusResponse. */
int ctl_put_status(struct buf *out, const struct agent_status *, bool full);

/* LoginRequest or SetConfigRequest: what its caller set, with the profile's keys.
 * A new object, or NULL. */
json_t *ctl_patch_of(const ProtobufCMessage *request);
/* Appends a daemon.GetConfigResponse; secrets are masked. */
int ctl_put_config(struct buf *out, const struct config *, const char *path);

/* godwit.v1.Inspect on the same socket.  NULL: no memory. */
struct inspect *ctl_inspect_new(struct env *, struct fsm_loop *, struct grpc_server *, const struct ctlsrv_hooks *);
void ctl_inspect_free(struct inspect *);	/* fine with NULL */
#endif
