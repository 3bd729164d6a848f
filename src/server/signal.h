/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_SIGNAL_H
#define GODWIT_SERVER_SIGNAL_H
/*
 * signal.h -- one ConnectStream of one peer: the machine of
 * fsm/srv-signal.fsm.  Letters are sealed between the peers; nothing is opened
 * here, and nothing is kept for an id that has no stream.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "fsm/fsm.h"
#include "fsm/srv-signal.h"
#include "server/inside.h"

#define SERVER_SIGNAL_ID	128	/* stock ids are 44 characters; any text is taken up to this */

struct srv_signal {
	struct fsm fsm;
	struct server *server;
	struct grpc_call *call;		/* NULL once the far end is gone */
	uint32_t gen;
	char id[SERVER_SIGNAL_ID];
	bool has_key;			/* the id is a WireGuard key: it can be beaten */
	uint8_t key[32];
	struct srv_signal *predecessor;	/* whose place it took, during that step only */
	bool ours;			/* an agent of our own: it said that it beats */
	int64_t beat_us, listen_us;	/* silence before a beat; its interval, in which we ask whether it beats, -1: it does not promise to */
	struct mono opened, active;	/* accepted; last sent or received something */
	struct mono heard;		/* last received something */
	int end_code;
	const char *end_text;
	struct server_grave grave;
	struct list all;
};
#endif
