/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SIGNAL_SEND_H
#define GODWIT_SIGNAL_SEND_H
/* send.h -- the queue of outgoing messages; between stream.c and send.c only. */

struct signal_stream;

void signal_send_more(struct signal_stream *);	/* start what may start */
void signal_send_halt(struct signal_stream *);	/* the channel goes: what was under way waits again */
void signal_send_clear(struct signal_stream *);
#endif
