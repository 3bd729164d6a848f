/* SPDX-License-Identifier: ISC */
/*
 * admin.c -- the administrator's requests, carried out on the store.
 *
 * Names of members are those of NetBird's API where it has the thing, so that
 * scripts can move between the two.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "server/account.h"
#include "server/admin.h"
#include "server/flows.h"
#include "server/inside.h"
#include "server/peer.h"
#include "server/setupkey.h"

struct asking {
	struct server *server;
	server_admin_fn fn;
	void *arg;
	char key[SERVER_WG_KEY];		/* peer-remove */
	char text[SERVER_SETUPKEY_TEXT];	/* setup-key-create: wiped when told */
};

__attribute__((format(printf, 3, 4))) static void
refuse(server_admin_fn fn, void *arg, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fn(arg, json_pack("{ss}", "error", text));
}

static struct asking *
asking_new(struct server *s, server_admin_fn fn, void *arg)
{
	struct asking *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		refuse(fn, arg, "no memory");
		return NULL;
	}
	a->server = s;
	a->fn = fn;
	a->arg = arg;
	return a;
}

static const char *
member(const json_t *req, const char *name)
{
	const char *s = json_string_value(json_object_get(req, name));

	return s != NULL ? s : "";
}

/* RFC 3339, whole seconds, UTC; null for never. */
static json_t *
moment(int64_t us)
{
	time_t t = (time_t)(us / MONO_SEC);
	char text[32];
	struct tm tm;

	if (us == 0 || gmtime_r(&t, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

static char *
ip_text(uint32_t ip, char out[ADDR_STRLEN])
{
	struct addr a = addr_v4(ip, 0);

	addr_str(&a, out);
	return out;
}

/* ---- setup keys ---------------------------------------------------------------------- */

static json_t *
key_json(const struct server_setupkey *k, int64_t now)
{
	enum server_setupkey_verdict v = server_setupkey_state(k, now);

	return json_pack("{ss ss ss ss sb ss sb sb si si so so so}", "id", k->id, "name", k->name, "key", k->hint,
	    "type", k->reusable ? "reusable" : "one-off", "valid", v == SERVER_SETUPKEY_GOOD, "state",
	    server_setupkey_verdict_text(v), "revoked", k->revoked, "ephemeral", k->ephemeral, "used_times", (int)k->used,
	    "usage_limit", (int)k->usage_limit, "created", moment(k->created), "expires", moment(k->expires), "last_used",
	    moment(k->last_used));
}

static void
key_told(void *arg, struct server_setupkey *k, int err)
{
	struct asking *a = arg;
	json_t *answer;

	if (err != 0) {
		refuse(a->fn, a->arg, "the store cannot be written: %s", strerror(-err));
	} else {
		answer = key_json(k, k->created);
		if (a->text[0] != '\0')
			json_object_set_new(answer, "key", json_string(a->text));
		a->fn(a->arg, answer);
	}
	sodium_memzero(a, sizeof(*a));
	free(a);
}

static void
key_create(struct server_store *st, struct server *s, const json_t *req, server_admin_fn fn, void *arg)
{
	json_int_t limit = json_integer_value(json_object_get(req, "usage_limit"));
	json_int_t expires = json_integer_value(json_object_get(req, "expires_s"));
	struct server_setupkey_spec spec = { .name = member(req, "name"),
		.reusable = json_is_true(json_object_get(req, "reusable")),
		.ephemeral = json_is_true(json_object_get(req, "ephemeral")) };
	struct asking *a;
	int err;

	if (spec.name[0] == '\0') {
		refuse(fn, arg, "a setup key needs a name");
		return;
	}
	if (limit < 0 || limit > INT32_MAX || expires < 0 || expires > INT64_C(100) * 365 * 86400) {
		refuse(fn, arg, "usage limit or life time out of range");
		return;
	}
	spec.usage_limit = (uint32_t)limit;
	spec.lifetime_us = (int64_t)expires * MONO_SEC;
	if ((a = asking_new(s, fn, arg)) == NULL)
		return;
	if ((err = server_setupkey_create(st, &spec, a->text, key_told, a)) != 0)
		key_told(a, NULL, err);
}

static void
key_list(struct server_store *st, server_admin_fn fn, void *arg)
{
	json_t *all = json_array();

	LIST_EACH(l, &st->setupkeys)
		json_array_append_new(all, key_json(LIST_OF(l, struct server_setupkey, all), env_wall(st->env)));
	fn(arg, json_pack("{so}", "setup_keys", all));
}

static void
key_revoke(struct server_store *st, struct server *s, const json_t *req, server_admin_fn fn, void *arg)
{
	const char *what = member(req, "key");
	struct server_setupkey *k;
	struct asking *a;
	int err = server_setupkey_find(st, what, &k);

	if (err != 0) {
		refuse(fn, arg, err == -EEXIST ? "more than one setup key is called %s: use its id" : "no setup key %s", what);
		return;
	}
	if ((a = asking_new(s, fn, arg)) != NULL && (err = server_setupkey_revoke(st, k, key_told, a)) != 0)
		key_told(a, NULL, err);
}

/* ---- peers -------------------------------------------------------------------------------- */

static json_t *
peer_json(const struct server_store *st, const struct server_peer *p)
{
	char ip[ADDR_STRLEN], name[400];

	snprintf(name, sizeof(name), "%s.%s", p->label, st->account->domain);
	return json_pack("{ss ss ss ss ss ss sb ss ss ss sb so so so}", "id", p->id, "name", p->name, "ip",
	    ip_text(p->ip, ip), "dns_label", name, "public_key", p->key, "hostname", p->meta.hostname, "connected",
	    p->connected, "os", p->meta.os, "kernel_version", p->meta.kernel, "version", p->meta.version, "ephemeral",
	    p->ephemeral, "created_at", moment(p->created), "last_login", moment(p->last_login), "last_seen",
	    moment(p->connected ? env_wall(st->env) : p->last_seen));
}

static void
peer_list(struct server_store *st, server_admin_fn fn, void *arg)
{
	json_t *all = json_array();

	LIST_EACH(l, &st->peers)
		json_array_append_new(all, peer_json(st, LIST_OF(l, struct server_peer, all)));
	fn(arg, json_pack("{so}", "peers", all));
}

static void
peer_renamed(void *arg, struct server_peer *p, int err)
{
	struct asking *a = arg;

	if (err != 0)
		refuse(a->fn, a->arg, "the store cannot be written: %s", strerror(-err));
	else {
		if (a->server != NULL)
			server_map_changed(a->server);
		a->fn(a->arg, json_pack("{ss ss}", "name", p->name, "dns_label", p->label));
	}
	free(a);
}

static void
peer_removed(void *arg, struct server_peer *p, int err)
{
	struct asking *a = arg;

	if (err != 0)
		refuse(a->fn, a->arg, "the store cannot be written: %s", strerror(-err));
	else {
		if (a->server != NULL)
			server_peer_gone(a->server, a->key);
		a->fn(a->arg, json_pack("{ss}", "removed", p->name));
	}
	free(a);
}

static void
peer_change(struct server_store *st, struct server *s, const json_t *req, bool remove, server_admin_fn fn, void *arg)
{
	const char *what = member(req, "peer"), *name = member(req, "name");
	struct server_peer *p;
	struct asking *a;
	int err = server_peer_find(st, what, &p);

	if (err != 0) {
		refuse(fn, arg, err == -EEXIST ? "more than one peer is called %s: use its id, address or key" : "no peer %s", what);
		return;
	}
	if (!remove && (name[0] == '\0' || strlen(name) > 250)) {
		refuse(fn, arg, "a peer's name has 1 to 250 characters");
		return;
	}
	if ((a = asking_new(s, fn, arg)) == NULL)
		return;
	strcpy(a->key, p->key);
	err = remove ? server_peer_remove(st, p, peer_removed, a) : server_peer_rename(st, p, name, peer_renamed, a);
	if (err != 0)
		peer_renamed(a, NULL, err);
}

/* ---- status ------------------------------------------------------------------------------------ */

static void
status(struct server_store *st, struct server *s, server_admin_fn fn, void *arg)
{
	struct server_counts n = { .peers = (unsigned)list_count(&st->peers) };
	char net[ADDR_STRLEN + 4];
	json_t *o;

	ip_text(st->account->net, net);
	strcat(net, "/16");
	o = json_pack("{sb ss ss ss sI si}", "running", s != NULL, "server_key", st->account->box_public_text, "domain",
	    st->account->domain, "network", net, "serial", (json_int_t)st->account->serial, "peers", (int)n.peers);
	if (s != NULL) {
		const struct env_stalls *stalls = env_stalls(s->env);

		n = server_counts(s);
		json_object_set_new(o, "url", json_string(s->url));
		json_object_set_new(o, "relay", json_string(s->announce.relay));
		json_object_set_new(o, "stun", json_string(s->announce.stun));
		json_object_set_new(o, "connected", json_pack("{si si si si}", "sync", (int)n.sync, "job", (int)n.job, "signal",
		    (int)n.signal, "relay", (int)n.relay));
		if (s->flows != NULL) {
			struct server_flow_counts c = server_flows_counts(s->flows);

			json_object_set_new(o, "flows", json_pack("{sI sI sI}", "stored", (json_int_t)c.stored, "dropped",
			    (json_int_t)c.dropped, "refused", (json_int_t)c.refused));
		}
		json_object_set_new(o, "heartbeat_ms", json_integer((json_int_t)(s->beat.us / MONO_MS)));
		json_object_set_new(o, "letters_dropped", json_integer((json_int_t)s->letters_dropped));
		json_object_set_new(o, "stale_events", json_integer((json_int_t)fsm_loop_stale(s->loop)));
		json_object_set_new(o, "longest_stall_us", json_integer(stalls != NULL ? stalls->longest_us : 0));
	}
	fn(arg, o);
}

void
server_admin_do(struct server_store *st, struct server *s, const json_t *req, server_admin_fn fn, void *arg)
{
	const char *what = member(req, "do");

	if (strcmp(what, "setup-key-create") == 0)
		key_create(st, s, req, fn, arg);
	else if (strcmp(what, "setup-key-list") == 0)
		key_list(st, fn, arg);
	else if (strcmp(what, "setup-key-revoke") == 0)
		key_revoke(st, s, req, fn, arg);
	else if (strcmp(what, "peer-list") == 0)
		peer_list(st, fn, arg);
	else if (strcmp(what, "peer-rename") == 0)
		peer_change(st, s, req, false, fn, arg);
	else if (strcmp(what, "peer-remove") == 0)
		peer_change(st, s, req, true, fn, arg);
	else if (strcmp(what, "status") == 0)
		status(st, s, fn, arg);
	else
		refuse(fn, arg, "unknown request \"%.40s\"", what);
}
