/* SPDX-License-Identifier: ISC */
/*
 * version.c -- comparing agents' version texts.
 */
#include <stdio.h>
#include <string.h>
#include "server/version.h"

bool
server_version_development(const char *text)
{
	return strncmp(text, "development", 11) == 0 || strncmp(text, "dev-", 4) == 0 || strncmp(text, "ci-", 3) == 0;
}

bool
server_version_since(const char *text, unsigned major, unsigned minor, unsigned patch, bool leading_v)
{
	unsigned v[3] = { 0, 0, 0 };
	const unsigned want[3] = { major, minor, patch };
	int n, used = 0;

	if (server_version_development(text))
		return true;
	if (leading_v && *text == 'v')
		text++;
	if (*text < '0' || *text > '9')
		return false;
	n = sscanf(text, "%6u.%6u%n.%6u%n", &v[0], &v[1], &used, &v[2], &used);
	if (n < 1 || (n >= 2 && text[used] != '\0' && text[used] != '-' && text[used] != '+'))
		return false;
	for (int i = 0; i < 3; i++)
		if (v[i] != want[i])
			return v[i] > want[i];
	return n < 2 || text[used] != '-';
}
