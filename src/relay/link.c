/* SPDX-License-Identifier: ISC */
/*
 * link.c -- one connection to one relay server: guards and actions of
 * fsm/relay-link.fsm.  Frames do not go through the machine: link-io.c.
 *
 * A round of dialling goes through all addresses (the hint and then the name of
 * a foreign server; each configured server of the home link, the last good one
 * first) before it counts as a failure.  A link that was lost a moment ago is
 * dialled often and with short limits: through a black hole only a fresh SYN
 * gets out soon after it ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "fsm/agent-wire.h"
#include "relay/channel-impl.h"
#include "relay/link-impl.h"
#include "relay/pool-impl.h"

#include "fsm/relay-link.inc"

#define RELAY_QUEUE_MAX		(512 * 1024)	/* bytes under way to the server; above it packets are dropped */
#define RELAY_DIAL_US		(10 * MONO_SEC)
#define RELAY_DIAL_PATIENT_US	(1900 * MONO_MS)	/* a SYN that was lost goes again after 1 s, then after 3 */
#define RELAY_DIAL_MIN_US	(500 * MONO_MS)
#define RELAY_LATELY_US		(60 * MONO_SEC)
#define RELAY_PROVED_US		MONO_SEC	/* a life this long resets the backoff and is followed at once */
#define RELAY_ANSWER_LEAST_US	(800 * MONO_MS)	/* a retransmission or two (RFC 6298: 200 ms each, doubled) */
#define RELAY_ANSWER_MOST_US	(3 * MONO_SEC)
#define RELAY_BUSY		(64 * 1024)	/* bytes in a beat that make a queue likely */
#define RELAY_AT_ONCE_US	(100 * MONO_MS)	/* jitter of that: a server's restart is felt by all */

/* ---- what others ask ------------------------------------------------------------ */

bool
relay_link_is_up(const struct relay_link *l)
{
	return l->fsm.state == RELAY_LINK_UP || l->fsm.state == RELAY_LINK_DOUBTED;
}

const char *
relay_link_name(const struct relay_link *l)
{
	return l->instance[0] != '\0' ? l->instance : l->fsm.subject;
}

static bool
relay_same_server(const struct url *a, const struct url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

bool
relay_link_serves(const struct relay_link *l, const struct url *u)
{
	struct url own;

	if (l->instance[0] != '\0' && url_parse(&own, l->instance) == 0 && relay_same_server(&own, u))
		return true;
	if (relay_link_is_up(l) && l->alias.host[0] != '\0' && relay_same_server(&l->alias, u))
		return true;
	return l->nurl > 0 && relay_same_server(&l->url[l->at], u);
}

static bool
relay_link_wanted(const struct relay_link *l)
{
	LIST_EACH(it, &l->channels)
		if (relay_channel_wants(LIST_OF(it, struct relay_channel, on_link)))
			return true;
	return false;
}

/* ---- guards ------------------------------------------------------------------------------ */

static size_t
relay_link_steps(const struct relay_link *l)
{
	return l->nurl + (l->hint.family != ADDR_NONE ? 1 : 0);
}

static bool
relay_link_if_more_addresses(const struct relay_link *l)
{
	return l->step + 1 < relay_link_steps(l);
}

static bool
relay_link_if_at_home(const struct relay_link *l)
{
	return l->home;
}

static bool
relay_link_if_silent(const struct relay_link *l)
{
	return l->sent && !l->heard;
}

static bool
relay_link_if_unused(const struct relay_link *l)
{
	return !l->home && !relay_link_wanted(l) &&
	    mono_diff(env_now(l->pool->env), l->unused_since) >= l->pool->opt.unused_us;
}

/* The other link of ours that is up at the server which this one is for, by its
 * URL or by what the server called itself.  The home link gives way to nobody. */
static struct relay_link *
relay_link_twin(const struct relay_link *l)
{
	struct url said;
	bool knows = url_parse(&said, l->answered) == 0;

	if (l->home || l->nurl == 0)
		return NULL;
	LIST_EACH(it, &l->pool->links) {
		struct relay_link *other = LIST_OF(it, struct relay_link, all);

		if (other != l && relay_link_is_up(other) &&
		    (relay_link_serves(other, &l->url[l->at]) || (knows && relay_link_serves(other, &said))))
			return other;
	}
	return NULL;
}

static bool
relay_link_if_twin(const struct relay_link *l)
{
	return relay_link_twin(l) != NULL;
}

/* The address that the connection was made from is none of ours any more. */
static bool
relay_link_if_address_gone(const struct relay_link *l)
{
	struct addr local = l->ws != NULL ? env_stream_local(ws_transport(l->ws)) : (struct addr){ 0 };
	struct env_ifaddr *ifs;
	size_t n;
	bool found = false;

	if (local.family == ADDR_NONE || addr_is_loopback(&local))
		return false;
	n = env_ifaddrs(l->pool->env, NULL, 0);
	ifs = calloc(n + 1, sizeof(*ifs));
	if (ifs == NULL)
		return false;
	n = env_ifaddrs(l->pool->env, ifs, n);
	for (size_t i = 0; i < n; i++)
		found = found || addr_same_ip(&ifs[i].prefix.addr, &local);
	free(ifs);
	return !found;
}

/* ---- actions ------------------------------------------------------------------------------- */

static bool
relay_link_lately(const struct relay_link *l)
{
	return mono_diff(env_now(l->pool->env), l->trouble_since) < RELAY_LATELY_US;
}

/* How long a dial may take.  A server that opened in a fraction of a second is
 * not waited for much longer while it is missed: a new SYN gets through sooner
 * than the old one's retransmission.  Now and then patiently, should the way
 * have become a slow one. */
static int64_t
relay_link_patience(const struct relay_link *l)
{
	int64_t us = 4 * l->opened_in;

	if (l->opened_in == 0 || !relay_link_lately(l) || us > RELAY_DIAL_US)
		return RELAY_DIAL_US;
	if (l->failures % 16 == 15 && us < RELAY_DIAL_PATIENT_US)
		return RELAY_DIAL_PATIENT_US;
	return us < RELAY_DIAL_MIN_US ? RELAY_DIAL_MIN_US : us;
}

/* Opens the connection that this step of the round stands for. */
static void
relay_link_connect(struct relay_link *l)
{
	bool by_hint = l->hint.family != ADDR_NONE && l->step == 0;
	size_t i = (l->at + l->step - (l->hint.family != ADDR_NONE && !by_hint ? 1 : 0)) % (l->nurl > 0 ? l->nurl : 1);
	const struct url *u = &l->url[i];
	char text[ADDR_STRLEN];
	struct ws_dial d = {
		.host = by_hint ? addr_str(&l->hint, text) : u->host, .port = u->port, .name = u->host, .target = "/relay",
		.tls = u->tls, .ca_file = l->pool->opt.ca_file, .insecure = l->pool->opt.insecure,
		.options = { .message_max = WIRE_RELAY_MAX, .queue_max = RELAY_QUEUE_MAX },
	};

	fsm_open(&l->fsm, RELAY_LINK_RES_CONN);
	l->dialled = i;
	l->dial_limit = relay_link_patience(l);
	l->dialled_at = env_now(l->pool->env);
	snprintf(l->failure, sizeof(l->failure), "no answer");
	l->ws = l->nurl > 0 ? ws_dial(l->pool->env, &d, relay_link_on_ws, l) : NULL;
	if (l->ws != NULL)
		ws_on_batch(l->ws, relay_link_on_batch, l);
	else
		relay_link_event(l, RELAY_LINK_EV_PEER_CLOSE);
}

static void
relay_link_close_conn(struct relay_link *l)
{
	ws_free(l->ws);
	l->ws = NULL;
	l->want_alive = false;
	l->pinged_at = (struct mono){ 0 };
	l->instance[0] = '\0';
}

static void
relay_link_do_dial(struct relay_link *l)
{
	l->step = 0;
	relay_link_close_conn(l);
	relay_link_connect(l);
}

static void
relay_link_do_dial_again(struct relay_link *l)
{
	relay_link_do_dial(l);
}

static void
relay_link_do_dial_next(struct relay_link *l)
{
	log_debug("relay", "%s: %s, trying the next address", relay_link_name(l), l->failure);
	l->step++;
	relay_link_close_conn(l);
	relay_link_connect(l);
}

static void
relay_link_do_forget_failures(struct relay_link *l)
{
	backoff_reset(&l->backoff);
	l->failures = 0;
	l->trouble_since = env_now(l->pool->env);
}

static void
relay_link_next_wait(struct relay_link *l)
{
	l->backoff.max = relay_link_lately(l) ? 500 * MONO_MS : 60 * MONO_SEC;
	l->wait = backoff_next(&l->backoff, l->pool->env);
	l->failures++;
}

static void
relay_link_do_note_failure(struct relay_link *l)
{
	relay_link_next_wait(l);
	if (relay_link_lately(l) && mono_diff(env_now(l->pool->env), l->dialled_at) >= l->dial_limit)
		l->wait = (int64_t)env_random_below(l->pool->env, 200 * MONO_MS);	/* the dial was the wait */
	if ((l->failures & (l->failures - 1)) == 0)	/* the 1st, 2nd, 4th, 8th: a dead server must not fill the log */
		log_info("relay", "%s: no connection (%s), try %u", relay_link_name(l), l->failure, l->failures);
}

/* The link was up.  Only a life that lasted owes nothing to the failures before it. */
static void
relay_link_do_note_loss(struct relay_link *l)
{
	struct mono now = env_now(l->pool->env);

	bool proved = mono_diff(now, l->up_at) >= RELAY_PROVED_US;

	if (proved)
		relay_link_do_forget_failures(l);
	relay_link_next_wait(l);
	if (proved)
		l->wait = (int64_t)env_random_below(l->pool->env, RELAY_AT_ONCE_US);
	log_info("relay", "%s: lost: %s", relay_link_name(l), l->want_alive ? "no answer to a ping" : l->failure);
	l->instance[0] = '\0';
	if (l->home)
		relay_pool_home_moved(l->pool);
}

static void
relay_link_do_hand_over(struct relay_link *l)
{
	struct relay_link *to = relay_link_twin(l);

	log_info("relay", "%s: is %s, where we are already", relay_link_name(l), relay_link_name(to));
	LIST_EACH(it, &l->channels) {
		struct relay_channel *ch = LIST_OF(it, struct relay_channel, on_link);

		relay_link_detach(l, ch);
		relay_link_attach(to, ch);
	}
	to->alias = l->url[l->at];
}

static void
relay_link_do_send_auth(struct relay_link *l)
{
	struct buf b = { 0 };

	wire_relay_put_auth(&b, l->pool->id, buf_bytes(&l->pool->token), buf_len(&l->pool->token));
	relay_link_put(l, &b);
	buf_wipe(&b);
}

static void
relay_link_do_keep_address(struct relay_link *l)
{
	memcpy(l->instance, l->answered, sizeof(l->instance));
	memset(&l->alias, 0, sizeof(l->alias));
	l->remote = ws_remote(l->ws);
	l->at = l->dialled;
	l->up_at = env_now(l->pool->env);
	l->sent = l->heard = false;
	l->tx_mark = l->tx_bytes;
	snprintf(l->failure, sizeof(l->failure), "the server stopped its health checks");
	log_info("relay", "%s: connected, %s", relay_link_name(l), l->home ? "our home" : "a peer's home");
	if (l->home)
		relay_pool_home_moved(l->pool);
}

static void
relay_link_do_answer_health(struct relay_link *l)
{
	struct buf b = { 0 };

	wire_relay_put_plain(&b, WIRE_RELAY_HEALTH);
	relay_link_put(l, &b);
	buf_free(&b);
}

static void
relay_link_do_forget_beat(struct relay_link *l)
{
	l->sent = l->heard = false;
	l->tx_mark = l->tx_bytes;
}

static void
relay_link_do_ping(struct relay_link *l)
{
	int64_t patience = 4 * l->opened_in;

	/* behind what is under way an answer takes its time */
	if (l->opened_in == 0 || patience > RELAY_ANSWER_MOST_US || l->tx_bytes - l->tx_mark > RELAY_BUSY)
		patience = RELAY_ANSWER_MOST_US;
	l->answer = patience > RELAY_ANSWER_LEAST_US ? patience : RELAY_ANSWER_LEAST_US;
	l->want_alive = true;
	if (!mono_is_set(l->pinged_at))	/* of two, the first answer is the first one's */
		l->pinged_at = env_now(l->pool->env);
	ws_ping(l->ws);
}

static void
relay_link_do_send_close(struct relay_link *l)
{
	struct buf b = { 0 };

	wire_relay_put_plain(&b, WIRE_RELAY_CLOSE);
	relay_link_put(l, &b);
	buf_free(&b);
	ws_finish(l->ws, 1000);
	l->ws = NULL;
	l->instance[0] = '\0';
	if (l->home)
		relay_pool_home_moved(l->pool);
}

/* ---- wiring and life --------------------------------------------------------------------------- */

void
wire_relay_link_to_relay_channel_all(struct relay_link *l, void (*fn)(struct relay_channel *, void *arg), void *arg)
{
	LIST_EACH(it, &l->channels)
		fn(LIST_OF(it, struct relay_channel, on_link), arg);
}

struct relay_link *
relay_link_new(struct relay_pool *p, const char *subject, bool home)
{
	struct relay_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->pool = p;
	l->home = home;
	l->entries = map_new();
	if (l->entries == NULL) {
		free(l);
		return NULL;
	}
	list_init(&l->channels);
	list_init(&l->early);
	l->backoff = (struct backoff){ .first = 300 * MONO_MS, .max = MONO_SEC, .num = 17, .den = 10, .spread = 40 };
	l->sweep = p->opt.cleanup_us;
	l->unused_since = l->trouble_since = env_now(p->env);
	list_append(&p->links, &l->all);
	relay_link_fsm_init(l, p->loop, subject);
	return l;
}

void
relay_link_free(struct relay_link *l)
{
	if (l == NULL)
		return;
	while (!list_empty(&l->channels))
		relay_link_detach(l, LIST_OF(l->channels.next, struct relay_channel, on_link));
	if (relay_link_is_up(l) && l->ws != NULL)
		relay_link_do_send_close(l);
	relay_link_fsm_fini(l);
	relay_link_drop_early(l);
	map_free(l->entries);
	free(l->batch_room);
	list_remove(&l->all);
	free(l);
}
