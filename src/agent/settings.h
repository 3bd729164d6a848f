/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_AGENT_SETTINGS_H
#define GODWIT_AGENT_SETTINGS_H
/*
 * settings.h -- changes to the profile, as a JSON object with the profile's keys
 * ("WgPort": 51821, "ManagementURL": "http://host:80", "PreSharedKey": "...").
 */
#include <stddef.h>
#include <jansson.h>

struct config;

/* All or nothing: -EINVAL and `why` names the key and what is wrong with it.
 * Keys that godwit does not use yet go into the file as they are. */
int settings_apply(struct config *, const json_t *patch, char *why, size_t whylen);
#endif
