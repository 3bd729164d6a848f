/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_URL_H
#define GODWIT_WIRE_URL_H
/*
 * url.h -- the few URL forms that NetBird uses: http(s)://, rel(s)://,
 * stun:host:port, turn:host:port?transport=udp, and bare host:port.
 */
#include <stdbool.h>
#include <stdint.h>

struct wire_url {
	char scheme[12];	/* lower case; "" for a bare host:port */
	char host[256];		/* without brackets */
	uint16_t port;		/* default of the scheme when not given; 0: none known */
	bool tls;		/* https, rels, stuns, turns */
	bool tcp;		/* ?transport=tcp */
	char path[256];		/* with its slash; "" when there is none */
};

/* 0; -EINVAL with *why (static text) set when `why` is not NULL. */
int wire_url_parse(struct wire_url *out, const char *text, const char **why);
#endif
