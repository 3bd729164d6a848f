/* SPDX-License-Identifier: ISC */
/*
 * wgtool -- our WireGuard device alone, for tests against other implementations.
 *
 *	wgtool --name wg0 --key FILE [--port N] [--rekey S] [--reject S] [--gap S]
 *	    --peer KEY [--psk KEY] [--endpoint ADDR:PORT] [--keepalive S] [--allow PREFIX]...
 *
 * Keys are base64; FILE holds one.  Prints one line for each thing that happens
 * ("up PORT", "handshake KEY N", "roamed KEY ADDR:PORT") and, on SIGUSR1, one
 * "stats KEY rx tx handshakes" line a peer.  Ends on SIGTERM.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "fsm/agent-wire.h"
#include "fsm/fsm.h"
#include "wg/device.h"
#include "wg/impl.h"

#define PEERS	64

struct peer_opt {
	uint8_t key[WG_KEY_LEN], psk[WG_KEY_LEN];
	bool has_psk;
	struct wg_endpoint endpoint;
	unsigned keepalive;
	struct addr_prefix allow[16];
	size_t nallow;
	unsigned long handshakes;
};

struct tool {
	struct env *env;
	struct wg_device *dev;
	struct peer_opt peer[PEERS];
	size_t npeers;
};

static void
die(const char *what, const char *arg)
{
	fprintf(stderr, "wgtool: %s: %s\n", what, arg);
	exit(2);
}

static void
key_from(const char *text, uint8_t out[WG_KEY_LEN])
{
	size_t n = 0;

	if (sodium_base642bin(out, WG_KEY_LEN, text, strlen(text), " \n", &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != WG_KEY_LEN)
		die("no key", "base64 of 32 bytes is needed");
}

static void
key_from_file(const char *path, uint8_t out[WG_KEY_LEN])
{
	char line[128] = "";
	FILE *f = fopen(path, "r");

	if (f == NULL || fgets(line, sizeof line, f) == NULL)
		die("cannot read", path);
	fclose(f);
	key_from(line, out);
	sodium_memzero(line, sizeof line);
}

static const char *
key_text(const uint8_t key[WG_KEY_LEN], char out[64])
{
	return sodium_bin2base64(out, 64, key, WG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
}

static void
on_handshake(void *arg, struct wg_peer *p)
{
	struct peer_opt *o = wg_peer_arg(p);
	char text[64];

	(void)arg;
	printf("handshake %s %lu\n", key_text(wg_peer_key(p), text), ++o->handshakes);
}

static void
on_roamed(void *arg, struct wg_peer *p, const struct addr *a)
{
	char text[64], where[ADDR_STRLEN];

	(void)arg;
	printf("roamed %s %s\n", key_text(wg_peer_key(p), text), addr_str_port(a, where));
}

static void
print_stats(void *arg, struct wg_peer *p)
{
	struct peer_opt *o = wg_peer_arg(p);
	struct wg_peer_stats s;
	char text[64];

	(void)arg;
	wg_peer_get_stats(p, &s);
	printf("stats %s rx %llu tx %llu handshakes %lu refused %llu kept %llu\n", key_text(wg_peer_key(p), text),
	    (unsigned long long)s.rx_bytes, (unsigned long long)s.tx_bytes, o->handshakes,
	    (unsigned long long)s.refused, (unsigned long long)s.kept);
}

static void
on_signal(void *arg, int signo)
{
	struct tool *t = arg;

	if (signo == SIGUSR1)
		wg_device_each_peer(t->dev, print_stats, t);
	else
		env_stop(t->env);
}

/* The one connection of fsm/agent.wire that a device alone needs. */
static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	(void)arg;
	(void)send;
	if (from->def == &wg_keepalive_fsm)
		wg_peer_post(wire_wg_keepalive_to_wg_peer((struct wg_keepalive *)from), WG_PEER_EV_WANT, data);
}

enum { NAME = 1, KEY, PORT, MTU, REKEY, REJECT, GAP, KEEP, PEER, PSK, ENDPOINT, KEEPALIVE, ALLOW, VERBOSE };

static const struct option options[] = {
	{ "name", 1, NULL, NAME }, { "key", 1, NULL, KEY }, { "port", 1, NULL, PORT }, { "mtu", 1, NULL, MTU },
	{ "rekey", 1, NULL, REKEY }, { "reject", 1, NULL, REJECT }, { "gap", 1, NULL, GAP }, { "passive", 1, NULL, KEEP },
	{ "peer", 1, NULL, PEER }, { "psk", 1, NULL, PSK }, { "endpoint", 1, NULL, ENDPOINT },
	{ "keepalive", 1, NULL, KEEPALIVE }, { "allow", 1, NULL, ALLOW }, { "verbose", 0, NULL, VERBOSE },
	{ NULL, 0, NULL, 0 }
};

static int64_t
seconds(const char *text)
{
	return (int64_t)(strtod(text, NULL) * (double)MONO_SEC);
}

static void
peer_option(struct tool *t, int c, const char *arg)
{
	struct peer_opt *p = &t->peer[t->npeers - 1];

	if (c == PEER) {
		if (t->npeers == PEERS)
			die("too many peers", arg);
		t->peer[t->npeers].endpoint.roam = true;
		key_from(arg, t->peer[t->npeers++].key);
		return;
	}
	if (t->npeers == 0)
		die("before the first --peer", arg);
	switch (c) {
	case PSK:
		key_from_file(arg, p->psk);
		p->has_psk = true;
		break;
	case ENDPOINT:
		p->endpoint = (struct wg_endpoint){ .kind = WG_ENDPOINT_UDP, .roam = true };
		if (addr_parse_port(&p->endpoint.addr, arg) != 0)
			die("no address", arg);
		break;
	case KEEPALIVE:
		p->keepalive = (unsigned)strtoul(arg, NULL, 10);
		break;
	case ALLOW:
		if (p->nallow == 16 || addr_prefix_parse(&p->allow[p->nallow++], arg) != 0)
			die("no prefix", arg);
		break;
	}
}

int
main(int argc, char **argv)
{
	static struct tool t;
	struct wg_config conf = { .hooks = { .handshake = on_handshake, .roamed = on_roamed }, .arg = &t };
	uint8_t key[WG_KEY_LEN] = { 0 };
	struct fsm_loop *loop;
	int c, err = 0;

	if (sodium_init() < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case NAME: conf.name = optarg; break;
		case KEY: key_from_file(optarg, key); break;
		case PORT: conf.port = (uint16_t)strtoul(optarg, NULL, 10); break;
		case MTU: conf.mtu = (unsigned)strtoul(optarg, NULL, 10); break;
		case REKEY: conf.times.rekey_after = seconds(optarg); break;
		case REJECT: conf.times.reject_after = seconds(optarg); break;
		case GAP: conf.times.rekey_timeout = seconds(optarg); break;
		case KEEP: conf.times.keepalive = seconds(optarg); break;
		case VERBOSE: log_set_level(LOG_LV_DEBUG); break;
		case '?': return 2;
		default: peer_option(&t, c, optarg);
		}
	}
	conf.private_key = key;
	conf.env = t.env = env_new();
	conf.loop = loop = fsm_loop_new(t.env, route, &t);
	t.dev = wg_device_new(&conf, &err);
	sodium_memzero(key, sizeof key);
	if (t.dev == NULL)
		die("no device", strerror(-err));
	for (size_t i = 0; i < t.npeers; i++) {
		struct peer_opt *o = &t.peer[i];
		struct wg_peer *p = wg_device_peer_add(t.dev, o->key);

		if (p == NULL)
			die("peer refused", "bad key");
		wg_peer_set_arg(p, o);
		wg_peer_set_psk(p, o->has_psk ? o->psk : NULL);
		wg_peer_set_allowed_ips(p, o->allow, o->nallow);
		wg_peer_set_endpoint(p, &o->endpoint);
		wg_peer_set_keepalive(p, o->keepalive);
	}
	env_on_signal(t.env, SIGTERM, on_signal, &t);
	env_on_signal(t.env, SIGUSR1, on_signal, &t);
	printf("up %u %s\n", wg_device_port(t.dev), wg_device_ifname(t.dev));
	err = env_run(t.env);
	wg_device_free(t.dev);
	fsm_loop_free(loop);
	env_free(t.env);
	return err != 0;
}
