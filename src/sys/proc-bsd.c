/* SPDX-License-Identifier: ISC */
/* proc-bsd.c -- closefrom and setproctitle. */
#include "config.h"
#include <sys/types.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "sys/proc.h"

void
sys_close_from(int first)
{
#ifdef F_CLOSEM			/* NetBSD */
	(void)fcntl(first, F_CLOSEM);
#else
	closefrom(first);
#endif
}

void
sys_proc_name(const char *name)
{
	setproctitle("%s", name);
}

void
sys_mem_trim(void)
{
	/* their malloc unmaps by itself */
}
