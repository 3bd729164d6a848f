#!/bin/sh
# SPDX-License-Identifier: ISC
# server_cli.sh -- the administrator's commands, through the running server and on
# its store when none runs: the same answers.  TAP; no root, loopback only.
build=$(cd "${builddir:-.}" && pwd)
S="$build/godwit-server"
T=$(mktemp -d)
PID=
end() { [ -z "$PID" ] || { kill "$PID" 2>/dev/null; wait "$PID" 2>/dev/null; }; PID=; }
trap 'end; rm -rf "$T"' EXIT
trap 'exit 1' HUP INT PIPE TERM

count=0 failed=0
ok() { # ok STATUS TEXT
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; failed=$((failed + 1)); fi
}
is() { [ "$1" = "$2" ]; r=$?; ok $r "$3"; [ $r = 0 ] || echo "# '$1', not '$2'"; }
D="$T/data"
PORT=$((20000 + $$ % 20000))
start() {
	rm -f "$T/err"; : >"$T/err"
	"$S" run --listen "127.0.0.1:$PORT" --stun-port 0 --data "$D" "$@" >"$T/out" 2>"$T/err" &
	PID=$!
	i=0
	while ! grep -q serving "$T/err" && [ $i -lt 100 ] && kill -0 $PID 2>/dev/null; do sleep 0.05; i=$((i + 1)); done
	grep -q serving "$T/err"
}
last() { tail -n 1; }

"$S" status --data "$D" 2>"$T/e"; is $? 1 "no server and no store: status 1"
grep -q "no store in $D" "$T/e"; ok $? "and a line that names the folder"
"$S" run --data "$D" --listen nonsense 2>"$T/e"; is $? 2 "a listen address that is none: status 2"
"$S" setup-key create --data "$D" 2>/dev/null; is $? 2 "a key without a name: status 2"
start; ok $? "the server starts"
sleep 0.2
grep -q "^godwit up --management-url http://127.0.0.1:$PORT --setup-key [0-9A-F-]* --server-key [^ ]*$" "$T/out"
ok $? "one join line on standard output"
is "$(stat -c %a "$D" 2>/dev/null || stat -f %Lp "$D")" 700 "the folder is private"
"$S" run --listen 127.0.0.1:1 --stun-port 0 --data "$D" 2>"$T/e"; is $? 1 "a second server in the folder: status 1"
grep -q "another server runs in $D" "$T/e"; ok $? "and it says so"
"$S" run --listen "127.0.0.1:$PORT" --stun-port 0 --data "$T/other" 2>"$T/e"; is $? 1 "a port in use: status 1"
grep -q "TCP port $PORT" "$T/e"; ok $? "and it names the port"
for how in running stopped; do
	k=$("$S" setup-key create --data "$D" --name "n-$how" --reusable --expires 7d --usage-limit 3 | last)
	echo "$k" | grep -Eq '^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$'
	ok $? "$how: the key is the last line, a UUID in capitals"
	"$S" setup-key list --data "$D" | grep "n-$how" | grep -q "reusable *valid *0/3"; ok $? "$how: it is listed"
	! "$S" setup-key list --data "$D" --json | grep -q "$k"; ok $? "$how: but never shown again"
	"$S" setup-key revoke "n-$how" --data "$D" >/dev/null; ok $? "$how: revoked by name"
	"$S" setup-key list --data "$D" | grep "n-$how" | grep -q revoked; ok $? "$how: and listed as such"
	"$S" setup-key revoke nothing --data "$D" 2>"$T/e"; is $? 1 "$how: an unknown key: status 1"
	grep -q 'no setup key' "$T/e"; ok $? "$how: and it says so"
	"$S" peer remove nobody --data "$D" 2>/dev/null; is $? 1 "$how: an unknown peer: status 1"
	"$S" peer list --data "$D" --json | tr -d ' \n' | grep -q '{"peers":\[\]}'; ok $? "$how: peer list --json"
	"$S" status --data "$D" | sed -n 's/^server_key: //p' > "$T/key-$how"
	[ -s "$T/key-$how" ] && grep -q -- "--server-key $(cat "$T/key-$how")" "$T/out.1" "$T/out" 2>/dev/null
	ok $? "$how: status names the server's key"
	cp "$T/out" "$T/out.1"
	[ $how = stopped ] || end
done
start; r=$?; ok $r "it starts again"; [ $r = 0 ] || sed "s/^/# /" "$T/err"
sleep 0.2
[ ! -s "$T/out" ]; ok $? "without a second join line"
# helpers of the server, below it: the one that writes the store has no children
below() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v me="$PID" -v leaf="$1" '{ sub(/\(.*\)/, "x"); up[$1] = $4; has[$4] = 1 }
		END { for (p in up) for (q = up[p]; q > 1; q = up[q]) if (q == me) { if (!leaf || !(p in has)) print p; break } }'
}
if [ -r /proc/self/stat ]; then
kill -9 $(below leaf); sleep 0.2
"$S" setup-key create --data "$D" --name lost >/dev/null 2>&1
"$S" setup-key create --data "$D" --name found >/dev/null; ok $? "with the helper that writes killed the server writes on"
"$S" setup-key list --data "$D" | grep -q found; ok $? "and has the key"
kill -9 $(below ""); sleep 0.2
"$S" setup-key create --data "$D" --name lost >/dev/null 2>&1
"$S" setup-key create --data "$D" --name again >/dev/null; ok $? "and with all of them killed too"
"$S" setup-key list --data "$D" | grep -q again; ok $? "with that key"
fi
kill -9 $PID; wait $PID 2>/dev/null; PID=
"$S" setup-key list --data "$D" >/dev/null; ok $? "after kill -9 the store answers"
start; r=$?; ok $r "and the server starts"; [ $r = 0 ] || sed "s/^/# /" "$T/err"
end
echo "1..$count"
exit $((failed > 0))
