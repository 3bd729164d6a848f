/* SPDX-License-Identifier: ISC */
/*
 * stream-io.c -- bytes in and out of a connected stream.
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
#include <errno.h>
#include "env/stream.h"

#define FINISH_US	(5 * MONO_SEC)	/* env.h: env_stream_finish */
#define READS_A_ROUND	4		/* of one stream, so that others get their turn */
#define WRITE_ROUNDS	8		/* of DRAINED answered by more, before polling again */
#define KEEP_BUFFER	4096	/* an idle stream keeps no larger one */
#define TLS_RECORD	16384

static void flush(struct env_stream *);

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
			stream_release(s);
			return;
		}
		stream_ended(s);
		stream_tell_event(s, r == TLS_CLOSED ? ENV_STREAM_EOF : ENV_STREAM_TRUNCATED);
		break;
	default:
		if (s->ssl != NULL)
			stream_fail_tls(s, "read from");
		else
			stream_fail_errno(s, "read from");
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
			stream_tell(s, &(struct env_stream_note){ .event = ENV_STREAM_DATA, .data = slot, .len = (size_t)r });
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

void
stream_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_HANDSHAKE) {
		stream_handshake(s);
		return;
	}
	if (s->want_read_to_write) {
		s->want_read_to_write = false;
		flush(s);
	}
	if (s->phase == STREAM_OPEN && !s->paused)
		read_round(s);
	stream_watch(s);
}

void
stream_on_again(void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_OPEN && !s->paused) {
		read_round(s);
		stream_watch(s);
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
		stream_release(s);	/* its FIN is here already */
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
			stream_fail_tls(s, "write to");
		else
			stream_fail_errno(s, "write to");
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
			stream_tell_event(s, ENV_STREAM_DRAINED);
		if (s->phase == STREAM_CLOSED)
			return;
		list_remove(&s->dirty);		/* what the owner added is written right here */
	}
	if (buf_len(&s->out) == 0 && s->out.cap > KEEP_BUFFER)
		buf_free(&s->out);
	if (s->finishing && buf_len(&s->out) == 0)
		finished(s);
	stream_watch(s);
}

void
stream_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct env_stream *s = arg;

	if (s->phase == STREAM_HANDSHAKE) {
		stream_handshake(s);
		return;
	}
	flush(s);
	if (s->phase == STREAM_OPEN && s->want_write_to_read && !s->paused)
		read_round(s);
	stream_watch(s);
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
	stream_release(arg);
}

void
env_stream_finish(struct env_stream *s)
{
	if (s->phase != STREAM_OPEN && s->phase != STREAM_ENDED) {
		stream_release(s);
		return;
	}
	if (s->unusable) {
		stream_release(s);
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
