/* SPDX-License-Identifier: ISC */
/*
 * disk.c -- small whole files, and the lock on a folder.
 *
 * Writing is the work of one worker process, in the order asked for: written
 * beside as PATH.new, synced, renamed over, the folder synced.  So a crash
 * leaves the old file or the new one.  The process ends when it has nothing to
 * do for a while, for it is needed seldom.  Reading first waits for what is still
 * being written, so one process sees its own files as it left them.
 */
#include "config.h"
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "env/worker.h"

#define LAST_WORDS_US	(30 * MONO_SEC)	/* how long a blocking call waits for the worker */
#define IDLE_US		(3 * MONO_SEC)	/* the worker rests after that */
#define FILE_MAX	(64 << 20)

enum disk_op { DISK_WRITE = 1, DISK_REMOVE };

struct pending {
	struct list node;
	env_file_fn fn;
	void *arg;
	char *path;		/* for the log; owned */
	int err;		/* once done */
};

struct disk {
	struct env *env;
	struct worker worker;
	struct list pending;	/* in the order of the answers */
	struct list done;	/* to be told */
	struct env_timer *idle;
};

struct dir_lock {
	struct list node;
	int fd;
};

/* ---- doing it ------------------------------------------------------------------ */

static int
write_whole(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof copy, "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int
replace(const char *path, unsigned mode, const uint8_t *bytes, size_t len)
{
	char beside[PATH_MAX];
	int fd, err;

	if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
		return -ENAMETOOLONG;
	unlink(beside);		/* of a crash; whoever made it, it is not written through */
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = fchmod(fd, mode) < 0 ? -errno : write_whole(fd, bytes, len);
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(beside, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(beside);
	else
		sync_folder_of(path);
	return err;
}

static int
remove_file(const char *path)
{
	if (unlink(path) < 0)
		return -errno;
	sync_folder_of(path);
	return 0;
}

void
disk_worker(int fd)
{
	struct buf in = { 0 }, out = { 0 };

	while (worker_receive(fd, &in) == 0) {
		struct rd r = rd_buf(&in);
		uint8_t op = rd_u8(&r);
		uint32_t mode = rd_be32(&r), path_len = rd_be32(&r);
		const char *path = (const char *)rd_bytes(&r, path_len);	/* NUL included */
		int err = r.bad ? -EINVAL : op == DISK_WRITE ? replace(path, mode, r.p, r.left) : remove_file(path);

		buf_clear(&out);
		buf_put_be32(&out, (uint32_t)err);
		if (worker_answer(fd, &out) < 0)
			break;	/* the parent is gone; what it had asked for was still in the socket */
	}
	buf_wipe(&in);
	buf_free(&out);
}

/* ---- asking for it ---------------------------------------------------------------- */

static void
answered(struct disk *d, int err)
{
	struct pending *p = LIST_OF(d->pending.next, struct pending, node);

	list_remove(&p->node);
	d->worker.awaited--;
	if (err < 0 && err != -ENOENT)
		log_error("env", "write %s: %s", p->path, strerror(-err));
	p->err = err;
	list_append(&d->done, &p->node);
}

static void
on_message(void *arg, struct rd *r)
{
	struct disk *d = arg;

	if (!list_empty(&d->pending))
		answered(d, (int)rd_be32(r));
}

static void
on_death(void *arg)
{
	struct disk *d = arg;

	while (!list_empty(&d->pending))
		answered(d, -EIO);
}

static void
on_idle(void *arg)
{
	struct disk *d = arg;

	worker_rest(&d->worker);
}

static void
deliver(void *arg)
{
	struct disk *d = arg;

	env_timer_set(d->idle, IDLE_US);

	while (!list_empty(&d->done)) {
		struct pending *p = LIST_OF(d->done.next, struct pending, node);

		list_remove(&p->node);
		if (p->fn != NULL) {
			loop_turn_begin(d->env);
			p->fn(p->arg, p->err);
			loop_turn_end(d->env);
		}
		free(p->path);
		free(p);
	}
}

static struct disk *
disk_of(struct env *env)
{
	struct disk *d = env->disk;

	if (d != NULL)
		return d;
	d = calloc(1, sizeof *d);
	if (d == NULL || (d->idle = env_timer_new(env, on_idle, d)) == NULL ||
	    worker_init(&d->worker, env, HELPER_DISK, "") < 0) {
		if (d != NULL)
			env_timer_free(d->idle);
		free(d);
		return NULL;
	}
	d->env = env;
	list_init(&d->pending);
	list_init(&d->done);
	d->worker.deliver = deliver;
	d->worker.on_message = on_message;
	d->worker.on_death = on_death;
	d->worker.arg = d;
	return env->disk = d;
}

static int
ask(struct env *env, enum disk_op op, const char *path, unsigned mode, const void *bytes, size_t len,
    env_file_fn fn, void *arg)
{
	struct disk *d = disk_of(env);
	struct pending *p = calloc(1, sizeof *p);
	struct buf m = { 0 };
	int err = -ENOMEM;

	if (d == NULL || p == NULL || (p->path = strdup(path)) == NULL)
		goto fail;
	buf_put_u8(&m, (uint8_t)op);
	buf_put_be32(&m, mode);
	buf_put_be32(&m, (uint32_t)strlen(path) + 1);
	buf_put(&m, path, strlen(path) + 1);
	buf_put(&m, bytes, len);
	if (buf_bad(&m) || (err = worker_send(&d->worker, &m)) < 0)
		goto fail;
	buf_wipe(&m);
	p->fn = fn;
	p->arg = arg;
	list_append(&d->pending, &p->node);
	d->worker.awaited++;
	return 0;
fail:
	buf_wipe(&m);
	if (p != NULL)
		free(p->path);
	free(p);
	return err;
}

int
env_file_write(struct env *env, const char *path, unsigned mode, const void *bytes, size_t len,
    env_file_fn done, void *arg)
{
	return ask(env, DISK_WRITE, path, mode, bytes, len, done, arg);
}

/* In order with the writes; what goes wrong is logged. */
int
env_file_remove(struct env *env, const char *path)
{
	return ask(env, DISK_REMOVE, path, 0, "", 0, NULL, NULL);
}

/* Waits for the worker; its answers are kept for the loop to tell. */
static void
settle(struct env *env)
{
	struct disk *d = env->disk;

	if (d != NULL)
		worker_drain(&d->worker, LAST_WORDS_US);
}

int
env_file_write_now(struct env *env, const char *path, unsigned mode, const void *bytes, size_t len)
{
	settle(env);
	return replace(path, mode, bytes, len);
}

int
env_file_read(struct env *env, const char *path, uint8_t **out, size_t *len)
{
	struct stat st;
	size_t got = 0;
	uint8_t *bytes;
	int fd, err = 0;

	settle(env);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		err = -ENOMEM;
	while (err == 0 && got < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + got, (size_t)st.st_size - got);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (err < 0) {
		free(bytes);
		return err;
	}
	bytes[got] = '\0';	/* for whoever wants a string */
	*out = bytes;
	*len = got;
	return 0;
}

void
disk_free(struct env *env)
{
	struct disk *d = env->disk;

	while (!list_empty(&env->locks)) {
		struct dir_lock *l = LIST_OF(env->locks.next, struct dir_lock, node);

		list_remove(&l->node);
		close(l->fd);
		free(l);
	}
	if (d == NULL)
		return;
	worker_drain(&d->worker, LAST_WORDS_US);
	on_death(d);		/* what took too long */
	LIST_EACH(it, &d->done)
		LIST_OF(it, struct pending, node)->fn = NULL;
	deliver(d);
	worker_fini(&d->worker);
	env_timer_free(d->idle);
	free(d);
	env->disk = NULL;
}

/* ---- the lock ---------------------------------------------------------------------- */

static int
make_folders(char *dir, unsigned mode)
{
	for (char *p = dir + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
			int err = -errno;

			*p = '/';
			return err;
		}
		*p = '/';
	}
	return mkdir(dir, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int
env_dir_lock(struct env *env, const char *dir, unsigned mode)
{
	char path[PATH_MAX];
	struct dir_lock *l;
	int err, fd;

	if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path - 8 || *dir == '\0')
		return -ENAMETOOLONG;
	err = make_folders(path, mode);
	if (err < 0)
		return err;
	strcat(path, "/lock");
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	l = malloc(sizeof *l);
	if (l == NULL) {
		close(fd);
		return -ENOMEM;
	}
	/* Who holds it, for people; the lock itself is the kernel's. */
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%ld\n", (long)getpid());
	l->fd = fd;
	list_append(&env->locks, &l->node);
	return 0;
}
