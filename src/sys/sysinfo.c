/* SPDX-License-Identifier: ISC */
/* sysinfo.c -- uname(3), and os-release(5) where it is. */
#include "config.h"
#include <sys/utsname.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sys/sysinfo.h"

/* KEY=value or KEY="value"; true if the line is that key's. */
static int
take(const char *line, const char *key, char *out, size_t len)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0 || line[n] != '=')
		return 0;
	line += n + 1;
	line += *line == '"';
	snprintf(out, len, "%.*s", (int)strcspn(line, "\"\n"), line);
	return 1;
}

void
sys_sysinfo(struct sys_sysinfo *s)
{
	struct utsname u;
	char line[256];
	FILE *f;

	memset(s, 0, sizeof *s);
	if (gethostname(s->hostname, sizeof s->hostname - 1) < 0)
		strcpy(s->hostname, "localhost");
	if (uname(&u) == 0) {
		snprintf(s->system, sizeof s->system, "%.63s", u.sysname);
		snprintf(s->os, sizeof s->os, "%.63s", u.sysname);
		snprintf(s->os_version, sizeof s->os_version, "%.127s", u.release);
		snprintf(s->kernel, sizeof s->kernel, "%.127s", u.release);
		snprintf(s->machine, sizeof s->machine, "%.63s", u.machine);
	}
	f = fopen("/etc/os-release", "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL)
		(void)(take(line, "NAME", s->os, sizeof s->os) ||
		    take(line, "VERSION_ID", s->os_version, sizeof s->os_version));
	fclose(f);
}
