/* SPDX-License-Identifier: ISC */
/* clock-linux.c -- CLOCK_BOOTTIME, timerfd and getrandom. */
#include "config.h"
#include <sys/random.h>
#include <sys/timerfd.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "sys/clock.h"

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
	return read_us(CLOCK_BOOTTIME);
}

int64_t
sys_clock_running_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
sys_clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int
sys_alarm_open(void)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Setting a timerfd also forgets its expirations, so nobody has to read it. */
int
sys_alarm_set(int fd, int64_t boot_us)
{
	struct itimerspec it = { .it_value = { boot_us / 1000000, boot_us % 1000000 * 1000 } };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL) < 0 ? -errno : 0;
}

static int
jump_arm(int fd)
{
	struct itimerspec never = { .it_value.tv_sec = INT32_MAX };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

/* A timer on wall time that is cancelled when that clock is set; the kernel
 * counts the end of a suspend as such. */
int
sys_jump_open(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	jump_arm(fd);	/* ECANCELED here means a jump this very moment: armed all the same */
	return fd;
}

void
sys_jump_ack(int fd)
{
	uint64_t n;

	(void)!read(fd, &n, sizeof n);
	jump_arm(fd);
}

void
sys_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			abort();	/* no way to go on safely */
		}
		p += n;
		len -= (size_t)n;
	}
}
