#!/bin/sh
# SPDX-License-Identifier: ISC
# badinput.t -- wrong keys, URLs, names and files, on the real programs in one
# network namespace: each gives one clear line that names the thing, the right
# status, and nothing is lost.  Needs root.  (Leaks: tests/lab/leaks.t.)
set -u
build=$(cd "${builddir:-.}" && pwd)
src=$(cd "${srcdir:-..}" && pwd)
dir=$(mktemp -d) || exit 1
N=gwbad$$
n=0 failed=0 pids=

cleanup()
{
	for p in $pids; do kill "$p" 2>/dev/null; done
	sleep 0.3
	for p in $(ip netns pids "$N" 2>/dev/null); do kill -KILL "$p" 2>/dev/null; done
	ip netns del "$N" 2>/dev/null
	umount "$dir/small" 2>/dev/null
	[ -n "${KEEP-}" ] && cp -r "$dir" "$KEEP"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
ip netns add "$N" || exit 1
ip netns exec "$N" ip link set lo up
in_ns() { ip netns exec "$N" "$@"; }

ok()	# STATUS TEXT
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		for f in out err; do [ -f "$dir/$f" ] && sed "s/^/# $f: /" "$dir/$f"; done
	fi
}
says()	# FILE PATTERN TEXT
{
	grep -Eiq -- "$2" "$dir/$1"
	ok $? "$3"
}
until_()	# SECONDS COMMAND...
{
	i=$(($1 * 10)); shift
	while [ $i -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
		i=$((i - 1))
	done
	return 1
}
one_line() { [ "$(grep -c . "$dir/err")" = 1 ]; }
alive() { kill -0 "$1" 2>/dev/null; }

server()	# LOG ARGS...
{
	log=$1; shift
	ip netns exec "$N" "$build/godwit-server" "$@" >"$dir/$log" 2>&1 &
	PID=$!
	pids="$pids $PID"
}
agent()	# NAME
{
	ip netns exec "$N" "$build/godwitd" -d --state-dir "$dir/$1.state" --daemon-addr "unix://$dir/$1.sock" \
	    >"$dir/$1.log" 2>&1 &
	PID=$!
	pids="$pids $PID"
	until_ 5 test -S "$dir/$1.sock"
}
g()	# NAME ARGS...
{
	who=$1; shift
	timeout 40 ip netns exec "$N" "$build/godwit" --daemon-addr "unix://$dir/$who.sock" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
}
admin() { timeout 10 ip netns exec "$N" "$build/godwit-server" "$@" --data "$dir/data" >"$dir/out" 2>"$dir/err"; rc=$?; }
newkey() { admin setup-key create --name t "$@"; KEY=$(tail -n 1 "$dir/out"); }

URL=http://127.0.0.1:8080
server server.log run --listen 127.0.0.1:8080 --url $URL --data "$dir/data" --stun-port 3478
SERVER=$PID
until_ 5 grep -q 'godwit up' "$dir/server.log"
ok $? "the server starts and prints a join line"
agent a
A=$PID
ok $? "a daemon starts"

# ---- keys --------------------------------------------------------------------
NOKEY=00000000-AAAA-4444-8888-000000000001
g a up --management-url $URL --setup-key $NOKEY --timeout 10s
ok $((rc != 1)) "an unknown setup key: status 1"
says err 'setup.key' "and a word about the setup key"
! grep -q $NOKEY "$dir/a.log" "$dir/server.log"
ok $? "which no log has"
g a up --management-url $URL --setup-key not-a-key --timeout 10s
ok $((rc != 1)) "a setup key that cannot be one"

newkey --expires 1s
ok $rc "a key that expires in a second"
sleep 1.3
g a up --management-url $URL --setup-key "$KEY" --timeout 10s
ok $((rc != 1)) "an expired key"
newkey --reusable
REVOKED=$KEY
admin setup-key revoke "$REVOKED"
ok $rc "a key is revoked"
g a up --management-url $URL --setup-key "$REVOKED" --timeout 10s
ok $((rc != 1)) "and joins nobody"
g a up --management-url $URL --timeout 5s
ok $((rc != 1)) "no key at all"

# ---- where to --------------------------------------------------------------------
g a up --management-url http://127.0.0.1:9 --setup-key $NOKEY --timeout 3s
ok $((rc != 1)) "a port where nobody listens"
says err '127\.0\.0\.1|refused' "is named"
g a up --management-url http://no.such.host.invalid --setup-key $NOKEY --timeout 3s
ok $((rc != 1)) "a host that does not exist"
g a up --management-url nonsense://x --setup-key $NOKEY --timeout 3s
ok $((rc != 1)) "a URL with another scheme"
says err 'URL|http' "is told"
if command -v openssl >/dev/null; then
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other.example -addext subjectAltName=DNS:other.example \
	    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
	server tls.log run --listen 127.0.0.1:8443 --url https://127.0.0.1:8443 --data "$dir/tlsdata" --stun-port 3480 \
	    --tls-cert "$dir/cert.pem" --tls-key "$dir/key.pem"
	TLS=$PID
	until_ 5 grep -q 'godwit up' "$dir/tls.log"
	ok $? "a server with a certificate of another name"
	g a up --management-url https://127.0.0.1:8443 --setup-key $NOKEY --timeout 4s
	ok $((rc != 1)) "is not believed"
	says err 'certificate|verif|TLS' "and the certificate is named"
	kill $TLS
	server bad.log run --listen 127.0.0.1:8444 --data "$dir/x1" --stun-port 3481 --tls-cert "$dir/none.pem" --tls-key "$dir/key.pem"
	until_ 3 sh -c "! kill -0 $PID"
	cp "$dir/bad.log" "$dir/err"
	! alive $PID
	ok $? "a certificate file that is not there ends the server"
	says err 'none.pem' "and is named"
fi

# ---- the right key ------------------------------------------------------------------
newkey
ONCE=$KEY
g a up --management-url $URL --setup-key "$ONCE" --hostname a --timeout 20s \
    --server-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
ok $((rc != 1)) "a server that has not the pinned key"
says err 'key' "is not believed"
SKEY=$(sed -n 's/.*--server-key \([^ ]*\).*/\1/p' "$dir/server.log" | head -n 1)
g a up --management-url $URL --setup-key "$ONCE" --hostname a --timeout 20s --server-key "$SKEY"
ok $rc "after all that the daemon joins with a good key"
agent b
B=$PID
g b up --management-url $URL --setup-key "$ONCE" --hostname b --timeout 5s
ok $((rc != 1)) "a used-up key joins nobody else"

# ---- two of everything -----------------------------------------------------------------
ip netns exec "$N" timeout 5 "$build/godwitd" -d --state-dir "$dir/a.state" --daemon-addr "unix://$dir/z.sock" >"$dir/out" 2>"$dir/err"
ok $(($? == 0 || $? == 124)) "a second daemon on the state directory is refused"
says err 'a\.state' "and the directory is named"
ip netns exec "$N" timeout 5 "$build/godwit-server" run --listen 127.0.0.1:8090 --data "$dir/data" --stun-port 3482 >"$dir/out" 2>"$dir/err"
ok $(($? == 0 || $? == 124)) "a second server on the data directory is refused"
ip netns exec "$N" timeout 5 "$build/godwit-server" run --listen 127.0.0.1:8080 --data "$dir/x2" --stun-port 3483 >"$dir/out" 2>"$dir/err"
ok $(($? == 0 || $? == 124)) "a port in use ends a server"
says err '8080' "and is named"
newkey
g b up --management-url $URL --setup-key "$KEY" --hostname b --timeout 20s --interface-name wt1
ok $rc "with the WireGuard port in use the second daemon joins"
g b status --json
PORT=$(sed -n 's/.*"wireguardPort":\([0-9]*\).*/\1/p' "$dir/out")
[ -n "$PORT" ] && [ "$PORT" != 51820 ] && [ "$PORT" != 0 ]
ok $? "on another port ($PORT)"
alive $A && alive $SERVER
ok $? "the first daemon and the server went on through all this"
g a status
says out 'Management: Connected' "and are connected"
g b down

# ---- files ----------------------------------------------------------------------------------
mkdir -p "$dir/c.state"
chmod 700 "$dir/c.state"
printf '{ "WgPort": 51820,\n "oops\n' >"$dir/c.state/default.json"
cp "$dir/c.state/default.json" "$dir/before"
ip netns exec "$N" timeout 5 "$build/godwitd" -d --state-dir "$dir/c.state" --daemon-addr "unix://$dir/c.sock" >"$dir/out" 2>"$dir/err"
ok $(($? == 0 || $? == 124)) "a profile that is no JSON ends the daemon"
says err 'default\.json' "the file is named"
cmp -s "$dir/before" "$dir/c.state/default.json"
ok $? "and left as it is"

# ---- no TUN: the device file is hidden from one daemon ------------------------------------------
rm "$dir/c.state/default.json"
ip netns exec "$N" unshare -m sh -c "mount --bind /dev/null /dev/net/tun && exec '$build/godwitd' -d --state-dir '$dir/c.state' --daemon-addr 'unix://$dir/c.sock'" \
    >"$dir/c.log" 2>&1 &
C=$!
pids="$pids $C"
until_ 5 test -S "$dir/c.sock"
newkey
g c up --management-url $URL --setup-key "$KEY" --hostname c --timeout 8s
ok $((rc != 1)) "without TUN, up fails"
says err 'tun|interface|wt0' "and says that the interface cannot be made"
alive $C
ok $? "the daemon goes on"
g c status
ok $rc "and answers"

# ---- a full disk under the store -------------------------------------------------------------------
mkdir "$dir/small"
if mount -t tmpfs -o size=600k tmpfs "$dir/small" 2>/dev/null; then
	server small.log run --listen 127.0.0.1:8085 --url http://127.0.0.1:8085 --data "$dir/small/d" --stun-port 3485
	S=$PID
	until_ 5 grep -q 'godwit up' "$dir/small.log"
	ok $? "a server on a small disk"
	dd if=/dev/zero of="$dir/small/fill" bs=1k 2>/dev/null
	timeout 10 ip netns exec "$N" "$build/godwit-server" setup-key create --name full --data "$dir/small/d" >"$dir/out" 2>"$dir/err"
	rc=$?
	i=0
	while [ $rc = 0 ] && [ $i -lt 40 ]; do	# its write-ahead log may have room for some
		timeout 10 ip netns exec "$N" "$build/godwit-server" setup-key create --name full --data "$dir/small/d" >"$dir/out" 2>"$dir/err"
		rc=$?
		i=$((i + 1))
	done
	ok $((rc == 0)) "with the disk full no key is made"
	says err 'space|full|disk|store' "and the reason is told"
	alive $S
	ok $? "the server goes on"
	rm "$dir/small/fill"
	timeout 10 ip netns exec "$N" "$build/godwit-server" setup-key create --name free --data "$dir/small/d" >"$dir/out" 2>"$dir/err"
	ok $? "with room again, a key is made"
	kill $S
else
	ok 0 "a full disk # SKIP no tmpfs"
fi
alive $A && alive $SERVER
ok $? "daemon and server are still there"
kill $A
wait $A
ok $? "the daemon ends with 0"
kill $SERVER
wait $SERVER
ok $? "the server ends with 0"
echo "1..$n"
exit $failed
