/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_SYSINFO_H
#define GODWIT_SYS_SYSINFO_H
/* sysinfo.h -- what the host is: uname, and the distribution where there is one. */

struct sys_sysinfo {
	char hostname[256];
	char system[64];	/* uname -s */
	char os[64];		/* "Debian GNU/Linux", "OpenBSD" */
	char os_version[128];	/* "12", "7.6" */
	char kernel[128];	/* uname -r */
	char machine[64];	/* uname -m */
};

void sys_sysinfo(struct sys_sysinfo *);
#endif
