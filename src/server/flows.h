/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_FLOWS_H
#define GODWIT_SERVER_FLOWS_H
/*
 * flows.h -- who talked to whom: the flow service (flow.md), kept in flows.db
 * beside the store, so that a flood of events delays no registration.
 */
#include <stdint.h>

struct server;
struct server_flows;

#define SERVER_FLOWS_PENDING	8192	/* events waiting for the disk; more are left to be sent again */
#define SERVER_FLOWS_KEEP_US	(INT64_C(30) * 24 * 3600 * 1000000)	/* how long they are kept */

struct server_flow_counts {
	uint64_t stored, dropped, refused;	/* dropped: the queue was full; refused: not an event */
};

int server_flows_start(struct server *, const char *dir);	/* fills s->flows; 0 or -errno */
void server_flows_free(struct server_flows *);			/* fine with NULL */
struct server_flow_counts server_flows_counts(const struct server_flows *);

/* `godwit-server flows`: argv[0] is "flows". Returns the exit status. */
int server_cli_flows(int argc, char **argv);
#endif
