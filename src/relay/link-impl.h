/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_RELAY_LINK_IMPL_H
#define GODWIT_RELAY_LINK_IMPL_H
/*
 * link-impl.h -- what link.c (the machine) has of link-io.c (the frames).
 */
#include "relay/link.h"

struct ws_note;

void relay_link_put(struct relay_link *, const struct buf *);	/* one message; a failure is logged */
void relay_link_event(struct relay_link *, enum relay_link_event);	/* of the present connection */
void relay_link_on_ws(void *link, const struct ws_note *);
void relay_link_on_batch(void *link);			/* hands on what one read brought */
void relay_link_drop_early(struct relay_link *);
#endif
