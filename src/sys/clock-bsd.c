/* SPDX-License-Identifier: ISC */
/* clock-bsd.c -- the BSDs: no alarm clock on boot time, arc4random for chance. */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "sys/clock.h"

/* OpenBSD counts sleep in CLOCK_BOOTTIME; elsewhere CLOCK_MONOTONIC is the best there is. */
#ifdef CLOCK_BOOTTIME
#define CLOCK_SINCE_BOOT	CLOCK_BOOTTIME
#else
#define CLOCK_SINCE_BOOT	CLOCK_MONOTONIC
#endif
/* FreeBSD and OpenBSD: time the machine was awake. */
#ifdef CLOCK_UPTIME
#define CLOCK_RUNNING		CLOCK_UPTIME
#else
#define CLOCK_RUNNING		CLOCK_MONOTONIC
#endif

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
sys_clock_boot_us(void)
{
	return read_us(CLOCK_SINCE_BOOT);
}

int64_t
sys_clock_running_us(void)
{
	return read_us(CLOCK_RUNNING);
}

int64_t
sys_clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int
sys_alarm_open(void)
{
	return -ENOTSUP;
}

int
sys_alarm_set(int fd, int64_t boot_us)
{
	return -ENOTSUP;
}

int
sys_jump_open(void)
{
	return -ENOTSUP;
}

void
sys_jump_ack(int fd)
{
}

void
sys_random(void *out, size_t len)
{
	arc4random_buf(out, len);
}
