/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WIRE_CANDIDATE_H
#define GODWIT_WIRE_CANDIDATE_H
/*
 * candidate.h -- one line an ICE candidate (RFC 8839 section 5.1), as NetBird
 * writes it: no "candidate:" in front, lower-case transport, `ufrag` and `cid`
 * at the end.  libre parses and knows the priority formula; it prints otherwise
 * than NetBird, so the writer is ours.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

enum wire_cand_type { WIRE_CAND_HOST, WIRE_CAND_SRFLX, WIRE_CAND_PRFLX, WIRE_CAND_RELAY };

struct wire_cand {
	enum wire_cand_type type;
	char foundation[33];
	uint32_t priority;
	struct addr addr;
	struct addr related;	/* raddr and rport; family ADDR_NONE: none */
	char ufrag[257];	/* "" : none */
	char cid[65];		/* 32 letters; "" : none */
};

#define WIRE_CAND_LINE	512	/* enough for any line written */

const char *wire_cand_type_name(enum wire_cand_type);
/* 0; -EBADMSG: no candidate line; -EPROTONOSUPPORT: TCP, or a component other than 1. */
int wire_cand_parse(struct wire_cand *out, const char *line);
/* 0 or -EINVAL. */
int wire_cand_write(char out[WIRE_CAND_LINE], const struct wire_cand *);
/* local preference 65535 for the best; component 1. */
uint32_t wire_cand_priority(enum wire_cand_type, uint16_t local_pref);
/* Foundation as NetBird computes it: CRC-32 of type, address and family, in decimal. */
void wire_cand_foundation(char out[33], enum wire_cand_type, const struct addr *);
#endif
