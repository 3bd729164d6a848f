/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_SHELL_H
#define GODWIT_TESTS_SHELL_H
/*
 * shell.h -- a command as printf writes it, run as system(3) does.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 1, 2))) static inline int
shell(const char *fmt, ...)
{
	char cmd[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	return system(cmd);
}
#endif
