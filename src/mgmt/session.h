/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_MGMT_SESSION_H
#define GODWIT_MGMT_SESSION_H
/*
 * session.h -- logged in or not (fsm/session.fsm).
 *
 * The owner posts SESSION_EV_UP, _LOGIN, _DOWN and _LOGOUT; the hooks start and stop
 * what lives only while logged in.
 */
#include "fsm/backoff.h"
#include "fsm/fsm.h"
#include "fsm/session.h"
#include "mgmt/link.h"

struct session_hooks {
	/* Logged in.  The response is borrowed.  Again with `running` true when a
	 * login was repeated under a running engine. */
	void (*start)(void *arg, const Management__LoginResponse *, bool running);
	void (*stop)(void *arg);
	/* A state was entered or a failure noted: whoever waits for `up` looks. */
	void (*changed)(void *arg);
	/* The end of a logout: NULL, or why the server did not hear it. */
	void (*left)(void *arg, const char *why);
};

struct session {
	struct fsm fsm;
	struct env *env;
	const struct mgmt_conf *conf;
	struct mgmt_link link;
	struct session_hooks hooks;
	void *arg;
	struct backoff backoff;
	int64_t wait, dial_limit;	/* microseconds, read by the table */
	bool engine;			/* the owner's engine runs */
	bool login_only;		/* nobody asked for more */
	char setup_key[64];		/* "" when there is none; forgotten once answered */
	Management__LoginResponse *answer;
	int code;			/* gRPC status of the last refusal, 0 when none */
	bool left_ok;
};

struct session *session_new(struct env *, struct fsm_loop *, const struct mgmt_conf *,
    const struct session_hooks *, void *arg);
void session_free(struct session *);		/* fine with NULL; the engine is not stopped by it */
/* For the next login; "" or NULL: plain login. */
void session_set_setup_key(struct session *, const char *);
bool session_is_leaving(const struct session *);		/* a logout is under way: `up` would be lost */
const char *session_why(const struct session *);	/* last failure, "" when none; borrowed */
#endif
