/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_ENV_STREAM_H
#define GODWIT_ENV_STREAM_H
/* stream.h -- a stream from the inside: shared by stream.c, stream-io.c, dial.c, listen.c and tls.c. */
#include "base/buf.h"
#include "env/loop.h"

struct ssl_st;
struct dial;

enum stream_phase {
	STREAM_DIALING,		/* dial.c is at work */
	STREAM_HANDSHAKE,	/* TLS */
	STREAM_OPEN,
	STREAM_ENDED,		/* told EOF, TRUNCATED or ERROR; writing may still go on after EOF */
	STREAM_CLOSED		/* memory only, until the round is over */
};

struct env_stream {
	struct list node;	/* env->streams */
	struct list dirty;	/* env->dirty: something to write out */
	struct env *env;
	env_stream_fn fn;
	void *arg;
	enum stream_phase phase;
	int fd;			/* -1 while dialing */
	struct event ev_read, ev_write;
	struct ssl_st *ssl;	/* owned; NULL for clear text */
	struct dial *dial;	/* owned, while STREAM_DIALING */
	struct loop_soon again;	/* read once more without waiting for the socket */
	struct buf out;
	size_t low;
	bool above_low;		/* DRAINED is owed */
	bool paused;
	bool finishing;		/* no owner any more; fn is NULL */
	bool shut;		/* finishing: everything is written and our FIN is out */
	bool want_write_to_read, want_read_to_write;	/* TLS */
	bool unusable;		/* writing failed: nothing more can be sent */
	struct env_timer *limit;	/* finishing, or a TLS handshake of an accepted stream */
	struct env_listener *accepted_by;	/* until handed to the accept callback */
	char *what;		/* "host:port" or path, for error texts; owned */
	char alpn[32];		/* asked for, then agreed on */
};

struct env_stream *stream_new(struct env *, env_stream_fn, void *arg);
void stream_adopt(struct env_stream *, int fd);	/* a connected socket: sets its options, prepares the events */
void stream_start(struct env_stream *);			/* TLS handshake if there is one, then CONNECTED */
void stream_fail(struct env_stream *, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void stream_set_what(struct env_stream *, const char *host, uint16_t port);
int stream_socket_error(int fd);	/* SO_ERROR as negative errno */
void stream_release(struct env_stream *);		/* everything but the memory, which goes when the round is over */
void stream_tell(struct env_stream *, const struct env_stream_note *);
void stream_tell_event(struct env_stream *, enum env_stream_event);
void stream_ended(struct env_stream *);			/* nothing more is read */
void stream_fail_errno(struct env_stream *, const char *doing);
void stream_fail_tls(struct env_stream *, const char *doing);
void stream_watch(struct env_stream *);			/* the events that the socket is watched for */
void stream_handshake(struct env_stream *);		/* a step of TLS */

/* stream-io.c */
void stream_on_readable(evutil_socket_t, short, void *);
void stream_on_writable(evutil_socket_t, short, void *);
void stream_on_again(void *);

/* listen.c: the handshake of an accepted stream is over. */
void listener_hand_over(struct env_listener *, struct env_stream *);

/* dial.c */
void dial_free(struct dial *);
struct dial *dial_start(struct env_stream *, const struct env_dial *);

/* tls.c.  Steps answer > 0 bytes, or one of these. */
enum tls_result { TLS_WANT_READ = -1, TLS_WANT_WRITE = -2, TLS_CLOSED = -3, TLS_TRUNCATED = -4, TLS_FAILED = -5 };
/* 0 or -errno with a text. */
int tls_client(struct env_stream *, const struct env_tls_client *, char *why, size_t why_len);
struct tls_server *tls_server_new(const struct env_tls_server *, char *why, size_t why_len);
void tls_server_free(struct tls_server *);	/* fine with NULL */
int tls_server_stream(struct tls_server *, struct env_stream *);
int tls_attach(struct env_stream *);		/* once fd is there */
int tls_handshake(struct env_stream *);	/* 1 when done */
long tls_read(struct env_stream *, uint8_t *, size_t);
long tls_write(struct env_stream *, const uint8_t *, size_t);
bool tls_pending(const struct env_stream *);
void tls_goodbye(struct env_stream *);		/* sends close_notify if the socket takes it */
void tls_drop(struct env_stream *);
/* Why the last step failed; errno is used where OpenSSL has nothing to say. */
const char *tls_why(struct env_stream *, char *out, size_t len);
#endif
