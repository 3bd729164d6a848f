/* SPDX-License-Identifier: ISC */
/* mgmt-world.c -- see mgmt-world.h. */
#include "tests/unit/mgmt-world.h"
#include "net_pipes.h"
#include "deaf.h"
#include "tests/tap.h"
#include "tests/tape.h"
#include "wire/keys.h"

#define PORT	443

/* ---- the server --------------------------------------------------------------- */

/* True when the call is not to be served; it has got what the manner says. */
static bool
spoilt(struct mgmt_world *w, struct grpc_call *c, const struct manner *m)
{
	switch (m->deed) {
	case DO:
		return false;
	case HANG:
		break;
	case CUT:
		mgmt_world_cut(w);
		break;
	case REFUSE:
		grpc_finish(c, m->code, "as the test says");
		break;
	}
	return true;
}

static void
seal(struct mgmt_world *w, struct buf *b, const ProtobufCMessage *m)
{
	uint8_t nonce[WIRE_BOX_NONCE];

	env_random(w->env, nonce, sizeof(nonce));
	wire_mgmt_seal(b, nonce, m, w->conf.public_key, w->public, w->secret);
}

static void
answer(struct mgmt_world *w, struct grpc_call *c, const ProtobufCMessage *m)
{
	struct buf b = { 0 };

	seal(w, &b, m);
	grpc_answer(c, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
get_key(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct mgmt_world *w = arg;
	Management__ServerKeyResponse r = MANAGEMENT__SERVER_KEY_RESPONSE__INIT;
	char text[WIRE_KEY_TEXTLEN];
	struct buf b = { 0 };

	(void)p;
	(void)n;
	w->keys++;
	if (spoilt(w, c, &w->key))
		return;
	r.key = (char *)(uintptr_t)wire_key_text(text, w->public);
	WIRE_PB_PUT(&b, &r);
	grpc_answer(c, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
take_login(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct mgmt_world *w = arg;
	Management__LoginResponse r = MANAGEMENT__LOGIN_RESPONSE__INIT;
	enum wire_mgmt_fault fault;
	Management__LoginRequest *q = wire_mgmt_open(&management__login_request__descriptor, p, n, NULL, NULL, w->secret, &fault);

	w->logins++;
	snprintf(w->setup_key, sizeof(w->setup_key), "%s", q != NULL ? wire_pb_str(q->setup_key) : "not a login");
	wire_pb_free(q);
	if (!spoilt(w, c, &w->login))
		answer(w, c, &r.base);
}

static void
take_logout(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct mgmt_world *w = arg;
	Management__Empty r = MANAGEMENT__EMPTY__INIT;

	(void)p;
	(void)n;
	w->logouts++;
	if (!spoilt(w, c, &w->logout))
		answer(w, c, &r.base);
}

static void
say(struct mgmt_world *w, struct grpc_call *c, const ProtobufCMessage *m)
{
	struct buf b = { 0 };

	seal(w, &b, m);
	grpc_send(c, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
}

static void
sync_asked(void *arg, struct grpc_call *c)
{
	struct mgmt_world *w = arg;
	Management__SyncResponse r = MANAGEMENT__SYNC_RESPONSE__INIT;
	Management__NetworkMap map = MANAGEMENT__NETWORK_MAP__INIT;

	w->syncs++;
	if (spoilt(w, c, &w->sync))
		return;
	r.network_map = &map;
	map.serial = 1;
	w->syncing = c;
	say(w, c, &r.base);
}

void
mgmt_world_job(struct mgmt_world *w, const char *id)
{
	Management__JobRequest r = MANAGEMENT__JOB_REQUEST__INIT;

	r.id.data = (uint8_t *)(uintptr_t)id;
	r.id.len = strlen(id);
	say(w, w->jobbing, &r.base);
}

static void
job_open(void *arg, struct grpc_call *c)
{
	struct mgmt_world *w = arg;

	w->jobs++;
	if (spoilt(w, c, &w->job))
		return;
	w->jobbing = c;
	if (w->job_at_once)
		mgmt_world_job(w, w->job_id);
}

/* Its hello, which is a JobRequest as well, then answers to jobs. */
static void
job_answer(void *arg, struct grpc_call *c, const uint8_t *p, size_t n)
{
	struct mgmt_world *w = arg;
	enum wire_mgmt_fault fault;
	Management__JobResponse *r = wire_mgmt_open(&management__job_response__descriptor, p, n, NULL, NULL, w->secret, &fault);

	(void)c;
	if (r != NULL && r->status != 0) {
		snprintf(w->answered, sizeof(w->answered), "%.*s", (int)r->id.len, (const char *)r->id.data);
		w->status = (int)r->status;
	}
	wire_pb_free(r);
}

static void
stream_done(void *arg, struct grpc_call *c, const struct grpc_status *st)
{
	struct mgmt_world *w = arg;

	(void)st;
	if (w->syncing == c)
		w->syncing = NULL;
	if (w->jobbing == c)
		w->jobbing = NULL;
}

static void
on_accept(void *arg, struct env_stream *st)
{
	struct mgmt_world *w = arg;

	w->conns++;
	w->newest = st;
	grpc_server_attach(w->server, st, NULL, 0);
}

void
mgmt_world_cut(struct mgmt_world *w)
{
	w->newest->eof = true;
	if (w->newest->peer != NULL)
		w->newest->peer->eof = true;
}

void
mgmt_world_listen(struct mgmt_world *w, bool on)
{
	struct env_listen l = { .addr.port = PORT };
	int err;

	if (w->listener != NULL)
		env_listener_close(w->listener);
	w->listener = on ? env_listen(w->env, &l, on_accept, w, &err) : NULL;
}

static void
serve(struct mgmt_world *w)
{
	static const struct grpc_ops sync_ops = { .half_closed = sync_asked, .done = stream_done };
	static const struct grpc_ops job_ops = { .message = job_answer, .done = stream_done };

	w->server = grpc_server_new(w->env);
#define METHOD(name, ...)	grpc_server_add(w->server, &(struct grpc_method){ \
	.path = "/management.ManagementService/" name, .arg = w, __VA_ARGS__ })
	METHOD("GetServerKey", .unary = get_key);
	METHOD("Login", .unary = take_login);
	METHOD("Logout", .unary = take_logout);
	METHOD("Sync", .ops = &sync_ops);
	METHOD("Job", .open = job_open, .ops = &job_ops);
#undef METHOD
	mgmt_world_listen(w, true);
}

/* ---- the agent ------------------------------------------------------------------ */

/* The lines of fsm/agent.wire that name these three. */
static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct mgmt_world *w = arg;

	(void)data;
	if (from->def == &mgmt_stream_fsm && send == MGMT_STREAM_SEND_DENIED)
		session_post(w->session, SESSION_EV_DENIED_STREAM, NULL);
	if (from->def != &session_fsm)
		return;
	switch (send) {
	case SESSION_SEND_START_STREAMS:
		mgmt_stream_post(w->mgmt, MGMT_STREAM_EV_START, NULL);
		job_stream_post(w->jobs_here, JOB_STREAM_EV_START, NULL);
		break;
	case SESSION_SEND_STOP_STREAMS:
		mgmt_stream_post(w->mgmt, MGMT_STREAM_EV_STOP, NULL);
		job_stream_post(w->jobs_here, JOB_STREAM_EV_STOP, NULL);
		break;
	case SESSION_SEND_TRY_AGAIN:
		mgmt_stream_post(w->mgmt, MGMT_STREAM_EV_TRY_AGAIN, NULL);
		break;
	default:
		break;
	}
}

static void
on_start(void *arg, const Management__LoginResponse *r, bool running)
{
	struct mgmt_world *w = arg;

	(void)r;
	if (running)
		w->refreshed++;
	else
		w->starts++;
}

static void
on_stop(void *arg)
{
	((struct mgmt_world *)arg)->stops++;
}

static void
on_left(void *arg, const char *why)
{
	struct mgmt_world *w = arg;

	w->lefts++;
	snprintf(w->left, sizeof(w->left), "%s", why != NULL ? why : "");
}

static void
on_sync(void *arg, const Management__SyncResponse *r)
{
	(void)r;
	((struct mgmt_world *)arg)->maps++;
}

void
mgmt_world_open(struct mgmt_world *w)
{
	static const struct session_hooks hooks = { on_start, on_stop, deaf_changed, on_left };
	static const struct mgmt_stream_hooks mhooks = { on_sync, deaf_changed };

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(1000000);
	w->loop = fsm_loop_new(w->env, route, w);
	test_tape(w->loop);
	fresh_keys(w->env, w->secret, w->public);
	fresh_keys(w->env, w->conf.private_key, w->conf.public_key);
	w->conf.url = (char *)(uintptr_t)"http://server:443";
	w->conf.version = "0.0";
	serve(w);
	w->session = session_new(w->env, w->loop, &w->conf, &hooks, w);
	w->mgmt = mgmt_stream_new(w->env, w->loop, &w->conf, &mhooks, w);
	w->jobs_here = job_stream_new(w->env, w->loop, &w->conf);
}

void
mgmt_world_close(struct mgmt_world *w)
{
	session_free(w->session);
	mgmt_stream_free(w->mgmt);
	job_stream_free(w->jobs_here);
	grpc_server_free(w->server);
	mgmt_world_listen(w, false);
	fsm_loop_free(w->loop);
	ok(pipes_free(w->env), "nothing is left open");
}

void
mgmt_world_run(struct mgmt_world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}
