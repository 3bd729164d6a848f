/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_NET_HTTP1_H
#define GODWIT_NET_HTTP1_H
/*
 * http1.h -- the little HTTP/1.1 (RFC 9112) that godwit needs: to tell it from
 * HTTP/2 on a shared port, to read a request's or a response's head, and to
 * answer it once.
 *
 * http1_front is what a listener's accept callback wants: it takes the accepted
 * stream, waits for the first bytes and hands the stream on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;
struct env_stream;

#define HTTP1_HEAD_MAX		(16 * 1024)
#define HTTP1_HEADERS_MAX	64

struct http1_header {
	const char *name, *value;	/* name in lower case; value trimmed */
};

/* A parsed head; strings point into its own copy. */
struct http1_head {
	char *text;			/* owned */
	const char *method, *target;	/* request: "GET", "/relay?x" */
	int status;			/* response: 101; 0 in a request */
	int minor;			/* HTTP/1.minor */
	struct http1_header header[HTTP1_HEADERS_MAX];
	size_t nheader;
};

/* Reads a head at the start of the bytes.  Returns its length (the body starts
 * there), 0: more is needed, -EBADMSG: this is not HTTP/1, -E2BIG. */
int http1_parse_request(struct http1_head *, const uint8_t *, size_t);
int http1_parse_response(struct http1_head *, const uint8_t *, size_t);
void http1_head_free(struct http1_head *);
const char *http1_header(const struct http1_head *, const char *lower_name);	/* first; NULL when absent */
/* A comma-separated header holds this token, letter case aside ("upgrade", "websocket"). */
bool http1_has_token(const struct http1_head *, const char *lower_name, const char *token);
/* The target without its query: "/relay". */
bool http1_path_is(const struct http1_head *, const char *path);

enum http1_kind {
	HTTP1_KIND_MORE,	/* cannot tell yet */
	HTTP1_KIND_H2,		/* HTTP/2 preface */
	HTTP1_KIND_HTTP1,
	HTTP1_KIND_OTHER	/* neither */
};
enum http1_kind http1_tell(const uint8_t *, size_t);

/* A whole answer, "Connection: close", then env_stream_finish.  `type` NULL: text/plain. */
void http1_answer(struct env_stream *, int status, const char *reason, const char *type, const char *body);

struct http1_front_ops {
	/* The stream is the callee's now, unread bytes with it. */
	void (*h2)(void *arg, struct env_stream *, const uint8_t *, size_t len);
	void (*request)(void *arg, struct env_stream *, const struct http1_head *, const uint8_t *rest, size_t len);
};
struct http1_front;
/* One for a listener. */
struct http1_front *http1_front_new(struct env *, const struct http1_front_ops *, void *arg);
void http1_front_free(struct http1_front *);	/* closes the streams still undecided; fine with NULL */
/* From the accept callback.  A head not whole after 5 s, too long or garbled: 408, 431, 400 and closed. */
void http1_front_take(struct http1_front *, struct env_stream *);
#endif
