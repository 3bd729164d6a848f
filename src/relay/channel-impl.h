/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_CHANNEL_IMPL_H
#define GODWIT_RELAY_CHANNEL_IMPL_H
/*
 * channel-impl.h -- what a link tells its channels.
 */
#include "relay/channel.h"

void relay_channel_told(struct relay_channel *, bool online);	/* the server, about the peer */
void relay_channel_input(struct relay_channel *, struct env_pkt *, size_t n);	/* packets from the peer */
bool relay_channel_wants(const struct relay_channel *);	/* it waits for the link, or uses it */
#endif
