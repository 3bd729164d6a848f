/* SPDX-License-Identifier: ISC */
/* iface-bsd.c -- changing interfaces and routes is not written yet for the BSDs. */
#include "config.h"
#include <errno.h>
#include "sys/iface.h"

int
sys_iface_open(void)
{
	return -ENOTSUP;
}

int
sys_iface_ask(int fd, uint32_t number, enum sys_iface_op op, const char *iface,
    const struct addr_prefix *p, unsigned mtu)
{
	return op == SYS_IFACE_LINK_UP ? 1 : -ENOTSUP;	/* sys_tun_open has brought it up */
}

int
sys_iface_answer(int fd, uint32_t *number, int *err)
{
	return 0;
}
