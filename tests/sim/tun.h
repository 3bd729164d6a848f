/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_TUN_H
#define GODWIT_TESTS_SIM_TUN_H
/*
 * tun.h -- a TUN: tun.c is the interface, change.c what programs change at a
 * host's interfaces, stack.c the host's stack behind it.
 */
#include "tests/sim/impl.h"

struct env_tun {
	struct list in_env;	/* first */
	struct env *env;
	struct sim_if *iface;	/* NULL once the process is gone */
	char name[16];
	unsigned mtu;
	env_pkts_fn fn;
	void *arg;
	struct ev wake;
	struct list queue;
	size_t nqueue;
};
#endif
