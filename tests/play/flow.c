/* SPDX-License-Identifier: ISC */
/*
 * flow.c -- story 2: the flow stream.  Our client against a server (flow-world.h)
 * that loses streams in every way there is: a new connection for each, a back-off
 * that is reset by a stream that lived, events sent until they are acknowledged
 * and never twice under two names, an end that is an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "proto/flow.pb-c.h"
#include "tests/play/flow-world.h"
#include "tests/tap.h"
#include "wire/pb.h"

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
	loop = fsm_loop_new(near.env, flow_route, NULL);
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
