/* SPDX-License-Identifier: ISC */
/*
 * env_resolve.c -- name lookup, and dialling a name with many addresses.
 *
 * getaddrinfo is defined here, in the program that the workers are forked from:
 * names answer late, not at all, or with addresses that lead nowhere.
 */
#include "config.h"
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/tap.h"

#define MANY	12

static char dir[] = "/tmp/godwit-resolve.XXXXXX", flag[64], flag_silent[64], flag_gone[64];
static struct addrinfo answers[MANY];
static struct sockaddr_storage stores[MANY];

static void
answer(struct addrinfo **out, const char *const *texts)
{
	int n = 0;

	for (; texts[n] != NULL && n < MANY; n++) {
		struct sockaddr_in *v4 = (void *)&stores[n];
		struct sockaddr_in6 *v6 = (void *)&stores[n];

		memset(&stores[n], 0, sizeof stores[n]);
		if (inet_pton(AF_INET, texts[n], &v4->sin_addr) == 1)
			v4->sin_family = AF_INET;
		else if (inet_pton(AF_INET6, texts[n], &v6->sin6_addr) == 1)
			v6->sin6_family = AF_INET6;
		answers[n] = (struct addrinfo){ .ai_family = stores[n].ss_family,
		    .ai_addr = (struct sockaddr *)&stores[n], .ai_addrlen = sizeof stores[n] };
		if (n > 0)
			answers[n - 1].ai_next = &answers[n];
	}
	*out = answers;
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	static const char *const two[] = { "192.0.2.1", "2001:db8::1", NULL };
	static const char *const last_works[] = { "127.0.0.9", "::1", "127.0.0.8", "127.0.0.1", NULL };
	static const char *const none_works[] = { "127.0.0.9", "127.0.0.8", NULL };
	static const char *const black_hole[] = { "127.0.0.7", "127.0.0.1", NULL };

	if (strcmp(host, "two.test") == 0)
		answer(out, two);
	else if (strcmp(host, "last.test") == 0)
		answer(out, last_works);
	else if (strcmp(host, "none.test") == 0)
		answer(out, none_works);
	else if (strcmp(host, "hole.test") == 0)
		answer(out, black_hole);
	else if (strcmp(host, "crash.test") == 0)
		_exit(1);
	else if (strcmp(host, "dying.test") == 0) {
		/* The name server goes away, as a file says: every lookup is a process. */
		if (access(flag, F_OK) == 0) {
			bool silent = access(flag_silent, F_OK) == 0;

			if (silent)
				usleep(10000000);
			return access(flag_gone, F_OK) == 0 ? EAI_NONAME : EAI_AGAIN;
		}
		answer(out, two);
	} else if (strcmp(host, "slow.test") == 0) {
		usleep(700000);
		answer(out, two);
	} else
		return EAI_NONAME;
	return 0;
}

struct world {
	struct env *env;
	struct env_timer *limit;
	int answers;
	struct addr addrs[8];
	size_t n;
	char why[100], order[8], text[300];
	bool connected;
	int err;
	struct env_stream *accepted;
};

struct ask {
	struct world *w;
	char name;
};

static void on_limit(void *arg) { struct world *w = arg; env_stop(w->env); }

static void
on_answer(void *arg, const struct addr *a, size_t n, const char *why)
{
	struct ask *q = arg;
	struct world *w = q->w;

	w->order[w->answers++] = q->name;
	w->n = n;
	for (size_t i = 0; i < n && i < 8; i++)
		w->addrs[i] = a[i];
	snprintf(w->why, sizeof w->why, "%s", why ? why : "");
	env_stop(w->env);
}

static void
run(struct world *w, int64_t us)
{
	env_timer_set(w->limit, us);
	env_run(w->env);
	env_timer_stop(w->limit);
}

static void
on_note(void *arg, const struct env_stream_note *n)
{
	struct world *w = arg;

	w->connected |= n->event == ENV_STREAM_CONNECTED;
	if (n->event == ENV_STREAM_ERROR) {
		w->err = n->err;
		snprintf(w->text, sizeof w->text, "%s", n->text);
	}
	env_stop(w->env);
}

static void
on_accept(void *arg, struct env_stream *s)
{
	struct world *w = arg;

	env_stream_close(w->accepted);
	w->accepted = s;
}

static int64_t
dial(struct world *w, const char *host, uint16_t port)
{
	struct env_dial to = { .host = host, .port = port };
	struct mono begun = env_now(w->env);
	struct env_stream *s;
	int64_t took;

	w->connected = false;
	w->err = 0;
	w->text[0] = '\0';
	s = env_stream_dial(w->env, &to, on_note, w);
	run(w, 3 * MONO_SEC);
	took = mono_diff(env_now(w->env), begun);
	env_stream_close(s);
	return took;
}

/* A listener whose queue is full: Linux drops further SYNs, as a black hole does. */
static void
make_hole(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.7", &sin.sin_addr);
	(void)!bind(fd, (struct sockaddr *)&sin, sizeof sin);
	listen(fd, 0);
	for (int i = 0; i < 4; i++)
		(void)!connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&sin, sizeof sin);
	usleep(20000);
}

static void
touch(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f != NULL)
		fclose(f);
}

static void
test_dead_server(struct world *w, struct ask *a)
{
	struct mono begun;
	int64_t took;

	env_lookup(w->env, "dying.test", on_answer, a);
	run(w, 3 * MONO_SEC);
	is_int(w->n, 2, "a name server answers");
	touch(flag);
	env_lookup(w->env, "dying.test", on_answer, a);
	run(w, 3 * MONO_SEC);
	is_int(w->n, 2, "when it can not, its last answer is used");
	touch(flag_silent);
	begun = env_now(w->env);
	env_lookup(w->env, "dying.test", on_answer, a);
	run(w, 5 * MONO_SEC);
	took = mono_diff(env_now(w->env), begun);
	ok(w->n == 2 && took > MONO_SEC && took < 2 * MONO_SEC, "when it is silent, after 1.5 s (%lld us)", (long long)took);
	unlink(flag_silent);
	touch(flag_gone);
	env_lookup(w->env, "dying.test", on_answer, a);
	run(w, 3 * MONO_SEC);
	ok(w->n == 0, "no such name is believed: %s", w->why);
	unlink(flag);
	unlink(flag_gone);
	rmdir(dir);
}

int
main(void)
{
	struct world w;
	struct ask a = { &w, 'a' }, b = { &w, 'b' };
	struct env_listen on = { .addr = addr_v4(0x7f000001, 0) };
	struct env_listener *l;
	char text[ADDR_STRLEN];
	uint16_t port;
	int64_t took;
	int err;

	if (mkdtemp(dir) == NULL)
		return 99;
	snprintf(flag, sizeof flag, "%s/dead", dir);
	snprintf(flag_silent, sizeof flag_silent, "%s/silent", dir);
	snprintf(flag_gone, sizeof flag_gone, "%s/gone", dir);
	memset(&w, 0, sizeof w);
	w.env = env_new();	/* the helper has the names of the files */
	w.limit = env_timer_new(w.env, on_limit, &w);
	env_lookup(w.env, "two.test", on_answer, &a);
	is_int(w.answers, 0, "no answer before the call has returned");
	run(&w, 3 * MONO_SEC);
	is_int(w.n, 2, "a name with two addresses");
	is_str(addr_str(&w.addrs[0], text), "192.0.2.1", "in the resolver's order");
	is_str(addr_str(&w.addrs[1], text), "2001:db8::1", "both families");
	is_int(w.addrs[0].port, 0, "without a port");

	env_lookup(w.env, "192.0.2.7", on_answer, &a);
	run(&w, MONO_SEC);
	ok(w.n == 1 && strcmp(addr_str(&w.addrs[0], text), "192.0.2.7") == 0, "an address answers itself");
	env_lookup(w.env, "nobody.test", on_answer, &a);
	run(&w, 3 * MONO_SEC);
	ok(w.n == 0 && w.why[0] != '\0', "an unknown name says why: %s", w.why);
	env_lookup(w.env, "crash.test", on_answer, &a);
	run(&w, 3 * MONO_SEC);
	ok(w.n == 0 && w.why[0] != '\0', "a resolver that dies says so: %s", w.why);

	w.answers = 0;
	memset(w.order, 0, sizeof w.order);
	env_lookup(w.env, "slow.test", on_answer, &a);
	env_lookup(w.env, "two.test", on_answer, &b);
	run(&w, 3 * MONO_SEC);
	run(&w, 3 * MONO_SEC);
	is_str(w.order, "ba", "a slow name holds up no other");
	is_int(env_stalls(w.env)->over_100ms, 0, "nor the loop");

	w.answers = 0;
	env_lookup_cancel(env_lookup(w.env, "two.test", on_answer, &a));
	env_lookup_cancel(env_lookup(w.env, "192.0.2.7", on_answer, &a));
	run(&w, 200 * MONO_MS);
	is_int(w.answers, 0, "a cancelled lookup does not answer");

	w.answers = 0;
	test_dead_server(&w, &a);
	l = env_listen(w.env, &on, on_accept, &w, &err);
	port = env_listener_port(l);
	took = dial(&w, "last.test", port);
	ok(w.connected, "every address is tried (%s)", w.text);
	ok(took < 200 * MONO_MS, "at once when one refuses (%lld us)", (long long)took);
	dial(&w, "none.test", port);
	ok(w.err == -ECONNREFUSED && strstr(w.text, "none.test") != NULL && strstr(w.text, "127.0.0.9") != NULL,
	    "when none answers the first is named: %s", w.text);
	make_hole(port);
	took = dial(&w, "hole.test", port);
	ok(w.connected && took > 240 * MONO_MS && took < 600 * MONO_MS, "a black hole costs 250 ms at most (%lld us) %s", (long long)took, w.text);
	dial(&w, "nobody.test", port);
	ok(w.err != 0 && strstr(w.text, "nobody.test") != NULL, "an unknown name is named: %s", w.text);

	env_stream_close(w.accepted);
	env_listener_close(l);
	env_timer_free(w.limit);
	env_free(w.env);
	return tap_done();
}
