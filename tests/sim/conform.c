/* SPDX-License-Identifier: ISC */
/*
 * conform.c -- what env.h promises, asked of both worlds.
 *
 * This file is linked twice, with libenv.a and with libsim.a, and must pass on
 * both: timers, the rule of turns, streams, local sockets, datagrams, files and
 * databases.  Wherever a scenario relies on the simulator, the promise behind it
 * is tested here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "env/env.h"
#include "tests/sum.h"
#include "tests/tap.h"

static struct env *env;
static char dir[] = "/tmp/godwit-conform.XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* ---- the rule of turns --------------------------------------------------------- */

static int depth, turn_ends, turn_ends_after_callback, broken;

static void
on_turn_end(void *arg)
{
	if (depth != 0)
		broken++;	/* a hook while a callback is on the stack */
	turn_ends++;
}

#define ENTER()	do { if (depth++ != 0) broken++; } while (0)
#define LEAVE()	do { depth--; } while (0)

static void
on_limit(void *arg)
{
	ENTER();
	ok(false, "%s came in time", (const char *)arg);
	env_stop(env);
	LEAVE();
}

/* Runs until env_stop, 20 s at most. */
static void
run(const char *what)
{
	union { const char *c; void *v; } u = { what };
	struct env_timer *limit = env_timer_new(env, on_limit, u.v);

	env_timer_set(limit, 20 * MONO_SEC);
	env_run(env);
	env_timer_free(limit);
}

static void
stop_later_fn(void *arg)
{
	ENTER();
	env_stop(env);
	LEAVE();
}

static void
run_for(int64_t us)
{
	struct env_timer *t = env_timer_new(env, stop_later_fn, NULL);

	env_timer_set(t, us);
	env_run(env);
	env_timer_free(t);
}

/* ---- timers ------------------------------------------------------------------------ */

static struct mono fired_at;
static int fired, fired_before;
static struct env_timer *other, *again;

static void
on_fire(void *arg)
{
	ENTER();
	fired_at = env_now(env);
	fired++;
	env_stop(env);
	LEAVE();
}

static void
on_never(void *arg)
{
	ENTER();
	ok(false, "a freed or stopped timer stays silent");
	LEAVE();
}

static void
on_free_other(void *arg)
{
	ENTER();
	env_timer_free(other);
	other = NULL;
	env_timer_set(again, 5 * MONO_MS);
	LEAVE();
}

static void
on_count_turns(void *arg)
{
	ENTER();
	if (fired_before++ == 0)
		turn_ends = 0;
	else {
		turn_ends_after_callback = turn_ends;
		env_stop(env);
	}
	LEAVE();
}

static void
timers(void)
{
	struct env_timer *t = env_timer_new(env, on_fire, NULL), *t2, *t3;
	struct mono began = env_now(env);

	ok(!env_timer_pending(t), "a new timer is not pending");
	env_timer_set(t, 30 * MONO_MS);
	ok(env_timer_pending(t), "a set timer is");
	run("a timer");
	ok(fired == 1, "it fires once");
	ok(mono_diff(fired_at, began) >= 30 * MONO_MS, "and not early");
	ok(!env_timer_pending(t), "then it is not pending");
	env_timer_set(t, 10 * MONO_SEC);
	env_timer_set(t, 10 * MONO_MS);
	began = env_now(env);
	run("a timer set again");
	ok(mono_diff(env_now(env), began) < MONO_SEC, "setting replaces");
	env_timer_set(t, 0);
	is_int(fired, 2, "zero does not fire inside the call");
	run("a timer of zero");
	is_int(fired, 3, "but soon");

	other = env_timer_new(env, on_never, NULL);
	env_timer_set(other, 20 * MONO_MS);
	again = env_timer_new(env, on_fire, NULL);
	t2 = env_timer_new(env, on_free_other, NULL);
	env_timer_set(t2, 5 * MONO_MS);
	t3 = env_timer_new(env, on_never, NULL);
	env_timer_set(t3, MONO_MS);
	env_timer_stop(t3);
	run("a timer set from a callback");
	run_for(40 * MONO_MS);
	env_timer_free(t2);
	t2 = env_timer_new(env, on_count_turns, NULL);
	env_timer_set(t2, MONO_MS);
	env_timer_set(again, 60 * MONO_SEC);
	t = (env_timer_free(t), env_timer_new(env, on_count_turns, NULL));
	env_timer_set(t, 10 * MONO_MS);
	run("two timers");
	ok(turn_ends_after_callback >= 1, "the turn-end hook ran between two callbacks");
	env_timer_free(t);
	env_timer_free(t2);
	env_timer_free(t3);
	env_timer_free(again);
	env_timer_free(NULL);
	ok(env_wall(env) > INT64_C(1600000000000000), "the wall clock is past 2020");
}

static void
chance(void)
{
	uint8_t a[32], b[32];
	bool low = true, seen[3] = { false, false, false };

	env_random(env, a, sizeof a);
	env_random(env, b, sizeof b);
	ok(memcmp(a, b, sizeof a) != 0, "two draws differ");
	for (int i = 0; i < 200; i++) {
		uint64_t v = env_random_below(env, 3);

		low = low && v < 3;
		if (v < 3)
			seen[v] = true;
	}
	ok(low && seen[0] && seen[1] && seen[2], "draws below 3 are 0, 1 and 2");
	is_int(env_random_below(env, 1), 0, "below 1 there is only 0");
}

/* ---- streams --------------------------------------------------------------------------- */

struct side {
	struct env_stream *s;
	int connected, eof, error, drained, truncated, err;
	size_t got;
	uint32_t sum;
	bool echo;		/* sends back what comes */
	bool stop_on_end;
	size_t stop_at;		/* env_stop when this much came */
};
static struct side client, server;
static struct env_listener *listener;
static bool close_in_accept;

static void
on_note(void *arg, const struct env_stream_note *n)
{
	struct side *w = arg;

	ENTER();
	if (w->s == NULL || w->eof + w->error + w->truncated > 0)
		broken++;	/* after close, or after the end */
	switch (n->event) {
	case ENV_STREAM_CONNECTED:
		w->connected++;
		break;
	case ENV_STREAM_DATA:
		if (n->len == 0)
			broken++;
		w->sum = sum_add(w->sum, n->data, n->len);
		w->got += n->len;
		if (w->echo && env_stream_write(w->s, n->data, n->len) != 0)
			broken++;
		if (w->stop_at != 0 && w->got >= w->stop_at)
			env_stop(env);
		break;
	case ENV_STREAM_DRAINED:
		w->drained++;
		break;
	case ENV_STREAM_EOF:
		w->eof++;
		break;
	case ENV_STREAM_TRUNCATED:
		w->truncated++;
		break;
	case ENV_STREAM_ERROR:
		w->error++;
		w->err = n->err;
		if (n->text == NULL || n->err >= 0)
			broken++;
		break;
	}
	if (w->stop_on_end && (w->eof || w->error || w->truncated))
		env_stop(env);
	LEAVE();
}

static void
on_accept(void *arg, struct env_stream *s)
{
	ENTER();
	if (close_in_accept)
		env_stream_close(s);
	else {
		server.s = s;
		env_stream_set_fn(s, on_note, &server);
	}
	LEAVE();
}

static void
sides_reset(void)
{
	env_stream_close(client.s);
	env_stream_close(server.s);
	memset(&client, 0, sizeof client);
	memset(&server, 0, sizeof server);
	close_in_accept = false;
}

static void
dial(const char *path)
{
	struct env_dial d = { .host = path ? NULL : "127.0.0.1", .port = path ? 0 : env_listener_port(listener), .path = path };

	client.s = env_stream_dial(env, &d, on_note, &client);
	ok(client.s != NULL && client.connected == 0, "dialling answers later");
}

static void
talk(const char *path)
{
	static uint8_t big[1000000];
	size_t queued;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	/* an echo, and then the end */
	dial(path);
	client.stop_at = 5;
	is_int(env_stream_write(client.s, "hel", 3), 0, "what is written before the connection stands is queued");
	env_stream_write(client.s, "lo", 2);
	server.echo = true;
	run("an echo");
	is_int(client.connected, 1, "connected once");
	is_int(client.got, 5, "five bytes came back");
	if (path == NULL) {
		struct addr r = env_stream_remote(client.s), l = env_stream_local(server.s);

		ok(r.port == env_listener_port(listener) && addr_equal(&r, &l), "both ends agree on the server's address");
	} else
		ok(env_stream_uid(server.s) == (int)getuid(), "a local socket knows who calls");
	ok(env_stream_alpn(client.s) == NULL, "no TLS, no ALPN");
	server.echo = false;
	server.stop_on_end = true;
	env_stream_finish(client.s);
	client.s = NULL;
	run("the end");
	ok(server.eof == 1 && server.error == 0, "finish ends with EOF at the other side");
	sides_reset();

	/* a megabyte through finish */
	dial(path);
	run_for(100 * MONO_MS);
	server.stop_on_end = true;
	env_stream_write(client.s, big, sizeof big);
	is_int(env_stream_queued(client.s), sizeof big, "the queue is counted");
	env_stream_finish(client.s);
	client.s = NULL;
	run("a megabyte");
	is_int(server.got, sizeof big, "all of it came");
	ok(server.sum == sum_add(0, big, sizeof big), "in order");
	is_int(server.eof, 1, "and then the end");
	sides_reset();

	/* back-pressure */
	dial(path);
	run_for(100 * MONO_MS);
	ok(client.connected == 1 && server.s != NULL, "both ends are there");
	env_stream_pause(server.s, true);
	for (int i = 0; i < 8; i++)
		env_stream_write(client.s, big, sizeof big);
	env_stream_set_low(client.s, 1000);
	run_for(300 * MONO_MS);
	queued = env_stream_queued(client.s);
	ok(server.got == 0 && queued > 0 && queued < 8 * sizeof big, "a paused reader stops the writer");
	is_int(client.drained, 0, "which is not drained");
	server.stop_at = 8 * sizeof big;
	env_stream_pause(server.s, false);
	run("eight megabytes");
	is_int(server.got, 8 * sizeof big, "and goes on when the reader does");
	run_for(50 * MONO_MS);
	is_int(client.drained, 1, "drained, once");
	is_int(env_stream_queued(client.s), 0, "nothing is queued");

	/* close loses what is queued, and nothing comes afterwards */
	client.stop_on_end = true;
	env_stream_close(server.s);
	server.s = NULL;
	run("the end");
	ok(client.eof + client.error == 1, "close is seen at the other side");
	sides_reset();
	close_in_accept = true;
	dial(path);
	client.stop_on_end = true;
	run("the end of a refused stream");
	ok(client.eof + client.error == 1, "an accepted stream can be closed at once");
	sides_reset();
	dial(path);
	env_stream_close(client.s);
	client.s = NULL;
	run_for(50 * MONO_MS);
	sides_reset();
}

static void
streams(void)
{
	struct env_listen any = { .addr = { .family = ADDR_NONE } }, same;
	struct env_dial d = { .host = "127.0.0.1" };
	int err = 0;

	listener = env_listen(env, &any, on_accept, NULL, &err);
	ok(listener != NULL && env_listener_port(listener) != 0, "a port is picked");
	talk(NULL);
	same = any;
	same.addr.port = env_listener_port(listener);
	ok(env_listen(env, &same, on_accept, NULL, &err) == NULL && err == -EADDRINUSE, "one port, one listener");
	d.port = env_listener_port(listener);
	env_listener_close(listener);
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("a refusal");
	ok(client.error == 1 && client.err == -ECONNREFUSED && client.connected == 0, "nobody listens: refused");
	sides_reset();
	d.host = "nowhere.invalid";
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("a name that does not exist");
	ok(client.error == 1, "a name that does not exist is an error");
	sides_reset();
}

static void
local_sockets(void)
{
	char path[200];
	struct env_listen l = { .path = path, .mode = 0600 };
	struct env_dial d = { .path = path };
	int err = 0;

	snprintf(path, sizeof path, "%s", in_dir("socket"));
	client.stop_on_end = true;
	client.s = env_stream_dial(env, &d, on_note, &client);
	run("no socket");
	ok(client.error == 1 && client.err == -ENOENT, "no such socket");
	sides_reset();
	listener = env_listen(env, &l, on_accept, NULL, &err);
	ok(listener != NULL, "a local socket");
	talk(path);
	ok(env_listen(env, &l, on_accept, NULL, &err) == NULL && err == -EADDRINUSE, "a live one is not replaced");
	env_listener_close(listener);
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static int dgrams_got, dgrams_want;
static size_t dgram_bytes;
static struct addr dgram_from;

static void
on_dgrams(void *arg, struct env_pkt *p, size_t n)
{
	ENTER();
	for (size_t i = 0; i < n; i++) {
		size_t seg = p[i].segment != 0 ? p[i].segment : p[i].len;

		for (size_t at = 0; at < p[i].len; at += seg)
			dgrams_got++;
		dgram_bytes += p[i].len;
		dgram_from = p[i].peer;
		memset(p[i].data - p[i].headroom, 0, p[i].headroom);
	}
	if (dgrams_got >= dgrams_want)
		env_stop(env);
	LEAVE();
}

static void
datagrams(uint8_t family)
{
	struct addr any = { .family = family }, to = { .family = family }, local;
	struct env_dgram *a, *b;
	uint8_t data[4000], room[64 + 4000];
	struct env_pkt p = { .data = room + 64, .headroom = 64, .len = 4000, .segment = 1200 };
	int err = 1;

	memset(data, 0xab, sizeof data);
	memcpy(room + 64, data, sizeof data);
	a = env_dgram_open(env, &any, on_dgrams, NULL, &err);
	b = env_dgram_open(env, &any, on_dgrams, NULL, &err);
	ok(a != NULL && b != NULL && err == 0, "two IPv%u sockets", family);
	local = env_dgram_local(a);
	ok(local.port != 0 && local.port != env_dgram_local(b).port, "with ports of their own");
	ok(env_dgram_open(env, &local, on_dgrams, NULL, &err) == NULL && err == -EADDRINUSE, "a port in use");
	if (family == ADDR_V4)
		addr_parse(&to, "127.0.0.1");
	else
		addr_parse(&to, "::1");
	to.port = local.port;
	p.peer = to;
	dgrams_got = 0;
	dgram_bytes = 0;
	dgrams_want = 4;
	is_int(env_dgram_send(b, &p, 1), 1, "one run of four packets is taken");
	is_int(dgrams_got, 0, "nothing arrives inside the call");
	run("four packets");
	ok(dgrams_got == 4 && dgram_bytes == 4000, "four packets, 4000 bytes");
	ok(dgram_from.port == env_dgram_local(b).port && addr_same_ip(&dgram_from, &to), "from the other socket");
	env_dgram_send(b, &p, 1);
	env_dgram_close(a);
	dgrams_got = 0;
	run_for(50 * MONO_MS);
	is_int(dgrams_got, 0, "a closed socket is silent");
	env_dgram_close(b);
}

/* ---- names -------------------------------------------------------------------------------------- */

static size_t found;
static struct addr found_first;

static void
on_found(void *arg, const struct addr *a, size_t n, const char *why)
{
	ENTER();
	found = n;
	if (n > 0)
		found_first = a[0];
	env_stop(env);
	LEAVE();
}

static void
names(void)
{
	struct env_lookup *l;

	env_lookup(env, "192.0.2.7", on_found, NULL);
	is_int(found, 0, "even a literal is answered later");
	run("a literal");
	ok(found == 1 && found_first.ip[3] == 7 && found_first.port == 0, "a literal is itself");
	found = 0;
	l = env_lookup(env, "192.0.2.8", on_found, NULL);
	env_lookup_cancel(l);
	run_for(30 * MONO_MS);
	is_int(found, 0, "a cancelled lookup is silent");
}

#ifndef CONFORM_NO_DISK
/* ---- files and databases --------------------------------------------------------------------------- */

static int done_count, done_err;
static int done_order[16];

static void
on_done(void *arg, int err)
{
	ENTER();
	done_order[done_count % 16] = (int)(intptr_t)arg;
	done_err = err;
	if (++done_count == done_order[15])
		env_stop(env);
	LEAVE();
}

static void
files(void)
{
	char path[200];
	uint8_t *data = NULL;
	size_t len = 0;

	snprintf(path, sizeof path, "%s", in_dir("file"));
	is_int(env_file_read(env, path, &data, &len), -ENOENT, "no file yet");
	done_count = 0;
	done_order[15] = 3;
	env_file_write(env, path, 0600, "one", 3, on_done, (void *)1);
	env_file_write(env, path, 0600, "two", 3, on_done, (void *)2);
	env_file_write(env, path, 0600, "three", 5, on_done, (void *)3);
	is_int(done_count, 0, "writing answers later");
	run("three writes");
	ok(done_order[0] == 1 && done_order[1] == 2 && done_order[2] == 3 && done_err == 0, "writes are done in order");
	ok(env_file_read(env, path, &data, &len) == 0 && len == 5 && memcmp(data, "three", 5) == 0, "the last one stays");
	free(data);
	is_int(env_file_write_now(env, path, 0600, "now", 3), 0, "last words");
	ok(env_file_read(env, path, &data, &len) == 0 && len == 3, "are there at once");
	free(data);
	is_int(env_file_remove(env, path), 0, "removed");
	is_int(env_file_remove(env, path), 0, "twice does no harm");
	is_int(env_file_read(env, path, &data, &len), -ENOENT, "and gone");
	is_int(env_dir_lock(env, in_dir("state"), 0700), 0, "a folder is made and locked");
	is_int(env_dir_lock(env, in_dir("state"), 0700), -EWOULDBLOCK, "once");
	unlink(in_dir("state/lock"));
}

static int rows;
static int64_t last_num;
static char last_text[64];

static void
on_row(void *arg, const struct env_db_value *v, int n)
{
	rows++;
	last_num = v[0].num;
	if (n > 1 && v[1].type == ENV_DB_TEXT)
		snprintf(last_text, sizeof last_text, "%s", (const char *)v[1].bytes);
}

static struct env_db_value
num(int64_t v)
{
	return (struct env_db_value){ .type = ENV_DB_INT, .num = v };
}

static struct env_db_value
text(const char *s)
{
	return (struct env_db_value){ .type = ENV_DB_TEXT, .bytes = s, .len = strlen(s) };
}

static void
add(struct env_db *db, int64_t n, const char *s, intptr_t id)
{
	struct env_db_batch *b = env_db_begin(db);
	struct env_db_value v[2] = { num(n), text(s) };

	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	env_db_commit(b, on_done, (void *)id);
}

static void
databases(void)
{
	static const char schema[] = "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, s TEXT);"
	    "CREATE TABLE IF NOT EXISTS child(n INTEGER REFERENCES t(n));";
	char path[200];
	struct env_db *db;
	struct env_db_batch *b;
	struct env_db_value v[2];
	int err = 1;

	snprintf(path, sizeof path, "%s", in_dir("db"));
	db = env_db_open(env, path, schema, &err);
	ok(db != NULL && err == 0, "a database");
	done_count = 0;
	done_order[15] = 2;
	add(db, 1, "one", 1);
	add(db, 2, "two", 2);
	is_int(done_count, 0, "a commit answers later");
	run("two commits");
	ok(done_order[0] == 1 && done_order[1] == 2 && done_err == 0, "in order");
	rows = 0;
	is_int(env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL), 0, "reading");
	ok(rows == 2 && last_num == 2 && strcmp(last_text, "two") == 0, "two rows");

	b = env_db_begin(db);	/* the second statement fails: none of it is done */
	v[0] = num(3);
	v[1] = text("three");
	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	v[0] = num(1);
	env_db_exec(b, "INSERT INTO t(n, s) VALUES (?, ?)", v, 2);
	done_count = 0;
	done_order[15] = 1;
	env_db_commit(b, on_done, (void *)1);
	run("a failing commit");
	ok(done_err < 0, "a broken constraint fails the batch");
	b = env_db_begin(db);
	v[0] = num(99);
	env_db_exec(b, "INSERT INTO child(n) VALUES (?)", v, 1);
	done_count = 0;
	env_db_commit(b, on_done, (void *)1);
	run("a foreign key");
	ok(done_err < 0, "foreign keys are enforced");
	rows = 0;
	env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL);
	is_int(rows, 2, "which leaves the database as it was");
	add(db, 4, "four", 4);
	env_db_close(db);
	db = env_db_open(env, path, schema, &err);
	rows = 0;
	env_db_read(db, "SELECT n, s FROM t ORDER BY n", on_row, NULL);
	ok(rows == 3 && last_num == 4, "closing waits for what is under way");
	ok(env_db_read(db, "SELECT nonsense", on_row, NULL) < 0, "bad SQL is an error");
	env_db_close(db);
}

#endif

int
main(void)
{
	char cmd[100];

	if (mkdtemp(dir) == NULL)
		return 99;
	env = env_new();
	env_on_turn_end(env, on_turn_end, NULL);
	timers();
	chance();
	streams();
	local_sockets();
	datagrams(ADDR_V4);
	datagrams(ADDR_V6);
	names();
#ifndef CONFORM_NO_DISK
	files();
	databases();
#endif
	is_int(broken, 0, "the rule of turns held throughout");
	ok(turn_ends > 100, "turns ended %d times", turn_ends);
	env_free(env);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd) != 0)
		return 99;
	return tap_done();
}
