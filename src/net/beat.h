/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_BEAT_H
#define GODWIT_NET_BEAT_H
/*
 * beat.h -- how our own agents and servers tell each other that they beat.
 *
 * Stock servers log an error for each beat of an agent, or never read it; stock
 * ends ignore headers that they do not know.  So a server of our own names its
 * interval in the response headers of a stream (NET_BEAT_HEADER, milliseconds of
 * silence), an agent of our own says in the request's that it will beat back, and
 * who does not see the header does not beat.  Between the two a beat is a message
 * of no bytes: the idle budget is 2 MB a day for all control streams together.
 */
#include <stdint.h>

#define NET_BEAT_HEADER	"x-godwit-beat"
#define NET_BEAT_TEXT	24	/* room for an interval with its NUL */

/* The interval in microseconds of a header's text, at least half a second; -1:
 * there is none, or it is not a number of milliseconds up to a day. */
int64_t net_beat_parse(const char *text);
/* Back into text; returns `out`. */
const char *net_beat_text(char out[NET_BEAT_TEXT], int64_t us);
/* An agent's own interval, towards a server with this one: longer for the bytes'
 * sake, and shorter than the minute after which proxies use to cut. */
int64_t net_beat_back(int64_t us);
/* How long the other end's silence is borne: three beats lost, and a retransmission. */
int64_t net_beat_patience(int64_t us);
#endif
