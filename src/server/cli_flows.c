/* SPDX-License-Identifier: ISC */
/*
 * cli_flows.c -- `godwit-server flows`: the last flows that agents reported, read
 * from flows.db beside the server that writes it.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "env/env.h"
#include "server/admin.h"
#include "server/flows.h"
#include "server/store.h"

struct shown {
	json_t *all;
	bool as_json;
};

static const char *
direction(int64_t d)
{
	return d == 1 ? "in" : d == 2 ? "out" : "-";
}

static const char *
protocol(int64_t p, char out[16])
{
	snprintf(out, 16, p == 6 ? "tcp" : p == 17 ? "udp" : p == 1 || p == 58 ? "icmp" : "%d", (int)p);
	return out;
}

static void
row(void *arg, const struct env_db_value *v, int n)
{
	struct shown *s = arg;
	time_t at = (time_t)(v[0].num / MONO_SEC);
	char when[32] = "-", proto[16], from[64], to[64];
	struct tm tm;

	if (n != 13)
		return;
	if (gmtime_r(&at, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (s->as_json) {
		json_array_append_new(s->all, json_pack("{ss ss ss ss ss si ss si sI sI sI sI sI}", "timestamp", when, "peer",
		    server_col_text(&v[1]), "direction", direction(v[2].num), "protocol", protocol(v[3].num, proto), "source",
		    server_col_text(&v[4]), "source_port", (int)v[5].num, "dest", server_col_text(&v[6]), "dest_port",
		    (int)v[7].num, "rx_bytes", (json_int_t)v[8].num, "tx_bytes", (json_int_t)v[9].num, "starts",
		    (json_int_t)v[10].num, "ends", (json_int_t)v[11].num, "drops", (json_int_t)v[12].num));
		return;
	}
	snprintf(from, sizeof(from), "%.45s:%d", server_col_text(&v[4]), (int)v[5].num);
	snprintf(to, sizeof(to), "%.45s:%d", server_col_text(&v[6]), (int)v[7].num);
	printf("%-20s %.8s %-3s %-4s %-22s %-22s %10lld %10lld\n", when, server_col_text(&v[1]), direction(v[2].num),
	    protocol(v[3].num, proto), from, to, (long long)v[8].num, (long long)v[9].num);
}

static int
show(const char *dir, long limit, bool as_json)
{
	struct env *env = env_new();
	struct shown s = { .all = json_array(), .as_json = as_json };
	char path[4096], sql[300];
	uint8_t *probe = NULL;
	struct env_db *db = NULL;
	size_t len;
	int err;

	snprintf(path, sizeof(path), "%s/flows.db", dir);
	snprintf(sql, sizeof(sql), "SELECT at, peer, direction, protocol, source, source_port, dest, dest_port, rx_bytes,"
	    " tx_bytes, starts, ends, drops FROM flows ORDER BY at DESC LIMIT %ld", limit);
	err = env == NULL ? -ENOMEM : env_file_read(env, path, &probe, &len);
	free(probe);
	if (err == 0 && (db = env_db_open(env, path, "", &err)) != NULL) {
		if (!as_json)
			printf("%-20s %-8s %-3s %-4s %-22s %-22s %10s %10s\n", "TIME", "PEER", "", "", "FROM", "TO", "RECEIVED", "SENT");
		err = env_db_read(db, sql, row, &s);
	}
	if (err != 0)
		fprintf(stderr, "godwit-server: %s: %s\n", path, err == -ENOENT ?
		    "no flows are kept here (see run --flows)" : strerror(-err));
	else if (as_json) {
		json_dumpf(s.all, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(s.all);
	if (db != NULL)
		env_db_close(db);
	env_free(env);
	return err == 0 ? 0 : 1;
}

int
server_cli_flows(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "data", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' },
		{ "limit", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 }
	};
	const char *dir = server_default_dir();
	bool as_json = false;
	long limit = 100;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'j')
			as_json = true;
		else if (c == 'l') {
			limit = strtol(optarg, &end, 10);
			if (*optarg == '\0' || *end != '\0' || limit <= 0)
				return server_usage("--limit %s is not a number", optarg);
		} else {
			return server_usage(NULL);
		}
	}
	return optind == argc ? show(dir, limit, as_json) : server_usage("flows takes no argument %s", argv[optind]);
}
