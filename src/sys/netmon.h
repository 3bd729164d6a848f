/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_NETMON_H
#define GODWIT_SYS_NETMON_H
/*
 * netmon.h -- noticing that the host's network is another one.
 *
 * Counted as a change: an address comes or goes, a link goes up or down, a
 * default route changes.  Everything about interfaces that are our own is left
 * out, or we would chase our own tail.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netmon;

struct netmon *sys_netmon_new(void);	/* NULL: this system cannot, or no memory */
int sys_netmon_fd(const struct netmon *);
/* Interface indices that do not count; replaces the list (at most 8). */
void sys_netmon_ignore(struct netmon *, const unsigned *index, size_t n);
/* Reads all that is there; true if some of it counts. */
bool sys_netmon_changed(struct netmon *);
/* A number that is another one when the default routes are; as of the last read. */
uint64_t sys_netmon_ways(const struct netmon *);
void sys_netmon_free(struct netmon *);	/* fine with NULL */
#endif
