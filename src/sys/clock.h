/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_CLOCK_H
#define GODWIT_SYS_CLOCK_H
/*
 * clock.h -- what every system must tell about time, and chance.
 *
 * "Boot" time counts while the machine sleeps, "running" time does not; their
 * difference is how a resume is noticed.  A system without two such clocks
 * answers the same for both: there a resume goes unnoticed.
 */
#include <stddef.h>
#include <stdint.h>

int64_t sys_clock_boot_us(void);	/* microseconds since boot, suspend included */
int64_t sys_clock_running_us(void);	/* microseconds the machine ran, suspend left out */
int64_t sys_clock_wall_us(void);	/* microseconds since 1970, UTC */

/* An alarm clock on boot time: a descriptor that turns readable; or -ENOTSUP,
 * and the loop falls back on waking up now and then. */
int sys_alarm_open(void);
/* Rings at `boot_us` (at once when that has passed); 0 stops it. Also makes the
 * descriptor unreadable again.  0 or -errno. */
int sys_alarm_set(int fd, int64_t boot_us);

/* A descriptor that turns readable when the clocks jumped, as they do after a
 * suspend; or -ENOTSUP.  sys_jump_ack makes it wait for the next jump. */
int sys_jump_open(void);
void sys_jump_ack(int fd);

/* Bytes nobody can guess; never fails. */
void sys_random(void *out, size_t len);
#endif
