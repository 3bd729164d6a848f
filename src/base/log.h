/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_LOG_H
#define GODWIT_BASE_LOG_H
/*
 * log.h -- one line an event, to syslog, stderr or a test's sink.
 *
 * Every call names a token (the folder or machine: "relay", "mgmt", "fsm"),
 * by which lines are filtered and which godwitd(8) lists.  log_warn adds the
 * text of errno, log_warnx does not.  Secrets have no print function.
 *
 * The log's settings are process-wide: they are in the short list of writable
 * globals that tests/globals.sh allows.
 */
#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG, LOG_LV_TRACE };

typedef void (*log_sink)(void *arg, enum log_level, const char *token, const char *line);

void log_to_stderr(void);			/* the default */
void log_to_syslog(const char *ident);
void log_to_sink(log_sink, void *arg);		/* tests and the simulator; NULL: back to stderr */
void log_set_level(enum log_level);
bool log_level_parse(const char *text, enum log_level *out);	/* NetBird's names: panic..trace */
bool log_enabled(enum log_level);

void log_error(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warnx(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_trace(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A broken invariant: writes the line and aborts. */
void fatal(const char *token, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
#endif
