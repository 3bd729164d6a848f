/* SPDX-License-Identifier: ISC */
/*
 * resolve.c -- name lookup by getaddrinfo, each in a process of its own.
 *
 * getaddrinfo knows all that the host's resolver knows (/etc/hosts, nsswitch,
 * search lists) and blocks, so it runs in a worker.  A fresh process reads
 * /etc/resolv.conf afresh, so a network change needs no reload.  Cancelling
 * closes the socket; the worker ends by itself.
 *
 * A host that has just come to another network often has a name server that is
 * silent for a while.  So the last good answer for a name is kept and given when
 * there is none within 1.5 s, or only "try again": an address of yesterday is a
 * better place to dial than none.  "No such name" is believed.
 *
 * Addresses are answered without asking anybody.
 */
#include "config.h"
#include <sys/socket.h>
#include <netdb.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/map.h"
#include "env/helper.h"
#include "env/loop.h"
#include "sys/sockaddr.h"

#define ANSWERS_MAX	32
#define WHY_MAX		128
#define PATIENCE_US	(1500 * MONO_MS)
#define KEPT_MAX	64

/* What the worker sends: this head, then `n` addresses. */
struct answer {
	uint32_t n;
	bool again;		/* nobody knew: a later try may do better */
	char why[WHY_MAX];
	struct addr addrs[ANSWERS_MAX];
};

/* The last good answer for a name; in env->resolved. */
struct kept {
	size_t n;
	struct addr addrs[ANSWERS_MAX];
};

struct env_lookup {
	struct list node;		/* env->lookups */
	struct env *env;
	char *host;		/* owned; NULL for an address */
	struct env_timer *patience;	/* NULL when there is nothing to fall back on */
	env_lookup_fn fn;		/* NULL: told already, out of what was kept */
	void *arg;
	int fd;			/* -1: the answer is here */
	struct event ev;
	struct loop_soon soon;
	size_t got;
	struct answer answer;
};

static size_t
answer_len(uint32_t n)
{
	return offsetof(struct answer, addrs) + n * sizeof(struct addr);
}

/* In the worker. */
void
lookup_worker(int fd, const char *host)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct answer a;
	int err = getaddrinfo(host, NULL, &hints, &list);

	memset(&a, 0, sizeof a);
	for (struct addrinfo *ai = list; err == 0 && ai != NULL && a.n < ANSWERS_MAX; ai = ai->ai_next) {
		a.addrs[a.n] = sys_addr_from_sockaddr(ai->ai_addr);
		a.n += a.addrs[a.n].family != ADDR_NONE;
	}
	a.again = err == EAI_AGAIN || err == EAI_SYSTEM || err == EAI_FAIL;
	if (a.n == 0)
		strncpy(a.why, err ? gai_strerror(err) : "no addresses", sizeof a.why - 1);
	helper_write(fd, &a, answer_len(a.n));
}

static void
release(struct env_lookup *q)
{
	if (q->fd >= 0) {
		event_del(&q->ev);
		close(q->fd);
		q->fd = -1;
	}
	loop_soon_cancel(&q->soon);
	list_remove(&q->node);
	env_timer_free(q->patience);
	q->patience = NULL;
	free(q->host);
	q->host = NULL;
	loop_bury(q->env, q);
}

static struct kept *
kept_for(const struct env_lookup *q)
{
	return q->host != NULL && q->env->resolved != NULL ? map_get_str(q->env->resolved, q->host) : NULL;
}

static void
keep(struct env_lookup *q)
{
	struct env *env = q->env;
	struct kept *k = kept_for(q);

	if (q->host == NULL || (env->resolved == NULL && (env->resolved = map_new()) == NULL))
		return;
	if (k == NULL && (map_count(env->resolved) >= KEPT_MAX || (k = malloc(sizeof *k)) == NULL))
		return;
	k->n = q->answer.n;
	memcpy(k->addrs, q->answer.addrs, k->n * sizeof k->addrs[0]);
	if (map_put_str(env->resolved, q->host, k) < 0)
		free(k);
}

/* True when there was something to fall back on. */
static bool
take_kept(struct env_lookup *q, const char *why)
{
	struct kept *k = kept_for(q);

	if (k == NULL)
		return false;
	log_info("env", "look up %s: %s; using the last one", q->host, why);
	q->answer.n = (uint32_t)k->n;
	memcpy(q->answer.addrs, k->addrs, k->n * sizeof k->addrs[0]);
	return true;
}

void
resolve_free(struct env *env)
{
	while (!list_empty(&env->lookups))
		release(LIST_OF(env->lookups.next, struct env_lookup, node));
	if (env->resolved == NULL)
		return;
	for (struct map_it i = map_first(env->resolved); i.value != NULL; i = map_next(i))
		free(i.value);
	map_free(env->resolved);
	env->resolved = NULL;
}

static void
deliver(void *arg)
{
	struct env_lookup *q = arg;
	struct env *env = q->env;
	struct answer *a = &q->answer;

	release(q);		/* the memory stays until the round is over */
	if (q->fn == NULL)
		return;
	loop_turn_begin(env);
	q->fn(q->arg, a->n > 0 ? a->addrs : NULL, a->n, a->n > 0 ? NULL : a->why);
	loop_turn_end(env);
}

/* The owner gets what was kept; the worker goes on, for the next who asks. */
static void
deliver_kept(void *arg)
{
	struct env_lookup *q = arg;
	struct kept *k = kept_for(q);
	env_lookup_fn fn = q->fn;

	q->fn = NULL;
	loop_turn_begin(q->env);
	fn(q->arg, k->addrs, k->n, NULL);
	loop_turn_end(q->env);
}

/* A timer, so inside a turn: the answer is told in one of its own. */
static void
on_impatient(void *arg)
{
	struct env_lookup *q = arg;

	log_info("env", "look up %s: no answer yet; using the last one", q->host);
	loop_soon(q->env, &q->soon);
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct env_lookup *q = arg;
	ssize_t n = read((int)fd, (char *)&q->answer + q->got, sizeof q->answer - q->got);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		q->answer.n = 0;
		strcpy(q->answer.why, "the resolver process ended");
		take_kept(q, q->answer.why);
		deliver(q);
		return;
	}
	q->got += (size_t)n;
	if (q->got < answer_len(0) || q->got < answer_len(q->answer.n))
		return;
	q->answer.why[WHY_MAX - 1] = '\0';
	if (q->answer.n > 0)
		keep(q);
	else if (q->answer.again)
		take_kept(q, q->answer.why);
	deliver(q);
}

struct env_lookup *
env_lookup(struct env *env, const char *host, env_lookup_fn fn, void *arg)
{
	struct env_lookup *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->env = env;
	q->fn = fn;
	q->arg = arg;
	q->fd = -1;
	list_append(&env->lookups, &q->node);
	loop_soon_init(&q->soon, deliver, q);
	if (addr_parse(&q->answer.addrs[0], host) == 0) {
		q->answer.n = 1;
		loop_soon(env, &q->soon);
		return q;
	}
	q->host = strdup(host);
	q->fd = helper_open(env->helper, HELPER_LOOKUP, host);
	if (q->fd < 0) {
		strncpy(q->answer.why, strerror(-q->fd), WHY_MAX - 1);
		q->fd = -1;
		loop_soon(env, &q->soon);
		return q;
	}
	event_assign(&q->ev, env->base, q->fd, EV_READ | EV_PERSIST, on_answer, q);
	event_add(&q->ev, NULL);
	if (kept_for(q) != NULL && (q->patience = env_timer_new(env, on_impatient, q)) != NULL)
		env_timer_set(q->patience, PATIENCE_US);
	loop_soon_init(&q->soon, deliver_kept, q);
	return q;
}

void
env_lookup_cancel(struct env_lookup *q)
{
	if (q != NULL)
		release(q);
}
