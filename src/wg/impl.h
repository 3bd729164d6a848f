/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_WG_IMPL_H
#define GODWIT_WG_IMPL_H
/*
 * impl.h -- what the files of this folder share; nobody else includes it but
 * the tests.  device.c holds the lists and the public calls, peer.c the two
 * machines of a peer, handshake.c the first three message types, send.c the
 * way from the TUN out, receive.c the way in.
 */
#include "base/list.h"
#include "fsm/fsm.h"
#include "wg/allowedips.h"
#include "wg/cookie.h"
#include "wg/device.h"
#include "wg/keypair.h"
#include "wg/noise.h"
#include "fsm/wg-keepalive.h"
#include "fsm/wg-peer.h"

struct map;
struct wg_tx;
struct wg_rx;

#define WG_KEEP_PACKETS		64		/* kept a peer while it has no path */
#define WG_KEEP_BYTES		(128 * 1024)
#define WG_WAY_HEADROOM		128		/* before each packet given to a way */
#define WG_LOAD_HANDSHAKES	128		/* in a tenth of a second: under load */

/* What a receiver index stands for: a session, or our initiation under way. */
struct wg_slot {
	uint32_t index;
	struct wg_peer *peer;
	struct wg_keypair *keys;	/* NULL: the initiation */
};

struct wg_kept {
	struct list link;
	uint32_t len;
	uint8_t ecn;
	uint8_t data[];
};

struct wg_keepalive {
	struct fsm fsm;
	struct wg_peer *peer;
	int64_t keepalive_us, silence_us, persistent_us, zero_us;	/* read by the table */
	bool keepalive_set, silence_set;	/* that timer runs */
};

struct wg_peer {
	struct fsm fsm;
	int64_t retry_us;		/* read by the table */
	struct wg_keepalive keep;
	struct wg_device *dev;
	struct list all;
	uint8_t key[WG_KEY_LEN];
	char name[12];			/* first letters of the key in base64, for people */
	void *arg;
	struct noise_peer *noise;	/* owned, locked */
	struct cookie_taker taker;
	struct wg_slot *asked;		/* of our initiation under way */
	struct wg_keypair *old, *prev, *cur, *next;	/* owned; old: only for what the peer sent last under it */
	struct wg_endpoint endpoint;
	bool want_posted;		/* a want is in the queue */
	bool told_away;
	struct mono asking_since;	/* first try of this round */
	struct mono last_initiation;	/* sent */
	struct mono last_answered;	/* initiation received and answered */
	unsigned interval;		/* persistent keepalive, seconds; 0: off */
	struct mono owed_since;		/* data received, nothing sent since */
	struct mono unanswered_since;	/* data sent, nothing received since */
	struct mono last_data_received;
	struct list kept;		/* of struct wg_kept */
	unsigned nkept;
	size_t kept_bytes;
	struct wg_peer_stats stats;
};

struct wg_device {
	struct env *env;
	struct fsm_loop *loop;
	struct wg_times times;
	struct wg_hooks hooks;
	void *arg;
	unsigned mtu;
	struct env_tun *tun;
	struct env_dgram *udp4, *udp6;
	struct env_dgram *former4;	/* before the last rebind; NULL: none */
	struct mono both_until;		/* until then it is also sent from there */
	struct noise_self *self;	/* owned, locked */
	struct cookie_giver *giver;	/* owned, locked */
	struct rate rate;
	struct list peers;		/* of struct wg_peer, by creation */
	struct map *by_key, *by_index;	/* to struct wg_peer; to struct wg_slot */
	struct allowedips allowed;
	struct wg_keypair *dead;	/* owned; see wg_session_bury */
	struct wg_tx *tx;
	struct wg_rx *rx;
	uint8_t stamp[WG_TAI64N_LEN];	/* greatest sent */
	uint8_t stamp_stored[WG_TAI64N_LEN];	/* what the hook was given */
	struct mono load_window, load_until;
	unsigned load_count;
	wg_tap_fn tap;			/* NULL: off */
	void *tap_arg;
};

/* Where a packet came from: a UDP address or a way. */
struct wg_from {
	const struct addr *addr;	/* NULL: a way */
	struct way *way;
};

/* device.c */
struct wg_slot *wg_slot_new(struct wg_device *, struct wg_peer *);	/* a fresh random index; NULL: no memory */
void wg_slot_free(struct wg_device *, struct wg_slot *);		/* fine with NULL */
struct wg_slot *wg_slot_find(struct wg_device *, uint32_t index);

/* peer.c */
void wg_peer_machines_init(struct wg_peer *);
void wg_peer_machines_fini(struct wg_peer *);
void wg_peer_want(struct wg_peer *);		/* a session is needed, or a newer one */
bool wg_keypair_usable(const struct wg_peer *, const struct wg_keypair *);
void wg_peer_wipe_keys(struct wg_peer *);
/* What happened to packets, for the clocks. */
void wg_peer_sent(struct wg_peer *, uint32_t bytes, unsigned data_packets);
void wg_peer_waits(struct wg_peer *);		/* data is kept for want of a session */
void wg_peer_received(struct wg_peer *, uint32_t bytes, bool data);

/* handshake.c */
void wg_handshake_input(struct wg_device *, const struct wg_from *, const uint8_t *, size_t len);
int wg_handshake_send_initiation(struct wg_peer *);
/* The first authentic packet under `next`: it becomes the current one. */
void wg_session_confirm(struct wg_peer *, struct wg_keypair *);
/* Out of the peer and the index table at once; freed by wg_session_bury, because
 * a batch that is being looked through may still point to it. */
void wg_session_drop(struct wg_peer *, struct wg_keypair **);
void wg_session_bury(struct wg_device *);

/* send.c */
struct wg_tx *wg_tx_new(void);
void wg_tx_free(struct wg_tx *);
void wg_send_tun(void *dev, struct env_pkt *, size_t n);		/* env_pkts_fn */
void wg_send_keepalive(struct wg_peer *);	/* asks for a session if there is none */
void wg_send_kept(struct wg_peer *);		/* what was kept, if it can go now */
void wg_send_drop_kept(struct wg_peer *);
/* To the endpoint as it is; false when there is none. */
bool wg_send_to_endpoint(struct wg_peer *, struct env_pkt *, size_t n);
void wg_send_answer(struct wg_device *, const struct wg_from *, uint8_t *, size_t len);	/* WG_WAY_HEADROOM before it */

/* receive.c */
struct wg_rx *wg_rx_new(void);
void wg_rx_free(struct wg_rx *);
void wg_rx_join(struct wg_rx *, bool);		/* may TCP segments be written to the TUN as runs? */
void wg_receive_flush(struct wg_device *);	/* before keys go: a batch points to them */
void wg_receive_turn_end(void *dev);		/* env_on_turn_end */
void wg_receive_udp(void *dev, struct env_pkt *, size_t n);		/* env_pkts_fn */
/* An authenticated packet came from there: roam, if that is allowed. */
void wg_peer_seen_at(struct wg_peer *, const struct wg_from *);
#endif
