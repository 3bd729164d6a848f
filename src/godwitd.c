/* SPDX-License-Identifier: ISC */
/* godwitd.c -- the agent daemon: options, then src/agent on the real env. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "config.h"
#include "agent/agent.h"
#include "base/log.h"
#include "env/env.h"

#define METRICS_ADDRESS	"127.0.0.1:9191"	/* NetBird's */

struct daemon {
	struct env *env;
	struct agent *agent;
};

static void
on_signal(void *arg, int signo)
{
	struct daemon *d = arg;

	if (signo == SIGUSR1)
		agent_dump(d->agent);
	else
		env_stop(d->env);
}

static const char *
from_env(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

static int
usage(FILE *to, int rc)
{
	fprintf(to, "usage: godwitd [-d | --foreground] [--state-dir dir] [--daemon-addr unix://path]\n"
	    "               [--log-level level] [--enable-local-metrics]\n"
	    "               [--local-metrics-address address:port] [--version]\n");
	return rc;
}

static int
run(struct agent_conf *conf)
{
	struct daemon d = { .env = env_new() };
	char why[512], tape[FSM_TAPE_NAME];
	int rc;

	if (d.env == NULL) {
		fprintf(stderr, "godwitd: the event loop cannot be made\n");
		return 1;
	}
	fsm_tape_asked("agent", tape, &conf->tape);
	d.agent = agent_new(d.env, conf, why, sizeof(why));
	if (d.agent == NULL) {
		log_error("agent", "%s", why);
		env_free(d.env);
		return 1;
	}
	env_on_signal(d.env, SIGTERM, on_signal, &d);
	env_on_signal(d.env, SIGINT, on_signal, &d);
	env_on_signal(d.env, SIGUSR1, on_signal, &d);
	log_info("agent", "godwitd %s, state in %s", PACKAGE_VERSION, conf->state_dir);
	rc = env_run(d.env);
	agent_free(d.agent);
	env_free(d.env);
	return rc != 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "foreground", no_argument, NULL, 'd' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "daemon-addr", required_argument, NULL, 'a' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "enable-local-metrics", no_argument, NULL, 'm' },
		{ "local-metrics-address", required_argument, NULL, 'M' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *address = from_env("NB_DAEMON_ADDR", "unix://" GODWIT_CTLSOCKET);
	const char *level_text = from_env("NB_LOG_LEVEL", "info");
	struct agent_conf conf = {
		.state_dir = from_env("NB_STATE_DIR", GODWIT_STATEDIR),
		.daemon_version = PACKAGE_VERSION,
		.force_relay = strcasecmp(from_env("NB_FORCE_RELAY", "false"), "true") == 0,
	};
	enum log_level level;
	int foreground = 0, c;

	while ((c = getopt_long(argc, argv, "d", options, NULL)) != -1)
		switch (c) {
		case 'd': foreground++; break;
		case 's': conf.state_dir = optarg; break;
		case 'a': address = optarg; break;
		case 'l': level_text = optarg; break;
		case 'm': conf.metrics = conf.metrics != NULL ? conf.metrics : METRICS_ADDRESS; break;
		case 'M': conf.metrics = optarg; break;
		case 'v': puts(PACKAGE_VERSION); return 0;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, 2);
		}
	if (optind != argc)
		return usage(stderr, 2);
	if (!log_level_parse(level_text, &level)) {
		fprintf(stderr, "godwitd: \"%s\" is no log level (error, warn, info, debug, trace)\n", level_text);
		return 2;
	}
	log_set_level(foreground > 1 && level < LOG_LV_DEBUG ? LOG_LV_DEBUG : level);
	if (strncmp(address, "unix://", 7) != 0) {
		fprintf(stderr, "godwitd: daemon address \"%s\" is not unix://PATH\n", address);
		return 2;
	}
	conf.socket = address + 7;
	if (foreground == 0) {
		if (daemon(0, 0) != 0) {
			perror("godwitd: daemon");
			return 1;
		}
		log_to_syslog("godwitd");
	}
	return run(&conf);
}
