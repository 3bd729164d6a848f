/* SPDX-License-Identifier: ISC */
/*
 * http1.c -- heads of HTTP/1.1 messages, and the front of a shared port.
 *
 * The parser takes a whole head or none: it looks for the empty line first, so a
 * head cut anywhere is simply not there yet.  It accepts what RFC 9112 calls
 * valid, plus a bare LF as line end; folded lines, blanks in names and control
 * characters are refused.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mono.h"
#include "env/env.h"
#include "net/http1.h"

#define HTTP1_FRONT_TIMEOUT	(5 * MONO_SEC)

static const char http1_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum http1_kind
http1_tell(const uint8_t *p, size_t len)
{
	size_t n = sizeof(http1_preface) - 1;

	if (len == 0)
		return HTTP1_KIND_MORE;
	if (memcmp(p, http1_preface, len < n ? len : n) == 0)
		return len < 4 ? HTTP1_KIND_MORE : HTTP1_KIND_H2;	/* "PRI " is no method of HTTP/1 */
	for (size_t i = 0; i < len && i < 20; i++) {
		if (p[i] == ' ')
			return i > 0 ? HTTP1_KIND_HTTP1 : HTTP1_KIND_OTHER;
		if (p[i] < 'A' || p[i] > 'Z')
			return HTTP1_KIND_OTHER;
	}
	return len < 20 ? HTTP1_KIND_MORE : HTTP1_KIND_OTHER;
}

/* ---- heads ---------------------------------------------------------------------- */

/* Length of the head with its empty line, or 0. */
static size_t
http1_head_len(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (p[i] != '\n')
			continue;
		if (p[i + 1] == '\n')
			return i + 2;
		if (p[i + 1] == '\r' && i + 2 < len && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static bool
http1_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("!#$%&'*+-.^_`|~", *s) == NULL)
			return false;
	return true;
}

/* Cuts one line off *at; NULL for bytes that no line holds. */
static char *
http1_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	for (const char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 && *c != '\t')
			return NULL;
	return line;
}

static int
http1_field(struct http1_head *h, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (colon == NULL || h->nheader == HTTP1_HEADERS_MAX)
		return colon == NULL ? -EBADMSG : -E2BIG;
	*colon = '\0';
	if (!http1_token(line))
		return -EBADMSG;
	for (char *c = line; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	h->header[h->nheader++] = (struct http1_header){ line, value };
	return 0;
}

static int
http1_version(struct http1_head *h, const char *s)
{
	if (strncmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1'))
		return -EBADMSG;
	h->minor = s[7] - '0';
	return 0;
}

static int
http1_request_line(struct http1_head *h, char *line)
{
	char *target = strchr(line, ' '), *version;

	if (target == NULL)
		return -EBADMSG;
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL)
		return -EBADMSG;
	*version++ = '\0';
	if (!http1_token(line) || *target == '\0' || strlen(version) != 8)
		return -EBADMSG;
	h->method = line;
	h->target = target;
	return http1_version(h, version);
}

static int
http1_status_line(struct http1_head *h, char *line)
{
	if (http1_version(h, line) != 0 || strlen(line) < 12 || line[8] != ' ')
		return -EBADMSG;
	for (int i = 9; i < 12; i++)
		if (!isdigit((unsigned char)line[i]))
			return -EBADMSG;
	if (line[12] != '\0' && line[12] != ' ')
		return -EBADMSG;
	h->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	return 0;
}

static int
http1_parse(struct http1_head *h, const uint8_t *p, size_t len, int (*first)(struct http1_head *, char *))
{
	size_t n = http1_head_len(p, len);
	char *at, *line;
	int err;

	memset(h, 0, sizeof(*h));
	if (n == 0)
		return len > HTTP1_HEAD_MAX ? -E2BIG : 0;
	if (n > HTTP1_HEAD_MAX)
		return -E2BIG;
	if (memchr(p, '\0', n) != NULL)
		return -EBADMSG;
	h->text = malloc(n + 1);
	if (h->text == NULL)
		return -ENOMEM;
	memcpy(h->text, p, n);
	h->text[n] = '\0';
	at = h->text;
	line = http1_line(&at);
	err = line != NULL ? first(h, line) : -EBADMSG;
	while (err == 0 && (line = http1_line(&at)) != NULL && *line != '\0')
		err = http1_field(h, line);
	if (err == 0 && line == NULL)
		err = -EBADMSG;
	if (err != 0) {
		http1_head_free(h);
		return err;
	}
	return (int)n;
}

int
http1_parse_request(struct http1_head *h, const uint8_t *p, size_t len)
{
	return http1_parse(h, p, len, http1_request_line);
}

int
http1_parse_response(struct http1_head *h, const uint8_t *p, size_t len)
{
	return http1_parse(h, p, len, http1_status_line);
}

void
http1_head_free(struct http1_head *h)
{
	free(h->text);
	memset(h, 0, sizeof(*h));
}

const char *
http1_header(const struct http1_head *h, const char *lower_name)
{
	for (size_t i = 0; i < h->nheader; i++)
		if (strcmp(h->header[i].name, lower_name) == 0)
			return h->header[i].value;
	return NULL;
}

static bool
http1_list_has(const char *list, const char *token)
{
	size_t n = strlen(token);

	for (const char *p = list; *p != '\0';) {
		size_t len;

		p += strspn(p, " \t,");
		len = strcspn(p, " \t,;");
		if (len == n && strncasecmp(p, token, n) == 0)
			return true;
		p += strcspn(p, ",");
	}
	return false;
}

bool
http1_has_token(const struct http1_head *h, const char *lower_name, const char *token)
{
	for (size_t i = 0; i < h->nheader; i++)
		if (strcmp(h->header[i].name, lower_name) == 0 && http1_list_has(h->header[i].value, token))
			return true;
	return false;
}

bool
http1_path_is(const struct http1_head *h, const char *path)
{
	size_t n = strlen(path);

	return h->target != NULL && strncmp(h->target, path, n) == 0 && (h->target[n] == '\0' || h->target[n] == '?');
}

void
http1_answer(struct env_stream *st, int status, const char *reason, const char *type, const char *body)
{
	struct buf b = { 0 };

	buf_printf(&b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    status, reason, type != NULL ? type : "text/plain; charset=utf-8", strlen(body), body);
	env_stream_write(st, buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	env_stream_finish(st);
}

/* ---- the front ----------------------------------------------------------------------- */

struct http1_front {
	struct env *env;
	const struct http1_front_ops *ops;
	void *arg;
	struct list guests;
};

/* A stream that has not yet said what it is. */
struct http1_guest {
	struct list all;
	struct http1_front *front;
	struct env_stream *st;		/* owned until handed on */
	struct env_timer *timer;
	struct buf in;
};

static void
http1_guest_free(struct http1_guest *g)
{
	list_remove(&g->all);
	env_timer_free(g->timer);
	env_stream_close(g->st);
	buf_free(&g->in);
	free(g);
}

static void
http1_guest_refuse(struct http1_guest *g, int status, const char *reason)
{
	http1_answer(g->st, status, reason, NULL, reason);
	g->st = NULL;
	http1_guest_free(g);
}

static void
http1_guest_look(struct http1_guest *g)
{
	struct http1_front *f = g->front;
	struct env_stream *st = g->st;
	struct http1_head head;
	struct buf in;
	int n = 0;

	switch (http1_tell(buf_bytes(&g->in), buf_len(&g->in))) {
	case HTTP1_KIND_MORE:
		return;
	case HTTP1_KIND_OTHER:
		http1_guest_free(g);
		return;
	case HTTP1_KIND_H2:
		break;
	case HTTP1_KIND_HTTP1:
		n = http1_parse_request(&head, buf_bytes(&g->in), buf_len(&g->in));
		if (n == 0)
			return;
		if (n < 0) {
			http1_guest_refuse(g, n == -E2BIG ? 431 : 400,
			    n == -E2BIG ? "Request Header Fields Too Large" : "Bad Request");
			return;
		}
		break;
	}
	in = g->in;		/* the guest goes before its host is told */
	buf_init(&g->in);
	g->st = NULL;
	http1_guest_free(g);
	if (n > 0) {
		f->ops->request(f->arg, st, &head, buf_bytes(&in) + n, buf_len(&in) - (size_t)n);
		http1_head_free(&head);
	} else
		f->ops->h2(f->arg, st, buf_bytes(&in), buf_len(&in));
	buf_free(&in);
}

static void
http1_guest_note(void *arg, const struct env_stream_note *note)
{
	struct http1_guest *g = arg;

	switch (note->event) {
	case ENV_STREAM_DATA:
		buf_put(&g->in, note->data, note->len);
		if (buf_bad(&g->in))
			http1_guest_free(g);
		else
			http1_guest_look(g);
		break;
	case ENV_STREAM_EOF:
	case ENV_STREAM_TRUNCATED:
	case ENV_STREAM_ERROR:
		http1_guest_free(g);
		break;
	case ENV_STREAM_CONNECTED:
	case ENV_STREAM_DRAINED:
		break;
	}
}

static void
http1_guest_late(void *arg)
{
	struct http1_guest *g = arg;

	if (buf_len(&g->in) == 0)
		http1_guest_free(g);
	else
		http1_guest_refuse(g, 408, "Request Timeout");
}

struct http1_front *
http1_front_new(struct env *env, const struct http1_front_ops *ops, void *arg)
{
	struct http1_front *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->env = env;
	f->ops = ops;
	f->arg = arg;
	list_init(&f->guests);
	return f;
}

void
http1_front_free(struct http1_front *f)
{
	if (f == NULL)
		return;
	while (!list_empty(&f->guests))
		http1_guest_free(LIST_OF(f->guests.next, struct http1_guest, all));
	free(f);
}

void
http1_front_take(struct http1_front *f, struct env_stream *st)
{
	struct http1_guest *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		env_stream_close(st);
		return;
	}
	g->front = f;
	g->st = st;
	list_append(&f->guests, &g->all);
	g->timer = env_timer_new(f->env, http1_guest_late, g);
	if (g->timer == NULL) {
		http1_guest_free(g);
		return;
	}
	env_timer_set(g->timer, HTTP1_FRONT_TIMEOUT);
	env_stream_set_fn(st, http1_guest_note, g);
}
