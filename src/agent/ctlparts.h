/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_CTLPARTS_H
#define GODWIT_AGENT_CTLPARTS_H
/*
 * ctlparts.h -- what the files of the control socket share: ctlsrv.c (calls and
 * jobs), ctlstatus.c (status as messages), ctlconfig.c (settings as messages and
 * back), ctlinspect.c (looking into the machines).
 */
#include <jansson.h>
#include "agent/ctlsrv.h"
#include "proto/daemon.pb-c.h"
#include "wire/pb.h"

struct buf;
struct config;
struct grpc_server;
struct inspect;

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
