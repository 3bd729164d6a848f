/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_SERVER_SERVER_H
#define GODWIT_SERVER_SERVER_H
/*
 * server.h -- the control server as a whole: management, signal and relay on
 * one TCP port, STUN on one UDP port, a store in one folder.
 *
 * A struct server lives on a struct env, the real one or a simulated one, and
 * owns everything it opened there.  It never touches the process: no signals,
 * no exit, nothing printed; what people should read comes through the hooks.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "fsm/fsm.h"

struct env;
struct fsm_loop;
struct server;

#define SERVER_STUN_PORT	3478	/* RFC 8489 section 18.5 */

struct server_conf {
	const char *data_dir;	/* made with mode 0700 when absent, locked while we run */
	struct addr listen;	/* family ADDR_NONE: every address; port 0: 443 with TLS, else 80 */
	const char *url;	/* "http[s]://host[:port]" that agents are told; NULL: from the first address */
	uint16_t stun_port;	/* 0: no STUN service and none announced */
	/* Of STUN; the second of the same family, for clients that ask what their router
	 * lets in.  Family ADDR_NONE: where `listen` says; there is no second. */
	struct addr stun_address[2];
	const char *tls_cert;	/* PEM files, both or neither */
	const char *tls_key;
	const char *dns_domain;	/* used when the account is made; NULL: "netbird.selfhosted" */
	int64_t beat_us;	/* silence after which a stream gets a heartbeat; 0: 30 s; < 0: never */
	int64_t token_ttl_us;	/* life of a relay token; 0: 12 h */
	int64_t flows_us;	/* agents report their flows this often; 0: no flow service */
	/* Called once in the life of a store, when it is on disk: the line that joins an agent. */
	void (*on_join)(void *arg, const char *line);
	/* Called when the server cannot go on (its helper died, ...); may be NULL. */
	void (*on_fatal)(void *arg, const char *why);
	void *arg;
	struct fsm_tape_to tape;	/* for developers: what the machines do; see fsm/fsm.h */
};

/* Starts the server.  NULL on failure: *err gets a negative errno and `why` (of
 * `whylen` bytes) one line that names the thing.  Strings of conf are copied. */
struct server *server_new_why(struct env *, const struct server_conf *, int *err, char *why, unsigned whylen);
/* The same for those who do not ask why. */
struct server *server_new(struct env *, const struct server_conf *);
/* Says goodbye to relay peers, ends streams, waits for the store.  Fine with NULL. */
void server_free(struct server *);

struct fsm_loop *server_loop(struct server *);		/* its machines, for traces */
const char *server_url(const struct server *);		/* as announced; borrowed */
const char *server_key_text(const struct server *);	/* public key, base64; borrowed */
uint16_t server_port(const struct server *);		/* the TCP port that it really got */

/* A new reusable setup key, for tests and the simulator: text into out[37] at
 * once, on disk later.  expires_us: lifetime, 0: for ever. 0 or -errno. */
int server_make_key(struct server *, const char *name, int64_t expires_us, char out[37]);

/* Connected now. */
struct server_counts {
	unsigned peers, sync, job, signal, relay;
};
struct server_counts server_counts(const struct server *);
#endif
