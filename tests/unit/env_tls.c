/* SPDX-License-Identifier: ISC */
/*
 * env_tls.c -- TLS streams over loopback (stream-ends.h).  The certificates are
 * made by openssl(1) on the spot.
 */
#include "config.h"
#include <sys/socket.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "tests/shell.h"
#include "tests/tap.h"
#include "tests/unit/stream-ends.h"

static char dir[] = "/tmp/godwit-tls.XXXXXX";
static char cert[100], key[100], other_ca[100];

static void
test_tls(struct world *w)
{
	struct env_tls_server ts = { cert, key };
	struct env_listen on = { .addr = addr_v4(0x7f000001, 0), .tls = &ts };
	struct env_tls_client tc = { .server_name = "good.test", .alpn = "h2", .ca_file = cert };
	struct env_dial to = { .host = "127.0.0.1", .tls = &tc };
	int err;
	struct env_listener *l = env_listen(w->env, &on, end_accept, w, &err);

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
	l = env_listen(w->env, &on, end_accept, w, &err);
	to.port = env_listener_port(l);
	tc = (struct env_tls_client){ .server_name = "good.test", .ca_file = cert };
	reset(w);
	w->client.s = env_stream_dial(w->env, &to, end_note, &w->client);
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
	ok(env_listen(w->env, &on, end_accept, w, &err) == NULL && err < 0, "tls: no certificate, no listener");
	reset(w);
}

int
main(void)
{
	struct world w;

	if (mkdtemp(dir) == NULL)
		return 99;
	ends_open(&w);
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
	ends_close(&w);
	shell("rm -rf %s", dir);
	return tap_done();
}
