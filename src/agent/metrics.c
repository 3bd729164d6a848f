/* SPDX-License-Identifier: ISC */
/*
 * metrics.c -- counters and durations for Prometheus.
 *
 * What is now comes from the status hook at the moment somebody asks.  What was
 * comes from the machines' steps: a recovery begins when a peer's wg-watch leaves
 * a state in which packets come back, by the event that made it, and ends when it
 * is good again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/ctlsrv.h"
#include "agent/metrics.h"
#include "base/buf.h"
#include "base/map.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "fsm/session.h"
#include "fsm/wg-watch.h"
#include "net/http1.h"

#define PEERS_MAX	4096	/* remembered; more are not timed */

static const double bounds[] = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300 };
#define NBOUND	(sizeof(bounds) / sizeof(bounds[0]))
#define CAUSES		32	/* room for the events of wg-watch... */
#define CAUSE_SILENCE	(CAUSES - 1)	/* ...and for what no event told: nothing came back */

struct histogram {
	uint64_t in[NBOUND + 1];
	uint64_t count;
	double sum;
};

struct timed {
	struct mono first;	/* its first step: the map named the peer */
	struct mono lost;	/* packets stopped to come back; not set: they do */
	int cause;		/* event of wg-watch */
	bool been_good;
};

struct metrics {
	struct env *env;
	struct fsm_loop *loop;
	struct metrics_hooks hooks;
	struct env_listener *listener;
	struct http1_front *front;
	struct map *peers;		/* subject -> struct timed */
	const struct fsm_def *watch;	/* of wg-watch, for its events' names; NULL: none stepped yet */
	struct mono login;		/* Login was sent */
	struct histogram connection, logins, sync[METRICS_SYNCS], recovery[CAUSES];
};

static void
observe(struct histogram *h, int64_t us)
{
	double s = (double)us / 1e6;
	size_t i = 0;

	while (i < NBOUND && s > bounds[i])
		i++;
	h->in[i]++;
	h->count++;
	h->sum += s;
}

void
metrics_sync(struct metrics *m, enum metrics_sync what, int64_t us)
{
	if (m != NULL)
		observe(&m->sync[what], us);
}

/* ---- what was: from the machines' steps --------------------------------------------- */

static struct timed *
timed_of(struct metrics *m, const struct fsm *f, struct mono now)
{
	struct timed *t = map_get_str(m->peers, f->subject);

	if (t != NULL || map_count(m->peers) >= PEERS_MAX)
		return t;
	t = calloc(1, sizeof(*t));
	if (t == NULL || map_put_str(m->peers, f->subject, t) != 0) {
		free(t);
		return NULL;
	}
	t->first = now;
	return t;
}

static bool
comes_back(int state)
{
	return state == WG_WATCH_GOOD || state == WG_WATCH_QUIET;
}

/* A row that asks for another look at the path because nothing came back. */
static bool
doubts(const struct fsm_trace *step)
{
	const struct fsm_def *d = step->machine->def;

	return step->row >= 0 && step->row < d->nrow && step->from == step->to && d->row[step->row].act != NULL &&
	    strstr(d->row[step->row].act, "!doubt") != NULL;
}

static void
on_watch(struct metrics *m, const struct fsm_trace *step)
{
	struct timed *t = timed_of(m, step->machine, step->at);

	m->watch = step->machine->def;
	if (t == NULL)
		return;
	if (doubts(step)) {
		if (!mono_is_set(t->lost) && t->been_good) {
			t->lost = step->at;
			t->cause = CAUSE_SILENCE;
		}
	} else if (comes_back(step->from) && comes_back(step->to)) {
		/* the same path answered after all */
		if (mono_is_set(t->lost))
			observe(&m->recovery[t->cause], mono_diff(step->at, t->lost));
		t->lost = (struct mono){ 0 };
	} else if (comes_back(step->from)) {
		if (mono_is_set(t->lost))
			return;		/* it was silent before */
		t->lost = step->at;
		t->cause = step->event;
	} else if (comes_back(step->to)) {
		if (!t->been_good)
			observe(&m->connection, mono_diff(step->at, t->first));
		else if (mono_is_set(t->lost) && t->cause >= 0 && t->cause < CAUSES)
			observe(&m->recovery[t->cause], mono_diff(step->at, t->lost));
		t->been_good = true;
		t->lost = (struct mono){ 0 };
	}
}

static void
on_session(struct metrics *m, const struct fsm_trace *step)
{
	if (step->to == SESSION_LOGGING_IN)
		m->login = step->at;
	else if (step->from == SESSION_LOGGING_IN && step->event == SESSION_EV_LOGIN_OK && mono_is_set(m->login))
		observe(&m->logins, mono_diff(step->at, m->login));
}

static void
on_step(void *arg, const struct fsm_trace *step)
{
	const struct fsm *f = step->machine;

	if (strcmp(f->def->name, "wg-watch") == 0)
		on_watch(arg, step);
	else if (strcmp(f->def->name, "session") == 0)
		on_session(arg, step);
	else if (f->subject != NULL && strcmp(f->def->name, "guard") == 0)
		timed_of(arg, f, step->at);	/* the peer's clock begins with its guard */
}

/* ---- text ------------------------------------------------------------------------------ */

static void
put_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_gauge(struct buf *b, const char *name, const char *help, double value)
{
	put_head(b, name, "gauge", help);
	buf_printf(b, "%s %g\n", name, value);
}

/* label: "" or `cause="x"` */
static void
put_buckets(struct buf *b, const char *name, const char *label, const struct histogram *h)
{
	const char *comma = label[0] != '\0' ? "," : "";
	uint64_t sum = 0;

	for (size_t i = 0; i <= NBOUND; i++) {
		char le[16] = "+Inf";

		sum += h->in[i];
		if (i < NBOUND)
			snprintf(le, sizeof(le), "%g", bounds[i]);
		buf_printf(b, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, label, comma, le, (unsigned long long)sum);
	}
	buf_printf(b, label[0] != '\0' ? "%s_sum{%s} %g\n" : "%s_sum%s %g\n", name, label, h->sum);
	buf_printf(b, label[0] != '\0' ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", name, label,
	    (unsigned long long)h->count);
}

/* A name that came from the network goes between quotes. */
static void
put_quoted(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_put_str(b, "\\n");
		else
			buf_put_u8(b, (uint8_t)*s);
}

static void
put_peers(struct buf *b, const struct agent_status *s)
{
	unsigned direct = 0, relayed = 0;

	for (size_t i = 0; i < s->npeers; i++)
		if (s->peers[i].state == AGENT_PEER_CONNECTED)
			s->peers[i].relayed ? relayed++ : direct++;
	put_gauge(b, "netbird_peers", "Peers of the network map.", (double)s->npeers);
	put_head(b, "netbird_peers_connected", "gauge", "Peers whose packets came back lately, by how they are reached.");
	buf_printf(b, "netbird_peers_connected{connection_type=\"p2p\"} %u\n", direct);
	buf_printf(b, "netbird_peers_connected{connection_type=\"relay\"} %u\n", relayed);
	put_head(b, "netbird_peer_latency_seconds", "gauge", "Round trip on the direct path.");
	for (size_t i = 0; i < s->npeers; i++) {
		if (s->peers[i].latency_us == 0 || s->peers[i].state != AGENT_PEER_CONNECTED)
			continue;
		buf_put_str(b, "netbird_peer_latency_seconds{peer=\"");
		put_quoted(b, s->peers[i].fqdn);
		buf_printf(b, "\"} %g\n", (double)s->peers[i].latency_us / 1e6);
	}
}

static void
put_loop(struct buf *b, struct metrics *m)
{
	const struct env_stalls *s = env_stalls(m->env);
	const struct { const char *le; uint64_t above; } step[] = {
		{ "0.001", s->over_1ms }, { "0.005", s->over_5ms }, { "0.02", s->over_20ms }, { "0.1", s->over_100ms }, { "+Inf", 0 }
	};

	put_head(b, "godwit_loop_turn_seconds", "histogram", "How long one turn held the event loop.");
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		buf_printf(b, "godwit_loop_turn_seconds_bucket{le=\"%s\"} %llu\n", step[i].le,
		    (unsigned long long)(s->turns - step[i].above));
	buf_printf(b, "godwit_loop_turn_seconds_count %llu\n", (unsigned long long)s->turns);
	put_gauge(b, "godwit_loop_longest_turn_seconds", "The longest turn so far.", (double)s->longest_us / 1e6);
	put_head(b, "godwit_stale_events_total", "counter", "Events of former lives, dropped.");
	buf_printf(b, "godwit_stale_events_total %llu\n", (unsigned long long)fsm_loop_stale(m->loop));
}

/* NetBird's words for them; who is new is told with who is changed. */
static const char *const phases[METRICS_SYNCS] = {
	[METRICS_SYNC] = "", [METRICS_SYNC_CONFIG] = "netbird_config", [METRICS_SYNC_OFFLINE] = "offline_peers",
	[METRICS_SYNC_CHANGED] = "modified_peers", [METRICS_SYNC_REMOVED] = "removed_peers"
};

static void
put_all(struct buf *b, struct metrics *m)
{
	struct agent_status s;
	char label[80];

	memset(&s, 0, sizeof(s));
	m->hooks.status(m->hooks.arg, &s);
	put_gauge(b, "netbird_management_connected", "1 while the Sync stream lives.", s.management.connected);
	put_gauge(b, "netbird_signal_connected", "1 while the signal stream lives.", s.signal.connected);
	put_peers(b, &s);
	agent_status_free(&s);
	put_head(b, "netbird_login_duration_seconds", "histogram", "From Login sent to its answer.");
	put_buckets(b, "netbird_login_duration_seconds", "", &m->logins);
	put_head(b, "netbird_sync_duration_seconds", "histogram", "How long an update of the map took to be put to work.");
	put_buckets(b, "netbird_sync_duration_seconds", "", &m->sync[METRICS_SYNC]);
	put_head(b, "netbird_sync_phase_duration_seconds", "histogram", "The same, by what was done.");
	for (int i = METRICS_SYNC_CONFIG; i < METRICS_SYNCS; i++) {
		snprintf(label, sizeof(label), "phase=\"%s\"", phases[i]);
		put_buckets(b, "netbird_sync_phase_duration_seconds", label, &m->sync[i]);
	}
	put_head(b, "netbird_peer_connection_total_seconds", "histogram", "From the map naming a peer to its first packets.");
	put_buckets(b, "netbird_peer_connection_total_seconds", "", &m->connection);
	put_head(b, "godwit_recovery_seconds", "histogram", "Until packets came back again, by the event that began it.");
	for (int i = 0; m->watch != NULL && i < CAUSES; i++) {
		if (m->recovery[i].count == 0)
			continue;
		snprintf(label, sizeof(label), "cause=\"%s\"", i < m->watch->nevent ? m->watch->event_name[i] : "silence");
		put_buckets(b, "godwit_recovery_seconds", label, &m->recovery[i]);
	}
	put_loop(b, m);
}

/* ---- the port ----------------------------------------------------------------------------- */

static void
on_request(void *arg, struct env_stream *stream, const struct http1_head *h, const uint8_t *rest, size_t len)
{
	struct buf b = { 0 };

	if (strcmp(h->method, "GET") != 0 || !http1_path_is(h, "/metrics")) {
		http1_answer(stream, 404, "Not Found", NULL, "metrics are at /metrics\n");
		return;
	}
	put_all(&b, arg);
	http1_answer(stream, 200, "OK", "text/plain; version=0.0.4", buf_cstr(&b));
	buf_free(&b);
}

static void
on_h2(void *arg, struct env_stream *stream, const uint8_t *data, size_t len)
{
	env_stream_close(stream);
}

static void
on_accept(void *arg, struct env_stream *stream)
{
	struct metrics *m = arg;

	http1_front_take(m->front, stream);
}

struct metrics *
metrics_new(struct env *env, struct fsm_loop *loop, const struct addr *addr, const struct metrics_hooks *hooks, int *err)
{
	static const struct http1_front_ops ops = { on_h2, on_request };
	struct env_listen l = { .addr = *addr };
	struct metrics *m = calloc(1, sizeof(*m));

	*err = -ENOMEM;
	if (m == NULL)
		return NULL;
	m->env = env;
	m->loop = loop;
	m->hooks = *hooks;
	m->peers = map_new();
	m->front = http1_front_new(env, &ops, m);
	fsm_loop_on_step(loop, on_step, m);
	if (m->peers != NULL && m->front != NULL)
		m->listener = env_listen(env, &l, on_accept, m, err);
	if (m->listener == NULL) {
		metrics_free(m);
		return NULL;
	}
	*err = 0;
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	fsm_loop_off_step(m->loop, on_step, m);
	if (m->listener != NULL)
		env_listener_close(m->listener);
	http1_front_free(m->front);
	if (m->peers != NULL)
		for (struct map_it i = map_first(m->peers); i.value != NULL; i = map_next(i))
			free(i.value);
	map_free(m->peers);
	free(m);
}

uint16_t
metrics_port(const struct metrics *m)
{
	return env_listener_port(m->listener);
}
