/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SYS_TUN_BSD_H
#define GODWIT_SYS_TUN_BSD_H
/*
 * tun-bsd.h -- between tun-bsd.c and the file of each BSD.
 */
#include "sys/tun.h"

/* A tun(4) device that talks with four bytes of family: its descriptor with the
 * interface's name written back, or -errno. */
int sys_tun_attach(char name[SYS_TUN_NAME]);
#endif
