/* SPDX-License-Identifier: ISC */
/*
 * session_rows.c -- login and logout at a server that is silent, is another, says
 * no, or cuts; and a person who changes his mind meanwhile.  The real session,
 * Sync and Job machines (mgmt-world.h), and what server and owner saw of them.
 */
#include <string.h>
#include "net_pipes.h"
#include "tests/tap.h"
#include "tests/unit/mgmt-world.h"

#define POST(w, ev)	session_post((w)->session, SESSION_EV_ ## ev, NULL)
#define STATE(w, s)	((w)->session->fsm.state == SESSION_ ## s)
static const struct manner no_more = { REFUSE, GRPC_PERMISSION_DENIED };

/* Up, engine and streams run. */
static void
world_up(struct mgmt_world *w)
{
	mgmt_world_open(w);
	POST(w, UP);
	mgmt_world_run(w, 5 * MONO_SEC);
	ok(STATE(w, RUNNING) && w->starts == 1 && w->maps == 1 && w->jobbing != NULL, "up: engine, map and Job stream");
}

/* The Sync stream is refused, and so the session logs in anew under its engine; `login` is what it meets. */
static void
refuse_sync(struct mgmt_world *w, struct manner login)
{
	w->sync = no_more;
	w->login = login;
	grpc_finish(w->syncing, GRPC_UNAVAILABLE, "cut");
	w->syncing = NULL;
	mgmt_world_run(w, MONO_SEC);
}

static void
test_nobody_wants_us(void)
{
	struct mgmt_world w;

	mgmt_world_open(&w);
	POST(&w, DOWN);
	POST(&w, NO_ENGINE);
	POST(&w, DENIED_STREAM);
	mgmt_world_run(&w, MONO_MIN);
	ok(STATE(&w, IDLE) && w.conns == 0 && w.stops == 0, "down, an engine that failed, a refused stream: nothing when we are down");
	w.login.deed = HANG;
	POST(&w, UP);
	mgmt_world_run(&w, 5 * MONO_SEC);
	ok(STATE(&w, LOGGING_IN), "Login is asked for");
	POST(&w, LOGIN);
	POST(&w, NO_ENGINE);
	POST(&w, DENIED_STREAM);
	mgmt_world_run(&w, MONO_SEC);
	ok(STATE(&w, LOGGING_IN) && w.conns == 1 && w.logins == 1, "a second wish to log in asks no second time");
	POST(&w, DOWN);
	mgmt_world_run(&w, MONO_HOUR);
	ok(STATE(&w, IDLE) && w.conns == 1 && w.stops == 0, "down while Login is under way: obeyed, and nobody dials any more");
	mgmt_world_close(&w);
}

static void
test_bad_servers(void)
{
	struct mgmt_world w;
	unsigned n;

	mgmt_world_open(&w);
	w.key.deed = HANG;
	POST(&w, UP);
	mgmt_world_run(&w, MONO_MIN);
	ok(w.conns >= 3 && w.conns <= 6 && w.logins == 0, "a server that does not say its key is given up after 10 s: %u dials in a minute", w.conns);
	ok(session_why(w.session)[0] != '\0', "and it is said: %s", session_why(w.session));
	w.key.deed = CUT;
	n = w.conns;
	mgmt_world_run(&w, MONO_MIN);
	ok(w.conns > n + 3 && w.logins == 0, "one that cuts there is tried again");
	w.key.deed = DO;
	w.conf.pinned = true;
	n = w.keys;
	mgmt_world_run(&w, MONO_MIN);
	ok(w.keys > n && w.logins == 0, "a server with another key than the pinned one is told nothing");
	ok(strstr(session_why(w.session), "pinned") != NULL, "and it is said: %s", session_why(w.session));
	memcpy(w.conf.pin, w.public, 32);
	mgmt_world_run(&w, 25 * MONO_SEC);
	ok(STATE(&w, RUNNING) && w.starts == 1, "when the right one is there, we log in");
	mgmt_world_close(&w);

	mgmt_world_open(&w);
	w.conf.pinned = true;
	POST(&w, UP);
	mgmt_world_run(&w, 3 * MONO_MIN);
	ok(w.session->backoff.base == 10 * MONO_SEC && w.keys < 40, "who meets the wrong one from the start waits up to 10 s as well");
	mgmt_world_close(&w);
}

static void
test_login_fails(void)
{
	static const struct manner bad[] = { { REFUSE, GRPC_UNAVAILABLE }, { REFUSE, GRPC_CANCELED }, { CUT, 0 }, { HANG, 0 } };
	struct mgmt_world w;
	unsigned n;

	mgmt_world_open(&w);
	session_set_setup_key(w.session, "one-two-three");
	POST(&w, UP);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		w.login = bad[i];
		n = w.logins;
		mgmt_world_run(&w, 90 * MONO_SEC);
		ok(w.logins >= n + 2 && w.logins <= n + 100 && w.logins <= w.conns, "Login that ends in way %zu is asked again: %u times in 90 s", i, w.logins - n);
	}
	is_str(w.setup_key, "one-two-three", "with the setup key");
	w.login = (struct manner){ REFUSE, GRPC_NOT_FOUND };
	mgmt_world_run(&w, MONO_MIN);
	ok(STATE(&w, NEEDS_LOGIN), "a setup key the server does not know: final");
	n = w.logins;
	mgmt_world_run(&w, MONO_HOUR);
	is_int(w.logins, n, "nobody asks again");
	ok(w.starts == 0 && w.stops == 0, "nothing of the mesh was started");
	w.login.deed = DO;
	POST(&w, DENIED_STREAM);
	POST(&w, UP);
	mgmt_world_run(&w, 5 * MONO_SEC);
	ok(STATE(&w, RUNNING) && w.setup_key[0] == '\0', "a person says up: a plain login, the refused key is not sent again");
	POST(&w, LOGIN);
	mgmt_world_run(&w, MONO_SEC);
	ok(STATE(&w, RUNNING) && w.logins == n + 1, "login when logged in: nothing");
	mgmt_world_close(&w);
}

/* Who corrects a URL does not wait for the failures of the wrong one. */
static void
test_corrected(void)
{
	struct mgmt_world w;

	mgmt_world_open(&w);
	mgmt_world_listen(&w, false);
	POST(&w, LOGIN);
	mgmt_world_run(&w, 5 * MONO_MIN);
	while (w.session->wait < 3 * MONO_SEC || !STATE(&w, BACKOFF))
		pipes_step(w.env, w.env->clock.now + MONO_HOUR);
	ok(w.conns == 0 && w.session->backoff.base == 10 * MONO_SEC, "nobody listens: waits of 10 s");
	mgmt_world_listen(&w, true);
	POST(&w, LOGIN);
	mgmt_world_run(&w, 100 * MONO_MS);
	ok(STATE(&w, IDLE) && w.logins == 1, "logged in 100 ms after the second try of a person");
	ok(w.starts == 0 && w.syncs == 0, "and no more than that");
	mgmt_world_close(&w);
}

static void
test_refused_stream(void)
{
	struct mgmt_world w;
	unsigned n;

	world_up(&w);
	refuse_sync(&w, (struct manner){ DO, 0 });
	ok(w.refreshed == 1 && w.stops == 0 && w.jobbing != NULL, "the Sync stream is refused: one Login, engine and Job go on");
	n = w.syncs;
	mgmt_world_run(&w, 5 * MONO_MIN);
	ok(w.syncs > n + 10 && w.syncs < n + 90, "Login knows us, Sync does not: both are tried in waits that grow (%u times in five minutes)", w.syncs - n);
	is_int(w.logins, w.syncs, "one Login a refusal, and the first");
	w.sync.deed = DO;
	mgmt_world_run(&w, 30 * MONO_SEC);
	ok(STATE(&w, RUNNING) && mgmt_stream_is_up(w.mgmt) && w.maps == 2 && w.starts == 1 && w.stops == 0, "served again: a map, the data plane never stopped");
	mgmt_world_close(&w);

	world_up(&w);
	refuse_sync(&w, no_more);
	n = w.syncs;
	ok(STATE(&w, NEEDS_LOGIN) && w.stops == 1 && w.jobbing == NULL, "Login is refused as well: engine and Job end");
	mgmt_world_run(&w, MONO_HOUR);
	ok(w.syncs == n && w.jobs == 1, "and stay so");
	mgmt_world_close(&w);

	world_up(&w);
	refuse_sync(&w, (struct manner){ HANG, 0 });
	ok(STATE(&w, LOGGING_IN) && w.stops == 0, "a Login that hangs under a running engine");
	POST(&w, DOWN);
	mgmt_world_run(&w, MONO_HOUR);
	ok(STATE(&w, IDLE) && w.stops == 1 && w.jobbing == NULL && w.logins == 2, "down: engine and streams end with it");
	mgmt_world_close(&w);

	world_up(&w);
	refuse_sync(&w, (struct manner){ HANG, 0 });
	POST(&w, LOGOUT);
	mgmt_world_run(&w, 5 * MONO_SEC);
	ok(STATE(&w, IDLE) && w.stops == 1 && w.lefts == 1 && w.logouts == 1, "logout there: the engine ends, and we are deregistered");
	is_str(w.left, "", "the caller hears no complaint");
	mgmt_world_close(&w);
}

/* What a logout meets; the caller is told once, and with what. */
static void
test_logout(void)
{
	static const struct {
		struct manner key, logout;
		bool deaf, hole, other;
		unsigned logouts;
		const char *why, *what;
	} t[] = {
		{ { DO, 0 }, { DO, 0 }, false, false, false, 1, NULL, "logout when we are down is heard" },
		{ { DO, 0 }, { REFUSE, GRPC_NOT_FOUND }, false, false, false, 1, NULL, "a server that does not know us: as good" },
		{ { DO, 0 }, { REFUSE, GRPC_INTERNAL }, false, false, false, 1, "Internal", "a server that fails: its words" },
		{ { DO, 0 }, { CUT, 0 }, false, false, false, 1, "", "a server that cuts at Logout" },
		{ { DO, 0 }, { HANG, 0 }, false, false, false, 1, "", "a server that does not answer Logout" },
		{ { HANG, 0 }, { DO, 0 }, false, false, false, 0, "", "a server that does not say its key" },
		{ { CUT, 0 }, { DO, 0 }, false, false, false, 0, "", "a server that cuts at its key" },
		{ { DO, 0 }, { DO, 0 }, false, false, true, 0, "pinned", "not our server: it is not told" },
		{ { DO, 0 }, { DO, 0 }, true, false, false, 0, "refused", "nobody listens" },
		{ { DO, 0 }, { DO, 0 }, false, true, false, 0, "", "a black hole" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct mgmt_world w;

		mgmt_world_open(&w);
		w.key = t[i].key;
		w.logout = t[i].logout;
		w.conf.pinned = t[i].other;
		w.env->hole = t[i].hole;
		if (t[i].deaf)
			mgmt_world_listen(&w, false);
		POST(&w, LOGOUT);
		fsm_drain(w.loop);
		ok(session_is_leaving(w.session), "%s", t[i].what);
		mgmt_world_run(&w, 31 * MONO_SEC);
		w.env->hole = false;
		ok(STATE(&w, IDLE) && w.lefts == 1 && w.logouts == t[i].logouts, "the caller is told once");
		ok(t[i].why == NULL ? w.left[0] == '\0' : w.left[0] != '\0' && strstr(w.left, t[i].why) != NULL, "and hears: '%s'", w.left);
		mgmt_world_run(&w, MONO_HOUR);
		ok(w.lefts == 1 && w.conns <= 1, "it is not tried again");
		mgmt_world_close(&w);
	}
}

static void
test_logout_goes_on(void)
{
	struct mgmt_world w;

	world_up(&w);
	w.logout.deed = HANG;
	POST(&w, LOGOUT);
	mgmt_world_run(&w, MONO_SEC);
	ok(STATE(&w, LEAVING) && w.stops == 1 && w.logouts == 1, "logout: the engine goes first");
	POST(&w, LOGOUT);
	POST(&w, DOWN);
	POST(&w, LOGIN);
	POST(&w, UP);
	POST(&w, NO_ENGINE);
	mgmt_world_run(&w, MONO_SEC);
	ok(STATE(&w, LEAVING) && w.logouts == 1 && w.logins == 1, "logout, down, login, up meanwhile: it goes on, one at a time");
	mgmt_world_run(&w, 10 * MONO_SEC);
	ok(STATE(&w, IDLE) && w.lefts == 1 && w.left[0] != '\0', "and ends: %s", w.left);
	mgmt_world_close(&w);
}

int
main(void)
{
	test_nobody_wants_us();
	test_bad_servers();
	test_login_fails();
	test_corrected();
	test_refused_stream();
	test_logout();
	test_logout_goes_on();
	return tap_done();
}
