/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- a byte stream once its socket is connected: its life, its
 * handshake, what its owner is told.  stream-io.c reads and writes.
 */
#include "config.h"
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/stream.h"
#include "sys/sockaddr.h"

/* ---- birth and death -------------------------------------------------------- */

struct env_stream *
stream_new(struct env *env, env_stream_fn fn, void *arg)
{
	struct env_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->env = env;
	s->fn = fn;
	s->arg = arg;
	s->fd = -1;
	s->phase = STREAM_DIALING;
	list_init(&s->dirty);
	loop_soon_init(&s->again, stream_on_again, s);
	list_append(&env->streams, &s->node);
	return s;
}

void
stream_set_what(struct env_stream *s, const char *host, uint16_t port)
{
	char text[300];

	if (port == 0)
		snprintf(text, sizeof text, "%s", host);
	else
		snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	free(s->what);
	s->what = strdup(text);
}

void
stream_adopt(struct env_stream *s, int fd)
{
	int on = 1;

	s->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	event_assign(&s->ev_read, s->env->base, fd, EV_READ | EV_PERSIST, stream_on_readable, s);
	event_assign(&s->ev_write, s->env->base, fd, EV_WRITE, stream_on_writable, s);
}

void
stream_release(struct env_stream *s)
{
	if (s->phase == STREAM_CLOSED)
		return;
	s->phase = STREAM_CLOSED;
	if (s->dial != NULL) {
		dial_free(s->dial);
		s->dial = NULL;
	}
	if (s->fd >= 0) {
		event_del(&s->ev_read);
		event_del(&s->ev_write);
	}
	if (s->ssl != NULL)
		tls_drop(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	loop_soon_cancel(&s->again);
	env_timer_free(s->limit);
	s->limit = NULL;
	list_remove(&s->dirty);
	list_remove(&s->node);
	buf_wipe(&s->out);
	free(s->what);
	s->what = NULL;
	loop_bury(s->env, s);
}

void
env_stream_close(struct env_stream *s)
{
	if (s == NULL)
		return;
	if (s->ssl != NULL && s->phase == STREAM_OPEN && buf_len(&s->out) == 0)
		tls_goodbye(s);
	stream_release(s);
}

void
streams_free(struct env *env)
{
	while (!list_empty(&env->streams))
		stream_release(LIST_OF(env->streams.next, struct env_stream, node));
}

/* ---- telling the owner --------------------------------------------------------- */

void
stream_tell(struct env_stream *s, const struct env_stream_note *note)
{
	struct env *env = s->env;

	if (s->fn == NULL)
		return;
	loop_turn_begin(env);
	s->fn(s->arg, note);
	loop_turn_end(env);
}

void
stream_tell_event(struct env_stream *s, enum env_stream_event event)
{
	stream_tell(s, &(struct env_stream_note){ .event = event });
}

void
stream_ended(struct env_stream *s)
{
	s->phase = STREAM_ENDED;
	loop_soon_cancel(&s->again);
	if (s->dial != NULL) {
		dial_free(s->dial);
		s->dial = NULL;
	}
	if (s->fd >= 0)
		event_del(&s->ev_read);
}

/* Only from the loop, never from a function the owner called. */
void
stream_fail(struct env_stream *s, int err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	stream_ended(s);
	s->unusable = true;
	if (s->fd >= 0)
		event_del(&s->ev_write);
	list_remove(&s->dirty);
	if (s->finishing || s->accepted_by != NULL) {	/* nobody to tell */
		log_debug("env", "%s", text);
		stream_release(s);
		return;
	}
	stream_tell(s, &(struct env_stream_note){ .event = ENV_STREAM_ERROR, .err = err, .text = text });
}

void
stream_fail_errno(struct env_stream *s, const char *doing)
{
	int err = errno ? errno : EIO;

	stream_fail(s, -err, "%s %s: %s", doing, s->what ? s->what : "peer", strerror(err));
}

void
stream_fail_tls(struct env_stream *s, const char *doing)
{
	char why[200];
	int err = errno ? errno : EPROTO;

	tls_why(s, why, sizeof why);
	stream_fail(s, -err, "%s %s: %s", doing, s->what ? s->what : "peer", why);
}

int
stream_socket_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	return -err;
}

/* ---- which events the socket is watched for -------------------------------------- */

void
stream_watch(struct env_stream *s)
{
	bool rd = s->phase == STREAM_OPEN && (!s->paused || s->want_read_to_write);
	bool wr = buf_len(&s->out) > 0 && !s->unusable && !s->want_read_to_write &&
	    list_empty(&s->dirty);

	if (s->phase == STREAM_OPEN && s->want_write_to_read)
		wr = true;
	if (s->finishing && s->shut)
		rd = true;	/* until the far end has read all, or the limit */
	if (s->phase == STREAM_CLOSED || s->fd < 0)
		return;
	if (rd)
		event_add(&s->ev_read, NULL);
	else
		event_del(&s->ev_read);
	if (wr)
		event_add(&s->ev_write, NULL);
	else
		event_del(&s->ev_write);
}

static void
opened(struct env_stream *s)
{
	s->phase = STREAM_OPEN;
	env_timer_free(s->limit);
	s->limit = NULL;
	if (s->accepted_by != NULL) {
		struct env_listener *l = s->accepted_by;

		s->accepted_by = NULL;
		listener_hand_over(l, s);
	} else {
		stream_tell_event(s, ENV_STREAM_CONNECTED);
	}
	if (s->phase != STREAM_OPEN)
		return;
	if (buf_len(&s->out) > 0 && list_empty(&s->dirty))
		list_append(&s->env->dirty, &s->dirty);
	stream_watch(s);
	if (s->ssl != NULL && !s->paused && tls_pending(s))
		loop_soon(s->env, &s->again);
}

void
stream_handshake(struct env_stream *s)
{
	int r = tls_handshake(s);

	switch (r) {
	case 1:
		opened(s);
		return;
	case TLS_WANT_READ:
		event_del(&s->ev_write);
		event_add(&s->ev_read, NULL);
		return;
	case TLS_WANT_WRITE:
		event_del(&s->ev_read);
		event_add(&s->ev_write, NULL);
		return;
	default:
		if (r == TLS_TRUNCATED || r == TLS_CLOSED)
			errno = ECONNRESET;
		stream_fail_tls(s, "TLS with");
	}
}

void
stream_start(struct env_stream *s)
{
	if (s->ssl == NULL) {
		opened(s);
		return;
	}
	s->phase = STREAM_HANDSHAKE;
	if (tls_attach(s) < 0) {
		errno = ENOMEM;
		stream_fail_errno(s, "TLS with");
		return;
	}
	stream_handshake(s);
}

/* ---- the rest of the contract -------------------------------------------------------- */

void
env_stream_set_fn(struct env_stream *s, env_stream_fn fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
}

size_t
env_stream_queued(const struct env_stream *s)
{
	return buf_len(&s->out);
}

void
env_stream_set_low(struct env_stream *s, size_t low)
{
	s->low = low;
	s->above_low = buf_len(&s->out) > low;
}

void
env_stream_pause(struct env_stream *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	if (s->phase != STREAM_OPEN)
		return;
	stream_watch(s);
	if (!paused)
		loop_soon(s->env, &s->again);
}

static struct addr
socket_addr(const struct env_stream *s, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	memset(&ss, 0, sizeof ss);
	if (s->fd < 0 || get(s->fd, (struct sockaddr *)&ss, &len) < 0)
		return (struct addr){ 0 };
	return sys_addr_from_sockaddr((struct sockaddr *)&ss);
}

struct addr
env_stream_remote(const struct env_stream *s)
{
	return socket_addr(s, getpeername);
}

struct addr
env_stream_local(const struct env_stream *s)
{
	return socket_addr(s, getsockname);
}

int
env_stream_uid(const struct env_stream *s)
{
	return s->fd < 0 ? -1 : sys_peer_uid(s->fd);
}

const char *
env_stream_alpn(const struct env_stream *s)
{
	return s->ssl != NULL && s->phase >= STREAM_OPEN && s->alpn[0] ? s->alpn : NULL;
}
