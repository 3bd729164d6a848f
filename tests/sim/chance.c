/* SPDX-License-Identifier: ISC */
/*
 * chance.c -- libsodium and SQLite draw from the seed, too.
 *
 * Whoever's turn it is pays; between turns it is the scenario.  SQLite asks its
 * default VFS, which here is the usual one with chance and time replaced.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

static void
draw(void *out, size_t len)
{
	if (sim_world == NULL)
		memset(out, 0x5a, len);	/* sodium_init() before any world */
	else
		prng_fill(sim_world->cur != NULL ? &sim_world->cur->prng : &sim_world->scene, out, len);
}

static const char *
sodium_name(void)
{
	return "sim";
}

static uint32_t
sodium_random(void)
{
	uint32_t v;

	draw(&v, sizeof v);
	return v;
}

static void
sodium_buf(void *const out, const size_t len)
{
	draw(out, len);
}

static int
vfs_randomness(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	draw(out, (size_t)n);
	return n;
}

static int
vfs_time(sqlite3_vfs *v, sqlite3_int64 *ms)
{
	/* Julian day of 1970 times 86400000, and the world's time */
	(void)v;
	*ms = INT64_C(210866760000000) + INT64_C(1700000000000) + (sim_world != NULL ? sim_world->now / 1000 : 0);
	return SQLITE_OK;
}

void
chance_install(void)
{
	static struct randombytes_implementation sodium;
	static sqlite3_vfs vfs;

	if (sodium.buf == NULL) {
		sodium.implementation_name = sodium_name;
		sodium.random = sodium_random;
		sodium.buf = sodium_buf;
		randombytes_set_implementation(&sodium);
		if (sodium_init() < 0)
			fatal("sim", "libsodium does not start");
		sqlite3_initialize();
		vfs = *sqlite3_vfs_find(NULL);
		vfs.zName = "sim";
		vfs.xRandomness = vfs_randomness;
		vfs.xCurrentTimeInt64 = vfs_time;
		sqlite3_vfs_register(&vfs, 1);
	}
	sqlite3_randomness(0, NULL);	/* seeded anew by the next draw */
}
