/* SPDX-License-Identifier: ISC */
/* beat.c -- see beat.h. */
#include <stdio.h>
#include <stdlib.h>
#include "base/mono.h"
#include "net/beat.h"

int64_t
net_beat_parse(const char *text)
{
	char *end;
	long ms;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	ms = strtol(text, &end, 10);
	if (*end != '\0' || ms <= 0 || ms > 24 * 3600 * 1000L)
		return -1;
	return ms < 500 ? 500 * MONO_MS : ms * MONO_MS;
}

const char *
net_beat_text(char out[NET_BEAT_TEXT], int64_t us)
{
	snprintf(out, NET_BEAT_TEXT, "%lld", (long long)(us / MONO_MS));
	return out;
}

int64_t
net_beat_back(int64_t us)
{
	return us + us / 2;
}

int64_t
net_beat_patience(int64_t us)
{
	return 3 * us + 15 * MONO_SEC;
}
