/* SPDX-License-Identifier: ISC */
/* ws-hello.c -- the opening handshake of a WebSocket (RFC 6455 section 4), both ends. */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "env/env.h"
#include "net/ws-int.h"

/* What the far end must answer to `key` (RFC 6455 section 4.2.2). */
void
ws_accept_text(char out[WS_ACCEPT_LEN + 1], const char *key)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b = { 0 };

	buf_put_str(&b, key);
	buf_put_str(&b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	EVP_Digest(buf_bytes(&b), buf_len(&b), hash, &n, EVP_sha1(), NULL);
	buf_free(&b);
	sodium_bin2base64(out, WS_ACCEPT_LEN + 1, hash, 20, sodium_base64_VARIANT_ORIGINAL);
}

/* The server's answer: 0 when it is an upgrade of ours, else why not. */
const char *
ws_check_answer(struct ws *w, const struct http1_head *h)
{
	const char *accept = http1_header(h, "sec-websocket-accept");
	char want[WS_ACCEPT_LEN + 1];

	ws_accept_text(want, w->key);
	if (h->status != 101)
		return "the server answered without upgrading";
	if (!http1_has_token(h, "upgrade", "websocket") || !http1_has_token(h, "connection", "upgrade"))
		return "the server upgraded to something else";
	if (accept == NULL || strcmp(accept, want) != 0)
		return "the server's accept key is wrong";
	if (http1_header(h, "sec-websocket-extensions") != NULL || http1_header(h, "sec-websocket-protocol") != NULL)
		return "the server chose an extension that was not offered";
	return NULL;
}

char *
ws_request_text(struct ws *w, const struct ws_dial *d, const char *name)
{
	struct buf b = { 0 };
	uint8_t nonce[16];
	bool v6 = strchr(name, ':') != NULL;

	env_random(w->env, nonce, sizeof(nonce));
	sodium_bin2base64(w->key, sizeof(w->key), nonce, sizeof(nonce), sodium_base64_VARIANT_ORIGINAL);
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s%s%s", d->target, v6 ? "[" : "", name, v6 ? "]" : "");
	if (d->port != (d->tls ? 443 : 80))
		buf_printf(&b, ":%u", d->port);
	buf_printf(&b, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", w->key);
	return buf_steal_str(&b);
}

/* Answers a request that is no upgrade of ours; true when it was one. */
bool
ws_welcome(struct env_stream *st, const struct http1_head *h)
{
	const char *key = http1_header(h, "sec-websocket-key");
	const char *version = http1_header(h, "sec-websocket-version");

	if (!http1_has_token(h, "upgrade", "websocket")) {
		http1_answer(st, 426, "Upgrade Required", NULL, "WebSocket wanted\n");
		return false;
	}
	if (strcmp(h->method, "GET") != 0 || h->minor < 1 || !http1_has_token(h, "connection", "upgrade") ||
	    key == NULL || strlen(key) != WS_KEY_LEN || version == NULL || strcmp(version, "13") != 0) {
		http1_answer(st, 400, "Bad Request", NULL, "not a WebSocket handshake (version 13)\n");
		return false;
	}
	return true;
}
