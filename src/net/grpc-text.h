/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_GRPC_TEXT_H
#define GODWIT_NET_GRPC_TEXT_H
/*
 * grpc-text.h -- the texts in gRPC's headers (PROTOCOL-HTTP2): status message in
 * percent encoding, grpc-timeout, and what HTTP says when gRPC does not.
 */
#include <stdbool.h>
#include <stdint.h>

struct buf;

void grpc_percent_put(struct buf *out, const char *text);	/* appends, no NUL */
/* Appends the decoded bytes; a broken escape stays as it is, as the protocol asks. */
void grpc_percent_get(struct buf *out, const char *text);
/* "10S", "500m", "9999999u": at most 8 digits and a unit.  Rounds up. */
void grpc_timeout_text(char out[16], int64_t us);
int grpc_timeout_parse(int64_t *us, const char *text);		/* 0 or -EINVAL */
int grpc_code_of_http(int status);	/* no grpc-status: the code it stands for */
int grpc_code_of_rst(uint32_t code);	/* RST_STREAM's code, H2_CODE_GONE too */
#endif
