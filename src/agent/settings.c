/* SPDX-License-Identifier: ISC */
/*
 * settings.c -- changes to the profile, checked first and made second.
 *
 * Keys that have a member in struct config go there (config_save writes them);
 * every other key goes into the JSON as it came, so that what godwit learns later
 * is already in the file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "agent/config.h"
#include "agent/settings.h"
#include "base/url.h"

/* NULL, or what is wrong with the value. */
static const char *
bad_url(const char *s)
{
	struct url u;

	if (s == NULL || url_parse(&u, s) != 0)
		return "is not a URL";
	if (strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0)
		return "does not begin with http:// or https://";
	return NULL;
}

static const char *
bad_iface(const char *s)
{
	if (s == NULL || s[0] == '\0' || strlen(s) > 15)
		return "is not an interface name of 1 to 15 characters";
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("-_.", *s) == NULL)
			return "has a character that no interface has";
	return NULL;
}

static const char *
bad_key(const char *s)
{
	uint8_t key[CONFIG_KEY_LEN];

	if (s == NULL || (s[0] != '\0' && (strlen(s) != 44 || config_key_parse(key, s) != 0)))
		return "is not a key (44 characters of base64)";
	return NULL;
}

static const char *
bad_range(const json_t *v, json_int_t lo, json_int_t hi, const char *text)
{
	return json_is_integer(v) && json_integer_value(v) >= lo && json_integer_value(v) <= hi ? NULL : text;
}

static const char *
bad_value(struct config *c, const char *key, const json_t *v)
{
	const char *s = json_string_value(v);

	if (strcmp(key, "ManagementURL") == 0 || strcmp(key, "AdminURL") == 0)
		return bad_url(s);
	if (strcmp(key, "WgIface") == 0)
		return bad_iface(s);
	if (strcmp(key, "WgPort") == 0)
		return bad_range(v, 0, 65535, "is not a port from 0 to 65535");
	if (strcmp(key, "MTU") == 0)
		return bad_range(v, 576, 8192, "is not between 576 and 8192");
	if (strcmp(key, "PreSharedKey") == 0 || strcmp(key, "GodwitServerKey") == 0)
		return bad_key(s);
	if (strcmp(key, "GodwitHostname") == 0 && (s == NULL || strlen(s) > 255))
		return "is not a name of at most 255 characters";
	if (strcmp(key, "PrivateKey") == 0)
		return "cannot be changed";
	if (config_switch(c, key) != NULL && !json_is_boolean(v))
		return "is neither true nor false";
	return NULL;
}

static void
set_url_object(json_t *root, const char *key, const char *text)
{
	char host[320];
	struct url u;

	if (url_parse(&u, text) != 0)
		return;
	json_object_set_new(root, key, json_pack("{s:s,s:s,s:n,s:s,s:s,s:s,s:b,s:b,s:s,s:s,s:s}", "Scheme", u.scheme,
	    "Opaque", "", "User", "Host", url_host_port(&u, host, sizeof(host)), "Path", u.path, "RawPath", "",
	    "OmitHost", 0, "ForceQuery", 0, "RawQuery", "", "Fragment", "", "RawFragment", ""));
}

static int
set_management_url(struct config *c, const char *text)
{
	char norm[320];
	struct url u;

	url_parse(&u, text);
	return config_set_str(&c->management_url, url_str(&u, norm, sizeof(norm)));
}

static int
set_value(struct config *c, const char *key, json_t *v)
{
	const char *s = json_string_value(v);
	bool *flag = config_switch(c, key);

	if (flag != NULL)
		*flag = json_is_true(v);
	else if (strcmp(key, "ManagementURL") == 0)
		return set_management_url(c, s);
	else if (strcmp(key, "AdminURL") == 0)
		set_url_object(c->root, key, s);
	else if (strcmp(key, "WgIface") == 0)
		return config_set_str(&c->iface, s);
	else if (strcmp(key, "WgPort") == 0)
		c->port = (uint16_t)json_integer_value(v);
	else if (strcmp(key, "MTU") == 0)
		c->mtu = (unsigned)json_integer_value(v);
	else if (strcmp(key, "PreSharedKey") == 0)
		c->has_psk = s[0] != '\0' && config_key_parse(c->psk, s) == 0;
	else if (strcmp(key, "GodwitServerKey") == 0)
		return config_set_str(&c->server_key, s);
	else if (strcmp(key, "GodwitHostname") == 0)
		return config_set_str(&c->hostname, s);
	else
		return json_object_set(c->root, key, v) == 0 ? 0 : -ENOMEM;
	return 0;
}

int
settings_apply(struct config *c, const json_t *patch, char *why, size_t whylen)
{
	const char *key, *bad;
	json_t *v;
	int err = 0;

	json_object_foreach((json_t *)patch, key, v) {
		bad = bad_value(c, key, v);
		if (bad == NULL)
			continue;
		if (json_is_string(v) && strstr(key, "Key") == NULL)
			snprintf(why, whylen, "%s '%s' %s", key, json_string_value(v), bad);
		else
			snprintf(why, whylen, "%s %s", key, bad);
		return -EINVAL;
	}
	json_object_foreach((json_t *)patch, key, v)
		if (err == 0)
			err = set_value(c, key, v);
	if (err != 0)
		snprintf(why, whylen, "out of memory");
	return err;
}
