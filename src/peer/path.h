/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_PEER_PATH_H
#define GODWIT_PEER_PATH_H
/*
 * path.h -- who carries the tunnel of one peer; the machine of fsm/path.fsm.
 *
 * Events from others: ice-up (struct note_pair), relay-up and relay-down (struct
 * note_way), ice-down, wg-timeout, restarted.  It is the only one that sets
 * WireGuard's endpoint (peer_hooks.endpoint).
 */
#include "base/mono.h"
#include "fsm/fsm.h"
#include "fsm/path.h"
#include "net/notes.h"

struct peer;
struct way;

enum path_kind { PATH_TO_NONE, PATH_TO_RELAY, PATH_TO_ICE };

struct path {
	struct fsm fsm;
	struct peer *peer;		/* owner */
	struct way *way;		/* of the relay channel that is open; borrowed; NULL: none */
	char server[256];		/* its relay, for status */
	struct addr remote, local;	/* of the direct pair; family NONE: none */
	enum wire_cand_type remote_type, local_type;
	int64_t rtt_us;
	struct mono since;		/* when the endpoint was set last */
	uint64_t switches;
};

void path_init(struct path *, struct peer *, struct fsm_loop *, const char *subject);
void path_fini(struct path *);
enum path_kind path_kind(const struct path *);		/* what carries the tunnel now */
bool path_has_relay(const struct path *);		/* a relay channel is open, in use or standing by */
#endif
