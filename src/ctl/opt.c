/* SPDX-License-Identifier: ISC */
/* opt.c -- see opt.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mono.h"
#include "ctl/opt.h"

#define UPL	(OPT_UP | OPT_LOGIN)

static const struct opt {
	enum opt_id id;
	const char *name;
	char letter;		/* 0: none */
	const char *arg;	/* NULL: a switch */
	unsigned commands;
	const char *help;
} table[] = {
	{ OPT_DAEMON_ADDR, "daemon-addr", 0, "unix://PATH", OPT_ALL, "the daemon's socket" },
	{ OPT_MANAGEMENT_URL, "management-url", 'm', "URL", OPT_ALL, "management server" },
	{ OPT_ADMIN_URL, "admin-url", 0, "URL", OPT_ALL, "dashboard, shown to people only" },
	{ OPT_LOG_LEVEL, "log-level", 'l', "LEVEL", OPT_ALL, "taken for NetBird's sake; see godwitd(8)" },
	{ OPT_LOG_FILE, "log-file", 0, "FILE", OPT_ALL, "taken for NetBird's sake" },
	{ OPT_SETUP_KEY, "setup-key", 'k', "KEY", OPT_ALL, "registers this host" },
	{ OPT_SETUP_KEY_FILE, "setup-key-file", 0, "FILE", OPT_ALL, "the same, read from a file" },
	{ OPT_PRESHARED_KEY, "preshared-key", 0, "KEY", OPT_ALL, "WireGuard preshared key of all peers" },
	{ OPT_HOSTNAME, "hostname", 'n', "NAME", OPT_ALL, "name told to management" },
	{ OPT_CONFIG, "config", 'c', "FILE", OPT_ALL, "taken for NetBird's sake" },
	{ OPT_SERVICE, "service", 's', "NAME", OPT_ALL, "taken for NetBird's sake" },
	{ OPT_HELP, "help", 'h', NULL, OPT_ALL, "this text" },
	{ OPT_SERVER_KEY, "server-key", 0, "KEY", UPL, "the only server key to believe (from the join line)" },
	{ OPT_TIMEOUT, "timeout", 0, "TIME", UPL | OPT_DOWN, "how long to wait, e.g. 30s" },
	{ OPT_INTERFACE_NAME, "interface-name", 0, "NAME", OPT_UP, "WireGuard interface (wt0)" },
	{ OPT_WIREGUARD_PORT, "wireguard-port", 0, "PORT", OPT_UP, "UDP port (51820); 0: any" },
	{ OPT_MTU, "mtu", 0, "BYTES", OPT_UP, "576 to 8192 (1280)" },
	{ OPT_NETWORK_MONITOR, "network-monitor", 'N', NULL, OPT_UP, "always on here" },
	{ OPT_DISABLE_AUTO_CONNECT, "disable-auto-connect", 0, NULL, OPT_UP, "the daemon stays down when it starts" },
	{ OPT_DISABLE_CLIENT_ROUTES, "disable-client-routes", 0, NULL, OPT_UP, "take no routes from management" },
	{ OPT_DISABLE_SERVER_ROUTES, "disable-server-routes", 0, NULL, OPT_UP, "never be a routing peer" },
	{ OPT_DISABLE_DNS, "disable-dns", 0, NULL, OPT_UP, "leave the host's DNS alone" },
	{ OPT_DISABLE_FIREWALL, "disable-firewall", 0, NULL, OPT_UP, "change no firewall" },
	{ OPT_BLOCK_INBOUND, "block-inbound", 0, NULL, OPT_UP, "told to management" },
	{ OPT_DISABLE_IPV6, "disable-ipv6", 0, NULL, OPT_UP, "no overlay IPv6" },
	{ OPT_NO_BROWSER, "no-browser", 0, NULL, UPL, "taken for NetBird's sake" },
	{ OPT_DETAIL, "detail", 'd', NULL, OPT_STATUS, "everything about every peer" },
	{ OPT_JSON, "json", 'j', NULL, OPT_STATUS | OPT_FSM | OPT_WATCH, "for programs" },
	{ OPT_IPV4, "ipv4", '4', NULL, OPT_STATUS, "only our overlay IPv4" },
	{ OPT_IPV6, "ipv6", '6', NULL, OPT_STATUS, "only our overlay IPv6" },
	{ OPT_FILTER_IPS, "filter-by-ips", 'I', "LIST", OPT_STATUS, "peers with these overlay addresses" },
	{ OPT_FILTER_NAMES, "filter-by-names", 'N', "LIST", OPT_STATUS, "peers whose names begin so" },
	{ OPT_FILTER_STATUS, "filter-by-status", 'S', "STATUS", OPT_STATUS, "idle, connecting or connected" },
	{ OPT_FILTER_TYPE, "filter-by-connection-type", 'T', "TYPE", OPT_STATUS, "P2P or Relayed" },
	{ OPT_CHECK, "check", 'C', "WHAT", OPT_STATUS, "live, ready or startup: exit status only" },
	{ OPT_DOT, "dot", 0, NULL, OPT_FSM, "the table as a picture for Graphviz" },
};
#define NTABLE	(sizeof(table) / sizeof(table[0]))

static bool
is_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "true", "1", "t", "yes" }, *const no[] = { "false", "0", "f", "no" };

	for (int i = 0; i < 4; i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*out = strcmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static int
set(struct opts *o, const struct opt *t, const char *value)
{
	bool on = true;

	if (t->arg == NULL) {
		if (value != NULL && !is_bool(value, &on)) {
			fprintf(stderr, "Error: --%s is a switch: \"%s\" is neither true nor false\n", t->name, value);
			return -EINVAL;
		}
		value = on ? "true" : "false";
	}
	o->value[t->id] = value;
	return 0;
}

/* NB_SETUP_KEY and its older spelling WT_SETUP_KEY, which yields. */
static void
read_environment(struct opts *o, const char *prefix)
{
	for (size_t i = 0; i < NTABLE; i++) {
		char name[64];
		const char *value;
		int n = snprintf(name, sizeof(name), "%s%s", prefix, table[i].name);

		for (int k = 0; k < n; k++)
			name[k] = name[k] == '-' ? '_' : (char)toupper((unsigned char)name[k]);
		if ((table[i].commands & (OPT_ALL | OPT_UP)) != 0 && (value = getenv(name)) != NULL && value[0] != '\0')
			set(o, &table[i], value);
	}
}

static const struct opt *
find_long(const char *name, size_t n, unsigned commands)
{
	for (size_t i = 0; i < NTABLE; i++)
		if ((table[i].commands & commands) != 0 && strlen(table[i].name) == n && strncmp(table[i].name, name, n) == 0)
			return &table[i];
	return NULL;
}

static const struct opt *
find_letter(char letter, unsigned commands)
{
	for (size_t i = 0; i < NTABLE; i++)
		if ((table[i].commands & commands) != 0 && table[i].letter == letter)
			return &table[i];
	return NULL;
}

static int
parse_long(struct opts *o, char **argv, int argc, int *i, unsigned commands)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '=');
	const struct opt *t = find_long(name, eq != NULL ? (size_t)(eq - name) : strlen(name), commands);

	if (t == NULL) {
		fprintf(stderr, "Error: unknown flag: %s\n", argv[*i]);
		return -EINVAL;
	}
	if (eq != NULL)
		return set(o, t, eq + 1);
	if (t->arg == NULL)
		return set(o, t, NULL);
	if (*i + 1 >= argc) {
		fprintf(stderr, "Error: flag needs an argument: --%s\n", t->name);
		return -EINVAL;
	}
	return set(o, t, argv[++*i]);
}

static int
parse_letters(struct opts *o, char **argv, int argc, int *i, unsigned commands)
{
	for (const char *p = argv[*i] + 1; *p != '\0'; p++) {
		const struct opt *t = find_letter(*p, commands);

		if (t == NULL) {
			fprintf(stderr, "Error: unknown shorthand flag: '%c' in %s\n", *p, argv[*i]);
			return -EINVAL;
		}
		if (t->arg == NULL) {
			set(o, t, NULL);
			continue;
		}
		if (p[1] != '\0')
			return set(o, t, p[1] == '=' ? p + 2 : p + 1);
		if (*i + 1 >= argc) {
			fprintf(stderr, "Error: flag needs an argument: '%c' in %s\n", *p, argv[*i]);
			return -EINVAL;
		}
		return set(o, t, argv[++*i]);
	}
	return 0;
}

int
opt_parse(struct opts *o, int argc, char **argv, unsigned (*command_bit)(const char *word))
{
	unsigned commands = OPT_ALL;
	int rc = 0;

	memset(o, 0, sizeof(*o));
	read_environment(o, "wt-");
	read_environment(o, "nb-");
	/* an option may stand before its command, so the command is looked for first */
	for (int i = 1; i < argc && commands == OPT_ALL; i++)
		commands |= command_bit(argv[i]);
	for (int i = 1; i < argc && rc == 0; i++) {
		if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0')
			rc = parse_long(o, argv, argc, &i, commands);
		else if (argv[i][0] == '-' && argv[i][1] != '\0')
			rc = parse_letters(o, argv, argc, &i, commands);
		else if (o->nword < 8)
			o->word[o->nword++] = argv[i];
	}
	return rc;
}

bool
opt_on(const struct opts *o, enum opt_id id)
{
	return o->value[id] != NULL && strcmp(o->value[id], "true") == 0;
}

const char *
opt_str(const struct opts *o, enum opt_id id, const char *otherwise)
{
	return o->value[id] != NULL ? o->value[id] : otherwise;
}

int64_t
opt_duration(const char *text)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = { { "", MONO_SEC }, { "s", MONO_SEC }, { "ms", MONO_MS }, { "m", MONO_MIN }, { "h", MONO_HOUR } };
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0; end != text && value >= 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0)
			return (int64_t)(value * (double)units[i].us);
	return -1;
}

void
opt_usage(FILE *f, unsigned commands)
{
	for (size_t i = 0; i < NTABLE; i++) {
		char head[64];

		if ((table[i].commands & commands) == 0)
			continue;
		snprintf(head, sizeof(head), "--%s%s%s", table[i].name, table[i].arg != NULL ? " " : "",
		    table[i].arg != NULL ? table[i].arg : "");
		if (table[i].letter != 0)
			fprintf(f, "  -%c, %-32s %s\n", table[i].letter, head, table[i].help);
		else
			fprintf(f, "      %-32s %s\n", head, table[i].help);
	}
}
