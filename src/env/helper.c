/* SPDX-License-Identifier: ISC */
/* helper.c -- forking and its bookkeeping; see helper.h. */
#include "config.h"
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/helper.h"
#include "sys/proc.h"

struct helper {
	int fd;
	pid_t pid;
};

struct order {
	uint8_t kind;
	char arg[HELPER_ARG_MAX];
};

int
helper_read(int fd, void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {		/* the parent's end does not block */
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
			continue;
		}
		if (n <= 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
helper_write(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
			continue;
		}
		if (n < 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- in the helper ------------------------------------------------------- */

static void
to_null(int from, int to)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return;
	for (int i = from; i <= to; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void
work(enum helper_kind kind, int fd, const char *arg)
{
	signal(SIGCHLD, SIG_DFL);
	/* The worker's socket becomes descriptor 3, and nothing is open above. */
	if (fd != 3) {
		dup2(fd, 3);
		fd = 3;
	}
	sys_close_from(4);
	switch (kind) {
	case HELPER_DISK:
		sys_proc_name("godwit-disk");
		disk_worker(fd);
		break;
	case HELPER_DB:
		sys_proc_name("godwit-db");
		db_worker(fd, arg);
		break;
	case HELPER_LOOKUP:
		/* It may wait for a name server long after the parent has ended: it
		 * must hold nobody's terminal or pipe. */
		to_null(2, 2);
		sys_proc_name("godwit-lookup");
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		lookup_worker(fd, arg);
		break;
	}
	_exit(0);
}

static int
receive(int fd, struct order *o, int *passed)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { o, sizeof *o };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof control.room
	};
	struct cmsghdr *c;
	ssize_t n;

	*passed = -1;
	do {
		n = recvmsg(fd, &msg, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -EPIPE;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(c), sizeof *passed);
	o->arg[sizeof o->arg - 1] = '\0';
	return 0;
}

static void
serve(int fd)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD };
	struct order o;
	int passed;

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);	/* SIGCHLD: workers leave no zombies */
	if (fd != 3) {
		dup2(fd, 3);
		fd = 3;
	}
	sys_close_from(4);
	to_null(0, 1);
	sys_proc_name("godwit-helper");
	while (receive(fd, &o, &passed) == 0) {
		if (passed < 0)
			continue;
		if (fork() == 0)
			work((enum helper_kind)o.kind, passed, o.arg);
		close(passed);		/* a failed fork shows as an end of file at once */
	}
	_exit(0);
}

/* ---- in the parent --------------------------------------------------------- */

static int
begin(struct helper *h)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	h->pid = fork();
	if (h->pid < 0) {
		int err = -errno;

		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (h->pid == 0) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	h->fd = pair[0];
	return 0;
}

static void
end(struct helper *h)
{
	close(h->fd);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct helper *
helper_start(void)
{
	struct helper *h = calloc(1, sizeof *h);

	if (h != NULL && begin(h) == 0)
		return h;
	log_warn("env", "cannot start the helper process");
	free(h);
	return NULL;
}

void
helper_stop(struct helper *h)
{
	if (h == NULL)
		return;
	end(h);
	free(h);
}

/* Hands one end of a pair over to the helper. */
static int
pass(struct helper *h, const struct order *o, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)o, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof control.room
	};
	struct cmsghdr *c;

	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(h->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int
helper_open(struct helper *h, enum helper_kind kind, const char *arg)
{
	struct order o;
	size_t len = strlen(arg);
	int pair[2], err;

	if (len >= sizeof o.arg)
		return -ENAMETOOLONG;
	o.kind = (uint8_t)kind;
	memcpy(o.arg, arg, len + 1);
	len += offsetof(struct order, arg) + 1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	err = pass(h, &o, len, pair[1]);
	if (err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN || err == -ECONNREFUSED) {
		/* Somebody killed it.  Another one, though now there is more in memory:
		 * a daemon that can look up no names any more would be worse. */
		log_error("env", "the helper process ended; starting another");
		end(h);
		err = begin(h);
		if (err == 0)
			err = pass(h, &o, len, pair[1]);
	}
	close(pair[1]);
	if (err != 0) {
		close(pair[0]);
		return err;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	return pair[0];
}
