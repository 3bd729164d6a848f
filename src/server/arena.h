/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_ARENA_H
#define GODWIT_SERVER_ARENA_H
/*
 * arena.h -- memory for one message: many small pieces, freed together.
 *
 * protobuf-c's structs point to each other and to strings; building a network
 * map makes hundreds of them, and all die when the message has been packed.
 * Running out of memory here ends the process, with a line that says so: half a
 * map would open or cut tunnels.
 */
#include <stddef.h>

struct server_arena {
	struct server_arena_block *first;
};

/* Zeroed, aligned for anything. */
void *server_arena_get(struct server_arena *, size_t);
char *server_arena_printf(struct server_arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void server_arena_free(struct server_arena *);	/* leaves it empty and valid */
#endif
