/* SPDX-License-Identifier: ISC */
/*
 * stream.c -- a byte stream once its socket is connected.
 *
 * Reading and writing are done here and not by libevent's bufferevents: those
 * read 4 KB at a time with an ioctl before each, and with OpenSSL they hide
 * whether the far end said close_notify.  A read takes up to 64 KB straight
 * into a slot of the loop and hands it on without a copy.
 *
 * Writes are queued and go out once a round (streams_flush), so what a turn
 * writes in pieces leaves as one segment or TLS record.
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

#define FINISH_US	(5 * MONO_SEC)	/* env.h: env_stream_finish */
#define READS_A_ROUND	4		/* of one stream, so that others get their turn */
#define WRITE_ROUNDS	8		/* of DRAINED answered by more, before polling again */
#define KEEP_BUFFER	4096	/* an idle stream keeps no larger one */
#define TLS_RECORD	16384

static void on_readable(evutil_socket_t, short, void *);
static void on_writable(evutil_socket_t, short, void *);
static void on_again(void *);
static void flush(struct env_stream *);

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
	loop_soon_init(&s->again, on_again, s);
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
	event_assign(&s->ev_read, s->env->base, fd, EV_READ | EV_PERSIST, on_readable, s);
	event_assign(&s->ev_write, s->env->base, fd, EV_WRITE, on_writable, s);
}

static void
release(struct env_stream *s)
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
	release(s);
}

void
streams_free(struct env *env)
{
	while (!list_empty(&env->streams))
		release(LIST_OF(env->streams.next, struct env_stream, node));
}

/* ---- telling the owner --------------------------------------------------------- */

static void
tell(struct env_stream *s, const struct env_stream_note *note)
{
	struct env *env = s->env;

	if (s->fn == NULL)
		return;
	loop_turn_begin(env);
	s->fn(s->arg, note);
	loop_turn_end(env);
}

static void
tell_event(struct env_stream *s, enum env_stream_event event)
{
	tell(s, &(struct env_stream_note){ .event = event });
}

static void
end(struct env_stream *s)
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
	end(s);
	s->unusable = true;
	if (s->fd >= 0)
		event_del(&s->ev_write);
	list_remove(&s->dirty);
	if (s->finishing || s->accepted_by != NULL) {	/* nobody to tell */
		log_debug("env", "%s", text);
		release(s);
		return;
	}
	tell(s, &(struct env_stream_note){ .event = ENV_STREAM_ERROR, .err = err, .text = text });
}

static void
fail_errno(struct env_stream *s, const char *doing)
{
	int err = errno ? errno : EIO;

	stream_fail(s, -err, "%s %s: %s", doing, s->what ? s->what : "peer", strerror(err));
}

static void
fail_tls(struct env_stream *s, const char *doing)
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

static void
watch(struct env_stream *s)
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
		tell_event(s, ENV_STREAM_CONNECTED);
	}
	if (s->phase != STREAM_OPEN)
		return;
	if (buf_len(&s->out) > 0 && list_empty(&s->dirty))
		list_append(&s->env->dirty, &s->dirty);
	watch(s);
	if (s->ssl != NULL && !s->paused && tls_pending(s))
		loop_soon(s->env, &s->again);
}

static void
handshake(struct env_stream *s)
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
		fail_tls(s, "TLS with");
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
		fail_errno(s, "TLS with");
		return;
	}
	handshake(s);
}

/* ---- reading ------------------------------------------------------------------ */

/* One read. Bytes, or a TLS_* result; plain sockets answer in the same terms. */
static long
read_some(struct env_stream *s, uint8_t *out, size_t room)
{
	ssize_t n;

	if (s->ssl != NULL) {
		size_t got = 0;
		long r = 0;

		while (room - got >= TLS_RECORD && (r = tls_read(s, out + got, room - got)) > 0)
			got += (size_t)r;
		return got > 0 ? (long)got : r;	/* what ended it is found again by the next read */
	}
	do {
		n = recv(s->fd, out, room, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n == 0)
		return TLS_CLOSED;
	return errno == EAGAIN || errno == EWOULDBLOCK ? TLS_WANT_READ : TLS_FAILED;
}

static void
read_ended(struct env_stream *s, long r)
{
	switch (r) {
	case TLS_WANT_READ:
		break;
	case TLS_WANT_WRITE:
		s->want_write_to_read = true;
		break;
	case TLS_CLOSED:
	case TLS_TRUNCATED:
		if (s->finishing) {
			release(s);
			return;
		}
		end(s);
		tell_event(s, r == TLS_CLOSED ? ENV_STREAM_EOF : ENV_STREAM_TRUNCATED);
		break;
	default:
		if (s->ssl != NULL)
			fail_tls(s, "read from");
		else
			fail_errno(s, "read from");
	}
}

static void
read_round(struct env_stream *s)
{
	uint8_t *slot = loop_slot(s->env, 0);
	long r = 0;

	if (slot == NULL)
		return;
	s->want_write_to_read = false;
	for (int i = 0; i < READS_A_ROUND; i++) {
		r = read_some(s, slot, 64 * 1024);
		if (r <= 0)
			break;
		loop_slots_used(s->env, 1, (size_t)r);
		if (!s->finishing)
			tell(s, &(struct env_stream_note){ .event = ENV_STREAM_DATA, .data = slot, .len = (size_t)r });
		if (s->phase != STREAM_OPEN || s->paused)
			return;
		if (s->ssl == NULL && r < 64 * 1024)
			break;		/* that was all; a FIN behind it wakes us again */
	}
	if (r <= 0)
		read_ended(s, r);
	else if (s->ssl != NULL && s->phase == STREAM_OPEN)
		loop_soon(s->env, &s->again);	/* there may be more inside OpenSSL */
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_HANDSHAKE) {
		handshake(s);
		return;
	}
	if (s->want_read_to_write) {
		s->want_read_to_write = false;
		flush(s);
	}
	if (s->phase == STREAM_OPEN && !s->paused)
		read_round(s);
	watch(s);
}

static void
on_again(void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_OPEN && !s->paused) {
		read_round(s);
		watch(s);
	}
}

/* ---- writing -------------------------------------------------------------------- */

/* Everything is with the kernel: our FIN, then wait for the far end's. */
static void
finished(struct env_stream *s)
{
	if (s->shut)
		return;
	s->shut = true;
	if (s->ssl != NULL)
		tls_goodbye(s);
	shutdown(s->fd, SHUT_WR);
	s->paused = false;
	if (s->phase == STREAM_ENDED)
		release(s);	/* its FIN is here already */
}

static void
write_out(struct env_stream *s)
{
	while (buf_len(&s->out) > 0) {
		long n;

		if (s->ssl != NULL)
			n = tls_write(s, buf_bytes(&s->out), buf_len(&s->out));
		else
			n = send(s->fd, buf_bytes(&s->out), buf_len(&s->out), MSG_NOSIGNAL);
		if (n > 0) {
			buf_consume(&s->out, (size_t)n);
			continue;
		}
		if (s->ssl == NULL && errno == EINTR)
			continue;
		if (s->ssl == NULL && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
			return;
		if (s->ssl != NULL && n == TLS_WANT_WRITE)
			return;
		if (s->ssl != NULL && n == TLS_WANT_READ) {
			s->want_read_to_write = true;
			return;
		}
		s->unusable = true;
		if (s->phase == STREAM_ENDED && !s->finishing)
			return;		/* told EOF already: nothing more comes */
		if (s->ssl != NULL)
			fail_tls(s, "write to");
		else
			fail_errno(s, "write to");
		return;
	}
}

static void
flush(struct env_stream *s)
{
	if (s->unusable || (s->phase != STREAM_OPEN && s->phase != STREAM_ENDED))
		return;
	for (int i = 0; i < WRITE_ROUNDS && buf_len(&s->out) > 0; i++) {
		write_out(s);
		if (s->phase == STREAM_CLOSED || s->unusable)
			return;
		if (!s->above_low || buf_len(&s->out) > s->low)
			break;
		s->above_low = false;
		if (s->phase == STREAM_OPEN)
			tell_event(s, ENV_STREAM_DRAINED);
		if (s->phase == STREAM_CLOSED)
			return;
		list_remove(&s->dirty);		/* what the owner added is written right here */
	}
	if (buf_len(&s->out) == 0 && s->out.cap > KEEP_BUFFER)
		buf_free(&s->out);
	if (s->finishing && buf_len(&s->out) == 0)
		finished(s);
	watch(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_HANDSHAKE) {
		handshake(s);
		return;
	}
	flush(s);
	if (s->phase == STREAM_OPEN && s->want_write_to_read && !s->paused)
		read_round(s);
	watch(s);
}

void
streams_flush(struct env *env)
{
	/* What DRAINED makes others write goes out in the same go, within reason. */
	for (int i = 0; i < 1000 && !list_empty(&env->dirty); i++) {
		struct env_stream *s = LIST_OF(env->dirty.next, struct env_stream, dirty);

		list_remove(&s->dirty);
		flush(s);
	}
}

int
env_stream_write(struct env_stream *s, const void *bytes, size_t len)
{
	if (s->unusable || s->finishing || s->phase == STREAM_CLOSED)
		return -EPIPE;
	if (buf_reserve(&s->out, len) < 0)
		return -ENOMEM;
	buf_put(&s->out, bytes, len);
	if (buf_len(&s->out) > s->low)
		s->above_low = true;
	if ((s->phase == STREAM_OPEN || s->phase == STREAM_ENDED) && list_empty(&s->dirty) &&
	    !event_pending(&s->ev_write, EV_WRITE, NULL))
		list_append(&s->env->dirty, &s->dirty);
	return 0;
}

static void
on_finish_limit(void *arg)
{
	release(arg);
}

void
env_stream_finish(struct env_stream *s)
{
	if (s->phase != STREAM_OPEN && s->phase != STREAM_ENDED) {
		release(s);
		return;
	}
	if (s->unusable) {
		release(s);
		return;
	}
	s->fn = NULL;
	s->finishing = true;
	s->limit = env_timer_new(s->env, on_finish_limit, s);
	if (s->limit != NULL)
		env_timer_set(s->limit, FINISH_US);
	if (list_empty(&s->dirty))
		list_append(&s->env->dirty, &s->dirty);
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
	watch(s);
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
