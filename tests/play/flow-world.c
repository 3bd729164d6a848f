/* SPDX-License-Identifier: ISC */
/*
 * flow-world.c -- the two ends of flow-world.h.
 */
#include <string.h>
#include "base/buf.h"
#include "fsm/agent-wire.h"
#include "proto/flow.pb-c.h"
#include "tests/play/flow-world.h"
#include "tests/tap.h"
#include "wire/pb.h"

struct sim *sim;
struct sim_host *there;
struct far far;
struct near near;
static struct sim_host *here;

/* ---- the far end ------------------------------------------------------------------ */

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

const struct sim_prog far_prog = { "flowd", far_start, far_stop };

/* ---- the agent's part ----------------------------------------------------------------- */

static void
tape_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

void
flow_route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg, (void)send;
	if (from->def == &flow_window_fsm)
		flow_stream_post(wire_flow_window_to_flow_stream((struct flow_window *)(void *)from), FLOW_STREAM_EV_FRESH, data);
}

void
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

int
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
	near.loop = fsm_loop_new(env, flow_route, NULL);
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

void
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

void
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

int
state(void)
{
	return near.flow->stream->fsm.state;
}
