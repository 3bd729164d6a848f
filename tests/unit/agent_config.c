/* SPDX-License-Identifier: ISC */
/* agent_config.c -- the profile: unknown keys survive, what is no JSON is left alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/config.h"
#include "env/env.h"
#include "tests/tap.h"

static char dir[] = "/tmp/godwit-config.XXXXXX";

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static char *
get(const char *name)
{
	static char text[8192];
	char path[256];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "r")) != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void
stop(void *arg)
{
	env_stop(arg);
}

/* Lets the asynchronous write get to the disk. */
static void
settle(struct env *env)
{
	struct env_timer *t = env_timer_new(env, stop, env);

	env_timer_set(t, 300 * MONO_MS);
	env_run(env);
	env_timer_free(t);
}

static void
test_rewrite(struct env *env)
{
	char why[256] = "", key[128];
	struct config *c;

	put("default.json", "{\"Strange\": {\"a\": [1, 2]}, \"WgPort\": 51999, \"MTU\": 0, \"DisableDNS\": true,\n"
	    " \"ManagementURL\": {\"Scheme\": \"https\", \"Host\": \"m.example:8443\", \"Path\": \"\"}}");
	c = config_load(env, dir, why, sizeof(why));
	if (!ok(c != NULL, "a profile without a key loads (%s)", why))
		return;
	is_int(c->port, 51999, "port");
	is_int(c->mtu, 1280, "MTU 0 means 1280");
	ok(c->disable_dns && !c->disable_ipv6, "switches");
	is_str(c->management_url, "https://m.example:8443", "the URL in one piece");
	config_set_str(&c->management_url, "http://[2001:db8::1]:80");
	config_set_str(&c->server_key, "abc");
	ok(config_save(c) == 0, "saved");
	settle(env);
	ok(strstr(get("default.json"), "\"Strange\"") != NULL, "a key we do not know survived");
	ok(strstr(get("default.json"), "\"Host\": \"[2001:db8::1]:80\"") != NULL, "the URL went in pieces");
	memcpy(key, c->private_key, CONFIG_KEY_LEN);
	config_free(c);
	c = config_load(env, dir, why, sizeof(why));
	ok(c != NULL && memcmp(key, c->private_key, CONFIG_KEY_LEN) == 0, "the generated key came back");
	ok(c != NULL && !c->fresh, "and the profile is not a fresh one");
	config_free(c);
}

static void
test_refused(struct env *env, const char *text, const char *word)
{
	char why[256] = "";
	struct config *c;

	put("default.json", text);
	c = config_load(env, dir, why, sizeof(why));
	ok(c == NULL, "refused: %s", text);
	ok(strstr(why, "default.json") != NULL && strstr(why, word) != NULL, "naming file and thing: %s", why);
	is_str(get("default.json"), text, "the file was left alone");
	config_free(c);
}

static void
test_state(struct env *env)
{
	struct state *s;

	put("state.json", "{\"dns_state\": {\"WgIface\": \"wt0\"}}");
	s = state_load(env, dir);
	ok(s != NULL && !s->up && !s->has_stamp, "nothing of ours in it: down");
	s->up = s->has_stamp = true;
	memset(s->stamp, 0x5a, sizeof(s->stamp));
	state_save(s);
	settle(env);
	state_free(s);
	ok(strstr(get("state.json"), "dns_state") != NULL, "others' state survived");
	s = state_load(env, dir);
	ok(s != NULL && s->up && s->has_stamp && s->stamp[11] == 0x5a, "wish and stamp came back");
	state_free(s);
	put("state.json", "{\"godwit\": ");
	s = state_load(env, dir);
	ok(s != NULL && !s->up, "a broken state file is begun anew");
	state_free(s);
}

int
main(void)
{
	struct env *env;
	char cmd[64];

	if (mkdtemp(dir) == NULL)
		return 99;
	env = env_new();
	test_rewrite(env);
	test_refused(env, "{\"PrivateKey\": ", "JSON");
	test_refused(env, "[1]", "JSON");
	test_refused(env, "{\"PrivateKey\": \"short\"}", "PrivateKey");
	test_refused(env, "{\"MTU\": 100}", "MTU");
	test_state(env);
	env_free(env);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd) != 0)
		return 99;
	return tap_done();
}
