/* SPDX-License-Identifier: ISC */
/*
 * env_stream.c -- streams over loopback and local sockets (stream-ends.h).
 */
#include "config.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/tap.h"
#include "tests/shell.h"
#include "tests/unit/stream-ends.h"

static char dir[] = "/tmp/godwit-stream.XXXXXX";

static void
test_clear(struct world *w)
{
	struct env_listen on = { .addr = { .family = ADDR_NONE } };
	struct env_dial to = { .host = "127.0.0.1" };
	int err;
	struct env_listener *l = env_listen(w->env, &on, end_accept, w, &err);
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
	ok(env_listen(w->env, &again, end_accept, w, &err) == NULL && err == -EADDRINUSE,
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
	w->client.s = env_stream_dial(w->env, &to, end_note, &w->client);
	env_stream_close(w->client.s);		/* cancels the lookup */
	w->client.s = NULL;
}

static void
test_reset(struct world *w)
{
	struct env_listen on = { .addr = addr_v4(0x7f000001, 0) };
	int err, fd;
	struct env_listener *l = env_listen(w->env, &on, end_accept, w, &err);
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
	l = env_listen(w->env, &on, end_accept, w, &err);
	ok(l != NULL && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "local: mode 0600");
	dial(w, &to);
	ok(w->client.connected, "local: connects");
	is_int(env_stream_uid(w->server.s), (int)getuid(), "local: the peer's user id");
	test_bulk(w, "local");
	test_finish(w, "local");
	ok(env_listen(w->env, &on, end_accept, w, &err) == NULL && err == -EADDRINUSE,
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
	l = env_listen(w->env, &on, end_accept, w, &err);
	ok(l != NULL, "local: a stale socket is replaced (%d)", err);
	env_listener_close(l);
	ok(stat(path, &st) < 0, "local: and removed on close");
}

int
main(void)
{
	struct world w;

	if (mkdtemp(dir) == NULL)
		return 99;
	ends_open(&w);
	test_clear(&w);
	test_reset(&w);
	test_local(&w);
	ends_close(&w);
	shell("rm -rf %s", dir);
	return tap_done();
}
