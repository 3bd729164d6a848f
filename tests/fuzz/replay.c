/* SPDX-License-Identifier: ISC */
/*
 * replay.c -- a plain main for a fuzz target: feeds it every file of its corpus
 * (tests/fuzz/corpus/TARGET/ or the arguments), each also cut at every byte and
 * garbled at every byte.  libFuzzer itself finds new inputs: `make check-fuzz`.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exact size, so that valgrind and ASan see one byte too many. */
static void
feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t
feed_all(uint8_t *data, size_t size)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	size_t n = 1;

	feed(data, size);
	for (size_t cut = 0; cut < size; cut++, n++)
		feed(data, cut);
	for (size_t at = 0; at < size; at++)
		for (size_t f = 0; f < sizeof(flips); f++, n++) {
			data[at] ^= flips[f];
			feed(data, size);
			data[at] ^= flips[f];
		}
	return n;
}

static void
replay(const char *path)
{
	static uint8_t data[16384];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!ok(f != NULL, "%s opens", path))
		return;
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	ok(feed_all(data, n) > n, "%s: %zu bytes, whole, cut and garbled", strrchr(path, '/') + 1, n);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '/');
	char dir[1024], path[2048];
	struct dirent *e;
	DIR *d;

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			replay(argv[i]);
		return tap_done();
	}
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : "..", name ? name + 1 : argv[0]);
	d = opendir(dir);
	if (!ok(d != NULL, "corpus %s", dir))
		return tap_done();
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		replay(path);
	}
	closedir(d);
	ok(tap_count > 1, "the corpus is not empty");
	return tap_done();
}
