/* SPDX-License-Identifier: ISC */
/*
 * Story 2: the flow stream.  Our client against a server that loses streams in
 * every way there is: a new connection for each, a back-off that is reset by a
 * stream that lived, events sent until they are acknowledged and never twice
 * under two names, an end that is an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "env/env.h"
#include "flow/flow.h"
#include "fsm/agent-wire.h"
#include "net/grpc.h"
#include "proto/flow.pb-c.h"
#include "tests/rows.h"
#include "tests/sim/sim.h"
#include "tests/tap.h"
#include "wire/pb.h"

#define INTERVAL	(10 * MONO_SEC)

static struct sim *sim;

/* ---- the far end ------------------------------------------------------------------ */

enum mode { GOOD, DEAF, CUT, RESET, MUTE, CANCEL };

static struct far {
	enum mode mode;
	struct env *env;
	struct grpc_server *server;
	struct env_listener *listener;
	unsigned conns, streams, hellos, events, strangers;
	struct map *seen;		/* event ids */
	uint8_t last[2048];
	size_t last_len;
	uint64_t rx_packets, tx_packets, tx_bytes, starts, ends;
} far;

static void
far_answer(struct grpc_call *call, const Flow__FlowEvent *m)
{
	Flow__FlowEventAck ack;
	struct buf b = { 0 };

	flow__flow_event_ack__init(&ack);
	ack.is_initiator = m->is_initiator;
	ack.event_id = m->event_id;
	wire_pb_put(&b, &ack.base);
	grpc_send(call, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
far_hello(struct grpc_call *call, const Flow__FlowEvent *m)
{
	far.hellos++;
	switch (far.mode) {
	case MUTE:
		return;
	case RESET:
		grpc_finish(call, GRPC_UNAVAILABLE, "not today");
		return;
	case CUT:
		grpc_send_headers(call, NULL, 0);
		grpc_finish(call, GRPC_INTERNAL, "stream terminated by RST_STREAM");
		return;
	case CANCEL:
		grpc_send_headers(call, NULL, 0);
		grpc_finish(call, GRPC_CANCELED, "the proxy's, not ours");
		return;
	case GOOD:
	case DEAF:
		grpc_send_headers(call, NULL, 0);
		far_answer(call, m);
	}
}

static void
far_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	Flow__FlowEvent *m = wire_pb_get(&flow__flow_event__descriptor, bytes, len);

	(void)arg;
	if (m->is_initiator) {
		far_hello(call, m);
	} else if (m->event_id.len == 16) {
		far.events++;
		if (map_get(far.seen, m->event_id.data, 16) == NULL) {
			map_put(far.seen, m->event_id.data, 16, &far);
			far.rx_packets += m->flow_fields->rx_packets;
			far.tx_packets += m->flow_fields->tx_packets;
			far.tx_bytes += m->flow_fields->tx_bytes;
			far.starts += m->flow_fields->num_of_starts;
			far.ends += m->flow_fields->num_of_ends;
		}
		far.last_len = len < sizeof(far.last) ? len : 0;
		memcpy(far.last, bytes, far.last_len);
		if (far.mode == GOOD)
			far_answer(call, m);
	}
	wire_pb_free(m);
}

static void
far_open(void *arg, struct grpc_call *call)
{
	const char *token = grpc_metadata(call, "authorization");

	(void)arg;
	far.streams++;
	far.strangers += token == NULL || strcmp(token, "Bearer sig.payload") != 0;
}

static void
far_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	(void)arg, (void)call, (void)st;
}

static void
far_accept(void *arg, struct env_stream *s)
{
	(void)arg;
	far.conns++;
	grpc_server_attach(far.server, s, NULL, 0);
}

static void *
far_start(struct env *env, void *arg)
{
	static const struct grpc_ops ops = { .message = far_message, .done = far_done };
	struct grpc_method m = { .path = "/flow.FlowService/Events", .open = far_open, .ops = &ops };
	struct env_listen l = { .addr = { .port = 4433 } };
	int err;

	(void)arg;
	far.env = env;
	far.server = grpc_server_new(env);
	grpc_server_add(far.server, &m);
	far.listener = env_listen(env, &l, far_accept, NULL, &err);
	return &far;
}

static void
far_stop(void *object)
{
	(void)object;
	env_listener_close(far.listener);
	grpc_server_free(far.server);
}

static const struct sim_prog far_prog = { "flowd", far_start, far_stop };

/* ---- the agent's part ----------------------------------------------------------------- */

static struct near {
	struct env *env;
	struct fsm_loop *loop;
	struct flow *flow;
	struct env_timer *traffic;
	unsigned packets;		/* counted in all */
	struct rows stream_rows, window_rows;
	FILE *tape;			/* what the machines do, for tests/conform; NULL: nowhere */
	unsigned lives;
} near;

static void
tape_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg, (void)send;
	if (from->def == &flow_window_fsm)
		flow_stream_post(wire_flow_window_to_flow_stream((struct flow_window *)(void *)from), FLOW_STREAM_EV_FRESH, data);
}

static void
packet(bool out, uint16_t sport, uint16_t dport, uint8_t proto, uint8_t flags, uint32_t packets)
{
	uint8_t ip[40] = { 0x45, 0, 0, 40 };

	ip[9] = proto;
	memcpy(ip + 12, out ? "\x64\x40\0\1" "\x64\x40\0\2" : "\x64\x40\0\2" "\x64\x40\0\1", 8);
	ip[20] = (uint8_t)((out ? sport : dport) >> 8), ip[21] = (uint8_t)(out ? sport : dport);
	ip[22] = (uint8_t)((out ? dport : sport) >> 8), ip[23] = (uint8_t)(out ? dport : sport);
	ip[33] = flags;
	flow_tap(near.flow, ip, sizeof(ip), out, packets, packets * 40);
	near.packets += packets;
}

static void
talk(void *arg)
{
	(void)arg;
	packet(true, 40000, 443, 6, 0x10, 2);
	packet(false, 40000, 443, 6, 0x10, 1);
	env_timer_set(near.traffic, MONO_SEC);
}

static int
configure(bool enabled)
{
	struct flow_conf c = { .enabled = enabled, .counters = true, .url = "http://203.0.113.9:4433", .payload = "payload",
	    .signature = "sig", .interval = INTERVAL };

	return flow_configure(near.flow, &c);
}

static void *
near_start(struct env *env, void *arg)
{
	static const uint8_t key[32] = { 7 };
	char name[32];

	(void)arg;
	near.env = env;
	near.loop = fsm_loop_new(env, route, NULL);
	snprintf(name, sizeof(name), "flow/%u", ++near.lives);
	fsm_tape(near.loop, &(struct fsm_tape_to){ name, near.tape != NULL ? tape_line : NULL, near.tape });
	near.flow = flow_new(env, near.loop, key);
	near.traffic = env_timer_new(env, talk, NULL);
	configure(true);
	env_timer_set(near.traffic, MONO_MS);
	return &near;
}

static void
near_stop(void *object)
{
	(void)object;
	rows_count(&near.stream_rows, &near.flow->stream->fsm);
	rows_count(&near.window_rows, &near.flow->window.fsm);
	env_timer_free(near.traffic);
	flow_free(near.flow);
	fsm_loop_free(near.loop);
}

static const struct sim_prog near_prog = { "agent", near_start, near_stop };

/* ---- the stage ------------------------------------------------------------------------------ */

static struct sim_host *here, *there;

static void
begin(enum mode mode)
{
	struct sim_net *net;

	sim = sim_new(3);
	net = sim_net_new(sim, "net", "203.0.113.0/24", NULL);
	here = sim_host_new(sim, "here");
	there = sim_host_new(sim, "there");
	sim_attach(here, net, "eth0", NULL);
	sim_attach(there, net, "eth0", "203.0.113.9");
	memset(&far, 0, sizeof(far));
	near.packets = 0;
	far.mode = mode;
	far.seen = map_new();
	sim_start(there, &far_prog, NULL);
	sim_start(here, &near_prog, NULL);
}

static void
end(void)
{
	if (sim_host_env(here, "agent") != NULL)
		sim_exit(near.env);
	if (sim_host_env(there, "flowd") != NULL)
		sim_exit(far.env);
	is_int(sim_leaks(sim), 0, "nothing is left behind");
	map_free(far.seen);
	sim_free(sim);
}

static int
state(void)
{
	return near.flow->stream->fsm.state;
}

/* ---- scenes ------------------------------------------------------------------------------------ */

static void
all_is_well(void)
{
	Flow__FlowEvent *m;

	begin(GOOD);
	sim_run(sim, 35 * MONO_SEC);
	is_int(map_count(far.seen), 3, "three windows, three events");
	is_int(far.events, 3, "each sent once");
	is_int(far.strangers, 0, "the token is signature first, then payload");
	is_int(flow_store_waiting(&near.flow->store), 0, "acknowledged, so gone");
	is_int(far.tx_packets, 2 * far.rx_packets, "packets are counted each way: %llu, %llu",
	    (unsigned long long)far.tx_packets, (unsigned long long)far.rx_packets);
	is_int(far.starts, 1, "one connection began");
	m = wire_pb_get(&flow__flow_event__descriptor, far.last, far.last_len);
	ok(m != NULL && m->public_key.len == 32 && m->public_key.data[0] == 7, "our key, raw");
	ok(m->flow_fields->direction == FLOW__DIRECTION__EGRESS && m->flow_fields->protocol == 6 &&
	    m->flow_fields->port_info->dest_port == 443 && m->flow_fields->port_info->source_port == 40000 &&
	    m->flow_fields->source_ip.len == 4 && m->flow_fields->source_ip.data[3] == 1, "who talked to whom");
	ok(m->window_end->seconds - m->window_start->seconds == 10, "in which window");
	wire_pb_free(m);
	packet(true, 40000, 443, 6, 0x11, 1);
	env_timer_stop(near.traffic);
	sim_run(sim, 10 * MONO_SEC);
	is_int(far.ends, 1, "FIN ends it");
	packet(true, 5000, 53, 17, 0, 1);
	packet(true, 5001, 80, 17, 0, 1);
	packet(true, 5002, 80, 17, 0, 1);
	packet(false, 5003, 80, 17, 0, 1);
	sim_run(sim, 10 * MONO_SEC);
	is_int(map_count(far.seen), 6, "merged by destination port and direction; DNS is left out");
	end();
}

static void
unacknowledged(void)
{
	begin(DEAF);
	sim_run(sim, 25 * MONO_SEC);
	is_int(map_count(far.seen), 2, "two events");
	ok(far.events > 5, "sent again and again while nobody acknowledges: %u", far.events);
	is_int(flow_store_waiting(&near.flow->store), 2, "and kept");
	far.mode = GOOD;
	sim_run(sim, 4 * MONO_SEC);
	is_int(flow_store_waiting(&near.flow->store), 0, "until somebody does");
	is_int(far.conns, 1, "all on one connection");
	end();
}

/* A server, or its proxy, that takes every stream and drops it. */
static void
cut(enum mode mode, const char *what)
{
	begin(mode);
	sim_run(sim, 120 * MONO_SEC);
	is_int(far.conns, far.streams, "%s: a new connection for every stream", what);
	ok(near.flow->stream->backoff.base == INTERVAL / 2, "the base has grown to its end, half the window");
	ok(far.conns > 20 && far.conns < 45, "so there were %u tries in two minutes", far.conns);
	far.mode = GOOD;
	while (state() != FLOW_STREAM_OPEN)
		sim_run(sim, 100 * MONO_MS);
	ok(near.flow->stream->backoff.base != 0, "a stream that is open has proved nothing");
	sim_run(sim, 5 * MONO_SEC + 100 * MONO_MS);
	is_int(near.flow->stream->backoff.base, 0, "after five seconds it has");
	is_int(flow_store_waiting(&near.flow->store), 0, "and every event has arrived");
	is_int(near.flow->store.dropped, 0, "none was dropped");
	end();
}

static void
server_dies(void)
{
	begin(GOOD);
	sim_run(sim, 25 * MONO_SEC);
	sim_kill(far.env);
	sim_run(sim, 60 * MONO_SEC);
	ok(flow_store_waiting(&near.flow->store) >= 6, "the server is dead for a minute: events wait");
	sim_start(there, &far_prog, NULL);
	sim_run(sim, 10 * MONO_SEC);
	is_int(flow_store_waiting(&near.flow->store), 0, "it is back: all of them leave");
	is_int(map_count(far.seen), near.flow->store.acknowledged, "each acknowledged");
	env_timer_stop(near.traffic);
	sim_run(sim, 12 * MONO_SEC);
	is_int(far.rx_packets + far.tx_packets, near.packets, "and no packet is uncounted");
	end();
}

static void
stop_means_stop(void)
{
	unsigned before;

	begin(MUTE);
	sim_run(sim, 5 * MONO_SEC);
	is_int(state(), FLOW_STREAM_OPENING, "an answer is awaited");
	sim_run(sim, 7 * MONO_SEC);
	ok(far.conns >= 2, "for ten seconds, then on another connection");
	configure(false);
	sim_run(sim, 1 * MONO_SEC + 1);
	before = far.conns;
	is_int(state(), FLOW_STREAM_IDLE, "switched off while it waits: at once");
	sim_run(sim, 60 * MONO_SEC);
	is_int(far.conns, before, "and it does not come back");
	far.mode = GOOD;
	configure(true);
	sim_run(sim, 25 * MONO_SEC);
	ok(far.events > 0 && state() == FLOW_STREAM_PROVEN, "switched on again: events flow");
	end();
}

static void
post(enum flow_stream_event ev)
{
	flow_stream_post(near.flow->stream, ev, NULL);
	sim_run(sim, MONO_SEC);
}

static void
failing(void)
{
	while (state() != FLOW_STREAM_BACKOFF)
		sim_run(sim, 10 * MONO_MS);
}

/* Rows no scene above comes by. */
static void
corners(void)
{
	uint64_t dials;

	begin(GOOD);
	sim_run(sim, 20 * MONO_SEC);
	post(FLOW_STREAM_EV_NET_CHANGE);
	sim_run(sim, 7 * MONO_SEC);
	is_int(far.conns, 2, "a new network: a new connection");
	post(FLOW_STREAM_EV_START);
	sim_run(sim, 7 * MONO_SEC);
	is_int(far.conns, 3, "a new token: a new connection");
	sim_kill(far.env);
	sim_run(sim, 25 * MONO_SEC);
	failing();
	post(FLOW_STREAM_EV_START);
	failing();
	dials = near.flow->stream->dials;
	flow_stream_post(near.flow->stream, FLOW_STREAM_EV_NET_CHANGE, NULL);
	sim_run(sim, 60 * MONO_MS);
	is_int(near.flow->stream->dials, dials + 1, "a new network ends the wait, for 50 ms at most");
	flow_window_post(&near.flow->window, FLOW_WINDOW_EV_START, NULL);
	sim_run(sim, MONO_SEC);
	near.flow->window.interval = INTERVAL / 2;
	configure(true);
	sim_run(sim, MONO_SEC);
	configure(false);
	sim_run(sim, 2 * MONO_SEC);
	flow_window_post(&near.flow->window, FLOW_WINDOW_EV_STOP, NULL);
	post(FLOW_STREAM_EV_STOP);
	post(FLOW_STREAM_EV_FRESH);
	sim_cut(sim, "203.0.113.0/24", "203.0.113.9/32", SIM_TCP);
	configure(true);
	sim_run(sim, 9 * MONO_SEC);
	is_int(state(), FLOW_STREAM_DIALING, "a black hole is given ten seconds");
	dials = near.flow->stream->dials;
	sim_run(sim, 4 * MONO_SEC);
	is_int(near.flow->stream->dials, dials + 1, "and then another try");
	end();
}

static void
parts(void)
{
	struct flow_store s;
	struct flow_stream *st;
	struct fsm_loop *loop;
	uint8_t id[16] = { 0 };
	struct flow_event *e;
	int wrong = 0;

	flow_store_init(&s, 100);
	for (int i = 0; i < 150; i++) {
		id[0] = (uint8_t)i;
		flow_store_add(&s, id, "x", 1);
	}
	ok(flow_store_waiting(&s) == 100 && s.dropped == 50, "the store is bounded, drops are counted");
	for (int i = 50; i < 150; i++)
		wrong += (e = flow_store_due(&s, (struct mono){ 1000 }, MONO_SEC)) == NULL || e->id[0] != i;
	is_int(wrong, 0, "the oldest went, the others are due in order");
	ok(flow_store_due(&s, (struct mono){ 2000 }, MONO_SEC) == NULL, "once");
	flow_store_unsend(&s);
	e = flow_store_due(&s, (struct mono){ 3000 }, MONO_SEC);
	ok(e != NULL && e->id[0] == 50, "on a new stream all are due again, in order");
	flow_store_fini(&s);

	begin(GOOD);
	loop = fsm_loop_new(near.env, route, NULL);
	flow_store_init(&s, 10);
	st = flow_stream_new(near.env, loop, &s);
	ok(flow_stream_set_server(st, "https://[2001:db8::1]", "t", NULL) == 0 && strcmp(st->server.host, "2001:db8::1") == 0 &&
	    st->server.port == 443 && st->server.tls, "IPv6 host without port");
	ok(flow_stream_set_server(st, "http://[2001:db8::1]:8080", NULL, NULL) == 0 && st->server.port == 8080 && !st->server.tls &&
	    strcmp(st->server.token, "t") == 0, "and with port; the token stays");
	ok(flow_stream_set_server(st, "https://flow.example.net:33", NULL, NULL) == 0 && st->server.port == 33, "a name");
	ok(flow_stream_set_server(st, "", NULL, NULL) != 0 && st->server.port == 33, "nonsense changes nothing");
	flow_stream_free(st);
	flow_store_fini(&s);
	fsm_loop_free(loop);
	end();
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--tape") == 0 && (near.tape = fopen(argv[2], "w")) == NULL)
		return 2;
	log_set_level(getenv("V") != NULL ? LOG_LV_TRACE : LOG_LV_ERROR);
	all_is_well();
	unacknowledged();
	cut(RESET, "refused");
	cut(CUT, "Internal");
	cut(CANCEL, "Canceled by a proxy");
	server_dies();
	stop_means_stop();
	corners();
	parts();
	is_int(rows_not_fired(&near.stream_rows, &flow_stream_fsm), 0, "every row of flow-stream has fired");
	is_int(rows_not_fired(&near.window_rows, &flow_window_fsm), 0, "every row of flow-window has fired");
	if (near.tape != NULL)
		fclose(near.tape);
	return tap_done();
}
