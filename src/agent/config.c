/* SPDX-License-Identifier: ISC */
/* config.c -- see config.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <sodium.h>
#include "agent/config.h"
#include "base/log.h"
#include "base/url.h"
#include "env/env.h"

static const struct {
	const char *key;
	size_t offset;
} switches[] = {
	{ "DisableAutoConnect", offsetof(struct config, disable_auto_connect) },
	{ "DisableIPv6", offsetof(struct config, disable_ipv6) },
	{ "DisableIPv6Discovery", offsetof(struct config, disable_ipv6_discovery) },
	{ "DisableDNS", offsetof(struct config, disable_dns) },
	{ "DisableFirewall", offsetof(struct config, disable_firewall) },
	{ "BlockInbound", offsetof(struct config, block_inbound) },
	{ "DisableClientRoutes", offsetof(struct config, disable_client_routes) },
	{ "DisableServerRoutes", offsetof(struct config, disable_server_routes) },
	{ "RosenpassEnabled", offsetof(struct config, rosenpass) },
};
#define NSWITCH	(sizeof(switches) / sizeof(switches[0]))

bool *
config_switch(struct config *c, const char *key)
{
	for (size_t i = 0; i < NSWITCH; i++)
		if (strcmp(switches[i].key, key) == 0)
			return (bool *)(void *)((char *)c + switches[i].offset);
	return NULL;
}

int
config_set_str(char **member, const char *value)
{
	char *copy = NULL;

	if (value != NULL && value[0] != '\0' && (copy = strdup(value)) == NULL)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

int
config_key_parse(uint8_t out[CONFIG_KEY_LEN], const char *text)
{
	size_t n;

	if (sodium_base642bin(out, CONFIG_KEY_LEN, text, strlen(text), NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL) != 0 || n != CONFIG_KEY_LEN)
		return -EINVAL;
	return 0;
}

static char *
path_of(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);

	if (path != NULL)
		snprintf(path, n, "%s/%s", dir, name);
	return path;
}

/* NULL and err 0: no file. NULL and err: unreadable or not JSON, `why` filled. */
static json_t *
read_json(struct env *env, const char *path, int *err, char *why, size_t whylen)
{
	json_error_t jerr;
	json_t *root;
	uint8_t *bytes;
	size_t n;

	*err = env_file_read(env, path, &bytes, &n);
	if (*err == -ENOENT) {
		*err = 0;
		return NULL;
	}
	if (*err != 0) {
		snprintf(why, whylen, "%s: %s", path, strerror(-*err));
		return NULL;
	}
	root = json_loadb((char *)bytes, n, 0, &jerr);
	if (root == NULL || !json_is_object(root)) {
		snprintf(why, whylen, "%s:%d: not a JSON object: %s", path,
		    root == NULL ? jerr.line : 1, root == NULL ? jerr.text : "it holds something else");
		json_decref(root);
		root = NULL;
		*err = -EINVAL;
	}
	sodium_memzero(bytes, n);
	free(bytes);
	return root;
}

static bool
get_bool(const json_t *root, const char *key)
{
	return json_is_true(json_object_get(root, key));
}

static int
read_key(const json_t *root, const char *key, uint8_t out[CONFIG_KEY_LEN], bool *present)
{
	const char *text = json_string_value(json_object_get(root, key));

	*present = text != NULL && text[0] != '\0';
	return *present ? config_key_parse(out, text) : 0;
}

/* NetBird keeps the URL in pieces: {"Scheme": "https", "Host": "host:443", ...}. */
static int
read_url(struct config *c)
{
	const json_t *o = json_object_get(c->root, "ManagementURL");
	const char *scheme = json_string_value(json_object_get(o, "Scheme"));
	const char *host = json_string_value(json_object_get(o, "Host"));
	char text[320];

	if (scheme == NULL || host == NULL || host[0] == '\0')
		return 0;
	snprintf(text, sizeof(text), "%s://%s", scheme, host);
	return config_set_str(&c->management_url, text);
}

static int
read_members(struct config *c, char *why, size_t whylen)
{
	const json_t *v;
	bool present;

	if (read_key(c->root, "PrivateKey", c->private_key, &present) != 0) {
		snprintf(why, whylen, "%s: PrivateKey is not a base64 key of 32 bytes", c->path);
		return -EINVAL;
	}
	if (!present)
		env_random(c->env, c->private_key, sizeof(c->private_key));
	if (read_key(c->root, "PreSharedKey", c->psk, &c->has_psk) != 0) {
		snprintf(why, whylen, "%s: PreSharedKey is not a base64 key of 32 bytes", c->path);
		return -EINVAL;
	}
	for (size_t i = 0; i < NSWITCH; i++)
		*(bool *)(void *)((char *)c + switches[i].offset) = get_bool(c->root, switches[i].key);
	if (json_is_integer(v = json_object_get(c->root, "WgPort")))
		c->port = (uint16_t)json_integer_value(v);
	if (json_is_integer(v = json_object_get(c->root, "MTU")) && json_integer_value(v) != 0)
		c->mtu = (unsigned)json_integer_value(v);
	if (c->mtu < 576 || c->mtu > 8192) {
		snprintf(why, whylen, "%s: MTU %u is not between 576 and 8192", c->path, c->mtu);
		return -EINVAL;
	}
	if ((v = json_object_get(c->root, "WgIface")) != NULL && json_string_length(v) > 0)
		config_set_str(&c->iface, json_string_value(v));
	config_set_str(&c->server_key, json_string_value(json_object_get(c->root, "GodwitServerKey")));
	config_set_str(&c->hostname, json_string_value(json_object_get(c->root, "GodwitHostname")));
	return read_url(c);
}

struct config *
config_load(struct env *env, const char *dir, char *why, size_t whylen)
{
	struct config *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL || (c->path = path_of(dir, "default.json")) == NULL)
		goto nomem;
	c->env = env;
	c->port = CONFIG_PORT;
	c->mtu = 1280;
	if (config_set_str(&c->iface, "wt0") != 0)
		goto nomem;
	c->root = read_json(env, c->path, &err, why, whylen);
	if (err != 0)
		goto out;
	c->fresh = c->root == NULL;
	if (c->fresh && (c->root = json_object()) == NULL)
		goto nomem;
	if (read_members(c, why, whylen) != 0)
		goto out;
	/* clamped as RFC 7748 wants, so that every tool prints the same key */
	c->private_key[0] &= 248;
	c->private_key[31] = (uint8_t)((c->private_key[31] & 127) | 64);
	return c;
nomem:
	snprintf(why, whylen, "out of memory");
out:
	config_free(c);
	return NULL;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	sodium_memzero(c->private_key, sizeof(c->private_key));
	sodium_memzero(c->psk, sizeof(c->psk));
	json_decref(c->root);
	free(c->path);
	free(c->management_url);
	free(c->server_key);
	free(c->hostname);
	free(c->iface);
	free(c);
}

static void
put_str(json_t *root, const char *key, const char *value)
{
	if (value == NULL)
		json_object_del(root, key);
	else
		json_object_set_new(root, key, json_string(value));
}

static void
put_key(json_t *root, const char *key, const uint8_t *value)
{
	char text[sodium_base64_ENCODED_LEN(CONFIG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL)];

	if (value == NULL)
		text[0] = '\0';
	else
		sodium_bin2base64(text, sizeof(text), value, CONFIG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	json_object_set_new(root, key, json_string(text));
	sodium_memzero(text, sizeof(text));
}

static void
put_url(struct config *c)
{
	static const char *const empty[] = { "Opaque", "Path", "RawPath", "RawQuery", "Fragment", "RawFragment" };
	char hp[300];
	struct url u;
	json_t *o;

	if (c->management_url == NULL || url_parse(&u, c->management_url) != 0)
		return;
	if ((o = json_object_get(c->root, "ManagementURL")) == NULL) {
		json_object_set_new(c->root, "ManagementURL", o = json_object());
		for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
			json_object_set_new(o, empty[i], json_string(""));
		json_object_set_new(o, "User", json_null());
		json_object_set_new(o, "OmitHost", json_false());
		json_object_set_new(o, "ForceQuery", json_false());
	}
	json_object_set_new(o, "Scheme", json_string(u.scheme));
	json_object_set_new(o, "Host", json_string(url_host_port(&u, hp, sizeof(hp))));
}

static void
saved(void *arg, int err)
{
	if (err != 0)
		log_warnx("config", "could not write a file of the state folder: %s", strerror(-err));
}

static int
write_json(struct env *env, const char *path, const json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(4));
	int rc;

	if (text == NULL)
		return -ENOMEM;
	rc = env_file_write(env, path, 0600, text, strlen(text), saved, NULL);
	sodium_memzero(text, strlen(text));
	free(text);
	return rc;
}

int
config_save(struct config *c)
{
	put_key(c->root, "PrivateKey", c->private_key);
	put_key(c->root, "PreSharedKey", c->has_psk ? c->psk : NULL);
	put_url(c);
	put_str(c->root, "WgIface", c->iface);
	put_str(c->root, "GodwitServerKey", c->server_key);
	put_str(c->root, "GodwitHostname", c->hostname);
	json_object_set_new(c->root, "WgPort", json_integer(c->port));
	json_object_set_new(c->root, "MTU", json_integer(c->mtu));
	for (size_t i = 0; i < NSWITCH; i++)
		json_object_set_new(c->root, switches[i].key,
		    json_boolean(*(bool *)(void *)((char *)c + switches[i].offset)));
	c->fresh = false;
	return write_json(c->env, c->path, c->root);
}

/* ---- state.json ------------------------------------------------------------ */

static void
read_state(struct state *s)
{
	const json_t *o = json_object_get(s->root, "godwit");
	const char *hex = json_string_value(json_object_get(o, "tai64n"));
	size_t n;

	s->up = get_bool(o, "up");
	s->has_stamp = hex != NULL && sodium_hex2bin(s->stamp, sizeof(s->stamp), hex, strlen(hex),
	    NULL, &n, NULL) == 0 && n == sizeof(s->stamp);
}

struct state *
state_load(struct env *env, const char *dir)
{
	struct state *s = calloc(1, sizeof(*s));
	char why[512];
	int err;

	if (s == NULL || (s->path = path_of(dir, "state.json")) == NULL)
		goto out;
	s->env = env;
	s->root = read_json(env, s->path, &err, why, sizeof(why));
	if (s->root == NULL) {
		if (err == -EINVAL)
			log_warnx("config", "%s; it is begun anew", why);
		else if (err != 0)
			goto out;
		if ((s->root = json_object()) == NULL)
			goto out;
	}
	read_state(s);
	return s;
out:
	state_free(s);
	return NULL;
}

void
state_free(struct state *s)
{
	if (s == NULL)
		return;
	json_decref(s->root);
	free(s->path);
	free(s);
}

int
state_save(struct state *s)
{
	json_t *o = json_object_get(s->root, "godwit");
	char hex[2 * CONFIG_STAMP_LEN + 1];

	if (o == NULL)
		json_object_set_new(s->root, "godwit", o = json_object());
	json_object_set_new(o, "up", json_boolean(s->up));
	if (s->has_stamp)
		put_str(o, "tai64n", sodium_bin2hex(hex, sizeof(hex), s->stamp, sizeof(s->stamp)));
	return write_json(s->env, s->path, s->root);
}
