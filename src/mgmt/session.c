/* SPDX-License-Identifier: ISC */
/*
 * session.c -- the actions of fsm/session.fsm: Login and Logout over a
 * connection of its own.  What follows from an answer is in the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/log.h"
#include "env/env.h"
#include "mgmt/session.h"
#include "fsm/session.inc"

static bool
session_if_engine_up(const struct session *s)
{
	return s->engine;
}

static bool
session_if_login_only(const struct session *s)
{
	return s->login_only;
}

static void
session_do_want_engine(struct session *s)
{
	s->login_only = false;
}

static void
session_do_want_login(struct session *s)
{
	s->login_only = true;
}

static void
session_do_dial(struct session *s)
{
	mgmt_link_dial(&s->link);
}

static void
session_close_conn(struct session *s)
{
	mgmt_link_close(&s->link);
	s->hooks.changed(s->arg);
}

static void
session_do_forget_failures(struct session *s)
{
	backoff_reset(&s->backoff);
	s->link.why[0] = '\0';
	s->code = 0;
}

/* A timeout leaves no reason behind. */
static void
need_reason(struct session *s)
{
	if (s->link.why[0] == '\0')
		snprintf(s->link.why, sizeof(s->link.why), "%s does not answer", s->conf->url != NULL ? s->conf->url : "management");
}

static void
session_do_note_failure(struct session *s)
{
	s->wait = backoff_next(&s->backoff, s->env);
	need_reason(s);
	log_warnx("session", "%s; again in %lld ms", s->link.why, (long long)(s->wait / MONO_MS));
	s->hooks.changed(s->arg);
}

static void
session_do_ask_key(struct session *s)
{
	mgmt_link_ask_key(&s->link);
}

/* Login's answer becomes one of four events; which codes are final is here, what
 * final means is in the table. */
static void
on_login(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct session *s = arg;
	int ev = SESSION_EV_FAILED;

	s->code = st->code;
	switch (st->code) {
	case GRPC_OK:
		wire_pb_free(s->answer);
		s->answer = mgmt_link_unseal(&s->link, &management__login_response__descriptor, bytes, len);
		if (s->answer != NULL)
			ev = SESSION_EV_LOGIN_OK;
		break;
	case GRPC_PERMISSION_DENIED:
		if (st->remote)
			ev = SESSION_EV_DENIED;
		break;
	case GRPC_NOT_FOUND:
	case GRPC_FAILED_PRECONDITION:
	case GRPC_INVALID_ARGUMENT:
	case GRPC_UNAUTHENTICATED:
	case GRPC_UNIMPLEMENTED:
		/* only what the server itself said is final: a proxy's 403 or 404 is not */
		if (st->remote)
			ev = SESSION_EV_REFUSED;
		break;
	default:
		break;
	}
	session_post_gen(s, ev, s->link.gen, NULL);
}

static void
session_do_login(struct session *s)
{
	char key_text[WIRE_KEY_TEXTLEN];
	Management__PeerKeys keys;
	Management__LoginRequest req;

	management__login_request__init(&req);
	management__peer_keys__init(&keys);
	keys.wg_pub_key.data = (uint8_t *)(uintptr_t)wire_key_text(key_text, s->conf->public_key);
	keys.wg_pub_key.len = strlen(key_text);
	req.peer_keys = &keys;
	req.setup_key = s->setup_key;
	req.meta = mgmt_meta_new(s->env, s->conf);
	if (req.meta == NULL || mgmt_link_unary(&s->link, "Login", &req.base, on_login, s) != 0)
		session_post_gen(s, SESSION_EV_FAILED, s->link.gen, NULL);
	mgmt_meta_free(req.meta);
}

static void
session_do_drop_setup_key(struct session *s)
{
	sodium_memzero(s->setup_key, sizeof(s->setup_key));
	log_warnx("session", "login refused: %s", s->link.why);
}

static void
session_do_note_login(struct session *s)
{
	sodium_memzero(s->setup_key, sizeof(s->setup_key));
	backoff_reset(&s->backoff);
}

static void
session_do_start_engine(struct session *s)
{
	sodium_memzero(s->setup_key, sizeof(s->setup_key));
	backoff_reset(&s->backoff);
	s->engine = true;
	s->hooks.start(s->arg, s->answer, false);
}

static void
session_do_refresh_engine(struct session *s)
{
	backoff_reset(&s->backoff);
	s->hooks.start(s->arg, s->answer, true);
}

static void
session_do_stop_engine(struct session *s)
{
	s->engine = false;
	s->hooks.stop(s->arg);
}

/* Between 10 and 20 s: each try is a Login. */
static void
session_do_wait_for_engine(struct session *s)
{
	s->wait = 10 * MONO_SEC + (int64_t)env_random_below(s->env, 10 * MONO_SEC);
	s->hooks.changed(s->arg);
}

static void
on_logout(void *arg, const struct grpc_status *st, const uint8_t *bytes, size_t len)
{
	struct session *s = arg;

	/* a peer the server does not know is as deregistered as can be */
	s->left_ok = st->code == GRPC_OK || st->code == GRPC_NOT_FOUND;
	session_post_gen(s, SESSION_EV_LOGOUT_DONE, s->link.gen, NULL);
}

static void
session_do_leave(struct session *s)
{
	Management__Empty req;

	management__empty__init(&req);
	s->left_ok = false;
	if (mgmt_link_unary(&s->link, "Logout", &req.base, on_logout, s) != 0)
		session_post_gen(s, SESSION_EV_LOGOUT_DONE, s->link.gen, NULL);
}

static void
session_do_note_left(struct session *s)
{
	need_reason(s);
	s->hooks.left(s->arg, s->left_ok ? NULL : s->link.why);
	s->left_ok = false;	/* the next logout may end before its call */
}

struct session *
session_new(struct env *env, struct fsm_loop *loop, const struct mgmt_conf *conf,
    const struct session_hooks *hooks, void *arg)
{
	static const struct mgmt_link_events events = {
		SESSION_RES_CONN, SESSION_EV_CONNECTED, SESSION_EV_GONE, SESSION_EV_KEY_OK,
		SESSION_EV_KEY_BAD, SESSION_EV_GONE
	};
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->conf = conf;
	s->hooks = *hooks;
	s->arg = arg;
	s->backoff = (struct backoff)BACKOFF_STREAM;
	s->dial_limit = 10 * MONO_SEC;
	mgmt_link_init(&s->link, env, conf, &s->fsm, &events);
	session_fsm_init(s, loop, "management");
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	session_fsm_fini(s);
	wire_pb_free(s->answer);
	sodium_memzero(s->setup_key, sizeof(s->setup_key));
	free(s);
}

void
session_set_setup_key(struct session *s, const char *key)
{
	snprintf(s->setup_key, sizeof(s->setup_key), "%s", key != NULL ? key : "");
}

const char *
session_why(const struct session *s)
{
	return s->link.why;
}

bool
session_is_leaving(const struct session *s)
{
	return s->fsm.state == SESSION_LEAVE_DIALING || s->fsm.state == SESSION_LEAVE_KEYING ||
	    s->fsm.state == SESSION_LEAVING;
}
