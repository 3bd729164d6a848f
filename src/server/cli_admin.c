/* SPDX-License-Identifier: ISC */
/*
 * cli_admin.c -- the administrative commands: words and flags become a request,
 * the running server or the store answers it, and it is shown.
 */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "env/env.h"
#include "server/admin.h"
#include "server/store.h"

int
server_parse_time(const char *text, int64_t *us)
{
	static const struct { char unit; int64_t us; } units[] = {
		{ 's', MONO_SEC }, { 'm', MONO_MIN }, { 'h', MONO_HOUR }, { 'd', 24 * MONO_HOUR }
	};
	int64_t sum = 0;

	if (strcmp(text, "0") == 0 || strcmp(text, "never") == 0) {
		*us = 0;
		return 0;
	}
	while (*text != '\0') {
		char *end;
		unsigned long n = strtoul(text, &end, 10);
		size_t u = 0;

		if (end == text || n > 1000000)
			return -EINVAL;
		while (u < 4 && units[u].unit != *end)
			u++;
		if (u == 4)
			return -EINVAL;
		sum += (int64_t)n * units[u].us;
		text = end + 1;
	}
	*us = sum;
	return sum > 0 ? 0 : -EINVAL;
}

/* ---- asking ---------------------------------------------------------------------- */

struct direct {
	struct env *env;
	json_t *answer;
};

static void
direct_answer(void *arg, json_t *answer)
{
	struct direct *d = arg;

	d->answer = answer;
	env_stop(d->env);
}

static void
leave(void *arg)
{
	env_stop(arg);
}

static void
wait_a_little(struct env *env, int64_t us)
{
	struct env_timer *t = env_timer_new(env, leave, env);

	if (t != NULL) {
		env_timer_set(t, us);
		env_run(env);
	}
	env_timer_free(t);
}

/* No server runs: the store is opened here, under the same lock.  *busy: one
 * does, and is just starting or ending. */
static json_t *
ask_store(struct env *env, const char *dir, const json_t *req, bool *busy)
{
	struct direct d = { .env = env };
	struct server_store *st;
	uint8_t *probe = NULL;
	size_t len;
	char path[4096];
	bool fresh;
	int err;

	snprintf(path, sizeof(path), "%s/store.db", dir);
	err = env_file_read(env, path, &probe, &len);
	free(probe);
	if (err == -ENOENT) {
		fprintf(stderr, "godwit-server: no server runs and there is no store in %s (start `godwit-server run` first)\n", dir);
		return NULL;
	}
	if ((err = env_dir_lock(env, dir, 0700)) != 0) {
		*busy = err == -EWOULDBLOCK;
		if (!*busy)
			fprintf(stderr, "godwit-server: %s: %s\n", dir, strerror(-err));
		return NULL;
	}
	if ((st = server_store_open(env, dir, "netbird.selfhosted", &fresh, &err)) == NULL) {
		fprintf(stderr, "godwit-server: store in %s: %s\n", dir, strerror(-err));
		return NULL;
	}
	server_admin_do(st, NULL, req, direct_answer, &d);
	if (d.answer == NULL)
		wait_a_little(env, 10 * MONO_SEC);
	server_store_close(st);
	if (d.answer == NULL)
		fprintf(stderr, "godwit-server: the store in %s does not answer\n", dir);
	return d.answer;
}

static json_t *
ask(const char *dir, const json_t *req)
{
	struct env *env = env_new();
	json_t *answer = NULL;
	bool busy = true;
	int err = 0;

	if (env == NULL)
		return NULL;
	for (int tries = 0; busy && tries < 30; tries++) {
		if (tries > 0)
			wait_a_little(env, 100 * MONO_MS);
		busy = false;
		answer = server_admin_ask(env, dir, req, &err);
		if (answer == NULL && (err == -ENOENT || err == -ECONNREFUSED))
			answer = ask_store(env, dir, req, &busy);
		else if (answer == NULL)
			fprintf(stderr, "godwit-server: the server in %s does not answer: %s\n", dir, strerror(-err));
	}
	if (busy)
		fprintf(stderr, "godwit-server: a server runs in %s and does not answer\n", dir);
	env_free(env);
	return answer;
}

/* ---- showing -------------------------------------------------------------------------- */

static const char *
text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "-";
}

static void
show_keys(const json_t *all)
{
	const json_t *k;
	size_t i;

	printf("%-21s %-20s %-10s %-9s %-9s %9s  %s\n", "ID", "NAME", "KEY", "TYPE", "STATE", "USED", "EXPIRES");
	json_array_foreach(all, i, k) {
		long limit = (long)json_integer_value(json_object_get(k, "usage_limit"));
		char used[32];

		snprintf(used, sizeof(used), limit != 0 ? "%ld/%ld" : "%ld",
		    (long)json_integer_value(json_object_get(k, "used_times")), limit);
		printf("%-21s %-20s %-10s %-9s %-9s %9s  %s%s\n", text_of(k, "id"), text_of(k, "name"), text_of(k, "key"),
		    text_of(k, "type"), text_of(k, "state"), used, text_of(k, "expires"),
		    json_is_true(json_object_get(k, "ephemeral")) ? "  ephemeral" : "");
	}
}

static void
show_peers(const json_t *all)
{
	const json_t *p;
	size_t i;

	printf("%-20s %-15s %-9s %-20s %-12s %s\n", "NAME", "ADDRESS", "STATE", "LAST SEEN", "VERSION", "DNS NAME");
	json_array_foreach(all, i, p)
		printf("%-20s %-15s %-9s %-20s %-12s %s\n", text_of(p, "name"), text_of(p, "ip"),
		    json_is_true(json_object_get(p, "connected")) ? "connected" : "away", text_of(p, "last_seen"),
		    text_of(p, "version"), text_of(p, "dns_label"));
}

/* Members one a line, in the order they were put in; the key, where it is told, last. */
static void
show_flat(const json_t *o, const char *indent)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, name, v) {
		if (json_is_object(v)) {
			printf("%s%s:\n", indent, name);
			show_flat(v, "  ");
		} else if (json_is_string(v)) {
			printf("%s%s: %s\n", indent, name, json_string_value(v));
		} else if (json_is_integer(v)) {
			printf("%s%s: %lld\n", indent, name, (long long)json_integer_value(v));
		} else if (json_is_boolean(v)) {
			printf("%s%s: %s\n", indent, name, json_is_true(v) ? "yes" : "no");
		}
	}
}

static void
show(const char *what, const json_t *answer, bool as_json)
{
	if (as_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (strcmp(what, "setup-key-create") == 0) {
		printf("%s key \"%s\", expires %s\n%s\n", text_of(answer, "type"), text_of(answer, "name"),
		    json_is_null(json_object_get(answer, "expires")) ? "never" : text_of(answer, "expires"),
		    text_of(answer, "key"));
	} else if (json_object_get(answer, "setup_keys") != NULL) {
		show_keys(json_object_get(answer, "setup_keys"));
	} else if (json_object_get(answer, "peers") != NULL && json_is_array(json_object_get(answer, "peers"))) {
		show_peers(json_object_get(answer, "peers"));
	} else {
		show_flat(answer, "");
	}
}

/* ---- words and flags --------------------------------------------------------------------- */

static const struct verb {
	const char *noun, *verb;	/* verb NULL: the noun stands alone */
	const char *what;
	const char *arg[2];		/* members of the request that arguments fill */
} verbs[] = {
	{ "setup-key", "create", "setup-key-create", { NULL, NULL } },
	{ "setup-key", "list", "setup-key-list", { NULL, NULL } },
	{ "setup-key", "revoke", "setup-key-revoke", { "key", NULL } },
	{ "peer", "list", "peer-list", { NULL, NULL } },
	{ "peer", "rename", "peer-rename", { "peer", "name" } },
	{ "peer", "remove", "peer-remove", { "peer", NULL } },
	{ "status", NULL, "status", { NULL, NULL } },
};

static const struct verb *
find_verb(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].noun, argv[0]) == 0 &&
		    (verbs[i].verb == NULL || (argc > 1 && strcmp(verbs[i].verb, argv[1]) == 0)))
			return &verbs[i];
	return NULL;
}

/* 0, or the exit status of a complaint. */
static int
read_flags(int argc, char **argv, const struct verb *v, json_t *req, const char **dir, bool *as_json)
{
	static const struct option opts[] = {
		{ "data", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' },
		{ "name", required_argument, NULL, 'n' }, { "reusable", no_argument, NULL, 'r' },
		{ "ephemeral", no_argument, NULL, 'e' }, { "expires", required_argument, NULL, 'x' },
		{ "usage-limit", required_argument, NULL, 'u' }, { NULL, 0, NULL, 0 }
	};
	bool create = strcmp(v->what, "setup-key-create") == 0;
	int64_t us;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == '?')
			return server_usage(NULL);
		if (c != 'd' && c != 'j' && !create)
			return server_usage("%s does not take that flag", v->what);
		if (c == 'd')
			*dir = optarg;
		else if (c == 'j')
			*as_json = true;
		else if (c == 'n')
			json_object_set_new(req, "name", json_string(optarg));
		else if (c == 'r')
			json_object_set_new(req, "reusable", json_true());
		else if (c == 'e')
			json_object_set_new(req, "ephemeral", json_true());
		else if (c == 'x') {
			if (server_parse_time(optarg, &us) != 0)
				return server_usage("--expires %s is not a time such as 24h or 7d", optarg);
			json_object_set_new(req, "expires_s", json_integer(us / MONO_SEC));
		} else {
			long n = strtol(optarg, &end, 10);

			if (*optarg == '\0' || *end != '\0' || n < 0 || n > 1000000000)
				return server_usage("--usage-limit %s is not a number", optarg);
			json_object_set_new(req, "usage_limit", json_integer(n));
		}
	}
	if (create && json_object_get(req, "name") == NULL)
		return server_usage("setup-key create needs --name");
	return 0;
}

int
server_cli_admin(int argc, char **argv)
{
	const struct verb *v = find_verb(argc, argv);
	const char *dir = server_default_dir(), *error;
	bool as_json = false;
	json_t *req, *answer = NULL;
	int status, n;

	if (v == NULL)
		return server_usage("unknown command %s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	if (v->verb != NULL) {
		argc--;
		argv++;
	}
	/* A key lives for a day unless told otherwise, as NetBird's dashboard has it. */
	req = json_pack("{ss si}", "do", v->what, "expires_s", strcmp(v->what, "setup-key-create") == 0 ? 86400 : 0);
	if ((status = read_flags(argc, argv, v, req, &dir, &as_json)) != 0)
		goto out;
	for (n = 0; n < 2 && v->arg[n] != NULL; n++) {
		if (optind + n >= argc) {
			status = server_usage("%s needs %s", v->what, v->arg[n]);
			goto out;
		}
		json_object_set_new(req, v->arg[n], json_string(argv[optind + n]));
	}
	if (optind + n < argc) {
		status = server_usage("%s is one argument too many", argv[optind + n]);
		goto out;
	}
	status = 1;
	if ((answer = ask(dir, req)) == NULL)
		goto out;
	if ((error = json_string_value(json_object_get(answer, "error"))) != NULL) {
		fprintf(stderr, "godwit-server: %s\n", error);
		goto out;
	}
	show(v->what, answer, as_json);
	status = 0;
out:
	json_decref(answer);
	json_decref(req);
	return status;
}
