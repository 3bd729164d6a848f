/* SPDX-License-Identifier: ISC */
/*
 * server-world.c -- see server-world.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "server/account.h"
#include "tests/tap.h"
#include "tests/unit/deaf.h"
#include "tests/unit/server-world.h"
#include "wire/keys.h"
#include "tests/tape.h"

#define SERVER_ADDR	"203.0.113.10"

/* ---- programs ----------------------------------------------------------------- */

static void
on_join(void *arg, const char *line)
{
	struct world *w = arg;
	const char *key = strstr(line, "--setup-key ");

	snprintf(w->join, sizeof(w->join), "%s", line);
	if (key != NULL)
		snprintf(w->key, 37, "%s", key + 12);
}

static void *
server_start(struct env *env, void *arg)
{
	struct world *w = arg;

	w->conf.tape = test_tape_to();
	return w->server = server_new(env, &w->conf);
}

static void
server_stop(void *object)
{
	server_free(object);
}

static void *
probe_start(struct env *env, void *arg)
{
	(void)arg;
	return env;
}

static void
probe_stop(void *object)
{
	(void)object;
}

static const struct sim_prog server_prog = { "server", server_start, server_stop };
static const struct sim_prog probe_prog = { "probe", probe_start, probe_stop };

/* ---- the world ------------------------------------------------------------------- */

void
world_open(struct world *w, uint64_t seed)
{
	struct sim_net *net;

	memset(w, 0, sizeof(*w));
	w->sim = sim_new(seed);
	net = w->net = sim_net_new(w->sim, "inet", "203.0.113.0/24", NULL);
	w->server_host = sim_host_new(w->sim, "server");
	w->probe_host = sim_host_new(w->sim, "probe");
	sim_attach(w->server_host, net, "eth0", SERVER_ADDR);
	sim_attach(w->probe_host, net, "eth0", "203.0.113.20");
	w->probe = sim_start(w->probe_host, &probe_prog, w);
	w->conf = (struct server_conf){ .data_dir = "/data", .listen = { .port = 80 }, .url = "http://" SERVER_ADDR,
		.stun_port = 3478, .on_join = on_join, .arg = w };
}

static bool
joined(void *arg)
{
	return ((struct world *)arg)->join[0] != '\0';
}

void
world_start(struct world *w)
{
	w->server_env = sim_start(w->server_host, &server_prog, w);
	if (w->server_env == NULL) {
		w->server = NULL;
		return;
	}
	memcpy(w->server_public, w->server->store->account->box_public, 32);
	sim_until(w->sim, joined, w, 5 * MONO_SEC);
	world_dial(w);
}

void
world_stop(struct world *w, bool kill)
{
	grpc_channel_close(w->channel);
	w->channel = NULL;
	if (w->server_env != NULL) {
		if (kill)
			sim_kill(w->server_env);
		else
			sim_exit(w->server_env);
	}
	w->server_env = NULL;
	w->server = NULL;
}

void
world_close(struct world *w)
{
	world_stop(w, false);
	sim_free(w->sim);
}

static void
on_channel(void *arg, const struct grpc_channel_note *n)
{
	struct world *w = arg;

	w->ready = w->ready || n->event == GRPC_CHANNEL_READY;
	w->gone = w->gone || n->event == GRPC_CHANNEL_GONE;
}

static bool
dialled(void *arg)
{
	struct world *w = arg;

	return w->ready || w->gone;
}

void
world_dial(struct world *w)
{
	struct grpc_target t = { .host = SERVER_ADDR, .port = 80 };

	grpc_channel_close(w->channel);
	w->ready = w->gone = false;
	w->channel = grpc_dial(w->probe, &t, 1, on_channel, w);
	sim_until(w->sim, dialled, w, 5 * MONO_SEC);
}

void
ident_new(struct world *w, struct ident *id)
{
	fresh_keys(w->probe, id->secret, id->public_key);
	wire_key_text(id->text, id->public_key);
}

/* ---- unary calls -------------------------------------------------------------------- */

static void
on_answer(void *arg, const struct grpc_status *st, const uint8_t *answer, size_t len)
{
	struct result *r = arg;

	r->over = true;
	r->code = st->code;
	snprintf(r->text, sizeof(r->text), "%s", st->message);
	if (answer != NULL)
		buf_put(&r->body, answer, len);
}

static bool
is_over(void *arg)
{
	return ((struct result *)arg)->over;
}

void
world_begin(struct world *w, const char *method, const void *body, size_t len, struct result *r)
{
	char path[100];
	struct grpc_request q = { .path = path };

	memset(r, 0, sizeof(*r));
	r->code = -1;
	snprintf(path, sizeof(path), "%s%s", method[0] == '/' ? "" : "/management.ManagementService/", method);
	if (!grpc_channel_usable(w->channel))
		world_dial(w);
	grpc_unary(w->channel, &q, body, len, on_answer, r);
}

bool
world_wait(struct world *w, struct result *r)
{
	return sim_until(w->sim, is_over, r, 10 * MONO_SEC);
}

void
world_call(struct world *w, const char *method, const void *body, size_t len, struct result *r)
{
	world_begin(w, method, body, len, r);
	world_wait(w, r);
}

void
world_seal(struct world *w, const struct ident *id, const ProtobufCMessage *msg, struct buf *out)
{
	uint8_t nonce[WIRE_BOX_NONCE];

	env_random(w->probe, nonce, sizeof(nonce));
	wire_mgmt_seal(out, nonce, msg, w->server_public, id->public_key, id->secret);
}

void
world_sealed(struct world *w, const struct ident *id, const char *method, const ProtobufCMessage *msg, struct result *r)
{
	struct buf b = { 0 };

	world_seal(w, id, msg, &b);
	world_call(w, method, buf_bytes(&b), buf_len(&b), r);
	buf_free(&b);
}

void *
world_unseal(struct world *w, const struct ident *id, const ProtobufCMessageDescriptor *d, const void *bytes, size_t len)
{
	enum wire_mgmt_fault fault;

	return wire_mgmt_open(d, bytes, len, w->server_public, NULL, id->secret, &fault);
}

int
world_login(struct world *w, const struct ident *id, const char *key, const char *hostname, struct result *r)
{
	Management__LoginRequest q = MANAGEMENT__LOGIN_REQUEST__INIT;
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	Management__PeerCapability cap = MANAGEMENT__PEER_CAPABILITY__PeerCapabilitySourcePrefixes;

	meta.hostname = (char *)(uintptr_t)hostname;
	meta.netbird_version = (char *)(uintptr_t)"0.77.1";
	meta.n_capabilities = 1;
	meta.capabilities = &cap;
	q.meta = &meta;
	if (key != NULL)
		q.setup_key = (char *)(uintptr_t)key;
	world_sealed(w, id, "Login", &q.base, r);
	return r->code;
}

/* ---- Sync -------------------------------------------------------------------------------- */

static void
sync_message(void *arg, struct grpc_call *call, const uint8_t *bytes, size_t len)
{
	struct sync *s = arg;
	Management__SyncResponse *m = world_unseal(s->w, s->id, &management__sync_response__descriptor, bytes, len);

	(void)call;
	s->count++;
	if (m == NULL)
		return;
	if (m->network_map == NULL && m->netbird_config == NULL) {
		s->beats++;
		wire_pb_free(m);
		return;
	}
	s->maps += m->network_map != NULL;
	wire_pb_free(s->last);
	s->last = m;
}

static void
sync_done(void *arg, struct grpc_call *call, const struct grpc_status *st)
{
	struct sync *s = arg;

	(void)call;
	s->call = NULL;
	s->over = true;
	s->code = st->code;
	snprintf(s->text, sizeof(s->text), "%s", st->message);
}

static const struct grpc_ops sync_ops = { .message = sync_message, .done = sync_done };

void
sync_open(struct world *w, struct sync *s, const struct ident *id)
{
	Management__SyncRequest q = MANAGEMENT__SYNC_REQUEST__INIT;
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	struct grpc_request r = { .path = "/management.ManagementService/Sync" };
	Management__PeerCapability cap = MANAGEMENT__PEER_CAPABILITY__PeerCapabilitySourcePrefixes;
	struct buf b = { 0 };

	memset(s, 0, sizeof(*s));
	s->w = w;
	s->id = id;
	meta.hostname = (char *)(uintptr_t)"os-name";
	meta.netbird_version = (char *)(uintptr_t)"0.77.1";
	meta.n_capabilities = 1;
	meta.capabilities = &cap;
	q.meta = &meta;
	world_seal(w, id, &q.base, &b);
	if (!grpc_channel_usable(w->channel))
		world_dial(w);
	if ((s->call = grpc_start(w->channel, &r, &sync_ops, s)) != NULL) {
		grpc_send(s->call, buf_bytes(&b), buf_len(&b));
		grpc_half_close(s->call);
	}
	buf_free(&b);
}

void
sync_close(struct sync *s)
{
	grpc_cancel(s->call);
	s->call = NULL;
	wire_pb_free(s->last);
	s->last = NULL;
}

struct want {
	struct sync *s;
	size_t n;
};

static bool
has_peers(void *arg)
{
	struct want *q = arg;

	return q->s->last != NULL && q->s->last->network_map != NULL && q->s->last->network_map->n_remote_peers == q->n;
}

bool
sync_has_peers(struct sync *s, size_t n)
{
	struct want q = { s, n };

	return sim_until(s->w->sim, has_peers, &q, 5 * MONO_SEC);
}

bool
sync_over(void *arg)
{
	return ((struct sync *)arg)->over;
}

void
is_status(struct result *r, int code, const char *text, const char *what)
{
	is_int(r->code, code, "%s: %s", what, grpc_code_name(code));
	if (text != NULL)
		is_str(r->text, text, "%s: its words", what);
	buf_free(&r->body);
}
