/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_RELAY_WORLD_H
#define GODWIT_TESTS_RELAY_WORLD_H
/*
 * relay-world.h -- the real src/relay with one channel, over pipes (net_pipes.h),
 * and two relay servers made of src/net, which do what the test tells them.
 * Everything that was fired is counted row by row, from world to world.
 */
#include "net_pipes.h"
#include "fsm/fsm.h"
#include "net/http1.h"
#include "net/notes.h"
#include "net/ws.h"
#include "relay/channel.h"
#include "relay/channel-impl.h"
#include "relay/link.h"
#include "relay/pool.h"
#include "relay/pool-impl.h"
#include "wire/relaymsg.h"

#define HOME	"rel://home:1000"
#define OTHER	"rel://other:2000"

struct relayd {
	struct world *w;
	uint16_t port;
	const char *url;
	struct env_listener *listener;
	struct http1_front *front;
	struct ws *ws;			/* the one connection under test */
	bool mute;			/* takes the auth and says nothing */
	bool early_health, quiet;	/* health before the answer; no presence answers */
	bool peer_there;
	int conns, auths, healths, subs, unsubs, closes, packets, lost;
};

struct world {
	struct env *env;
	struct fsm_loop *loop;
	struct relay_pool *pool;
	struct relay_channel *ch;
	struct relayd home, other;
	uint8_t peer[32];
	int ups, downs, home_ups, inputs;
	size_t input_len;
};

/* The server says ... to the connection under test. */
void say_plain(struct relayd *, enum wire_relay_type);
void say_ids(struct relayd *, enum wire_relay_type);	/* of the world's peer */
void say_auth_ok(struct relayd *);
void say_packet(struct relayd *, const void *, size_t);	/* from the world's peer */
void relayd_start(struct world *, struct relayd *, uint16_t port, const char *url);
void relayd_stop(struct relayd *);

/* own: whether our key is the larger, so that we meet at our home. */
void world_make(struct world *, bool own);
void world_make_with(struct world *, bool own, const struct relay_options *);
bool world_end(struct world *);		/* whether nothing was left open */
extern const struct relay_channel_hooks world_hooks;	/* count what came in */

void run(struct world *, int64_t us);
/* Each of these lets a tenth of a second go by. */
void home(struct world *, const char *a, const char *b);	/* management's list; NULL ends it */
void offer(struct world *, const char *url, uint32_t generation);
void post(struct world *, enum relay_channel_event);
void post_link(struct world *, struct relay_link *, enum relay_link_event);

struct relay_link *the_home(struct world *);
struct relay_link *the_foreign(struct world *);		/* the first, or NULL */

/* Of all worlds that have ended: rows that nothing fired, each said in a line, ... */
int link_rows_not_fired(void), channel_rows_not_fired(void);
/* ... and rows that never must have fired, of either machine. */
int nevers_fired(void);

#define LINK_IS(l, s)		((l)->fsm.state == RELAY_LINK_##s)
#define CHANNEL_IS(w, s)	((w)->ch->fsm.state == RELAY_CHANNEL_##s)
#endif
