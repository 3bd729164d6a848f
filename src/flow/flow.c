/* SPDX-License-Identifier: ISC */
/*
 * flow.c -- see flow.h: the parts made, joined, and told what management wants.
 */
#include "flow/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/log.h"
#include "env/env.h"

struct flow *
flow_new(struct env *env, struct fsm_loop *loop, const uint8_t public_key[32])
{
	struct flow *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	if (flow_store_init(&f->store, FLOW_STORE_MAX) != 0 ||
	    (f->table = flow_table_new(env, FLOW_TABLE_MAX)) == NULL ||
	    (f->stream = flow_stream_new(env, loop, &f->store)) == NULL) {
		flow_table_free(f->table);
		flow_store_fini(&f->store);
		free(f);
		return NULL;
	}
	f->window.env = env;
	f->window.table = f->table;
	f->window.store = &f->store;
	f->window.stream = f->stream;
	f->window.interval = 600 * MONO_SEC;
	memcpy(f->window.public_key, public_key, 32);
	flow_window_init(&f->window, loop);
	return f;
}

static void
forget(char **secret)
{
	if (*secret != NULL)
		sodium_memzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void
flow_free(struct flow *f)
{
	if (f == NULL)
		return;
	flow_window_fini(&f->window);
	flow_stream_free(f->stream);
	flow_table_free(f->table);
	flow_store_fini(&f->store);
	forget(&f->token);
	free(f->url);
	free(f);
}

static bool
differs(const char *a, const char *b)
{
	return a == NULL || strcmp(a, b) != 0;
}

/* True when the stream must begin anew; *err when it cannot. */
static bool
take_server(struct flow *f, const struct flow_conf *c, int *err)
{
	char token[4096];
	bool has = c->payload != NULL && c->payload[0] != '\0', moved;

	snprintf(token, sizeof(token), "%s.%s", c->signature != NULL ? c->signature : "", has ? c->payload : "");
	moved = differs(f->url, c->url) || (has && differs(f->token, token));
	if (moved && (*err = flow_stream_set_server(f->stream, c->url, has ? token : NULL, c->ca_file)) == 0) {
		free(f->url);
		f->url = strdup(c->url);
		if (has) {
			forget(&f->token);
			f->token = strdup(token);
		}
	}
	sodium_memzero(token, sizeof(token));
	return moved;
}

int
flow_configure(struct flow *f, const struct flow_conf *c)
{
	bool moved, was = f->on;
	int err = 0;

	if (!c->enabled) {
		f->on = false;
		if (was) {
			log_info("flow", "export is off");
			flow_stream_post(f->stream, FLOW_STREAM_EV_STOP, NULL);
			flow_window_post(&f->window, FLOW_WINDOW_EV_STOP, NULL);
		}
		return 0;
	}
	if (c->interval <= 0 || c->url == NULL)
		return -EINVAL;
	moved = take_server(f, c, &err);
	if (err != 0)
		return err;
	f->window.counters = c->counters;
	f->window.dns = c->dns;
	flow_stream_set_patience(f->stream, c->interval / 2);
	f->on = true;
	if (!was || moved) {
		log_info("flow", "export to %s, every %lld s", c->url, (long long)(c->interval / MONO_SEC));
		flow_stream_post(f->stream, FLOW_STREAM_EV_START, NULL);
	}
	if (!was || f->window.interval != c->interval) {
		f->window.interval = c->interval;
		flow_window_post(&f->window, FLOW_WINDOW_EV_START, NULL);
	}
	return 0;
}

void
flow_tap(void *arg, const uint8_t *ip, uint32_t len, bool out, uint32_t packets, uint32_t bytes)
{
	struct flow *f = arg;

	if (f->on)
		flow_table_count(f->table, ip, len, out, packets, bytes);
}
