/* SPDX-License-Identifier: ISC */
/*
 * disk.c -- a host's disk: its faults, files, and the folder lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/disk.h"

/* ---- faults -------------------------------------------------------------------- */

void
sim_disk(struct sim_host *h, const struct sim_disk_faults *f)
{
	static const struct sim_disk_faults well = { .delay = 2 * MONO_MS, .jitter = 3 * MONO_MS };

	h->disk = f != NULL ? *f : well;
	sim_mark(h->sim, "disk", h->id, (uint64_t)h->disk.delay, h->disk.full);
}

int
disk_error(const struct sim_host *h)
{
	return h->disk.full ? -ENOSPC : h->disk.broken ? -EIO : 0;
}

int64_t
disk_time(struct sim_host *h)
{
	int64_t at = h->sim->now + h->disk.delay + (int64_t)prng_below(&h->kernel, (uint64_t)h->disk.jitter + 1);

	if (at < h->disk_busy)
		at = h->disk_busy;
	h->disk_busy = at;
	return at;
}

void *
disk_copy(const void *data, size_t len)
{
	uint8_t *c = malloc(len + 1);

	if (c == NULL)
		fatal("sim", "no memory");
	if (len > 0)
		memcpy(c, data, len);
	c[len] = '\0';
	return c;
}

/* ---- files ---------------------------------------------------------------------- */

struct file {
	struct list all;
	char *path;
	unsigned mode;
	uint8_t *data;
	size_t len;
};

struct wr {
	struct list in_env;
	struct ev ev;
	struct env *env;
	struct file new;
	env_file_fn fn;
	void *arg;
};

static struct file *
file_find(struct sim_host *h, const char *path)
{
	LIST_EACH(l, &h->files) {
		struct file *f = LIST_OF(l, struct file, all);

		if (strcmp(f->path, path) == 0)
			return f;
	}
	return NULL;
}

static void
file_set(struct sim_host *h, const char *path, unsigned mode, const void *data, size_t len)
{
	struct file *f = file_find(h, path);

	if (f == NULL) {
		f = calloc(1, sizeof *f);
		if (f == NULL)
			fatal("sim", "no memory");
		f->path = disk_copy(path, strlen(path));
		list_append(&h->files, &f->all);
	}
	free(f->data);
	f->data = disk_copy(data, len);
	f->len = len;
	f->mode = mode;
}

void
sim_file_put(struct sim_host *h, const char *path, const void *data, size_t len)
{
	file_set(h, path, 0600, data, len);
}

const uint8_t *
sim_file_get(struct sim_host *h, const char *path, size_t *len)
{
	struct file *f = file_find(h, path);

	if (f == NULL)
		return NULL;
	*len = f->len;
	return f->data;
}

int
env_file_read(struct env *e, const char *path, uint8_t **out, size_t *len)
{
	struct file *f = file_find(e->host, path);

	if (f == NULL)
		return -ENOENT;
	*out = disk_copy(f->data, f->len);
	*len = f->len;
	return 0;
}

static void
write_free(struct wr *w)
{
	ev_stop(w->env->sim, &w->ev);
	list_remove(&w->in_env);
	free(w->new.path);
	free(w->new.data);
	free(w);
}

static int
write_do(struct wr *w)
{
	struct sim_host *h = w->env->host;
	int err = disk_error(h);

	if (err == 0)
		file_set(h, w->new.path, w->new.mode, w->new.data, w->new.len);
	sim_mark(h->sim, "write", h->id, w->new.len, (uint64_t)-err);
	return err;
}

static void
write_run(void *arg)
{
	struct wr *w = arg;
	struct env *e = w->env;
	env_file_fn fn = w->fn;
	void *fn_arg = w->arg;
	int err = write_do(w);

	write_free(w);
	if (fn != NULL) {
		turn_begin(e);
		fn(fn_arg, err);
		turn_end(e);
	}
}

int
env_file_write(struct env *e, const char *path, unsigned mode, const void *data, size_t len, env_file_fn done, void *arg)
{
	struct wr *w;

	if (e->dead)
		return 0;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return -ENOMEM;
	env_ev_init(e, &w->ev, write_run, w);
	w->env = e;
	w->new = (struct file){ .path = disk_copy(path, strlen(path)), .mode = mode, .data = disk_copy(data, len), .len = len };
	w->fn = done;
	w->arg = arg;
	list_append(&e->writes, &w->in_env);
	ev_set(e->sim, &w->ev, disk_time(e->host));
	return 0;
}

int
env_file_write_now(struct env *e, const char *path, unsigned mode, const void *data, size_t len)
{
	int err = disk_error(e->host);

	if (err == 0 && !e->dead)
		file_set(e->host, path, mode, data, len);
	return err;
}

static void
file_free(struct file *f)
{
	list_remove(&f->all);
	free(f->path);
	free(f->data);
	free(f);
}

int
env_file_remove(struct env *e, const char *path)
{
	struct file *f = file_find(e->host, path);

	if (f != NULL && !e->dead)
		file_free(f);
	return 0;	/* gone is gone */
}

struct lock {
	struct list in_env;
	char *dir;
};

int
env_dir_lock(struct env *e, const char *dir, unsigned mode)
{
	struct lock *mine;

	(void)mode;
	LIST_EACH(el, &e->host->envs)
		LIST_EACH(l, &LIST_OF(el, struct env, in_host)->locks)
			if (strcmp(LIST_OF(l, struct lock, in_env)->dir, dir) == 0)
				return -EWOULDBLOCK;
	mine = calloc(1, sizeof *mine);
	if (mine == NULL)
		return -ENOMEM;
	mine->dir = disk_copy(dir, strlen(dir));
	list_append(&e->locks, &mine->in_env);
	return 0;
}

/* ---- ends ------------------------------------------------------------------------------- */

size_t
disk_carried_out(struct env *e, size_t n, bool power)
{
	size_t k = (size_t)prng_below(&e->host->kernel, n + 1);

	return power ? k / 2 : k;
}

void
disk_kill(struct env *e, bool power)
{
	size_t k = disk_carried_out(e, list_count(&e->writes), power);

	while (!list_empty(&e->writes)) {
		struct wr *w = LIST_OF(e->writes.next, struct wr, in_env);

		if (k > 0 && k--)
			write_do(w);
		write_free(w);
	}
	dbs_kill(e, power);
	LIST_EACH(l, &e->locks) {
		struct lock *lock = LIST_OF(l, struct lock, in_env);

		list_remove(&lock->in_env);
		free(lock->dir);
		free(lock);
	}
}

void
disk_free(struct sim_host *h)
{
	while (!list_empty(&h->files))
		file_free(LIST_OF(h->files.next, struct file, all));
	dbs_free(h);
}
