/* SPDX-License-Identifier: ISC */
/*
 * ctlconfig.c -- settings as the socket's messages have them.
 *
 * LoginRequest and SetConfigRequest carry the same settings under the same field
 * names and other numbers; so one table says which field is which key of the
 * profile, and protobuf-c's descriptors find the field in either.
 */
#include <string.h>
#include "agent/config.h"
#include "agent/ctlparts.h"
#include "base/buf.h"

static const struct {
	const char *field, *key;
} settings[] = {
	{ "management_url", "ManagementURL" }, { "admin_url", "AdminURL" },
	{ "pre_shared_key", "PreSharedKey" }, { "optional_pre_shared_key", "PreSharedKey" },
	{ "interface_name", "WgIface" }, { "wireguard_port", "WgPort" }, { "mtu", "MTU" },
	{ "rosenpass_enabled", "RosenpassEnabled" }, { "rosenpass_permissive", "RosenpassPermissive" },
	{ "disable_auto_connect", "DisableAutoConnect" }, { "network_monitor", "NetworkMonitor" },
	{ "server_ssh_allowed", "ServerSSHAllowed" }, { "enable_ssh_root", "EnableSSHRoot" },
	{ "enable_ssh_sftp", "EnableSSHSFTP" },
	{ "enable_ssh_local_port_forwarding", "EnableSSHLocalPortForwarding" },
	{ "enable_ssh_remote_port_forwarding", "EnableSSHRemotePortForwarding" },
	{ "disable_ssh_auth", "DisableSSHAuth" }, { "ssh_jwt_cache_ttl", "SSHJWTCacheTTL" },
	{ "disable_client_routes", "DisableClientRoutes" }, { "disable_server_routes", "DisableServerRoutes" },
	{ "disable_dns", "DisableDNS" }, { "disable_firewall", "DisableFirewall" },
	{ "block_lan_access", "BlockLANAccess" }, { "block_inbound", "BlockInbound" },
	{ "disable_notifications", "DisableNotifications" }, { "disable_ipv6", "DisableIPv6" },
	{ "dns_route_interval", "DNSRouteInterval" },
	{ "nat_external_ips", "NATExternalIPs" }, { "clean_nat_external_ips", "NATExternalIPs" },
	{ "dns_labels", "DNSLabels" }, { "clean_dns_labels", "DNSLabels" },
	{ "extra_iface_blacklist", "IFaceBlackList" }, { "custom_dns_address", "CustomDNSAddress" },
	{ "godwit_server_key", "GodwitServerKey" },
};

#define MASK	"**********"

/* What one field says, or NULL when its caller did not set it. */
static json_t *
scalar(const ProtobufCFieldDescriptor *f, const char *at, bool present)
{
	const char *s;
	const ProtobufCBinaryData *b;
	const Wellknown__Duration *d;

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		s = wire_pb_str(*(char *const *)(const void *)at);
		return (present || s[0] != '\0') && strcmp(s, MASK) != 0 ? json_string(s) : NULL;
	case PROTOBUF_C_TYPE_BYTES:		/* customDNSAddress: text; "empty" clears */
		b = (const ProtobufCBinaryData *)(const void *)at;
		if (b->len == 0)
			return NULL;
		return b->len == 5 && memcmp(b->data, "empty", 5) == 0 ? json_string("") :
		    json_stringn((const char *)b->data, b->len);
	case PROTOBUF_C_TYPE_BOOL:
		return present ? json_boolean(*(const protobuf_c_boolean *)(const void *)at) : NULL;
	case PROTOBUF_C_TYPE_INT64:
		return present ? json_integer(*(const int64_t *)(const void *)at) : NULL;
	case PROTOBUF_C_TYPE_INT32:
		return present ? json_integer(*(const int32_t *)(const void *)at) : NULL;
	case PROTOBUF_C_TYPE_MESSAGE:
		d = *(Wellknown__Duration *const *)(const void *)at;
		return present && d != NULL ? json_integer(d->seconds * INT64_C(1000000000) + d->nanos) : NULL;
	default:
		return NULL;
	}
}

static json_t *
list(const char *at, size_t n)
{
	char *const *s = *(char *const *const *)(const void *)at;
	json_t *a = n > 0 ? json_array() : NULL;

	for (size_t i = 0; a != NULL && i < n; i++)
		json_array_append_new(a, json_string(s[i]));
	return a;
}

json_t *
ctl_patch_of(const ProtobufCMessage *m)
{
	json_t *patch = json_object(), *v;

	for (size_t i = 0; patch != NULL && i < sizeof(settings) / sizeof(settings[0]); i++) {
		const ProtobufCFieldDescriptor *f =
		    protobuf_c_message_descriptor_get_field_by_name(m->descriptor, settings[i].field);
		const char *at, *q;

		if (f == NULL)
			continue;
		at = (const char *)m + f->offset;
		q = (const char *)m + f->quantifier_offset;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			v = list(at, *(const size_t *)(const void *)q);
		else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			v = *(const uint32_t *)(const void *)q == f->id ? scalar(f, at, true) : NULL;
		else if (f->type == PROTOBUF_C_TYPE_BOOL)	/* clean_...: empty the list */
			v = *(const protobuf_c_boolean *)(const void *)at ? json_array() : NULL;
		else
			v = scalar(f, at, false);
		if (v != NULL)
			json_object_set_new(patch, settings[i].key, v);
	}
	return patch;
}

int
ctl_put_config(struct buf *out, const struct config *c, const char *path)
{
	Daemon__GetConfigResponse r = DAEMON__GET_CONFIG_RESPONSE__INIT;

	r.management_url = (char *)wire_pb_str(c->management_url);
	r.config_file = (char *)path;
	r.pre_shared_key = (char *)(c->has_psk ? MASK : "");
	r.interface_name = (char *)wire_pb_str(c->iface);
	r.wireguard_port = c->port;
	r.mtu = c->mtu;
	r.disable_auto_connect = c->disable_auto_connect;
	r.rosenpass_enabled = c->rosenpass;
	r.rosenpass_permissive = json_is_true(json_object_get(c->root, "RosenpassPermissive"));
	r.server_ssh_allowed = json_is_true(json_object_get(c->root, "ServerSSHAllowed"));
	r.block_inbound = c->block_inbound;
	r.network_monitor = json_is_true(json_object_get(c->root, "NetworkMonitor"));
	r.disable_dns = c->disable_dns;
	r.disable_client_routes = c->disable_client_routes;
	r.disable_server_routes = c->disable_server_routes;
	r.block_lan_access = json_is_true(json_object_get(c->root, "BlockLANAccess"));
	r.disable_ipv6 = c->disable_ipv6;
	return WIRE_PB_PUT(out, &r);
}
