/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_STUN_H
#define GODWIT_WIRE_STUN_H
/*
 * stun.h -- STUN Binding messages (RFC 8489, RFC 8445, RFC 5780) over libre's codec.
 *
 * NetBird appends an attribute of its own, 0x8100, behind FINGERPRINT and counts
 * it in the header's length: text "<sender's cid>:<receiver's cid>".  A strict
 * parser then sees a wrong integrity and a wrong fingerprint.  Here it is cut
 * off before libre looks, and added after libre wrote.
 *
 * libre keeps no state and asks for no randomness in what is used of it:
 * transaction id and key are the caller's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

struct buf;

#define WIRE_STUN_TID	12
#define WIRE_STUN_BINDING	0x001

enum wire_stun_class { WIRE_STUN_REQUEST, WIRE_STUN_INDICATION, WIRE_STUN_SUCCESS, WIRE_STUN_ERROR };
enum wire_stun_role { WIRE_STUN_ROLE_NONE, WIRE_STUN_CONTROLLING, WIRE_STUN_CONTROLLED };

struct wire_stun {
	uint16_t method;		/* WIRE_STUN_BINDING */
	enum wire_stun_class cls;
	uint8_t tid[WIRE_STUN_TID];
	char username[514];		/* "" : none */
	bool use_candidate;
	bool has_priority;
	uint32_t priority;
	enum wire_stun_role role;
	uint64_t tie_breaker;
	struct addr mapped;		/* XOR-MAPPED-ADDRESS; family ADDR_NONE: none */
	uint16_t error;			/* ERROR-CODE, e.g. 487; 0: none */
	/* RFC 5780: to be answered from the server's other address, other port */
	bool change_ip, change_port;
	struct addr origin, other;	/* RESPONSE-ORIGIN, OTHER-ADDRESS; family ADDR_NONE: none */
	uint16_t padding;		/* written: bytes of SOFTWARE (a multiple of 4), so that the answer is no longer */
	char route[132];		/* 0x8100: "from:to"; "" : none */
	bool integrity, fingerprint;	/* parsed: present; written: see wire_stun_write */
	uint16_t unknown;		/* first attribute not understood that must be; 0: none */
};

/* Could this datagram be STUN?  (Ask after WireGuard was ruled out.) */
bool wire_stun_is(const void *, size_t len);
/* 0; -EBADMSG: cut or garbled, or a FINGERPRINT that does not match. */
int wire_stun_parse(struct wire_stun *out, const void *, size_t len);
/* MESSAGE-INTEGRITY with a short-term password.  0; -EBADMSG: wrong or none. */
int wire_stun_check(const void *, size_t len, const char *password);
/* Appends the message.  password NULL: no MESSAGE-INTEGRITY.  FINGERPRINT when
 * msg->fingerprint.  0, -ENOMEM or -EINVAL. */
int wire_stun_write(struct buf *out, const struct wire_stun *msg, const char *password);
#endif
