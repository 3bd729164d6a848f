/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_PLAY_FAULTS_H
#define GODWIT_TESTS_PLAY_FAULTS_H
/*
 * faults.h -- what the faults share: faults.c has their table and who is struck,
 * faults-net.c those of the network, faults-host.c those of hosts and people.
 */
#include <stdio.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "tests/play/play.h"

uint64_t draw(struct run *, uint64_t below);
bool one_in(struct run *, unsigned n);
/* Anywhere from a tenth of a second to `most`; every length is as likely as its tenfold. */
int64_t some_time(struct run *, int64_t most);
/* A fault lasts, for hours where there is time for it; another may strike on top. */
void lasts(struct run *, int64_t most, int64_t most_of_days);
/* Somebody at random.  Who is at home with him may feel it. */
struct mesh_node *victim(struct run *);
struct sim_host *the_server(struct run *);	/* as the victim */
void go_up(void *agent);

void fault_cut(struct run *);
void fault_rebind(struct run *);
void fault_expiry(struct run *);
void fault_link_down(struct run *);
void fault_address(struct run *);
void fault_bad_link(struct run *);
void fault_bursts(struct run *);
void fault_break(struct run *);
void fault_idle_proxy(struct run *);
void fault_dns(struct run *);
void fault_signal(struct run *);
void fault_agent_dies(struct run *);
void fault_server_dies(struct run *);
void fault_sleep(struct run *);
void fault_server_sleeps(struct run *);
void fault_freeze(struct run *);
void fault_clock(struct run *);
void fault_disk(struct run *);
void fault_slow_reader(struct run *);
void fault_down(struct run *);
void fault_logout(struct run *);
#endif
