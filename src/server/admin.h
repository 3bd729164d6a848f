/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_ADMIN_H
#define GODWIT_SERVER_ADMIN_H
/*
 * admin.h -- what the administrator may ask: one JSON object in, one out.
 *
 * The same function answers through the socket of a running server and directly
 * on the store when none runs; the command line knows no third way.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct env;
struct server;
struct server_store;

#define SERVER_ADMIN_SOCKET	"admin.sock"	/* in the data folder */

/* `answer` is the callee's: it has either "error" (one line) or what was asked for. */
typedef void (*server_admin_fn)(void *arg, json_t *answer);
/* Answers once, at once or when a change is on disk.  `server` is NULL when none
 * runs.  Requests: {"do": "setup-key-create", "name": N, "reusable": B,
 * "ephemeral": B, "usage_limit": I, "expires_s": I}, {"do": "setup-key-list"},
 * {"do": "setup-key-revoke", "key": WHAT}, {"do": "peer-list"}, {"do":
 * "peer-rename", "peer": WHAT, "name": N}, {"do": "peer-remove", "peer": WHAT},
 * {"do": "status"}. */
void server_admin_do(struct server_store *, struct server *, const json_t *request, server_admin_fn, void *arg);

/* Asks the server that runs in `dir`: the answer, or NULL with *err: -ENOENT or
 * -ECONNREFUSED when none runs there.  Runs the env's loop until then. */
json_t *server_admin_ask(struct env *, const char *dir, const json_t *request, int *err);

/* The command line: argv[0] is the program. Returns the exit status. */
int server_main(int argc, char **argv);
/* Its administrative half: argv[0] is "setup-key", "peer" or "status". */
int server_cli_admin(int argc, char **argv);
const char *server_default_dir(void);
int server_parse_time(const char *text, int64_t *us);	/* "90m", "24h", "1d12h", "never": 0 */
int server_usage(const char *complaint, ...) __attribute__((format(printf, 1, 2)));
#endif
