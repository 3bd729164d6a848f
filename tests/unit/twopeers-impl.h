/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_UNIT_TWOPEERS_IMPL_H
#define GODWIT_TESTS_UNIT_TWOPEERS_IMPL_H
/*
 * twopeers-impl.h -- the inside of twopeers.h: twopeers.c is signal, hooks and the
 * life of the two, twopeers-wire.c their agent.wire, twopeers-net.c the network.
 */
#include "twopeers.h"

void twopeers_route(void *side, struct fsm *from, int send, struct fsm_data *);
/* What ICE sends by, and from which port: struct ice_io. */
void twopeers_send(void *side, const struct addr *to, const void *, size_t);
uint16_t twopeers_port(void *side, int family);
#endif
