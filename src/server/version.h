/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_VERSION_H
#define GODWIT_SERVER_VERSION_H
/*
 * version.h -- what an agent's version text allows (grpc-management.md section 13).
 */
#include <stdbool.h>

/* "0.77.1" or "v0.77.1" (leading_v) is at least major.minor.patch.  A development
 * version ("development", "dev-…", "ci-…") is newer than any; a text that does
 * not parse is older than any; so is a pre-release when it would be equal. */
bool server_version_since(const char *text, unsigned major, unsigned minor, unsigned patch, bool leading_v);
bool server_version_development(const char *text);
#endif
