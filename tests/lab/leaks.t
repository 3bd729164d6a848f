#!/bin/sh
# SPDX-License-Identifier: ISC
# leaks.t -- server and two daemons under valgrind: join with good and bad keys,
# traffic, down, up, deregister, bad requests, orderly end.  Not one lost block and
# not one read of what was never written.  Needs root.
set -u
build=$(cd "${builddir:-.}" && pwd)
dir=$(mktemp -d) || exit 1
N=gwleak$$
n=0 failed=0 pids=
URL=http://127.0.0.1:8080

cleanup()
{
	for p in $pids; do kill -KILL "$p" 2>/dev/null; done
	for p in $(ip netns pids "$N" 2>/dev/null); do kill -KILL "$p" 2>/dev/null; done
	ip netns del "$N" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
if [ "$(id -u)" != 0 ] || ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP needs root and valgrind"
	exit 0
fi
ip netns add "$N" || exit 1
ip netns exec "$N" ip link set lo up

ok()	# STATUS TEXT [FILE]
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		[ -n "${3-}" ] && head -60 "$3" | sed 's/^/# /'
	fi
}
until_()	# SECONDS COMMAND...
{
	i=$(($1 * 5)); shift
	while [ $i -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
		i=$((i - 1))
	done
	return 1
}
under()	# NAME PROGRAM ARGS...
{
	who=$1; shift
	ip netns exec "$N" valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
	    --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --trace-children=no \
	    --child-silent-after-fork=yes --log-file="$dir/$who.vg" "$@" >"$dir/$who.log" 2>&1 &
	PID=$!
	pids="$pids $PID"
}
# A daemon under valgrind on a busy machine may well need more than a second for
# an answer, so a verb that says so is tried again.
g()	# NAME ARGS...
{
	who=$1; shift
	for _ in 1 2 3 4 5 6; do
		ip netns exec "$N" timeout 60 "$build/godwit" --daemon-addr "unix://$dir/$who.sock" "$@" >"$dir/out" 2>&1
		rc=$?
		grep -q 'does not answer' "$dir/out" || return 0
		sleep 1
	done
}
ends()	# NAME PID: orderly, and valgrind has nothing to say
{
	kill -TERM "$2"
	wait "$2"
	ok $? "$1 ends with 0" "$dir/$1.log"
	[ ! -s "$dir/$1.vg" ]
	ok $? "$1: valgrind has nothing to say" "$dir/$1.vg"
}

under server "$build/godwit-server" run --listen 127.0.0.1:8080 --url $URL --data "$dir/data" --stun-port 3478
SERVER=$PID
until_ 30 grep -q 'godwit up' "$dir/server.log"
ok $? "the server starts" "$dir/server.log"
KEY=$(sed -n 's/.*--setup-key \([^ ]*\).*/\1/p' "$dir/server.log" | head -n 1)
for a in a b; do
	under $a "$build/godwitd" -d --state-dir "$dir/$a.state" --daemon-addr "unix://$dir/$a.sock"
	[ $a = a ] && A=$PID || B=$PID
	until_ 30 test -S "$dir/$a.sock"
	ok $? "daemon $a starts" "$dir/$a.log"
done
g a up -m $URL -k 00000000-AAAA-4444-8888-000000000001 --timeout 20s
ok $((rc != 1)) "a bad key" "$dir/out"
g a up -m nonsense -k "$KEY" --timeout 20s
ok $((rc != 1)) "a bad URL" "$dir/out"
g a up -m $URL -k "$KEY" -n a --timeout 50s
ok $rc "a joins" "$dir/out"
g b up -m $URL -k "$KEY" -n b --interface-name wt1 --timeout 50s
ok $rc "b joins" "$dir/out"
peers_up() { g a status; grep -q '^Peers count: 1/1' "$dir/out"; }
until_ 60 peers_up
ok $? "they are connected" "$dir/out"
for what in "status -d" "status --json" "fsm" "fsm path" "fsm --dot path"; do
	# shellcheck disable=SC2086
	g a $what
	ok $rc "$what"
done
ip netns exec "$N" timeout 3 "$build/godwit" --daemon-addr "unix://$dir/a.sock" watch >/dev/null 2>&1
# What is none of the protocols.
if command -v python3 >/dev/null; then
	ip netns exec "$N" python3 - 2>"$dir/out" <<'P'
import os, socket
for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(3000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 60,
             b"GET /relay HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + os.urandom(200), b"G", b""):
    s = socket.create_connection(("127.0.0.1", 8080), 3)
    s.settimeout(1)
    s.sendall(junk)
    try:
        s.recv(4096)
    except OSError:
        pass
    s.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (3478, 51820):
    for junk in (b"", b"\0\1\0\0", os.urandom(148), b"\1\0\0\0" + os.urandom(144), b"\0\1\0\x50\x21\x12\xa4\x42" + os.urandom(92)):
        u.sendto(junk, ("127.0.0.1", port))
P
	ok $? "junk is sent to every port" "$dir/out"
fi
peers_up
ok $? "and nobody minds" "$dir/out"
g b down
ok $rc "b goes down" "$dir/out"
g b up --timeout 50s
ok $rc "and up again" "$dir/out"
g b deregister
ok $rc "and leaves for good" "$dir/out"
ends b $B
ends a $A
ends server $SERVER
echo "1..$n"
exit $failed
