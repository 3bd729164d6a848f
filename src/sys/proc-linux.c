/* SPDX-License-Identifier: ISC */
/* proc-linux.c -- close_range and prctl. */
#include "config.h"
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include "sys/proc.h"

void
sys_close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	for (int fd = first, max = (int)sysconf(_SC_OPEN_MAX); fd < max && fd < 65536; fd++)
		close(fd);
}

void
sys_proc_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

void
sys_mem_trim(void)
{
#ifdef __GLIBC__	/* musl gives back by itself */
	malloc_trim(0);
#endif
}
