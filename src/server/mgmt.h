/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_MGMT_H
#define GODWIT_SERVER_MGMT_H
/*
 * mgmt.h -- management's unary calls (server.md sections 3 and 4).
 */
#include <stddef.h>
#include <stdint.h>
#include "wire/mgmt.h"

/* The message for a request that did not open: INVALID_ARGUMENT with these words. */
void server_mgmt_fault(enum wire_mgmt_fault, const uint8_t *envelope, size_t len, char *out, size_t outlen);
#endif
