/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_WS_INT_H
#define GODWIT_NET_WS_INT_H
/* ws-int.h -- what ws.c, ws-frame.c and ws-hello.c share; nobody else's. */
#include <wslay/wslay.h>

#include "base/buf.h"
#include "net/http1.h"
#include "net/ws.h"

#define WS_MASKS	512
#define WS_HEADER_MAX	14
#define WS_KEY_LEN	24		/* base64 of 16 bytes */
#define WS_ACCEPT_LEN	28		/* base64 of a SHA-1 */

struct ws {
	struct env *env;
	struct env_stream *st;		/* owned */
	wslay_event_context_ptr ctx;	/* owned */
	struct ws_options opt;
	ws_fn fn;
	void *arg;
	bool server, open;
	bool ended;			/* WS_CLOSED or WS_LOST was told or is about to be */
	bool refused;			/* -EAGAIN was given */
	bool dead;
	unsigned depth;
	char *request;			/* client, owned: sent when connected */
	char key[WS_KEY_LEN + 1];
	struct buf head;		/* client: the answer while it is not whole; server: bytes behind the request */
	struct buf out;			/* one frame being put together */
	const uint8_t *in;		/* what wslay reads from, borrowed for the time of ws_feed() */
	size_t in_len;
	uint8_t header[WS_HEADER_MAX];	/* of the next frame, as far as it came */
	size_t nheader;
	uint64_t frame_left;		/* bytes of the present frame that are still wslay's */
	bool fragments;			/* a message in several frames is under way */
	struct buf plain;		/* server: a quick frame, unmasked */
	ws_batch_fn batch;
	void *batch_arg;
	uint8_t masks[WS_MASKS];
	size_t mask_at;
	struct env_timer *later;	/* server: for bytes behind the request */
};

/* ws.c: telling the owner */
void ws_tell(struct ws *w, const struct ws_note *note);
void ws_lose(struct ws *w, int err, const char *text);	/* once */

/* ws-frame.c: frames in and out */
int ws_start_frames(struct ws *w);			/* 0 or -ENOMEM */
void ws_take(struct ws *w, const uint8_t *data, size_t len);
void ws_flush_control(struct ws *w);

/* ws-hello.c: the opening handshake */
char *ws_request_text(struct ws *w, const struct ws_dial *d, const char *name);	/* owned by the caller; keeps the key in w */
const char *ws_check_answer(struct ws *w, const struct http1_head *h);	/* NULL: an upgrade of ours; else why not */
bool ws_welcome(struct env_stream *st, const struct http1_head *h);	/* false: answered and closed, no upgrade of ours */
void ws_accept_text(char out[WS_ACCEPT_LEN + 1], const char *key);

#endif
