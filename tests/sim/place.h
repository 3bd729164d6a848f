/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_PLACE_H
#define GODWIT_TESTS_SIM_PLACE_H
/*
 * place.h -- the usual place, for tests of the simulated world itself: two public
 * servers, two homes behind routers, and on each of the four hosts a program to
 * look through: a socket on port 4000, a listener on port 80, a stream, a tick.
 */
#include <stdint.h>
#include "env/env.h"
#include "tests/sim/sim.h"

#define SEEN	64

struct node {
	struct env *env;
	struct env_dgram *udp;
	struct env_tun *tun;
	struct env_listener *l;
	struct env_stream *in, *out;
	struct env_timer *tick;
	uint64_t got, disorder, last_no;
	struct addr from[SEEN];		/* senders of the last packets */
	int connected, eof, error, err, truncated, resumed, signals, changes, ticks;
	int64_t slept;
	size_t bytes;
	uint32_t sum;
	bool echo;
	struct node *tun_peer;
};

struct node *node_on(struct sim_host *);
struct node *node_on_tls(struct sim_host *);		/* its listener speaks TLS */
void node_on_udp(void *node, struct env_pkt *, size_t);	/* what its socket calls */
void send_no(struct node *, struct addr to, uint16_t port, uint64_t no);	/* a numbered packet */
void dial(struct node *, struct addr to, const struct env_tls_client *);	/* port 80, in the place of `out` */
struct addr last_from(const struct node *);

struct place {
	struct sim *s;
	struct sim_net *inet, *home[2];
	struct sim_nat *nat[2];
	struct sim_host *host[2], *server[2];
	struct sim_if *hif[2], *sif[2];
	struct node *n[2], *sv[2];
};

void place_make(struct place *, uint64_t seed, const struct sim_nat_conf *a, const struct sim_nat_conf *b);
#endif
