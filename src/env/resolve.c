/* SPDX-License-Identifier: ISC */
/*
 * resolve.c -- name lookup by getaddrinfo, each in a process of its own.
 *
 * getaddrinfo knows all that the host's resolver knows (/etc/hosts, nsswitch,
 * search lists) and blocks, so it runs in a worker.  A fresh process reads
 * /etc/resolv.conf afresh, so a network change needs no reload.  Cancelling
 * closes the socket; the worker ends by itself.
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
#include "env/helper.h"
#include "env/loop.h"
#include "sys/sockaddr.h"

#define ANSWERS_MAX	32
#define WHY_MAX		128

/* What the worker sends: this head, then `n` addresses. */
struct answer {
	uint32_t n;
	char why[WHY_MAX];
	struct addr addrs[ANSWERS_MAX];
};

struct env_lookup {
	struct env *env;
	env_lookup_fn fn;
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
	loop_bury(q->env, q);
}

static void
deliver(void *arg)
{
	struct env_lookup *q = arg;
	struct env *env = q->env;
	struct answer *a = &q->answer;

	release(q);		/* the memory stays until the round is over */
	loop_turn_begin(env);
	q->fn(q->arg, a->n > 0 ? a->addrs : NULL, a->n, a->n > 0 ? NULL : a->why);
	loop_turn_end(env);
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
		deliver(q);
		return;
	}
	q->got += (size_t)n;
	if (q->got < answer_len(0) || q->got < answer_len(q->answer.n))
		return;
	q->answer.why[WHY_MAX - 1] = '\0';
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
	loop_soon_init(&q->soon, deliver, q);
	if (addr_parse(&q->answer.addrs[0], host) == 0) {
		q->answer.n = 1;
		loop_soon(env, &q->soon);
		return q;
	}
	q->fd = helper_open(env->helper, HELPER_LOOKUP, host);
	if (q->fd < 0) {
		strncpy(q->answer.why, strerror(-q->fd), WHY_MAX - 1);
		q->fd = -1;
		loop_soon(env, &q->soon);
		return q;
	}
	event_assign(&q->ev, env->base, q->fd, EV_READ | EV_PERSIST, on_answer, q);
	event_add(&q->ev, NULL);
	return q;
}

void
env_lookup_cancel(struct env_lookup *q)
{
	if (q != NULL)
		release(q);
}
