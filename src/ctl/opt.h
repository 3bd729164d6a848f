/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_CTL_OPT_H
#define GODWIT_CTL_OPT_H
/*
 * opt.h -- every option of the CLI, once: the table in opt.c feeds the parser,
 * the NB_ variables, the usage text and the shells' completion.  Names, letters
 * and meanings are NetBird's.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Which commands take an option. */
enum {
	OPT_ALL = 1 << 0, OPT_UP = 1 << 1, OPT_LOGIN = 1 << 2, OPT_STATUS = 1 << 3,
	OPT_FSM = 1 << 4, OPT_WATCH = 1 << 5, OPT_DOWN = 1 << 6
};

enum opt_id {
	OPT_DAEMON_ADDR, OPT_MANAGEMENT_URL, OPT_ADMIN_URL, OPT_LOG_LEVEL, OPT_LOG_FILE, OPT_SETUP_KEY,
	OPT_SETUP_KEY_FILE, OPT_PRESHARED_KEY, OPT_HOSTNAME, OPT_CONFIG, OPT_SERVICE, OPT_HELP,
	OPT_SERVER_KEY, OPT_TIMEOUT, OPT_INTERFACE_NAME, OPT_WIREGUARD_PORT, OPT_MTU, OPT_NETWORK_MONITOR,
	OPT_DISABLE_AUTO_CONNECT, OPT_DISABLE_CLIENT_ROUTES, OPT_DISABLE_SERVER_ROUTES, OPT_DISABLE_DNS,
	OPT_DISABLE_FIREWALL, OPT_BLOCK_INBOUND, OPT_DISABLE_IPV6, OPT_NO_BROWSER,
	OPT_DETAIL, OPT_JSON, OPT_IPV4, OPT_IPV6, OPT_FILTER_IPS, OPT_FILTER_NAMES, OPT_FILTER_STATUS,
	OPT_FILTER_TYPE, OPT_CHECK, OPT_DOT,
	OPT_COUNT
};

struct opts {
	const char *value[OPT_COUNT];	/* NULL: not given; a switch: "true" or "false" */
	const char *word[8];		/* what is no option; word[0] is the command */
	int nword;
};

/* Environment first, then the command line, which wins.  0, or -EINVAL after one
 * line on stderr.  `commands` of the word found so far decides which options fit. */
int opt_parse(struct opts *, int argc, char **argv, unsigned (*command_bit)(const char *word));
bool opt_on(const struct opts *, enum opt_id);
const char *opt_str(const struct opts *, enum opt_id, const char *otherwise);
/* "30s", "1m", "500ms", or seconds alone.  Microseconds, -1 when it is none of these. */
int64_t opt_duration(const char *text);
void opt_usage(FILE *, unsigned commands);
#endif
