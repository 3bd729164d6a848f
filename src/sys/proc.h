/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_PROC_H
#define GODWIT_SYS_PROC_H
/* proc.h -- about the process itself. */

void sys_close_from(int first);			/* closes every descriptor from `first` up */
void sys_proc_name(const char *name);		/* what ps(1) shows; at most 15 bytes count */
void sys_mem_trim(void);			/* freed memory back to the system, where malloc keeps it */
#endif
