/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_CTL_SHOW_H
#define GODWIT_CTL_SHOW_H
/* show.h -- a StatusResponse as people, and as programs, read it. */
#include "ctl/opt.h"
#include "proto/daemon.pb-c.h"

/* Sorts the peers by IPv4 and takes out those that the filters do not want. */
void show_select(Daemon__FullStatus *, const struct opts *);
void show_summary(const Daemon__StatusResponse *, bool detail);
void show_detail(const Daemon__StatusResponse *);
void show_json(const Daemon__StatusResponse *);
unsigned show_connected(const Daemon__FullStatus *);	/* how many peers are */
/* The sentence of an event with that id, or NULL. */
const char *show_event(const Daemon__FullStatus *, const char *id);
#endif
