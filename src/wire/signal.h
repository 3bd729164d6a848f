/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_SIGNAL_H
#define GODWIT_WIRE_SIGNAL_H
/*
 * signal.h -- what two peers write to each other through the signal server.
 *
 * One flat struct for every type; the parser has checked lengths, ports and
 * texts, so that machines need not.  Facts: signalexchange.Body of NetBird; our
 * own `generation` (field 1001) is skipped by stock peers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "wire/box.h"

enum wire_signal_type {
	WIRE_SIGNAL_OFFER = 0,
	WIRE_SIGNAL_ANSWER = 1,
	WIRE_SIGNAL_CANDIDATE = 2,
	WIRE_SIGNAL_MODE = 4,		/* legacy, without effect */
	WIRE_SIGNAL_GO_IDLE = 5,
	WIRE_SIGNAL_HEARTBEAT = 6
};

#define WIRE_SIGNAL_SESSION	5	/* bytes of an ICE session id */

struct wire_signal {
	enum wire_signal_type type;
	/* OFFER, ANSWER */
	char ufrag[257], pwd[257];	/* both "" : the sender does no ICE now */
	uint16_t wg_port;		/* 51820 when the sender gave none */
	char version[64];		/* cut to fit */
	char relay_url[256];		/* "" : the sender has no home relay now */
	struct addr relay_ip;		/* family ADDR_NONE when not given; port 0 */
	bool has_session;
	uint8_t session[WIRE_SIGNAL_SESSION];
	bool rosenpass;			/* the sender has Rosenpass on (we do not speak it) */
	bool has_generation;
	uint32_t generation;		/* godwit's: sender's network changes so far */
	/* CANDIDATE: see wire/candidate.h */
	char candidate[512];
};

const char *wire_signal_type_name(enum wire_signal_type);
/* A Body.  0; -EBADMSG: garbled, or a payload that is not what the type wants. */
int wire_signal_parse(struct wire_signal *out, const void *, size_t len);
int wire_signal_write(struct buf *out, const struct wire_signal *);	/* appended; 0, -ENOMEM, -EINVAL */

/* The envelope (signalexchange.EncryptedMessage) around a sealed Body. */
int wire_signal_seal(struct buf *out, const struct wire_signal *, const uint8_t nonce[WIRE_BOX_NONCE],
    const uint8_t to_public[WIRE_KEY_LEN], const uint8_t self_public[WIRE_KEY_LEN],
    const uint8_t self_private[WIRE_KEY_LEN]);
/* 0 and the sender, whom the box proves; -EBADMSG: not an envelope; -EINVAL: its
 * key is no key; -EACCES: it does not decrypt; -EPROTO: what was sealed is no Body of ours. */
int wire_signal_open(struct wire_signal *out, uint8_t sender[WIRE_KEY_LEN], const void *envelope, size_t len,
    const uint8_t self_private[WIRE_KEY_LEN]);

/* For the server, which opens nothing: sender's and receiver's texts (borrowed
 * copies in `out`, of `cap` bytes).  0 or -EBADMSG. */
int wire_signal_addressee(char *out, size_t cap, const void *envelope, size_t len);
#endif
