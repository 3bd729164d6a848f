/* SPDX-License-Identifier: ISC */
/*
 * server_flows.c -- the flow service: who may report, headers before anything,
 * acknowledged means on disk, twice is once, and what the map says about it.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/flow.pb-c.h"
#include "server/account.h"
#include "server/flows.h"
#include "tests/tap.h"
#include "tests/unit/server-world.h"

struct probe {
	struct grpc_call *call;
	bool headers, over;
	int code;
	unsigned acks, initiator_acks;
	uint8_t last[16];
};

static void
on_headers(void *arg, struct grpc_call *call)
{
	struct probe *p = arg;

	p->headers = grpc_metadata(call, "x-godwit-flow") != NULL;
}

static void
on_ack(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct probe *p = arg;
	Flow__FlowEventAck *a = wire_pb_get(&flow__flow_event_ack__descriptor, bytes, len);

	(void)call;
	if (a == NULL)
		return;
	if (a->is_initiator)
		p->initiator_acks++;
	else if (a->event_id.len == 16) {
		p->acks++;
		memcpy(p->last, a->event_id.data, 16);
	}
	wire_pb_free(a);
}

static void
on_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct probe *p = arg;

	(void)call;
	p->call = NULL;
	p->over = true;
	p->code = st->code;
}

static const struct grpc_ops ops = { .headers = on_headers, .message = on_ack, .done = on_done };

static void
probe_open(struct world *w, struct probe *p, const char *authorization)
{
	struct grpc_md md = { "authorization", authorization };
	struct grpc_request r = { .path = "/flow.FlowService/Events", .md = &md, .nmd = authorization != NULL };

	memset(p, 0, sizeof(*p));
	if (!grpc_channel_usable(w->channel))
		world_dial(w);
	p->call = grpc_start(w->channel, &r, &ops, p);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
send_event(struct world *w, struct probe *p, const struct ident *id, uint8_t no, bool initiator)
{
	Flow__FlowEvent e = FLOW__FLOW_EVENT__INIT;
	Flow__FlowFields f = FLOW__FLOW_FIELDS__INIT;
	Flow__PortInfo port = FLOW__PORT_INFO__INIT;
	Wellknown__Timestamp t = WELLKNOWN__TIMESTAMP__INIT;
	uint8_t event[16] = { no }, src[4] = { 100, 64, 0, 1 }, dst[4] = { 100, 64, 0, 2 };
	struct buf b = { 0 };

	e.is_initiator = initiator;
	if (!initiator) {
		port.source_port = 40000;
		port.dest_port = 443;
		f.protocol = 6;
		f.direction = FLOW__DIRECTION__EGRESS;
		f.source_ip = (ProtobufCBinaryData){ 4, src };
		f.dest_ip = (ProtobufCBinaryData){ 4, dst };
		f.connection_info_case = FLOW__FLOW_FIELDS__CONNECTION_INFO_PORT_INFO;
		f.port_info = &port;
		f.tx_bytes = 1000;
		t.seconds = env_wall(w->probe) / MONO_SEC;
		e.event_id = (ProtobufCBinaryData){ 16, event };
		e.public_key = (ProtobufCBinaryData){ 32, (uint8_t *)(uintptr_t)id->public_key };
		e.flow_fields = &f;
		e.timestamp = &t;
	}
	WIRE_PB_PUT(&b, &e);
	if (p->call != NULL)
		grpc_send(p->call, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	sim_run(w->sim, 60 * MONO_MS);
}

static void
count_row(void *arg, const struct env_db_value *v, int n)
{
	if (n == 1)
		*(int64_t *)arg = v[0].num;
}

static int64_t
rows(struct world *w)
{
	int64_t n = -1;
	int err = 0;
	struct env_db *db = env_db_open(w->server_env, "/data/flows.db", "", &err);

	if (db != NULL) {
		env_db_read(db, "SELECT count(*) FROM flows", count_row, &n);
		env_db_close(db);
	}
	return n;
}

int
main(void)
{
	Management__LoginResponse *lr;
	struct world w;
	struct ident id, stranger;
	struct result r;
	struct probe p;
	char bearer[200];

	world_open(&w, 17);
	w.conf.flows_us = 10 * MONO_SEC;
	world_start(&w);
	ident_new(&w, &id);
	ident_new(&w, &stranger);
	is_int(world_login(&w, &id, w.key, "a", &r), 0, "a peer joins");
	lr = world_unseal(&w, &id, &management__login_response__descriptor, buf_bytes(&r.body), buf_len(&r.body));
	ok(lr != NULL && lr->netbird_config->flow != NULL, "it is told of the flow service");
	is_str(lr->netbird_config->flow->url, "http://203.0.113.10:80", "with a port");
	ok(lr->netbird_config->flow->enabled && lr->netbird_config->flow->interval != NULL &&
	    lr->netbird_config->flow->interval->seconds == 10, "and an interval");
	snprintf(bearer, sizeof(bearer), "Bearer %s.%s", lr->netbird_config->flow->token_signature,
	    lr->netbird_config->flow->token_payload);
	wire_pb_free(lr);
	buf_free(&r.body);
	probe_open(&w, &p, NULL);
	is_int(p.code, GRPC_UNAUTHENTICATED, "no token: Unauthenticated");
	probe_open(&w, &p, "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=.2000000000");
	is_int(p.code, GRPC_UNAUTHENTICATED, "a forged one: the same");
	probe_open(&w, &p, bearer);
	ok(p.headers && !p.over, "the token of the map: headers at once, before any message");
	send_event(&w, &p, &id, 0, true);
	is_int(p.initiator_acks, 1, "the first message is answered");
	send_event(&w, &p, &id, 1, false);
	ok(p.acks == 1 && p.last[0] == 1, "an event is acknowledged by its id");
	send_event(&w, &p, &id, 1, false);
	is_int(p.acks, 2, "sent again it is acknowledged again");
	is_int(rows(&w), 1, "and kept once");
	send_event(&w, &p, &stranger, 2, false);
	is_int(p.acks, 3, "a stranger's is acknowledged, or it would come for ever");
	is_int(rows(&w), 1, "but not kept");
	sim_disk(w.server_host, &(struct sim_disk_faults){ .full = true });
	send_event(&w, &p, &id, 3, false);
	sim_run(w.sim, MONO_SEC);
	is_int(p.acks, 3, "what could not be written is not acknowledged");
	sim_disk(w.server_host, &(struct sim_disk_faults){ .delay = 2 * MONO_SEC });
	send_event(&w, &p, &id, 3, false);
	is_int(p.acks, 3, "nor what is not written yet");
	grpc_cancel(p.call);
	sim_run(w.sim, 3 * MONO_SEC);
	is_int(rows(&w), 2, "an event outlives its stream");
	sim_disk(w.server_host, NULL);
	probe_open(&w, &p, bearer);
	send_event(&w, &p, &id, 0, true);
	for (int i = 0; i < 200; i++)
		send_event(&w, &p, &id, (uint8_t)(10 + i % 100), false);
	is_int(p.acks, 200, "two hundred more");
	is_int(rows(&w), 102, "are a hundred events");
	ok(grpc_send(p.call, "\xff\xff\xff", 3) == 0, "garbage is sent");
	sim_run(w.sim, MONO_SEC);
	ok(!p.over && server_flows_counts(w.server->flows).refused == 2, "and refused");
	world_close(&w);
	return tap_done();
}
