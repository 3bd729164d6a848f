/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_HELPER_H
#define GODWIT_ENV_HELPER_H
/*
 * helper.h -- small processes for what would block the loop.
 *
 * env_new forks one helper while nothing is open and no secret is in memory.
 * The helper does nothing but fork workers from that clean state: one that
 * writes files, one for each database, one for each name lookup.  A worker
 * talks over its one socket and ends when that is closed, so it outlives
 * neither the parent nor its use; what was already asked for it still does.
 * Workers ignore SIGINT, SIGTERM and SIGHUP: their parent decides.
 */
#include <stddef.h>
#include <stdint.h>

enum helper_kind { HELPER_DISK, HELPER_DB, HELPER_LOOKUP };
#define HELPER_ARG_MAX	4096	/* path or name, NUL included */

struct helper;
struct helper *helper_start(void);	/* NULL: could not fork */
void helper_stop(struct helper *);	/* fine with NULL */
/* A new worker; the socket to it (close-on-exec, non-blocking), or -errno. */
int helper_open(struct helper *, enum helper_kind, const char *arg);

/* What the workers run: fd is blocking; they return when it is closed. */
void disk_worker(int fd);
void db_worker(int fd, const char *path);
void lookup_worker(int fd, const char *host);

/* Whole reads and writes on a blocking socket. 0, or -EPIPE at its end. */
int helper_read(int fd, void *, size_t);
int helper_write(int fd, const void *, size_t);
#endif
