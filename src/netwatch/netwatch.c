/* SPDX-License-Identifier: ISC */
/*
 * netwatch.c -- compares the host's addresses with what was last told; see
 * fsm/netwatch.fsm.  Sorted, because the host lists them in no order (upstream
 * 5e1a40c33 renegotiated every peer for a list in another order).
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "net/hostaddrs.h"
#include "netwatch/netwatch.h"
#include "fsm/netwatch.inc"

static int
by_value(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static size_t
current(const struct netwatch *w, struct addr out[NETWATCH_ADDRS])
{
	size_t n = net_host_addrs(fsm_env(&w->fsm), out, NETWATCH_ADDRS);

	qsort(out, n, sizeof(*out), by_value);
	return n;
}

static bool
netwatch_if_same(const struct netwatch *w)
{
	struct addr is[NETWATCH_ADDRS];
	size_t n = current(w, is);

	if (n != w->nknown || env_host_ways(fsm_env(&w->fsm)) != w->ways)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(&is[i], &w->known[i]))
			return false;
	return true;
}

static void
netwatch_do_remember(struct netwatch *w)
{
	bool rerouted = env_host_ways(fsm_env(&w->fsm)) != w->ways;

	w->nknown = current(w, w->known);
	w->ways = env_host_ways(fsm_env(&w->fsm));
	w->changes++;
	log_info("netwatch", "the network changed: %zu addresses%s", w->nknown, rerouted ? ", another default route" : "");
}

static void
on_host_change(void *arg)
{
	netwatch_post(arg, NETWATCH_EV_HOST_CHANGE, NULL);
}

static void
on_resume(void *arg, int64_t slept_us)
{
	log_info("netwatch", "the host slept for %lld s", (long long)(slept_us / MONO_SEC));
	netwatch_post(arg, NETWATCH_EV_RESUME, NULL);
}

struct netwatch *
netwatch_new(struct env *env, struct fsm_loop *loop)
{
	struct netwatch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	netwatch_fsm_init(w, loop, "host");
	w->nknown = current(w, w->known);
	env_on_host_change(env, on_host_change, w);
	env_on_resume(env, on_resume, w);
	w->ways = env_host_ways(env);	/* known from now on */
	return w;
}

void
netwatch_free(struct netwatch *w)
{
	if (w == NULL)
		return;
	netwatch_fsm_fini(w);
	free(w);
}
