/* SPDX-License-Identifier: ISC */
/*
 * cli.c -- godwit-server's command line, and `run`.
 */
#include "config.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/log.h"
#include "env/env.h"
#include "server/admin.h"
#include "server/flows.h"
#include "server/server.h"

static const char usage[] =
	"usage: godwit-server run [--listen [ADDR]:PORT] [--url URL] [--data DIR]\n"
	"                     [--stun-port PORT] [--stun-address ADDR]... [--tls-cert FILE --tls-key FILE]\n"
	"                     [--heartbeat TIME] [--flows[=TIME]] [--log-level LEVEL]\n"
	"       godwit-server setup-key create --name NAME [--reusable] [--expires TIME]\n"
	"                     [--ephemeral] [--usage-limit N] [--data DIR] [--json]\n"
	"       godwit-server setup-key list [--data DIR] [--json]\n"
	"       godwit-server setup-key revoke KEY [--data DIR] [--json]\n"
	"       godwit-server peer list [--data DIR] [--json]\n"
	"       godwit-server peer rename PEER NAME [--data DIR] [--json]\n"
	"       godwit-server peer remove PEER [--data DIR] [--json]\n"
	"       godwit-server flows [--limit N] [--data DIR] [--json]\n"
	"       godwit-server status [--data DIR] [--json]\n"
	"       godwit-server version\n";

int
server_usage(const char *complaint, ...)
{
	va_list ap;

	if (complaint != NULL) {
		va_start(ap, complaint);
		fprintf(stderr, "godwit-server: ");
		vfprintf(stderr, complaint, ap);
		fprintf(stderr, "\n");
		va_end(ap);
	}
	fputs(usage, stderr);
	return 2;
}

const char *
server_default_dir(void)
{
	const char *dir = getenv("GODWIT_SERVER_DATA");

	return dir != NULL && dir[0] != '\0' ? dir : GODWIT_STATEDIR "-server";
}

/* ":33080", "10.0.0.1:80", "[::1]:80", "80". */
static int
parse_listen(const char *text, struct addr *out)
{
	char *end;
	unsigned long port;

	memset(out, 0, sizeof(*out));
	if (addr_parse_port(out, text) == 0)
		return 0;
	if (*text == ':')
		text++;
	port = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || port == 0 || port > 65535)
		return -EINVAL;
	out->port = (uint16_t)port;
	return 0;
}

struct running {
	struct env *env;
	struct server *server;
	struct env_timer *linger;
	int status;
};

static void
print_join(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
	fflush(stdout);
}

static void
on_fatal(void *arg, const char *why)
{
	struct running *r = arg;

	log_error("server", "%s", why);
	r->status = 1;
	env_stop(r->env);
}

static void
lingered(void *arg)
{
	env_stop(((struct running *)arg)->env);
}

/* Goodbyes are queued when server_free returns: they get a moment to leave. */
static void
on_signal(void *arg, int signo)
{
	struct running *r = arg;

	(void)signo;
	if (r->server == NULL)
		return;
	log_info("server", "stopping");
	server_free(r->server);
	r->server = NULL;
	env_timer_set(r->linger, 200 * MONO_MS);
}

static int
run(const struct server_conf *from)
{
	struct running r = { .env = env_new() };
	struct server_conf conf = *from;
	char why[512] = "", tape[FSM_TAPE_NAME];
	int err;

	if (r.env == NULL) {
		fprintf(stderr, "godwit-server: cannot start the event loop\n");
		return 1;
	}
	fsm_tape_asked("server", tape, &conf.tape);
	conf.on_join = print_join;
	conf.on_fatal = on_fatal;
	conf.arg = &r;
	r.linger = env_timer_new(r.env, lingered, &r);
	if ((r.server = server_new_why(r.env, &conf, &err, why, sizeof(why))) == NULL) {
		fprintf(stderr, "godwit-server: %s\n", why);
		env_timer_free(r.linger);
		env_free(r.env);
		return 1;
	}
	env_on_signal(r.env, SIGTERM, on_signal, &r);
	env_on_signal(r.env, SIGINT, on_signal, &r);
	log_info("server", "serving %s, server key %s", server_url(r.server), server_key_text(r.server));
	env_run(r.env);
	server_free(r.server);
	env_timer_free(r.linger);
	env_free(r.env);
	return r.status;
}

static int
take_stun_address(struct server_conf *conf, const char *text)
{
	struct addr *to = &conf->stun_address[conf->stun_address[0].family != ADDR_NONE];

	if (to->family != ADDR_NONE || addr_parse(to, text) != 0)
		return -EINVAL;
	if (to == conf->stun_address)
		return 0;
	return to->family == conf->stun_address[0].family && !addr_same_ip(to, conf->stun_address) ? 0 : -EINVAL;
}

static int
cmd_run(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "listen", required_argument, NULL, 'l' }, { "url", required_argument, NULL, 'u' },
		{ "data", required_argument, NULL, 'd' }, { "stun-port", required_argument, NULL, 's' },
		{ "stun-address", required_argument, NULL, 'S' },
		{ "tls-cert", required_argument, NULL, 'c' }, { "tls-key", required_argument, NULL, 'k' },
		{ "heartbeat", required_argument, NULL, 'b' }, { "flows", optional_argument, NULL, 'f' }, { "log-level", required_argument, NULL, 'L' },
		{ NULL, 0, NULL, 0 }
	};
	struct server_conf conf = { .data_dir = server_default_dir(), .stun_port = SERVER_STUN_PORT };
	enum log_level level = LOG_LV_INFO;
	char *end;
	long n;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'l':
			if (parse_listen(optarg, &conf.listen) != 0)
				return server_usage("--listen %s is not [ADDR]:PORT", optarg);
			break;
		case 'u':
			conf.url = optarg;
			break;
		case 'd':
			conf.data_dir = optarg;
			break;
		case 's':
			n = strtol(optarg, &end, 10);
			if (*optarg == '\0' || *end != '\0' || n < 0 || n > 65535)
				return server_usage("--stun-port %s is not a port", optarg);
			conf.stun_port = (uint16_t)n;
			break;
		case 'S':
			if (take_stun_address(&conf, optarg) != 0)
				return server_usage("--stun-address %s is not one of two different addresses of one family", optarg);
			break;
		case 'c':
			conf.tls_cert = optarg;
			break;
		case 'k':
			conf.tls_key = optarg;
			break;
		case 'b':
			if (server_parse_time(optarg, &conf.beat_us) != 0)
				return server_usage("--heartbeat %s is not a time such as 30s", optarg);
			if (conf.beat_us == 0)
				conf.beat_us = -1;
			break;
		case 'f':
			conf.flows_us = MONO_MIN;
			if (optarg != NULL && (server_parse_time(optarg, &conf.flows_us) != 0 || conf.flows_us == 0))
				return server_usage("--flows=%s is not a time such as 60s", optarg);
			break;
		case 'L':
			if (!log_level_parse(optarg, &level))
				return server_usage("--log-level %s is not a level", optarg);
			break;
		default:
			return server_usage(NULL);
		}
	}
	if (optind != argc)
		return server_usage("run takes no argument %s", argv[optind]);
	log_set_level(level);
	return run(&conf);
}

int
server_main(int argc, char **argv)
{
	if (argc < 2)
		return server_usage("a command is needed");
	if (strcmp(argv[1], "run") == 0)
		return cmd_run(argc - 1, argv + 1);
	if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
		printf("%s\n", PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (strcmp(argv[1], "flows") == 0)
		return server_cli_flows(argc - 1, argv + 1);
	return server_cli_admin(argc - 1, argv + 1);
}
