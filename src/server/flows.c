/* SPDX-License-Identifier: ISC */
/*
 * flows.c -- the flow service: takes events, writes them, acknowledges them.
 *
 * An agent sends an event again every second until it is acknowledged, so the
 * acknowledgement waits for the disk, and what comes twice is one row (the
 * event's id is its key).  One batch is under way at a time; what comes
 * meanwhile goes with the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/grpc.h"
#include "proto/flow.pb-c.h"
#include "server/account.h"
#include "server/flows.h"
#include "server/inside.h"
#include "wire/keys.h"
#include "wire/pb.h"
#include "wire/relaymsg.h"

#define EVENT_ID	16
#define PRUNE_EVERY	MONO_HOUR

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS flows ("
	"  event BLOB PRIMARY KEY, at INTEGER NOT NULL, peer TEXT NOT NULL, rule TEXT NOT NULL,"
	"  direction INTEGER NOT NULL, protocol INTEGER NOT NULL, source TEXT NOT NULL, source_port INTEGER NOT NULL,"
	"  dest TEXT NOT NULL, dest_port INTEGER NOT NULL, rx_packets INTEGER NOT NULL, tx_packets INTEGER NOT NULL,"
	"  rx_bytes INTEGER NOT NULL, tx_bytes INTEGER NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL,"
	"  drops INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS flows_at ON flows (at);";

/* One stream; it outlives its call while events of it wait for the disk. */
struct stream {
	struct server_flows *flows;
	struct grpc_call *call;		/* NULL: the agent went away */
	unsigned waiting;
	struct list all;
};

struct event {
	struct stream *stream;
	Flow__FlowEvent *pb;
	struct list list;
};

struct server_flows {
	struct server *server;
	struct env_db *db;
	struct list streams;
	struct list pending, writing;	/* struct event */
	size_t npending;
	struct mono pruned;
	struct server_flow_counts counts;
};

static void write_pending(struct server_flows *);

static void
stream_free_if_over(struct stream *st)
{
	if (st->call != NULL || st->waiting > 0)
		return;
	list_remove(&st->all);
	free(st);
}

static void
event_free(struct event *e)
{
	struct stream *st = e->stream;

	list_remove(&e->list);
	wire_pb_free(e->pb);
	free(e);
	st->waiting--;
	stream_free_if_over(st);
}

static void
ack(struct stream *st, const ProtobufCBinaryData *id, bool initiator)
{
	Flow__FlowEventAck a = FLOW__FLOW_EVENT_ACK__INIT;
	struct buf out = { 0 };

	if (st->call == NULL)
		return;
	a.event_id = *id;
	a.is_initiator = initiator;
	/* One that does not fit is not missed: the event comes again. */
	if (WIRE_PB_PUT(&out, &a) == 0)
		grpc_send(st->call, buf_bytes(&out), buf_len(&out));
	buf_free(&out);
}

/* ---- writing ---------------------------------------------------------------------- */

static void
written(void *arg, int err)
{
	struct server_flows *f = arg;

	if (err != 0)
		log_warnx("flows", "events could not be written: %s", strerror(-err));
	while (!list_empty(&f->writing)) {
		struct event *e = LIST_OF(f->writing.next, struct event, list);

		if (err == 0) {
			f->counts.stored++;
			ack(e->stream, &e->pb->event_id, false);
		}
		event_free(e);
	}
	write_pending(f);
}

static const char *
ip_text(const ProtobufCBinaryData *b, char out[ADDR_STRLEN])
{
	struct addr a = { .family = b->len == 4 ? ADDR_V4 : b->len == 16 ? ADDR_V6 : ADDR_NONE };

	out[0] = '\0';
	if (a.family == ADDR_NONE)
		return out;
	memcpy(a.ip, b->data, b->len);
	return addr_str(&a, out);
}

static void
put_event(struct env_db_batch *b, const Flow__FlowEvent *e)
{
	const Flow__FlowFields *f = e->flow_fields;
	char key[WIRE_KEY_TEXTLEN], src[ADDR_STRLEN], dst[ADDR_STRLEN], rule[65];
	uint32_t sport = 0, dport = 0;

	if (f->connection_info_case == FLOW__FLOW_FIELDS__CONNECTION_INFO_PORT_INFO) {
		sport = f->port_info->source_port;
		dport = f->port_info->dest_port;
	} else if (f->connection_info_case == FLOW__FLOW_FIELDS__CONNECTION_INFO_ICMP_INFO) {
		sport = f->icmp_info->icmp_type;
		dport = f->icmp_info->icmp_code;
	}
	snprintf(rule, sizeof(rule), "%.*s", (int)f->rule_id.len, (const char *)f->rule_id.data);
	env_db_exec(b, "INSERT OR IGNORE INTO flows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    (struct env_db_value[]){ server_blob(e->event_id.data, e->event_id.len),
	    server_int(e->timestamp != NULL ? e->timestamp->seconds * MONO_SEC + e->timestamp->nanos / 1000 : 0),
	    server_text(wire_key_text(key, e->public_key.data)), server_text(rule), server_int(f->direction),
	    server_int(f->protocol), server_text(ip_text(&f->source_ip, src)), server_int(sport),
	    server_text(ip_text(&f->dest_ip, dst)), server_int(dport), server_int((int64_t)f->rx_packets),
	    server_int((int64_t)f->tx_packets), server_int((int64_t)f->rx_bytes), server_int((int64_t)f->tx_bytes),
	    server_int((int64_t)f->num_of_starts), server_int((int64_t)f->num_of_ends),
	    server_int((int64_t)f->num_of_drops) }, 17);
}

static void
write_pending(struct server_flows *f)
{
	struct env *env = f->server->env;
	struct env_db_batch *b;
	int err;

	if (!list_empty(&f->writing) || list_empty(&f->pending) || (b = env_db_begin(f->db)) == NULL)
		return;
	if (!mono_is_set(f->pruned) || mono_diff(env_now(env), f->pruned) > PRUNE_EVERY) {
		f->pruned = env_now(env);
		env_db_exec(b, "DELETE FROM flows WHERE at < ?",
		    (struct env_db_value[]){ server_int(env_wall(env) - SERVER_FLOWS_KEEP_US) }, 1);
	}
	while (!list_empty(&f->pending)) {
		struct event *e = LIST_OF(f->pending.next, struct event, list);

		list_remove(&e->list);
		list_append(&f->writing, &e->list);
		put_event(b, e->pb);
	}
	f->npending = 0;
	if ((err = env_db_commit(b, written, f)) != 0)
		written(f, err);
}

/* ---- streams ----------------------------------------------------------------------------- */

static bool
acceptable(struct server_flows *f, const Flow__FlowEvent *e)
{
	char key[WIRE_KEY_TEXTLEN];

	return e->event_id.len == EVENT_ID && e->public_key.len == WIRE_KEY_LEN && e->flow_fields != NULL &&
	    e->flow_fields->rule_id.len <= 64 &&
	    server_peer_by_key(f->server->store, wire_key_text(key, e->public_key.data)) != NULL;
}

static void
on_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct stream *st = arg;
	struct server_flows *f = st->flows;
	Flow__FlowEvent *pb = wire_pb_get(&flow__flow_event__descriptor, bytes, len);
	struct event *e;

	(void)call;
	if (pb != NULL && pb->is_initiator) {
		ack(st, &pb->event_id, true);
		wire_pb_free(pb);
		return;
	}
	if (pb == NULL || !acceptable(f, pb)) {
		/* Acknowledged all the same where that is possible: it will not get better. */
		f->counts.refused++;
		if (pb != NULL && pb->event_id.len == EVENT_ID)
			ack(st, &pb->event_id, false);
		wire_pb_free(pb);
		return;
	}
	if (f->npending >= SERVER_FLOWS_PENDING || (e = calloc(1, sizeof(*e))) == NULL) {
		f->counts.dropped++;
		wire_pb_free(pb);
		return;
	}
	e->stream = st;
	e->pb = pb;
	st->waiting++;
	f->npending++;
	list_append(&f->pending, &e->list);
	write_pending(f);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *status)
{
	struct stream *st = arg;

	(void)call;
	(void)status;
	st->call = NULL;
	stream_free_if_over(st);
}

static void
on_half_closed(void *arg, struct grpc_call *call)
{
	struct stream *st = arg;

	st->call = NULL;
	grpc_finish(call, GRPC_OK, NULL);
	stream_free_if_over(st);
}

static const struct grpc_ops stream_ops = { .message = on_message, .half_closed = on_half_closed, .done = on_done };

/* "Bearer <signature>.<payload>", the signature first. */
static bool
authorized(struct server *s, const char *value)
{
	const char *dot = value != NULL ? strrchr(value, '.') : NULL;
	struct buf token = { 0 };
	char sig[64];
	bool good;

	if (dot == NULL || strncmp(value, "Bearer ", 7) != 0 || (size_t)(dot - value - 7) >= sizeof(sig))
		return false;
	snprintf(sig, sizeof(sig), "%.*s", (int)(dot - value - 7), value + 7);
	good = wire_relay_token_put(&token, dot + 1, sig) == 0 && server_account_check_token(s->store->account,
	    env_wall(s->env) / MONO_SEC, buf_bytes(&token), buf_len(&token)) == 0;
	buf_wipe(&token);
	return good;
}

static void
events_open(void *arg, struct grpc_call *call)
{
	struct server *s = arg;
	struct stream *st;

	if (!authorized(s, grpc_metadata(call, "authorization"))) {
		grpc_finish(call, GRPC_UNAUTHENTICATED, "the flow token is missing, wrong or expired");
		return;
	}
	if ((st = calloc(1, sizeof(*st))) == NULL) {
		grpc_finish(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	st->flows = s->flows;
	st->call = call;
	list_append(&s->flows->streams, &st->all);
	grpc_set_arg(call, st);
	/* Agents send nothing before the headers came, and these must hold an entry. */
	grpc_send_headers(call, &(struct grpc_md){ "x-godwit-flow", "1" }, 1);
}

int
server_flows_start(struct server *s, const char *dir)
{
	struct server_flows *f = calloc(1, sizeof(*f));
	char path[4096];
	int err = 0;

	if (f == NULL)
		return -ENOMEM;
	s->flows = f;
	f->server = s;
	list_init(&f->streams);
	list_init(&f->pending);
	list_init(&f->writing);
	snprintf(path, sizeof(path), "%s/flows.db", dir);
	if ((f->db = env_db_open(s->env, path, schema, &err)) == NULL)
		return err;
	return grpc_server_add(s->grpc, &(struct grpc_method){ .path = "/flow.FlowService/Events", .open = events_open,
	    .ops = &stream_ops, .arg = s, .max_message = 64 * 1024 });
}

void
server_flows_free(struct server_flows *f)
{
	if (f == NULL)
		return;
	if (f->db != NULL)
		env_db_close(f->db);
	LIST_EACH(a, &f->streams)
		LIST_OF(a, struct stream, all)->call = NULL;
	while (!list_empty(&f->writing))
		event_free(LIST_OF(f->writing.next, struct event, list));
	while (!list_empty(&f->pending))
		event_free(LIST_OF(f->pending.next, struct event, list));
	LIST_EACH(b, &f->streams)
		free(LIST_OF(b, struct stream, all));
	free(f);
}

struct server_flow_counts
server_flows_counts(const struct server_flows *f)
{
	return f->counts;
}
