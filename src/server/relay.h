/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_RELAY_H
#define GODWIT_SERVER_RELAY_H
/*
 * relay.h -- one connection to the relay service: the machine of
 * fsm/srv-relay-peer.fsm.  Packets do not pass through the machine: they go
 * from socket to socket in relay.c, if both ends are registered.
 *
 * Queues are bounded: a packet that finds SERVER_RELAY_PACKET_HIGH bytes queued
 * for its receiver is dropped and counted, as a router would; control messages
 * may fill the queue up to SERVER_RELAY_QUEUE, and a connection that cannot
 * take even those is ended.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "fsm/fsm.h"
#include "fsm/srv-relay-peer.h"
#include "server/inside.h"
#include "wire/relaymsg.h"

struct ws;

#define SERVER_RELAY_QUEUE		(1024 * 1024)
#define SERVER_RELAY_PACKET_HIGH	(512 * 1024)
#define SERVER_RELAY_INTERESTS		16384	/* ids that one connection may watch */

struct srv_relay_peer {
	struct fsm fsm;
	struct server *server;
	struct ws *ws;
	uint32_t gen;
	uint8_t id[WIRE_RELAY_ID_LEN];
	bool authed;			/* its token was good: id is set */
	bool goodbye;			/* close politely */
	struct srv_relay_peer *predecessor;
	struct map *interests;		/* id -> struct server_interest: what it watches */
	uint64_t dropped;		/* packets that found its queue full */
	struct server_grave grave;
	struct list all;
};

/* One connection's interest in one id: relay.md 10.2. */
struct server_interest {
	struct list in_topic;
	struct srv_relay_peer *watcher;
	struct server_topic *topic;
	bool online;			/* wants to hear once when the id comes */
};

struct server_topic {
	uint8_t id[WIRE_RELAY_ID_LEN];
	struct list watchers;		/* struct server_interest, oldest first */
};

struct server_relay {
	struct server *server;
	struct map *by_id;		/* id -> the newest connection */
	struct map *topics;		/* id -> struct server_topic */
	struct list all;
	uint64_t packets, dropped;
};

/* relay_watch.c: who hears of whom. */
void server_watch_add(struct srv_relay_peer *, const uint8_t *ids, size_t n);
void server_watch_drop(struct srv_relay_peer *, const uint8_t *ids, size_t n);
void server_watch_drop_all(struct srv_relay_peer *);
/* Tells the watchers of `id`: offline to all; online to those who wait for it,
 * or to all when `back` (it was offline for an instant only). */
void server_watch_tell_offline(struct server_relay *, const uint8_t *id);
void server_watch_tell_online(struct server_relay *, const uint8_t *id, bool back);
/* A control message; what does not fit ends the connection. */
void server_relay_control(struct srv_relay_peer *, const void *, size_t);
#endif
