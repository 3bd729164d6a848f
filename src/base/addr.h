/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_ADDR_H
#define GODWIT_BASE_ADDR_H
/*
 * addr.h -- an IP address with a port, and a prefix.
 *
 * No sockaddr outside src/env and src/sys.  `ip` is in network byte order, 4
 * bytes for IPv4 and 16 for IPv6; unused bytes are zero, so that structs can
 * be compared and hashed whole.  `port` and `scope` are in host byte order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t family;		/* enum addr_family */
	uint8_t pad;
	uint16_t port;		/* host byte order; 0 when there is none */
	uint32_t scope;		/* IPv6 zone index, 0 when there is none */
	uint8_t ip[16];		/* network byte order */
};

struct addr_prefix {
	struct addr addr;	/* port 0 */
	uint8_t bits;
};

#define ADDR_STRLEN	72	/* enough for addr_str and addr_prefix_str */

/* "10.0.0.1", "fe80::1"; with_port parses "10.0.0.1:53", "[::1]:53". 0 or -EINVAL. */
int addr_parse(struct addr *out, const char *text);
int addr_parse_port(struct addr *out, const char *text);
/* "10.0.0.0/8"; a bare address is a host prefix. 0 or -EINVAL. */
int addr_prefix_parse(struct addr_prefix *out, const char *text);

/* Text into `out` (of ADDR_STRLEN bytes), which is returned. */
const char *addr_str(const struct addr *, char out[ADDR_STRLEN]);		/* without port */
const char *addr_str_port(const struct addr *, char out[ADDR_STRLEN]);		/* "[::1]:53" */
const char *addr_prefix_str(const struct addr_prefix *, char out[ADDR_STRLEN]);

struct addr addr_v4(uint32_t host_order, uint16_t port);
struct addr addr_v6(const uint8_t ip[16], uint16_t port);
uint32_t addr_v4_host(const struct addr *);		/* IPv4 as a number in host order */
bool addr_equal(const struct addr *, const struct addr *);	/* port included */
bool addr_same_ip(const struct addr *, const struct addr *);	/* port left out */
int addr_cmp(const struct addr *, const struct addr *);		/* a total order, for sorting */
bool addr_in_prefix(const struct addr *, const struct addr_prefix *);
bool addr_is_loopback(const struct addr *);
bool addr_is_link_local(const struct addr *);
bool addr_is_private(const struct addr *);	/* RFC 1918, RFC 6598, RFC 4193 */
size_t addr_ip_len(const struct addr *);	/* 4, 16 or 0 */
#endif
