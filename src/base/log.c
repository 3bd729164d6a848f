/* SPDX-License-Identifier: ISC */
/* log.c -- see log.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include "base/log.h"

static struct {
	enum log_level level;
	bool syslog;
	log_sink sink;
	void *sink_arg;
} log_conf = { .level = LOG_LV_INFO };

static const char *const level_name[] = { "error", "warn", "info", "debug", "trace" };

void
log_to_stderr(void)
{
	log_conf.syslog = false;
	log_conf.sink = NULL;
}

void
log_to_syslog(const char *ident)
{
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_conf.syslog = true;
}

void
log_to_sink(log_sink sink, void *arg)
{
	log_conf.sink = sink;
	log_conf.sink_arg = arg;
}

void
log_set_level(enum log_level level)
{
	log_conf.level = level;
}

bool
log_level_parse(const char *text, enum log_level *out)
{
	if (strcmp(text, "panic") == 0 || strcmp(text, "fatal") == 0) {
		*out = LOG_LV_ERROR;
		return true;
	}
	if (strcmp(text, "warning") == 0) {
		*out = LOG_LV_WARN;
		return true;
	}
	for (size_t i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++)
		if (strcmp(text, level_name[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

bool
log_enabled(enum log_level level)
{
	return level <= log_conf.level;
}

static int
syslog_priority(enum log_level level)
{
	switch (level) {
	case LOG_LV_ERROR:
		return LOG_ERR;
	case LOG_LV_WARN:
		return LOG_WARNING;
	case LOG_LV_INFO:
		return LOG_INFO;
	case LOG_LV_DEBUG:
	case LOG_LV_TRACE:
		break;
	}
	return LOG_DEBUG;
}

/* The stamp is for people, so it is wall time and may jump with it. */
static void
write_stderr(enum log_level level, const char *token, const char *line)
{
	struct timespec ts;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(stderr, "%s.%03ldZ %-5s %s: %s\n", stamp, ts.tv_nsec / 1000000,
	    level_name[level], token, line);
}

static void
emit(enum log_level level, const char *token, const char *fmt, va_list ap, int err)
{
	char line[2048];
	int n;

	if (!log_enabled(level))
		return;
	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (err != 0 && n >= 0 && (size_t)n < sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, ": %s", strerror(err));
	if (log_conf.sink != NULL)
		log_conf.sink(log_conf.sink_arg, level, token, line);
	else if (log_conf.syslog)
		syslog(syslog_priority(level), "%s: %s", token, line);
	else
		write_stderr(level, token, line);
}

#define LOG_FUNCTION(name, level, with_errno)			\
void								\
name(const char *token, const char *fmt, ...)			\
{								\
	int saved = errno;					\
	va_list ap;						\
								\
	va_start(ap, fmt);					\
	emit(level, token, fmt, ap, (with_errno) ? saved : 0);	\
	va_end(ap);						\
	errno = saved;						\
}

LOG_FUNCTION(log_error, LOG_LV_ERROR, false)
LOG_FUNCTION(log_warn, LOG_LV_WARN, true)
LOG_FUNCTION(log_warnx, LOG_LV_WARN, false)
LOG_FUNCTION(log_info, LOG_LV_INFO, false)
LOG_FUNCTION(log_debug, LOG_LV_DEBUG, false)
LOG_FUNCTION(log_trace, LOG_LV_TRACE, false)

void
fatal(const char *token, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LV_ERROR, token, fmt, ap, 0);
	va_end(ap);
	abort();
}
