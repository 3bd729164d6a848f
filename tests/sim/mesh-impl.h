/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SIM_MESH_IMPL_H
#define GODWIT_TESTS_SIM_MESH_IMPL_H
/*
 * mesh-impl.h -- the inside of mesh.h: mesh.c is the world and its routers,
 * mesh-prog.c the programs in it, mesh-letters.c what becomes of signal messages,
 * mesh-look.c who hears whom.
 */
#include <stdio.h>
#include "agent/agent.h"
#include "agent/impl.h"
#include "base/log.h"
#include "env/env.h"
#include "tests/sim/mesh.h"

#define SERVER_ADDR	"203.0.113.10"
#define LOOK_EVERY	(20 * MONO_MS)	/* while some pair has no answer yet */

extern struct mesh *mesh_made;	/* the one made last: what hooks without a mesh ask */

void mesh_hear(struct mesh_node *);	/* its letters go by bad_signal and are counted */
void mesh_look_seldom(void *mesh);	/* for ever: pings for agents that joined anew */
#endif
