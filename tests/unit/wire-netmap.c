/* SPDX-License-Identifier: ISC */
/*
 * wire-netmap.c -- every expected map of tests/data/netmap-examples.json through
 * our structs: JSON to message, message to bytes, bytes to message, and that
 * message against the JSON again.
 *
 * The examples have no golden bytes (lists carry no order on the wire); what is
 * proved is that each of their fields has a place in our protocol files and
 * comes back through the wire, sealed as the server seals it.
 */
#include <stdlib.h>
#include "base/buf.h"
#include "tests/tap.h"
#include "tests/unit/pbjson.h"
#include "wire/mgmt.h"

/* In the examples machine_users lists hashes; on the wire, indexes of them. */
static void
index_machine_users(json_t *response)
{
	json_t *auth = json_object_get(json_object_get(response, "NetworkMap"), "sshAuth");
	json_t *all = json_object_get(auth, "AuthorizedUsers"), *users = json_object_get(auth, "machine_users");
	const char *name;
	json_t *list, *hash, *known;
	void *tmp;
	size_t i, k;

	json_object_foreach_safe(users, tmp, name, list) {
		json_t *indexes = json_array();

		json_array_foreach(list, i, hash)
			json_array_foreach(all, k, known)
				if (json_equal(hash, known))
					json_array_append_new(indexes, json_integer((json_int_t)k));
		ok(json_array_size(indexes) == json_array_size(list), "every user of %s is authorised", name);
		json_object_set_new(users, name, json_pack("{s:o}", "indexes", indexes));
	}
}

static void
check_map(const char *example, const char *peer, json_t *want)
{
	static const uint8_t nonce[WIRE_BOX_NONCE] = { 1 }, ours[32] = { 8, 1, [31] = 64 }, theirs[32] = { 8, 2, [31] = 64 };
	json_t *j = json_deep_copy(want);
	uint8_t our_pub[32], their_pub[32];
	struct buf sealed = { 0 }, a = { 0 }, b = { 0 };
	enum wire_mgmt_fault fault;
	char why[200] = "";
	Management__SyncResponse *m, *back;

	json_object_del(j, "top_level_remotePeers_filled");
	index_machine_users(j);
	wire_key_public(our_pub, ours);
	wire_key_public(their_pub, theirs);
	m = pbjson_make(&management__sync_response__descriptor, j, PBJSON_DECODED, why, sizeof(why));
	if (!ok(m != NULL, "%s, %s: has a place for everything (%s)", example, peer, why))
		return;
	wire_mgmt_seal(&sealed, nonce, &m->base, their_pub, our_pub, ours);
	back = wire_mgmt_open(&management__sync_response__descriptor, buf_bytes(&sealed), buf_len(&sealed), our_pub, NULL,
	    theirs, &fault);
	if (ok(back != NULL, "%s, %s: through the envelope", example, peer)) {
		ok(pbjson_same(&back->base, j, PBJSON_DECODED, why, sizeof(why)), "%s, %s: means the same (%s)", example, peer, why);
		WIRE_PB_PUT(&a, m);
		WIRE_PB_PUT(&b, back);
		ok(buf_len(&a) == buf_len(&b) && memcmp(buf_bytes(&a), buf_bytes(&b), buf_len(&a)) == 0,
		    "%s, %s: the same %zu bytes", example, peer, buf_len(&a));
		ok(wire_mgmt_map(back) == back->network_map && back->network_map != NULL, "%s, %s: is a plain map", example, peer);
	}
	wire_pb_free(m);
	wire_pb_free(back);
	buf_free(&sealed);
	buf_free(&a);
	buf_free(&b);
	json_decref(j);
}

/* One map looked at through the struct, so that the helper cannot fool us. */
static void
check_by_hand(const json_t *want)
{
	char why[200] = "";
	json_t *j = json_deep_copy(want);
	Management__SyncResponse *m;
	struct addr_prefix v4, v6;
	char text[ADDR_STRLEN];

	json_object_del(j, "top_level_remotePeers_filled");
	m = pbjson_make(&management__sync_response__descriptor, j, PBJSON_DECODED, why, sizeof(why));
	if (!ok(m != NULL, "the default policy's map of a"))
		return;
	is_int(m->network_map->serial, 7, "serial");
	is_int(m->network_map->n_remote_peers, 2, "a sees two peers");
	is_str(m->network_map->remote_peers[0]->allowed_ips[0], "100.64.0.2/32", "b's address");
	is_int(m->network_map->dns_config->n_custom_zones, 1, "one zone");
	is_int(wire_mgmt_address(m->network_map->peer_config, &v4, &v6), 0, "own addresses parse");
	is_str(addr_prefix_str(&v4, text), "100.64.0.1/16", "IPv4");
	is_str(addr_prefix_str(&v6, text), "fd00:1:2:3::a/64", "IPv6");
	wire_pb_free(m);
	json_decref(j);
}

int
main(void)
{
	const char *srcdir = getenv("srcdir"), *peer;
	char path[1024];
	json_t *root, *example, *want;
	size_t i, maps = 0;

	snprintf(path, sizeof(path), "%s/tests/data/netmap-examples.json", srcdir ? srcdir : "..");
	root = json_load_file(path, 0, NULL);
	if (!ok(root != NULL, "%s", path))
		return tap_done();
	json_array_foreach(json_object_get(root, "examples"), i, example)
		json_object_foreach(json_object_get(example, "expect"), peer, want) {
			check_map(json_string_value(json_object_get(example, "name")), peer, want);
			if (maps++ == 0)
				check_by_hand(want);
		}
	ok(maps >= 10, "%zu maps", maps);
	json_decref(root);
	return tap_done();
}
