/* SPDX-License-Identifier: ISC */
/*
 * listen.c -- listening sockets: TCP on one address or all, TLS, local sockets.
 *
 * An accepted stream is the listener's until its TLS handshake is over (10 s at
 * most) and it has been handed to the accept callback.  When descriptors run
 * out, accepting rests for a while instead of spinning.
 */
#include "config.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/stream.h"
#include "sys/sockaddr.h"

#define HANDSHAKE_US	(10 * MONO_SEC)
#define REST_US		(500 * MONO_MS)
#define ACCEPTS_A_ROUND	64
#define BACKLOG		1024

struct env_listener {
	struct env *env;
	env_accept_fn fn;
	void *arg;
	int fd[2];		/* IPv6 and IPv4, or one of them, or a local socket */
	struct event ev[2];
	uint16_t port;
	char *path;		/* local socket, removed on close; owned */
	struct tls_server *tls;	/* owned */
	struct env_timer *rest;
	bool closed;
};

static void
watch(struct env_listener *l, bool on)
{
	for (int i = 0; i < 2; i++) {
		if (l->fd[i] < 0)
			continue;
		if (on)
			event_add(&l->ev[i], NULL);
		else
			event_del(&l->ev[i]);
	}
}

static void
on_rested(void *arg)
{
	watch(arg, true);
}

static void
on_handshake_limit(void *arg)
{
	struct env_stream *s = arg;

	log_debug("env", "%s: no TLS handshake in time", s->what ? s->what : "peer");
	env_stream_close(s);
}

void
listener_hand_over(struct env_listener *l, struct env_stream *s)
{
	struct env *env = l->env;

	loop_turn_begin(env);
	l->fn(l->arg, s);
	loop_turn_end(env);
}

static void
accepted(struct env_listener *l, int fd, const struct sockaddr *sa)
{
	struct env_stream *s = stream_new(l->env, NULL, NULL);
	struct addr from = sys_addr_from_sockaddr(sa);
	char text[ADDR_STRLEN];

	if (s == NULL) {
		close(fd);
		return;
	}
	stream_adopt(s, fd);
	stream_set_what(s, from.family ? addr_str_port(&from, text) : "local client", 0);
	s->accepted_by = l;
	if (l->tls != NULL) {
		s->limit = env_timer_new(l->env, on_handshake_limit, s);
		if (s->limit == NULL || tls_server_stream(l->tls, s) < 0) {
			env_stream_close(s);
			return;
		}
		env_timer_set(s->limit, HANDSHAKE_US);
	}
	stream_start(s);
}

static void
on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct env_listener *l = arg;

	for (int i = 0; i < ACCEPTS_A_ROUND && !l->closed; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof ss;
		int fd;

		memset(&ss, 0, sizeof ss);
		fd = accept4((int)listening, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			accepted(l, fd, (struct sockaddr *)&ss);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warn("env", "cannot accept connections for now");
			watch(l, false);
			env_timer_set(l->rest, REST_US);
			return;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* ECONNABORTED and the like: that one is gone, the next may be fine */
	}
}

/* ---- opening ---------------------------------------------------------------- */

static int
listen_on(struct env_listener *l, int i, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sys_addr_to_sockaddr(a, &ss);
	int on = 1, fd, err;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->family == ADDR_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		l->port = sys_addr_from_sockaddr((struct sockaddr *)&ss).port;
	l->fd[i] = fd;
	return 0;
}

static int
listen_all(struct env_listener *l, uint16_t port)
{
	static const uint8_t any[16];
	struct addr a = addr_v6(any, port);
	int err = listen_on(l, 0, &a);

	/* A host without IPv6 is no error. */
	if (err < 0 && err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL && err != -EPROTONOSUPPORT)
		return err;
	a = addr_v4(0, l->fd[0] >= 0 ? l->port : port);
	return listen_on(l, 1, &a);
}

/* A port that the system picked for one family may be taken in the other. */
static int
listen_both(struct env_listener *l, uint16_t port)
{
	int err = listen_all(l, port);

	for (int i = 0; i < 10 && err == -EADDRINUSE && port == 0; i++) {
		close(l->fd[0]);
		l->fd[0] = -1;
		err = listen_all(l, port);
	}
	return err;
}

/* 0 when nobody answers at `path`, and what lies there is gone. */
static int
clear_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0 ? 0 : errno;
	close(fd);
	if (err != ECONNREFUSED)	/* EAGAIN: alive, its queue is full */
		return -EADDRINUSE;
	return unlink(sun->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The mode is right before anybody can connect: listen comes last. */
static int
listen_local(struct env_listener *l, const char *path, unsigned mode)
{
	struct sockaddr_un sun;
	mode_t old;
	int fd, err;

	memset(&sun, 0, sizeof sun);
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof sun.sun_path)
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	err = clear_stale(&sun);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	old = umask(0177);
	err = bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 ? -errno : 0;
	umask(old);
	if (err == 0 && (l->path = strdup(path)) == NULL)
		err = -ENOMEM;
	if (err == 0 && chmod(path, mode) < 0)
		err = -errno;
	if (err == 0 && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (err < 0) {
		close(fd);
		return err;
	}
	l->fd[0] = fd;
	return 0;
}

struct env_listener *
env_listen(struct env *env, const struct env_listen *on, env_accept_fn fn, void *arg, int *err)
{
	struct env_listener *l = calloc(1, sizeof *l);
	char why[300];

	*err = -ENOMEM;
	if (l == NULL)
		return NULL;
	l->env = env;
	l->fn = fn;
	l->arg = arg;
	l->fd[0] = l->fd[1] = -1;
	l->rest = env_timer_new(env, on_rested, l);
	if (l->rest == NULL)
		goto fail;
	if (on->tls != NULL && (l->tls = tls_server_new(on->tls, why, sizeof why)) == NULL) {
		log_error("env", "%s", why);
		*err = -EINVAL;
		goto fail;
	}
	if (on->path != NULL)
		*err = listen_local(l, on->path, on->mode);
	else if (on->addr.family == ADDR_NONE)
		*err = listen_both(l, on->addr.port);
	else
		*err = listen_on(l, 0, &on->addr);
	if (*err < 0)
		goto fail;
	for (int i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			event_assign(&l->ev[i], env->base, l->fd[i], EV_READ | EV_PERSIST, on_acceptable, l);
	watch(l, true);
	return l;
fail:
	for (int i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	env_timer_free(l->rest);
	tls_server_free(l->tls);
	free(l->path);
	free(l);
	return NULL;
}

uint16_t
env_listener_port(const struct env_listener *l)
{
	return l->port;
}

void
env_listener_close(struct env_listener *l)
{
	if (l == NULL || l->closed)
		return;
	l->closed = true;
	watch(l, false);
	for (int i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	LIST_EACH(it, &l->env->streams) {
		struct env_stream *s = LIST_OF(it, struct env_stream, node);

		if (s->accepted_by == l)
			env_stream_close(s);
	}
	if (l->path != NULL)
		unlink(l->path);
	env_timer_free(l->rest);
	tls_server_free(l->tls);
	free(l->path);
	loop_bury(l->env, l);
}
