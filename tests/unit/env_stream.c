/* SPDX-License-Identifier: ISC */
/*
 * env_stream.c -- streams over loopback and local sockets, clear and TLS.
 * The certificates are made by openssl(1) on the spot.
 */
#include "config.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/sum.h"
#include "tests/tap.h"

struct end {
	struct world *w;
	struct env_stream *s;
	char name;
	size_t got, drained, write_more;
	uint32_t sum;
	bool eof, truncated, connected;
	int err;
	char text[300];
};

struct world {
	struct env *env;
	struct env_timer *limit;
	struct end client, server;
	bool timed_out, echo;
	size_t stop_at;		/* bytes the server has got */
	int accepted;
};

static char dir[] = "/tmp/godwit-stream.XXXXXX";
static char cert[100], key[100], other_ca[100];

static void
on_limit(void *arg)
{
	struct world *w = arg;

	w->timed_out = true;
	env_stop(w->env);
}

static void
on_note(void *arg, const struct env_stream_note *n)
{
	struct end *e = arg;

	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		e->connected = true;
		break;
	case ENV_STREAM_DATA:
		e->got += n->len;
		e->sum = sum_add(e->sum, n->data, n->len);
		if (e->name == 's' && e->w->echo)
			env_stream_write(e->s, n->data, n->len);
		if (e->w->stop_at && e->w->server.got >= e->w->stop_at)
			env_stop(e->w->env);
		return;
	case ENV_STREAM_DRAINED:
		e->drained++;
		return;
	case ENV_STREAM_EOF:
		e->eof = true;
		break;
	case ENV_STREAM_TRUNCATED:
		e->truncated = true;
		break;
	case ENV_STREAM_ERROR:
		e->err = n->err;
		snprintf(e->text, sizeof e->text, "%s", n->text);
		break;
	}
	if (!e->connected || e->eof || e->truncated || e->err || e->w->server.s)
		env_stop(e->w->env);
}

static void
on_accept(void *arg, struct env_stream *s)
{
	struct world *w = arg;

	w->accepted++;
	w->server.s = s;
	env_stream_set_fn(s, on_note, &w->server);
	if (w->client.connected)
		env_stop(w->env);
}

static void
run(struct world *w)
{
	w->timed_out = false;
	env_timer_set(w->limit, 5 * MONO_SEC);
	env_run(w->env);
	env_timer_stop(w->limit);
}

static void
reset(struct world *w)
{
	env_stream_close(w->client.s);
	env_stream_close(w->server.s);
	memset(&w->client, 0, sizeof w->client);
	memset(&w->server, 0, sizeof w->server);
	w->client.w = w->server.w = w;
	w->client.name = 'c';
	w->server.name = 's';
	w->echo = false;
	w->stop_at = 0;
	w->accepted = 0;
}

static void
dial(struct world *w, const struct env_dial *to)
{
	reset(w);
	w->client.s = env_stream_dial(w->env, to, on_note, &w->client);
	run(w);
	if (w->client.connected && w->server.s == NULL)
		run(w);
	if (w->server.s != NULL && !w->client.connected && !w->client.err)
		run(w);
}

/* A megabyte there and back, with a low watermark. */
static void
test_bulk(struct world *w, const char *kind)
{
	static uint8_t bytes[1 << 20];
	uint32_t sum;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	sum = sum_add(0, bytes, sizeof bytes);
	w->echo = true;
	env_stream_set_low(w->client.s, 1000);
	is_int(env_stream_write(w->client.s, bytes, sizeof bytes), 0, "%s: a megabyte is accepted", kind);
	is_int(env_stream_queued(w->client.s), sizeof bytes, "%s: and queued", kind);
	w->stop_at = sizeof bytes;
	run(w);
	for (int i = 0; i < 200 && w->client.got < sizeof bytes; i++) {
		env_timer_set(w->limit, 10 * MONO_MS);
		env_run(w->env);
	}
	is_int(w->client.got, sizeof bytes, "%s: it comes back whole", kind);
	ok(w->client.sum == sum && w->server.sum == sum, "%s: and unchanged", kind);
	is_int(w->client.drained, 1, "%s: drained is told once", kind);
	is_int(env_stream_queued(w->client.s), 0, "%s: nothing is queued", kind);
}

/* While paused nothing is delivered; afterwards all of it is. */
static void
test_pause(struct world *w, const char *kind)
{
	size_t before = w->server.got;
	char hello[5000] = "x";

	w->echo = false;
	w->stop_at = before + 1;
	env_stream_pause(w->server.s, true);
	env_stream_write(w->client.s, hello, sizeof hello);
	env_timer_set(w->limit, 50 * MONO_MS);
	env_run(w->env);
	is_int(w->server.got, before, "%s: a paused stream delivers nothing", kind);
	env_stream_pause(w->server.s, false);
	w->stop_at = before + sizeof hello;
	run(w);
	is_int(w->server.got, before + sizeof hello, "%s: and all of it when resumed", kind);
}

static void
test_finish(struct world *w, const char *kind)
{
	size_t before = w->server.got;
	static char bytes[300000];

	w->stop_at = 0;
	env_stream_write(w->client.s, bytes, sizeof bytes);
	env_stream_finish(w->client.s);
	w->client.s = NULL;
	run(w);
	is_int(w->server.got - before, sizeof bytes, "%s: finish sends what is queued", kind);
	ok(w->server.eof && !w->server.truncated && !w->server.err, "%s: and ends in order", kind);
}

static void
test_clear(struct world *w)
{
	struct env_listen on = { .addr = { .family = ADDR_NONE } };
	struct env_dial to = { .host = "127.0.0.1" };
	int err;
	struct env_listener *l = env_listen(w->env, &on, on_accept, w, &err);
	struct env_listen again;
	struct addr here;

	to.port = env_listener_port(l);
	ok(to.port != 0, "all addresses, a port of the system's choice");
	dial(w, &to);
	ok(w->client.connected && w->server.s != NULL, "clear: connects");
	is_int(env_stream_remote(w->client.s).port, to.port, "clear: the remote port");
	here = env_stream_local(w->client.s);
	ok(addr_equal(&here, &(struct addr){ 0 }) == false && env_stream_remote(w->server.s).port == here.port,
	    "clear: the server sees the client's port");
	test_bulk(w, "clear");
	test_pause(w, "clear");
	test_finish(w, "clear");

	to.host = "::1";
	dial(w, &to);
	ok(w->client.connected || w->client.err == -EADDRNOTAVAIL, "the same port on IPv6");
	to.host = "localhost";
	dial(w, &to);
	ok(w->client.connected, "a name is resolved on the way (%s)", w->client.text);

	again = (struct env_listen){ .addr = addr_v4(0x7f000001, to.port) };
	ok(env_listen(w->env, &again, on_accept, w, &err) == NULL && err == -EADDRINUSE,
	    "a port in use is -EADDRINUSE");
	env_listener_close(l);
	reset(w);
	to.host = "127.0.0.1";
	dial(w, &to);
	is_int(w->client.err, -ECONNREFUSED, "a closed port is refused");
	ok(strstr(w->client.text, "127.0.0.1") != NULL, "and the text names it: %s", w->client.text);
	to.host = "no.such.name.invalid";
	dial(w, &to);
	ok(w->client.err != 0 && strstr(w->client.text, to.host) != NULL,
	    "an unknown name is an error that names it: %s", w->client.text);
	reset(w);
	w->client.s = env_stream_dial(w->env, &to, on_note, &w->client);
	env_stream_close(w->client.s);		/* cancels the lookup */
	w->client.s = NULL;
}

static void
test_reset(struct world *w)
{
	struct env_listen on = { .addr = addr_v4(0x7f000001, 0) };
	int err, fd;
	struct env_listener *l = env_listen(w->env, &on, on_accept, w, &err);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(env_listener_port(l)),
	    .sin_addr.s_addr = htonl(0x7f000001) };
	struct linger at_once = { 1, 0 };

	reset(w);
	w->client.connected = true;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)!connect(fd, (struct sockaddr *)&sin, sizeof sin);
	run(w);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	run(w);
	is_int(w->server.err, -ECONNRESET, "a reset is an error, not an end of file");
	is_int(env_stream_write(w->server.s, "x", 1), -EPIPE, "and nothing can be written after it");
	env_listener_close(l);
	reset(w);
}

static void
test_local(struct world *w)
{
	char path[100];
	struct env_listen on = { .path = path, .mode = 0600 };
	struct env_dial to = { .path = path };
	struct env_listener *l;
	struct stat st;
	int err;

	snprintf(path, sizeof path, "%s/sock", dir);
	l = env_listen(w->env, &on, on_accept, w, &err);
	ok(l != NULL && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "local: mode 0600");
	dial(w, &to);
	ok(w->client.connected, "local: connects");
	is_int(env_stream_uid(w->server.s), (int)getuid(), "local: the peer's user id");
	test_bulk(w, "local");
	test_finish(w, "local");
	ok(env_listen(w->env, &on, on_accept, w, &err) == NULL && err == -EADDRINUSE,
	    "local: a live socket is -EADDRINUSE");
	reset(w);
	{
		char aside[120];

		/* As a killed daemon leaves it: a socket nobody listens on. */
		snprintf(aside, sizeof aside, "%s.aside", path);
		rename(path, aside);
		env_listener_close(l);
		rename(aside, path);
	}
	l = env_listen(w->env, &on, on_accept, w, &err);
	ok(l != NULL, "local: a stale socket is replaced (%d)", err);
	env_listener_close(l);
	ok(stat(path, &st) < 0, "local: and removed on close");
}

static int
shell(const char *fmt, ...)
{
	char cmd[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	return system(cmd);
}

static void
test_tls(struct world *w)
{
	struct env_tls_server ts = { cert, key };
	struct env_listen on = { .addr = addr_v4(0x7f000001, 0), .tls = &ts };
	struct env_tls_client tc = { .server_name = "good.test", .alpn = "h2", .ca_file = cert };
	struct env_dial to = { .host = "127.0.0.1", .tls = &tc };
	int err;
	struct env_listener *l = env_listen(w->env, &on, on_accept, w, &err);

	if (!ok(l != NULL, "tls: listens"))
		return;
	to.port = env_listener_port(l);
	dial(w, &to);
	ok(w->client.connected && w->server.s, "tls: connects (%s)", w->client.text);
	is_str(env_stream_alpn(w->client.s), "h2", "tls: ALPN on the client's side");
	is_str(env_stream_alpn(w->server.s), "h2", "tls: ALPN on the server's side");
	test_bulk(w, "tls");
	test_pause(w, "tls");
	test_finish(w, "tls");

	dial(w, &to);
	{
		/* The socket dies under TLS: a FIN, and no close_notify. */
		for (int fd = 3; fd < 64; fd++) {
			struct sockaddr_in sin = { 0 };
			socklen_t len = sizeof sin;

			if (getsockname(fd, (struct sockaddr *)&sin, &len) == 0 && sin.sin_family == AF_INET &&
			    ntohs(sin.sin_port) == env_stream_local(w->client.s).port)
				shutdown(fd, SHUT_WR);
		}
		run(w);
		ok(w->server.truncated && !w->server.eof, "tls: a FIN without close_notify is truncation");
	}
	tc.alpn = NULL;
	dial(w, &to);
	ok(w->client.connected && env_stream_alpn(w->client.s) == NULL, "tls: no ALPN asked, none told");
	tc.alpn = "spdy/9";
	dial(w, &to);
	ok(w->client.err != 0 && !w->client.connected, "tls: no agreement on ALPN is an error: %s", w->client.text);
	tc.alpn = "h2";
	tc.server_name = "bad.test";
	dial(w, &to);
	ok(w->client.err != 0 && strstr(w->client.text, "ostname") != NULL,
	    "tls: another host's certificate is refused: %s", w->client.text);
	tc.server_name = "127.0.0.1";
	dial(w, &to);
	ok(w->client.connected, "tls: an address in the certificate is accepted (%s)", w->client.text);
	tc.server_name = "127.0.0.2";
	dial(w, &to);
	ok(w->client.err != 0, "tls: another address is not: %s", w->client.text);
	tc.server_name = "good.test";
	tc.ca_file = other_ca;
	dial(w, &to);
	ok(w->client.err != 0 && strstr(w->client.text, "self") != NULL,
	    "tls: an unknown issuer is refused: %s", w->client.text);
	tc.ca_file = NULL;
	dial(w, &to);
	ok(w->client.err != 0, "tls: so it is with the system's roots: %s", w->client.text);
	tc.insecure = true;
	tc.server_name = "bad.test";
	dial(w, &to);
	ok(w->client.connected, "tls: a test may skip verification (%s)", w->client.text);
	tc = (struct env_tls_client){ .server_name = "good.test", .ca_file = "/nonexistent/ca.pem" };
	dial(w, &to);
	ok(w->client.err != 0 && strstr(w->client.text, "/nonexistent/ca.pem") != NULL,
	    "tls: a missing CA file is named: %s", w->client.text);
	env_listener_close(l);

	on.tls = NULL;
	l = env_listen(w->env, &on, on_accept, w, &err);
	to.port = env_listener_port(l);
	tc = (struct env_tls_client){ .server_name = "good.test", .ca_file = cert };
	reset(w);
	w->client.s = env_stream_dial(w->env, &to, on_note, &w->client);
	while (w->server.s == NULL && !w->timed_out) {
		env_timer_set(w->limit, 20 * MONO_MS);
		env_run(w->env);
		w->timed_out = false;
	}
	env_stream_write(w->server.s, "HTTP/1.1 400 no\r\n\r\n", 19);
	run(w);
	ok(w->client.err != 0, "tls: a server that speaks none is an error: %s", w->client.text);
	env_listener_close(l);
	ts.cert_file = "/nonexistent/cert.pem";
	on.tls = &ts;
	ok(env_listen(w->env, &on, on_accept, w, &err) == NULL && err < 0, "tls: no certificate, no listener");
	reset(w);
}

int
main(void)
{
	struct world w = { .env = env_new() };

	w.limit = env_timer_new(w.env, on_limit, &w);
	if (mkdtemp(dir) == NULL)
		return 99;
	test_clear(&w);
	test_reset(&w);
	test_local(&w);
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	snprintf(other_ca, sizeof other_ca, "%s/other.pem", dir);
	if (shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=good.test "
	    "-addext 'subjectAltName=DNS:good.test,IP:127.0.0.1' -keyout %s -out %s 2>/dev/null", key, cert) == 0 &&
	    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=else "
	    "-keyout %s/k2.pem -out %s 2>/dev/null", dir, other_ca) == 0)
		test_tls(&w);
	else
		ok(true, "tls # SKIP no openssl(1)");
	reset(&w);
	env_timer_free(w.limit);
	env_free(w.env);
	shell("rm -rf %s", dir);
	return tap_done();
}
