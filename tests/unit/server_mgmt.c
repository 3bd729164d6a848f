/* SPDX-License-Identifier: ISC */
/*
 * server_mgmt.c -- management as agents see it: setup keys, maps on every change,
 * restarts, a full disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "server/account.h"
#include "server/peer.h"
#include "server/setupkey.h"
#include "tests/tap.h"
#include "tests/unit/server-world.h"
#include "wire/keys.h"

static void
test_join(struct world *w)
{
	struct ident a, b;
	struct sync sa, sb;
	struct result r;
	Management__LoginResponse *lr;
	Management__NetworkMap *m;
	char again[40];
	uint64_t serial;

	ident_new(w, &a);
	ident_new(w, &b);
	/* agents send the key in lower case */
	for (size_t i = 0; i <= strlen(w->key); i++)
		again[i] = w->key[i] >= 'A' && w->key[i] <= 'F' ? (char)(w->key[i] + 32) : w->key[i];
	is_int(world_login(w, &a, again, "Alpha.example.org", &r), 0, "a peer registers");
	lr = world_unseal(w, &a, &management__login_response__descriptor, buf_bytes(&r.body), buf_len(&r.body));
	ok(lr != NULL && lr->netbird_config != NULL && lr->peer_config != NULL, "the answer has both configurations");
	is_str(lr->netbird_config->signal->uri, "203.0.113.10:80", "signal without a scheme");
	is_int(lr->netbird_config->signal->protocol, MANAGEMENT__HOST_CONFIG__PROTOCOL__HTTP, "in clear");
	is_str(lr->netbird_config->relay->urls[0], "rel://203.0.113.10:80", "the relay");
	is_str(lr->netbird_config->stuns[0]->uri, "stun:203.0.113.10:3478", "the STUN server");
	is_str(lr->peer_config->fqdn, "alpha.netbird.selfhosted", "its name");
	ok(strncmp(lr->peer_config->address, "100.", 4) == 0 && strstr(lr->peer_config->address, "/16") != NULL,
	    "its address: %s", lr->peer_config->address);
	ok(lr->session_expires_at != NULL && lr->session_expires_at->seconds == 0, "its session never expires");
	buf_free(&r.body);
	sync_open(w, &sa, &a);
	ok(sync_has_peers(&sa, 0), "the first map is empty of peers");
	m = sa.last->network_map;
	ok(sa.last->netbird_config != NULL && m->remote_peers_is_empty && m->firewall_rules_is_empty &&
	    m->routes_firewall_rules_is_empty, "it has a configuration, and all three flags");
	is_str(m->peer_config->address, lr->peer_config->address, "with the address of the login");
	wire_pb_free(lr);
	serial = m->serial;
	is_int(world_login(w, &b, w->key, "alpha", &r), 0, "another peer of the same name registers");
	buf_free(&r.body);
	ok(sync_has_peers(&sa, 1), "the first one hears of it");
	m = sa.last->network_map;
	ok(m->serial > serial, "with a higher serial");
	ok(sa.last->netbird_config == NULL, "and without half a configuration");
	is_str(m->remote_peers[0]->wg_pub_key, b.text, "its key");
	ok(strncmp(m->remote_peers[0]->fqdn, "alpha-", 6) == 0, "a name of its own: %s", m->remote_peers[0]->fqdn);
	is_int(m->n_firewall_rules, 2, "in and out");
	is_int(m->dns_config->custom_zones[0]->n_records, 2, "two names in the zone");
	is_int(m->dns_config->forwarder_port, 22054, "everybody is new enough for the new port");
	sync_open(w, &sb, &b);
	ok(sync_has_peers(&sb, 1), "the second one sees the first");
	sim_run(w->sim, 3 * MONO_SEC);
	is_int(sa.maps, 2, "connecting changes nobody's map");
	is_int(world_login(w, &a, "00000000-0000-0000-0000-000000000000", "alpha", &r), 0,
	    "a known peer's setup key is not looked at");
	buf_free(&r.body);
	/* a second stream takes the first one's place */
	struct sync sa2;

	sync_open(w, &sa2, &a);
	ok(sim_until(w->sim, sync_over, &sa, 5 * MONO_SEC), "a second Sync ends the first");
	is_int(sa.code, GRPC_OK, "with OK");
	ok(sync_has_peers(&sa2, 1), "and is served");
	sim_run(w->sim, MONO_SEC);
	is_int(server_counts(w->server).sync, 2, "the end of the first took nothing from the second");
	sim_run(w->sim, 61 * MONO_SEC);
	ok(sa2.beats == 2, "two heartbeats in a silent minute (%u)", sa2.beats);
	/* logout */
	Management__Empty nothing = MANAGEMENT__EMPTY__INIT;

	world_sealed(w, &b, "Logout", &nothing.base, &r);
	is_status(&r, GRPC_OK, NULL, "Logout");
	ok(sync_has_peers(&sa2, 0), "the peer leaves the other's map");
	ok(sim_until(w->sim, sync_over, &sb, 5 * MONO_SEC) && sb.code == GRPC_OK, "its own stream ends with OK");
	ok(sb.last->network_map != NULL && sb.last->remote_peers_is_empty && sb.last->peer_config == NULL &&
	    sb.last->network_map->firewall_rules_is_empty, "after a last message that takes all peers away");
	sync_close(&sa);
	sync_close(&sb);
	sync_open(w, &sb, &b);
	ok(sim_until(w->sim, sync_over, &sb, 5 * MONO_SEC) && sb.code == GRPC_PERMISSION_DENIED, "the next is PermissionDenied");
	sync_close(&sb);
	sync_close(&sa2);
	sim_run(w->sim, MONO_SEC);
	is_int(server_counts(w->server).sync, 0, "no stream is left behind");
}

/* A proxy that cuts streams after 2 s of silence: three cuts, then none. */
static void
test_proxy(struct world *w)
{
	struct ident id;
	struct result r;
	struct sync s;
	size_t peers;

	ident_new(w, &id);
	world_login(w, &id, w->key, "proxied", &r);
	buf_free(&r.body);
	peers = server_counts(w->server).peers - 1;
	is_int(w->server->beat.us, 30 * MONO_SEC, "heartbeats every 30 s");
	for (int i = 0; i < 3; i++) {
		sync_open(w, &s, &id);
		sync_has_peers(&s, peers);
		sim_run(w->sim, 2 * MONO_SEC);
		sync_close(&s);
		sim_run(w->sim, 300 * MONO_MS);
	}
	ok(w->server->beat.us > 900 * MONO_MS && w->server->beat.us < 1100 * MONO_MS,
	    "three cuts at one idle age: half of it from now on (%lld us)", (long long)w->server->beat.us);
	sync_open(w, &s, &id);
	sync_has_peers(&s, peers);
	sim_run(w->sim, 5200 * MONO_MS);
	is_int(s.beats, 5, "and the next stream is beaten");
	sync_close(&s);
	sim_run(w->sim, MONO_SEC);
	server_beat_init(&w->server->beat, 30 * MONO_SEC);
	for (int i = 0; i < 6; i++) {
		sync_open(w, &s, &id);
		sync_has_peers(&s, peers);
		sim_run(w->sim, (i + 1) * MONO_SEC);
		sync_close(&s);
		sim_run(w->sim, 300 * MONO_MS);
	}
	is_int(w->server->beat.us, 30 * MONO_SEC, "cuts at changing ages teach nothing");
}

/* A new key with these properties, straight from the store. */
static void
make_key(struct world *w, const struct server_setupkey_spec *spec, char text[SERVER_SETUPKEY_TEXT])
{
	server_setupkey_create(w->server->store, spec, text, NULL, NULL);
	sim_run(w->sim, MONO_SEC);
}

static int
join_with(struct world *w, const char *key)
{
	struct ident id;
	struct result r;
	int code;

	ident_new(w, &id);
	code = world_login(w, &id, key, "host", &r);
	buf_free(&r.body);
	return code;
}

static void
test_keys(struct world *w)
{
	char key[SERVER_SETUPKEY_TEXT];
	struct server_setupkey *k;

	make_key(w, &(struct server_setupkey_spec){ .name = "one" }, key);
	is_int(join_with(w, key), GRPC_OK, "a one-off key works");
	is_int(join_with(w, key), GRPC_NOT_FOUND, "once");
	make_key(w, &(struct server_setupkey_spec){ .name = "three", .reusable = true, .usage_limit = 3 }, key);
	is_int(join_with(w, key) | join_with(w, key) | join_with(w, key), GRPC_OK, "a limit of three lets three in");
	is_int(join_with(w, key), GRPC_NOT_FOUND, "and no fourth");
	make_key(w, &(struct server_setupkey_spec){ .name = "short", .reusable = true, .lifetime_us = MONO_MIN }, key);
	is_int(join_with(w, key), GRPC_OK, "a key works before its time is over");
	sim_run(w->sim, MONO_MIN);
	is_int(join_with(w, key), GRPC_NOT_FOUND, "and not after");
	make_key(w, &(struct server_setupkey_spec){ .name = "bad", .reusable = true }, key);
	is_int(server_setupkey_find(w->server->store, "bad", &k), 0, "a key is found by name");
	server_setupkey_revoke(w->server->store, k, NULL, NULL);
	sim_run(w->sim, MONO_SEC);
	is_int(join_with(w, key), GRPC_NOT_FOUND, "a revoked key is refused");
	is_int(server_setupkey_find(w->server->store, "none", &k), -ENOENT, "an unknown name is not found");
}

/* Two with a one-off key at once: one gets in. */
static void
test_race(struct world *w)
{
	Management__LoginRequest q = MANAGEMENT__LOGIN_REQUEST__INIT;
	Management__PeerSystemMeta meta = MANAGEMENT__PEER_SYSTEM_META__INIT;
	char key[SERVER_SETUPKEY_TEXT];
	struct ident id[2];
	struct result r[2];

	make_key(w, &(struct server_setupkey_spec){ .name = "race" }, key);
	q.meta = &meta;
	q.setup_key = key;
	sim_disk(w->server_host, &(struct sim_disk_faults){ .delay = 500 * MONO_MS });
	for (int i = 0; i < 2; i++) {
		struct buf b = { 0 };

		ident_new(w, &id[i]);
		world_seal(w, &id[i], &q.base, &b);
		world_begin(w, "Login", buf_bytes(&b), buf_len(&b), &r[i]);
		buf_free(&b);
	}
	ok(world_wait(w, &r[0]) && world_wait(w, &r[1]), "two with one key, while the disk is slow, are both answered");
	ok((r[0].code == GRPC_OK && r[1].code == GRPC_NOT_FOUND) || (r[1].code == GRPC_OK && r[0].code == GRPC_NOT_FOUND),
	    "one gets in, the other does not (%d, %d)", r[0].code, r[1].code);
	buf_free(&r[0].body);
	buf_free(&r[1].body);
	struct ident *loser = &id[r[0].code == GRPC_OK ? 1 : 0];

	make_key(w, &(struct server_setupkey_spec){ .name = "twice", .reusable = true }, key);
	for (int i = 0; i < 2; i++) {
		struct buf b = { 0 };

		world_seal(w, &*loser, &q.base, &b);
		world_begin(w, "Login", buf_bytes(&b), buf_len(&b), &r[i]);
		buf_free(&b);
	}
	world_wait(w, &r[0]);
	world_wait(w, &r[1]);
	ok(r[0].code + r[1].code == GRPC_FAILED_PRECONDITION, "one key registering twice at once: FailedPrecondition for one");
	ok(strcmp(r[0].code == 0 ? r[1].text : r[0].text, "peer has been already registered") == 0, "in those words");
	buf_free(&r[0].body);
	buf_free(&r[1].body);
	sim_disk(w->server_host, NULL);
}

static void
test_ephemeral(struct world *w)
{
	char key[SERVER_SETUPKEY_TEXT];
	struct ident id;
	struct result r;
	struct sync s;
	unsigned before;

	make_key(w, &(struct server_setupkey_spec){ .name = "eph", .reusable = true, .ephemeral = true }, key);
	before = server_counts(w->server).peers;
	ident_new(w, &id);
	is_int(world_login(w, &id, key, "worker", &r), GRPC_OK, "an ephemeral peer joins");
	buf_free(&r.body);
	sync_open(w, &s, &id);
	sync_has_peers(&s, before);
	ok(strncmp(s.last->peer_config->fqdn, "worker-", 7) == 0, "its label has the numbers: %s", s.last->peer_config->fqdn);
	sim_run(w->sim, 20 * MONO_MIN);
	is_int(server_counts(w->server).peers, before + 1, "it stays while it is connected");
	sync_close(&s);
	sim_run(w->sim, 9 * MONO_MIN);
	is_int(server_counts(w->server).peers, before + 1, "and for some minutes after");
	sim_run(w->sim, 3 * MONO_MIN);
	is_int(server_counts(w->server).peers, before, "then it is gone");
}

static void
test_full_disk(struct world *w)
{
	struct server_counts before = server_counts(w->server);
	char key[SERVER_SETUPKEY_TEXT];
	struct ident id;
	struct result r;

	make_key(w, &(struct server_setupkey_spec){ .name = "kept" }, key);
	sim_disk(w->server_host, &(struct sim_disk_faults){ .full = true });
	ident_new(w, &id);
	is_int(world_login(w, &id, key, "full", &r), GRPC_INTERNAL, "a full disk refuses a registration");
	is_str(r.text, "failed handling request", "in these words");
	is_int(server_counts(w->server).peers, before.peers, "nobody was added");
	sim_disk(w->server_host, NULL);
	is_int(world_login(w, &id, key, "full", &r), GRPC_OK, "with room again the one-off key still works");
	buf_free(&r.body);
}

static void
test_restart(struct world *w)
{
	struct server_counts before = server_counts(w->server);
	uint8_t public_key[32];
	struct ident id;
	struct result r;
	struct sync s;
	char fqdn[100], secret[24], sig[48], sig2[48];
	uint64_t serial;

	ident_new(w, &id);
	is_int(world_login(w, &id, w->key, "stays", &r), GRPC_OK, "a peer joins");
	buf_free(&r.body);
	sync_open(w, &s, &id);
	sync_has_peers(&s, before.peers);
	serial = s.last->network_map->serial;
	snprintf(fqdn, sizeof(fqdn), "%s %s", s.last->peer_config->fqdn, s.last->peer_config->address);
	sync_close(&s);
	memcpy(public_key, w->server_public, 32);
	server_account_relay_token(w->server->store->account, 1234567890, secret, sig);
	w->join[0] = '\0';
	strcpy(w->join, "-");
	world_stop(w, true);	/* kill -9: an answer was on disk when it was given */
	world_start(w);
	ok(w->server != NULL, "the server starts again after kill -9");
	is_mem(public_key, w->server_public, 32, "with the same key");
	server_account_relay_token(w->server->store->account, 1234567890, secret, sig2);
	is_str(sig, sig2, "the same relay secret");
	is_str(w->join, "-", "and no second join line");
	is_int(world_login(w, &id, NULL, "stays", &r), GRPC_OK, "the peer is still known");
	buf_free(&r.body);
	sync_open(w, &s, &id);
	ok(sync_has_peers(&s, before.peers), "and sees the others");
	ok(s.last->network_map->serial >= serial, "with a serial that did not go back");
	char now[100];

	snprintf(now, sizeof(now), "%s %s", s.last->peer_config->fqdn, s.last->peer_config->address);
	is_str(now, fqdn, "and the name and address it had");
	sync_close(&s);
}

int
main(void)
{
	struct world w;

	world_open(&w, 7);
	world_start(&w);
	ok(w.server != NULL, "a server starts");
	ok(strncmp(w.join, "godwit up --management-url http://203.0.113.10 --setup-key ", 58) == 0, "and prints a join line");
	test_join(&w);
	test_proxy(&w);
	test_keys(&w);
	test_race(&w);
	test_ephemeral(&w);
	test_full_disk(&w);
	test_restart(&w);
	world_close(&w);
	return tap_done();
}
