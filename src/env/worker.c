/* SPDX-License-Identifier: ISC */
/* worker.c -- messages to a worker and back; see worker.h. */
#include "config.h"
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/worker.h"
#include "sys/clock.h"

#define MESSAGE_MAX	(256u << 20)

static void
on_told(void *arg)
{
	struct worker *w = arg;

	w->deliver(w->arg);
}

int
worker_init(struct worker *w, struct env *env, enum helper_kind kind, const char *path)
{
	memset(w, 0, sizeof *w);
	w->env = env;
	w->kind = kind;
	w->fd = -1;
	w->path = strdup(path);
	loop_soon_init(&w->told, on_told, w);
	return w->path == NULL ? -ENOMEM : 0;
}

static void
stop(struct worker *w)
{
	if (w->fd < 0)
		return;
	event_del(&w->rd);
	event_del(&w->wr);
	close(w->fd);
	w->fd = -1;
	buf_wipe(&w->out);
	buf_wipe(&w->in);
}

static void
died(struct worker *w)
{
	log_error("env", "the helper for %s ended", *w->path ? w->path : "files");
	stop(w);
	w->on_death(w->arg);
	w->awaited = 0;
}

/* Reads what is there. False at the end of the worker. */
static bool
fill(struct worker *w)
{
	for (;;) {
		uint8_t bytes[16384];
		ssize_t n = read(w->fd, bytes, sizeof bytes);

		if (n > 0)
			buf_put(&w->in, bytes, (size_t)n);
		else
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		if ((size_t)n < sizeof bytes)
			return true;
	}
}

/* Hands on every whole message. */
static void
hand_on(struct worker *w)
{
	while (buf_len(&w->in) >= 4) {
		struct rd rd;
		uint32_t len;

		memcpy(&len, buf_bytes(&w->in), 4);
		if (buf_len(&w->in) - 4 < len)
			return;
		rd = rd_of(buf_bytes(&w->in) + 4, len);
		w->on_message(w->arg, &rd);
		buf_consume(&w->in, 4 + (size_t)len);
	}
	if (buf_len(&w->in) == 0)
		buf_free(&w->in);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	bool alive = fill(w);

	hand_on(w);
	if (!alive)
		died(w);
	w->deliver(w->arg);	/* may end the worker: nothing after this */
}

static void
push(struct worker *w)
{
	while (buf_len(&w->out) > 0) {
		ssize_t n = write(w->fd, buf_bytes(&w->out), buf_len(&w->out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;		/* full, or dead: the reading side finds out */
		buf_consume(&w->out, (size_t)n);
	}
	if (buf_len(&w->out) > 0)
		event_add(&w->wr, NULL);
	else
		buf_wipe(&w->out);	/* it may have carried keys */
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	push(arg);
}

int
worker_start(struct worker *w)
{
	w->fd = helper_open(w->env->helper, w->kind, w->path);
	if (w->fd < 0) {
		int err = w->fd;

		w->fd = -1;
		return err;
	}
	event_assign(&w->rd, w->env->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	event_assign(&w->wr, w->env->base, w->fd, EV_WRITE, on_writable, w);
	event_add(&w->rd, NULL);
	if (w->on_start != NULL)
		w->on_start(w->arg);
	return 0;
}

int
worker_send(struct worker *w, const struct buf *message)
{
	uint32_t len = (uint32_t)buf_len(message);
	int err;

	if (buf_len(message) > MESSAGE_MAX)
		return -EFBIG;
	if (w->fd < 0 && (err = worker_start(w)) < 0)
		return err;
	if (buf_reserve(&w->out, 4 + (size_t)len) < 0)
		return -ENOMEM;
	buf_put(&w->out, &len, sizeof len);
	buf_put(&w->out, buf_bytes(message), len);
	push(w);
	return 0;
}

int
worker_drain(struct worker *w, int64_t limit_us)
{
	int64_t until = sys_clock_running_us() + limit_us;
	int err = 0;

	while (w->fd >= 0 && w->awaited > 0) {
		struct pollfd p = { .fd = w->fd, .events = POLLIN };
		int64_t left = until - sys_clock_running_us();

		if (left <= 0)
			return -ETIMEDOUT;
		push(w);
		if (buf_len(&w->out) > 0)
			p.events |= POLLOUT;
		if (poll(&p, 1, (int)(left / 1000) + 1) <= 0)
			continue;
		if (!(p.revents & (POLLIN | POLLHUP)))
			continue;
		if (!fill(w)) {
			hand_on(w);
			died(w);
			err = -EPIPE;
		} else {
			hand_on(w);
		}
		loop_soon(w->env, &w->told);
	}
	return err;
}

void
worker_rest(struct worker *w)
{
	if (w->awaited == 0)
		stop(w);
}

void
worker_see_off(struct worker *w, int64_t limit_us)
{
	int64_t until = sys_clock_running_us() + limit_us, left;

	if (w->fd < 0)
		return;
	shutdown(w->fd, SHUT_WR);
	while ((left = until - sys_clock_running_us()) > 0) {
		struct pollfd p = { .fd = w->fd, .events = POLLIN };

		if (poll(&p, 1, (int)(left / 1000) + 1) > 0 && !fill(w))
			break;		/* end of file: its process is gone */
	}
	stop(w);
}

void
worker_fini(struct worker *w)
{
	stop(w);
	loop_soon_cancel(&w->told);
	free(w->path);
	w->path = NULL;
}

int
worker_receive(int fd, struct buf *in)
{
	uint32_t len;
	uint8_t *at;

	buf_clear(in);
	if (helper_read(fd, &len, sizeof len) < 0 || len > MESSAGE_MAX)
		return -EPIPE;
	at = buf_grow(in, len);
	return at == NULL ? -ENOMEM : helper_read(fd, at, len);
}

int
worker_answer(int fd, const struct buf *message)
{
	uint32_t len = (uint32_t)buf_len(message);

	if (helper_write(fd, &len, sizeof len) < 0)
		return -EPIPE;
	return helper_write(fd, buf_bytes(message), len);
}
