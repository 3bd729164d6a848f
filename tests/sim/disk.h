/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_DISK_H
#define GODWIT_TESTS_SIM_DISK_H
/*
 * disk.h -- what files (disk.c) and databases (db.c) share: a host's disk, which
 * outlives its programs.
 *
 * A write becomes visible when it is complete, some milliseconds later; of what
 * is under way when a process is killed or the power fails, a prefix (in order,
 * its length by chance) was still carried out.
 */
#include "tests/sim/impl.h"

int disk_error(const struct sim_host *);	/* what the next write gives: 0 or -errno */
int64_t disk_time(struct sim_host *);		/* when it is complete: after those before it */
size_t disk_carried_out(struct env *, size_t n, bool power);	/* how many of n under way */
void *disk_copy(const void *, size_t);		/* with a zero behind it; free() */
void dbs_kill(struct env *, bool power);
void dbs_free(struct sim_host *);
#endif
