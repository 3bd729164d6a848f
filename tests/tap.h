/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_TAP_H
#define GODWIT_TESTS_TAP_H
/*
 * tap.h -- the whole test library.  ok(expr, "what it proves %d", n) is one
 * result; main ends with `return tap_done();`.  The files of one program count
 * together: the two counters are weak, so that the linker keeps one of each.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

extern int tap_count, tap_failed;
__attribute__((weak)) int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool
tap_result(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(expr, ...)	tap_result((expr), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(a, b, ...) do {							\
	long long tap_a = (long long)(a), tap_b = (long long)(b);		\
	if (!ok(tap_a == tap_b, __VA_ARGS__))					\
		printf("# %s is %lld, not %lld\n", #a, tap_a, tap_b);		\
} while (0)
#define is_str(a, b, ...) do {							\
	const char *tap_a = (a), *tap_b = (b);					\
	if (!ok(tap_a != NULL && tap_b != NULL && strcmp(tap_a, tap_b) == 0, __VA_ARGS__)) \
		printf("# '%s', not '%s'\n", tap_a ? tap_a : "(null)", tap_b ? tap_b : "(null)"); \
} while (0)
#define is_mem(a, b, n, ...)	ok(memcmp((a), (b), (n)) == 0, __VA_ARGS__)

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
#endif
