/* SPDX-License-Identifier: ISC */
/*
 * env_disk.c -- files and locks, on a disk whose fsync takes 500 ms.
 *
 * fsync is defined here, in the program that the worker is forked from, so the
 * worker gets the slow one.
 */
#include "config.h"
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/late.h"
#include "tests/tap.h"

#define SLOW_US	500000

int
fsync(int fd)
{
	usleep(SLOW_US);
	return (int)syscall(SYS_fsync, fd);
}

struct world {
	struct env *env;
	struct env_timer *limit;
	struct late late;
	int done, want, last_err;
	char order[16];
};

static char dir[] = "/tmp/godwit-disk.XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[4][200];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static void
on_limit(void *arg)
{
	struct world *w = arg;

	env_stop(w->env);
}

static void
finished(struct world *w, char c, int err)
{
	w->order[w->done++] = c;
	w->last_err = err;
	if (w->done == w->want)
		env_stop(w->env);
}

static void on_a(void *arg, int err) { finished(arg, 'a', err); }
static void on_b(void *arg, int err) { finished(arg, 'b', err); }

static void
wait_for(struct world *w, int want)
{
	w->want = want;
	env_timer_set(w->limit, 20 * MONO_SEC);
	env_run(w->env);
	w->done = 0;
}

static bool
holds(struct world *w, const char *path, const char *text)
{
	uint8_t *bytes;
	size_t len;
	bool good;

	if (env_file_read(w->env, path, &bytes, &len) < 0)
		return false;
	good = len == strlen(text) && memcmp(bytes, text, len) == 0;
	free(bytes);
	return good;
}

/* Descriptors that our helper holds beside 0 to 3; -1 without /proc. */
static int
strangers(void)
{
	char cmd[400];
	int status;

	snprintf(cmd, sizeof cmd, "for s in /proc/[0-9]*/stat; do read -r pid comm state ppid rest <$s || continue; "
	    "[ $ppid = %ld ] && [ \"$comm\" = '(godwit-helper)' ] && exit $(ls /proc/$pid/fd | grep -cvx '[0-3]'); "
	    "done 2>/dev/null; exit 99", (long)getpid());
	status = system(cmd);
	return access("/proc/self/fd", F_OK) < 0 ? -1 : WEXITSTATUS(status);
}

int
main(void)
{
	int secret = open("/etc/passwd", O_RDONLY);	/* as somebody's who forgot close-on-exec */
	struct world w = { .env = env_new() };
	struct stat st;
	uint8_t *bytes;
	size_t len;

	if (mkdtemp(dir) == NULL)
		return 99;
	w.limit = env_timer_new(w.env, on_limit, &w);

	usleep(100000);		/* the helper has begun */
	is_int(strangers() <= 0 ? 0 : strangers(), 0, "the helper holds no descriptor of ours");
	close(secret);
	is_int(env_file_read(w.env, in_dir("none"), &bytes, &len), -ENOENT, "a missing file is -ENOENT");
	is_int(env_file_write(w.env, in_dir("f"), 0600, "one", 3, on_a, &w), 0, "a write is accepted");
	is_int(env_file_write(w.env, in_dir("f"), 0600, "two!", 4, on_b, &w), 0, "and another to the same path");
	ok(access(in_dir("f"), F_OK) < 0, "nothing is there yet");
	late_start(&w.late, w.env);
	wait_for(&w, 2);
	late_stop(&w.late);
	is_str(w.order, "ab", "both are answered, in order");
	is_int(w.last_err, 0, "with success");
	ok(w.late.ticks > 50, "the loop went on meanwhile (%d ticks of 5 ms)", w.late.ticks);
	ok(w.late.longest_us < 20 * MONO_MS, "never late by more than 20 ms (%lld us)", (long long)w.late.longest_us);
	ok(env_stalls(w.env)->over_100ms == 0 && env_stalls(w.env)->turns > 50, "and no turn was anywhere near the disk's 500 ms");
	ok(holds(&w, in_dir("f"), "two!"), "the last write won");
	ok(stat(in_dir("f"), &st) == 0 && (st.st_mode & 07777) == 0600, "with the mode asked for");
	ok(access(in_dir("f.new"), F_OK) < 0, "and nothing is left beside it");

	env_file_write(w.env, in_dir("f"), 0600, "three", 5, NULL, NULL);
	ok(holds(&w, in_dir("f"), "three"), "reading sees what is still being written");
	env_file_write(w.env, in_dir("f"), 0600, "four", 4, NULL, NULL);
	is_int(env_file_write_now(w.env, in_dir("f"), 0640, "last words", 10), 0, "last words are written at once");
	ok(holds(&w, in_dir("f"), "last words"), "and after what was asked for before");

	memset(w.order, 0, sizeof w.order);
	env_file_write(w.env, in_dir("no/such/folder"), 0600, "x", 1, on_a, &w);
	wait_for(&w, 1);
	is_int(w.last_err, -ENOENT, "a write that fails says why");
	is_int(env_file_remove(w.env, in_dir("f")), 0, "a file is removed");
	is_int(env_file_read(w.env, in_dir("f"), &bytes, &len), -ENOENT, "and gone");
	is_int(env_file_read(w.env, dir, &bytes, &len), -EISDIR, "a folder is no file");

	is_int(env_dir_lock(w.env, in_dir("deep/state"), 0700), 0, "a folder is made and locked");
	ok(stat(in_dir("deep/state"), &st) == 0 && (st.st_mode & 07777) == 0700, "mode 0700");
	{
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			struct env *other = env_new();

			_exit(env_dir_lock(other, in_dir("deep/state"), 0700) == -EWOULDBLOCK ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		is_int(status, 0, "a second process is kept out");
	}
	env_file_write(w.env, in_dir("end"), 0600, "kept", 4, NULL, NULL);
	env_timer_free(w.limit);
	env_free(w.env);
	w.env = env_new();
	ok(holds(&w, in_dir("end"), "kept"), "the end of a process waits for its writes");
	is_int(env_dir_lock(w.env, in_dir("deep/state"), 0700), 0, "the lock ends with its holder");
	{
		/* kill -9: what was asked for is done all the same. */
		pid_t pid = fork();

		if (pid == 0) {
			struct env *other = env_new();

			env_file_write(other, in_dir("killed"), 0600, "kept", 4, NULL, NULL);
			kill(getpid(), SIGKILL);
		}
		waitpid(pid, NULL, 0);
		for (int i = 0; i < 40 && access(in_dir("killed"), F_OK) < 0; i++)
			usleep(100000);
		ok(holds(&w, in_dir("killed"), "kept"), "a write survives the death of who asked");
	}
	env_free(w.env);
	{
		char cmd[100];

		snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
		is_int(system(cmd), 0, "tidied up");
	}
	return tap_done();
}
