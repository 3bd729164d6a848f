/* SPDX-License-Identifier: ISC */
/*
 * mesh.c -- server, routers, agents: the world of design.md in one process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "base/log.h"
#include "env/env.h"
#include "fsm/fsm.h"
#include "fsm/wg-peer.h"
#include "server/server.h"
#include "tests/sim/mesh.h"

#define SERVER_ADDR	"203.0.113.10"
#define PORT		80
#define LOOK_EVERY	(20 * MONO_MS)	/* while some pair has no answer yet */
#define TWIN		(20 * MONO_MS)
#define LOOK_SELDOM	MONO_SEC	/* for agents that joined anew */

static struct mesh *logging;

static void
log_line(void *arg, enum log_level level, const char *token, const char *line)
{
	(void)arg;
	if (logging != NULL && logging->conf.log)
		fprintf(stderr, "%12.6f %-10s %d %s: %s\n", (double)sim_now(logging->s) / 1e6,
		    sim_turn_of(logging->s) != NULL ? sim_turn_of(logging->s) : "-", (int)level, token, line);
}

/* ---- the server's program -------------------------------------------------------- */

static void
take_word(const char *line, const char *flag, char *out, size_t len)
{
	const char *p = strstr(line, flag);

	out[0] = '\0';
	if (p != NULL)
		snprintf(out, len, "%.*s", (int)strcspn(p + strlen(flag), " \n"), p + strlen(flag));
}

static void
on_join(void *arg, const char *line)
{
	struct mesh *m = arg;

	take_word(line, "--management-url ", m->url, sizeof m->url);
	take_word(line, "--setup-key ", m->setup_key, sizeof m->setup_key);
	take_word(line, "--server-key ", m->server_key, sizeof m->server_key);
}

static void
on_fatal(void *arg, const char *why)
{
	(void)arg;
	fatal("sim", "the server gives up: %s", why);
}

static void
tape_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

/* A process: story, seed, host, and which of its lives. */
static void
tape(const struct mesh *m, const char *host, unsigned life, char *name, size_t len, struct fsm_tape_to *to)
{
	snprintf(name, len, "%s/%llu/%s/%u", m->conf.story != NULL ? m->conf.story : "mesh", (unsigned long long)m->conf.seed, host, life);
	*to = (struct fsm_tape_to){ name, m->conf.tape != NULL ? tape_line : NULL, m->conf.tape };
}

static void *
server_start(struct env *e, void *arg)
{
	struct mesh *m = arg;
	struct server_conf conf = { .data_dir = "/var/lib/server", .listen = { .port = PORT },
		.stun_port = SERVER_STUN_PORT, .on_join = on_join,
		.url = m->conf.by_name ? "http://vpn.example:80" : "http://" SERVER_ADDR ":80",
		.on_fatal = on_fatal, .arg = m };
	char why[256], name[128];
	int err;

	tape(m, "server", ++m->server_starts, name, sizeof name, &conf.tape);
	m->server = server_new_why(e, &conf, &err, why, sizeof why);
	if (m->server == NULL)
		fatal("sim", "the server does not start: %s", why);
	sim_hash_loop(m->s, server_loop(m->server));
	fsm_loop_strict(server_loop(m->server));
	return m->server;
}

static void
server_stop(void *object)
{
	server_free(object);
}

static const struct sim_prog server_prog = { "godwit-server", server_start, server_stop };

void
mesh_start_server(struct mesh *m)
{
	m->server_env = sim_start(m->server_host, &server_prog, m);
}

void
mesh_kill_server(struct mesh *m)
{
	if (m->server_env != NULL)
		sim_kill(m->server_env);
	m->server_env = NULL;
	m->server = NULL;
}

/* ---- an agent's program --------------------------------------------------------------- */

/* Signal messages on their last step, where single ones can be lost.  Those that
 * are late come in a turn of their own, if the same process still runs. */
struct letter {
	struct mesh_node *to;
	struct env *env;
	uint8_t from[WIRE_KEY_LEN];
	struct wire_signal msg;
};

static void
deliver(void *arg)
{
	struct letter *l = arg;

	l->to->on_message(l->to->agent, l->from, &l->msg);
}

static void
deliver_late(void *arg)
{
	struct letter *l = arg;

	if (l->to->env == l->env && l->to->agent != NULL)
		sim_call(l->env, deliver, l);
	free(l);
}

static void
post_late(struct mesh_node *n, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct letter *l = calloc(1, sizeof *l);

	if (l == NULL)
		fatal("sim", "no memory");
	*l = (struct letter){ .to = n, .env = n->env, .msg = *msg };
	memcpy(l->from, from, sizeof l->from);
	sim_after(n->mesh->s, (int64_t)sim_chance(n->mesh->s, (uint64_t)n->mesh->bad_signal.late), deliver_late, l);
}

static uint64_t
letter_hash(const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	uint64_t h = 14695981039346656037u ^ (uint64_t)msg->type;
	const char *text = msg->candidate;

	for (size_t i = 0; i < WIRE_KEY_LEN; i++)
		h = (h ^ from[i]) * 1099511628211u;
	for (size_t i = 0; i < sizeof msg->session; i++)
		h = (h ^ msg->session[i]) * 1099511628211u;
	while (*text != '\0')
		h = (h ^ (uint8_t)*text++) * 1099511628211u;
	return h;
}

/* The same letter again, sooner than anybody says it twice. */
static void
count_letter(struct mesh_node *n, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	uint64_t what = letter_hash(from, msg);
	int64_t now = sim_now(n->mesh->s);

	n->work.letters++;
	for (size_t i = 0; i < sizeof n->heard / sizeof n->heard[0]; i++)
		if (n->heard[i].what == what && now - n->heard[i].at < TWIN && msg->type != WIRE_SIGNAL_HEARTBEAT) {
			n->work.twins++;
			break;
		}
	n->heard[n->nheard % (sizeof n->heard / sizeof n->heard[0])].what = what;
	n->heard[n->nheard++ % (sizeof n->heard / sizeof n->heard[0])].at = now;
}

static void
on_message(void *arg, const uint8_t from[WIRE_KEY_LEN], const struct wire_signal *msg)
{
	struct mesh *m = logging;
	struct mesh_node *n = m->node;
	uint64_t luck = m->bad_signal.late > 0 ? sim_chance(m->s, 1000000) : UINT64_MAX;

	while (n->agent != arg)
		n++;
	count_letter(n, from, msg);
	if (luck < m->bad_signal.loss) {
		m->signals_lost++;
		return;
	}
	luck -= m->bad_signal.loss;
	if (luck < m->bad_signal.late_ppm) {
		m->signals_late++;
		post_late(n, from, msg);
		return;
	}
	n->on_message(arg, from, msg);
	if (luck - m->bad_signal.late_ppm < m->bad_signal.dup) {
		m->signals_doubled++;
		post_late(n, from, msg);
	}
}

void
mesh_bad_signal(struct mesh *m, uint32_t loss, uint32_t dup, uint32_t late_ppm, int64_t late)
{
	m->bad_signal.loss = loss;
	m->bad_signal.dup = dup;
	m->bad_signal.late_ppm = late_ppm;
	m->bad_signal.late = late;
}

static void
count_step(void *arg, const struct fsm_trace *t)
{
	struct mesh_work *w = arg;
	const struct fsm_def *d = t->machine->def;
	bool entered = t->machine->since.us == t->at.us;

	w->moves += t->from != t->to;
	if (d == &handshake_fsm)
		w->offers += t->event == HANDSHAKE_EV_ASK;
	else if (d == &wg_peer_fsm)
		w->handshakes += entered && t->to == WG_PEER_ASKING;
	else if (entered && strcmp(d->state_name[t->to], "dialing") == 0)
		w->dials++;
}

static void *
agent_start(struct env *e, void *arg)
{
	struct mesh_node *n = arg;
	struct agent_conf conf = { .state_dir = "/var/lib/godwit", .daemon_version = "sim" };
	struct agent_login login = { .management_url = n->mesh->url, .setup_key = n->mesh->setup_key,
		.server_key = n->mesh->server_key };
	char why[256], host[16], name[128];

	snprintf(host, sizeof host, "agent%u", n->i);
	tape(n->mesh, host, ++n->lives, name, sizeof name, &conf.tape);
	n->agent = agent_new(e, &conf, why, sizeof why);
	if (n->agent == NULL)
		fatal("sim", "agent %u does not start: %s", n->i, why);
	sim_hash_loop(n->mesh->s, agent_loop(n->agent));
	fsm_loop_strict(agent_loop(n->agent));
	fsm_loop_on_step(agent_loop(n->agent), count_step, &n->work);
	n->on_message = n->agent->signal->hooks.message;
	n->agent->signal->hooks.message = on_message;
	if (n->starts++ == 0) {
		if (agent_set_login(n->agent, &login, why, sizeof why) != 0)
			fatal("sim", "agent %u: %s", n->i, why);
		agent_up(n->agent);
	}
	return n->agent;
}

static void
agent_stop(void *object)
{
	agent_free(object);
}

static const struct sim_prog agent_prog = { "godwitd", agent_start, agent_stop };

/* The first key expires after a day. */
static void
make_key(void *arg)
{
	struct mesh *m = arg;

	if (server_make_key(m->server, "again", 0, m->setup_key) != 0)
		fatal("sim", "no setup key can be made");
}

/* Who asks while it is still leaving asks again: fsm/session.fsm. */
static void
join_again(void *arg)
{
	struct mesh_node *n = arg;
	struct agent_login login = { .setup_key = n->mesh->setup_key };
	char why[256];

	if (agent_set_login(n->agent, &login, why, sizeof why) != 0)
		fatal("sim", "agent %u: %s", n->i, why);
	agent_up(n->agent);
}

static void
join_when_left(void *arg)
{
	struct mesh_node *n = arg;

	n->joining = false;
	if (n->env == NULL || agent_state(n->agent) == AGENT_CONNECTED || agent_state(n->agent) == AGENT_CONNECTING)
		return;
	if (!sim_awake(n->env)) {
		n->joining = true;
		sim_after(n->mesh->s, MONO_SEC, join_when_left, n);
	} else if (n->agent->session->fsm.state == SESSION_IDLE || n->agent->session->fsm.state == SESSION_NEEDS_LOGIN) {
		if (n->mesh->server_env != NULL && sim_awake(n->mesh->server_env))
			sim_call(n->mesh->server_env, make_key, n->mesh);
		sim_call(n->env, join_again, n);
	} else {
		n->joining = true;
		sim_after(n->mesh->s, MONO_SEC, join_when_left, n);
	}
}

void
mesh_join_again(struct mesh *m, unsigned i)
{
	if (!m->node[i].joining)
		join_when_left(&m->node[i]);
}

void
mesh_start_agent(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];

	if (n->env == NULL)
		n->env = sim_start(n->host, &agent_prog, n);
}

void
mesh_kill_agent(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];

	if (n->env != NULL)
		sim_kill(n->env);
	n->env = NULL;
	n->agent = NULL;
}

/* ---- the world -------------------------------------------------------------------------- */

/* Routers as they are found: what they let in, how long they remember. */
static void
nat_wild(struct mesh *m, struct sim_nat_conf *c)
{
	c->filter = (enum sim_filter)sim_chance(m->s, 3);
	c->hairpin = sim_chance(m->s, 2) == 0;
	c->keep_port = sim_chance(m->s, 2) == 0;
	c->udp_blocked = sim_chance(m->s, 6) == 0;
	c->udp_life = (30 + (int64_t)sim_chance(m->s, 150)) * MONO_SEC;
	c->tcp_life = (300 + (int64_t)sim_chance(m->s, 7000)) * MONO_SEC;
}

static struct sim_net *
net_make(struct mesh *m, const char *kind, unsigned i, unsigned second)
{
	char name[32], prefix[32], prefix6[48];

	snprintf(name, sizeof name, "%s%u", kind, i);
	snprintf(prefix, sizeof prefix, second ? "10.%u.0.0/16" : "192.168.%u.0/24", i + 1);
	snprintf(prefix6, sizeof prefix6, "2001:db8:%x::/64", 1 + i + 256 * second);
	return sim_net_new(m->s, name, prefix, m->conf.v6 ? prefix6 : NULL);
}

static void
node_place(struct mesh *m, unsigned i)
{
	struct mesh_node *n = &m->node[i];
	struct sim_nat_conf conf = SIM_NAT_DEFAULT;
	struct sim_net *home, *outside = m->inet;
	char name[32];

	n->mesh = m;
	n->i = i;
	snprintf(name, sizeof name, "agent%u", i);
	n->host = sim_host_new(m->s, name);
	if (m->conf.nat == MESH_OPEN) {
		n->iface = sim_attach(n->host, m->inet, "eth0", NULL);
		return;
	}
	if (i >= 2 && sim_chance(m->s, 5) == 0 && m->node[i - 1].nat != NULL) {
		n->nat = m->node[i - 1].nat;	/* at home with the one before */
		n->symmetric = m->node[i - 1].symmetric;
		n->no_udp = m->node[i - 1].no_udp;
		n->ports = m->node[i - 1].ports;
		n->carrier = m->node[i - 1].carrier;
		n->iface = sim_attach(n->host, sim_if_net(m->node[i - 1].iface), "eth0", NULL);
		return;
	}
	if (m->conf.nat == MESH_SYM || (m->conf.nat == MESH_MIXED && sim_chance(m->s, 3) == 0))
		conf.mapping = SIM_MAP_SYM;
	if (m->conf.nat == MESH_LINUX)
		conf.mapping = SIM_MAP_LINUX;
	if (m->conf.router != NULL)
		conf = *m->conf.router;
	home = net_make(m, "home", i, 0);
	snprintf(name, sizeof name, "router%u", i);
	if (m->conf.wild) {
		nat_wild(m, &conf);
		if (!m->conf.v6 && sim_chance(m->s, 5) == 0) {	/* the provider's own in front */
			struct sim_nat_conf carrier = SIM_NAT_DEFAULT;

			outside = net_make(m, "carrier", i, 1);
			sim_nat_new(m->s, "carrier", outside, m->inet, NULL, &carrier);
		}
	}
	n->nat = sim_nat_new(m->s, name, home, outside, NULL, &conf);
	n->symmetric = conf.mapping == SIM_MAP_SYM;
	n->no_udp = conf.udp_blocked;
	n->ports = conf.filter == SIM_FILTER_PORT || outside != m->inet;
	n->carrier = outside != m->inet;
	n->iface = sim_attach(n->host, home, "eth0", NULL);
}

static void
start_node(void *arg)
{
	struct mesh_node *n = arg;

	mesh_start_agent(n->mesh, n->i);
}

static void
begin(void *arg)
{
	struct mesh *m = arg;
	int64_t spread = m->conf.spread > 0 ? m->conf.spread : 100 * MONO_MS;

	if (m->setup_key[0] == '\0') {
		sim_after(m->s, LOOK_EVERY, begin, m);
		return;
	}
	for (unsigned i = 0; i < m->n; i++)
		sim_after(m->s, (int64_t)sim_chance(m->s, (uint64_t)spread), start_node, &m->node[i]);
}

static void
look(struct mesh *m)
{
	m->answered = m->pairs = 0;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++) {
			struct addr to;

			if (i == j)
				continue;
			m->pairs++;
			to = sim_overlay_addr(m->node[j].host);
			if (m->node[i].ping[j] != NULL) {
				struct addr dst = sim_ping_dst(m->node[i].ping[j]);

				if (to.family == ADDR_NONE || addr_same_ip(&to, &dst)) {
					m->answered += sim_ping_stats(m->node[i].ping[j]).got > 0;
					continue;
				}
				sim_ping_stop(m->node[i].ping[j]);	/* it has joined anew, with another address */
				m->node[i].ping[j] = NULL;
			}
			if (!m->conf.no_ping && to.family != ADDR_NONE && sim_overlay_addr(m->node[i].host).family != ADDR_NONE)
				m->node[i].ping[j] = sim_ping(m->node[i].host, &to,
				    m->conf.ping_every > 0 ? m->conf.ping_every : 200 * MONO_MS);
		}
	m->all = m->conf.no_ping || m->answered == m->pairs;
}

static void
look_often(void *arg)
{
	struct mesh *m = arg;

	look(m);
	m->looking = !m->all;
	if (m->looking)
		sim_after(m->s, LOOK_EVERY, look_often, m);
}

static void
look_seldom(void *arg)
{
	struct mesh *m = arg;

	if (!m->looking)
		look_often(m);
	sim_after(m->s, LOOK_SELDOM, look_seldom, m);
}

struct mesh *
mesh_new(const struct mesh_conf *conf)
{
	struct mesh *m = calloc(1, sizeof *m);

	if (m == NULL || conf->hosts > MESH_MAX)
		fatal("sim", "no memory, or more than %d hosts", MESH_MAX);
	m->conf = *conf;
	m->n = conf->hosts;
	m->s = sim_new(conf->seed);
	sim_cheap_crypto(m->s, conf->cheap_crypto);
	logging = m;
	log_to_sink(log_line, NULL);
	log_set_level(conf->log ? LOG_LV_DEBUG : LOG_LV_ERROR);
	sim_set_verbose(m->s, conf->verbose);
	m->inet = sim_net_new(m->s, "inet", "203.0.113.0/24", conf->v6 ? "2001:db8::/64" : NULL);
	m->server_host = sim_host_new(m->s, "server");
	m->server_if = sim_attach(m->server_host, m->inet, "eth0", SERVER_ADDR);
	if (conf->by_name) {
		struct addr a = sim_if_addr(m->server_if);

		sim_name(m->s, "vpn.example", &a);
	}
	for (unsigned i = 0; i < m->n; i++)
		node_place(m, i);
	mesh_start_server(m);
	sim_after(m->s, LOOK_EVERY, begin, m);
	sim_after(m->s, LOOK_EVERY, look_seldom, m);
	return m;
}

void
mesh_free(struct mesh *m)
{
	if (m == NULL)
		return;
	sim_free(m->s);
	logging = NULL;
	log_to_sink(NULL, NULL);
	free(m);
}

static bool
is_all(void *arg)
{
	return ((struct mesh *)arg)->all;
}

bool
mesh_until_all(struct mesh *m, int64_t limit)
{
	return sim_until(m->s, is_all, m, limit);
}

void
mesh_reset(struct mesh *m)
{
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL)
				sim_ping_reset(m->node[i].ping[j]);
	m->all = false;
	if (!m->looking) {
		m->looking = true;
		sim_after(m->s, LOOK_EVERY, look_often, m);
	}
}

void
mesh_ping_every(struct mesh *m, int64_t interval)
{
	m->conf.ping_every = interval;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL)
				sim_ping_every(m->node[i].ping[j], interval);
}

void
mesh_no_pings(struct mesh *m)
{
	m->conf.no_ping = true;
	for (unsigned i = 0; i < m->n; i++)
		for (unsigned j = 0; j < m->n; j++)
			if (m->node[i].ping[j] != NULL) {
				sim_ping_stop(m->node[i].ping[j]);
				m->node[i].ping[j] = NULL;
			}
}

int
mesh_direct(struct mesh *m, unsigned i, unsigned to)
{
	struct agent *a = m->node[i].agent;
	struct addr want = sim_overlay_addr(m->node[to].host);

	if (a == NULL || a->engine == NULL)
		return -1;
	LIST_EACH(l, &a->engine->remotes) {
		struct remote *r = LIST_OF(l, struct remote, all);
		struct wg_peer_stats st;

		if (r->nallowed == 0 || !addr_same_ip(&r->allowed[0].addr, &want) || r->wg == NULL)
			continue;
		wg_peer_get_stats(r->wg, &st);
		return st.endpoint.kind == WG_ENDPOINT_UDP ? 1 : st.endpoint.kind == WG_ENDPOINT_WAY ? 0 : -1;
	}
	return -1;
}

void
mesh_report(struct mesh *m)
{
	char a[ADDR_STRLEN];

	for (unsigned i = 0; i < m->n; i++) {
		struct addr own = sim_overlay_addr(m->node[i].host);

		fprintf(stderr, "# agent%u %s %s:", i, own.family ? addr_str(&own, a) : "(no address)",
		    m->node[i].agent != NULL ? agent_state_name(agent_state(m->node[i].agent)) : "not running");
		for (unsigned j = 0; j < m->n; j++)
			if (i != j && (m->node[i].ping[j] == NULL || sim_ping_stats(m->node[i].ping[j]).got == 0))
				fprintf(stderr, " !%u", j);
			else if (i != j)
				fprintf(stderr, " %u%s", j, mesh_direct(m, i, j) == 1 ? "d" : mesh_direct(m, i, j) == 0 ? "r" : "?");
		fprintf(stderr, "%s%s\n", m->node[i].agent != NULL && agent_why(m->node[i].agent)[0] ? ", " : "",
		    m->node[i].agent != NULL ? agent_why(m->node[i].agent) : "");
	}
}
