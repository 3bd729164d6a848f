#!/bin/sh
# SPDX-License-Identifier: ISC
# stock-agents.sh -- two stock NetBird agents, each behind its own home router,
# join godwit-server and ping each other: directly, over our relay when UDP
# between them is cut, and directly again; then the other things a stock agent
# asks of a server.  TAP.
#
# STOCK_TLS=1: the same with TLS on the one port (https, rels and signal over TLS).
# The stock programs are not ours: GODWIT_STOCK names the folder with `netbird`;
# without it, or without root, everything is skipped.
srcdir=${srcdir:-.}
build=$(cd "${builddir:-.}" && pwd)

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ -n "$GODWIT_STOCK" ] && [ -x "$GODWIT_STOCK/netbird" ] || skip "GODWIT_STOCK does not name a folder with netbird"
[ "$(id -u)" = 0 ] || skip "namespaces need root"
[ -x "$build/godwit-server" ] || skip "godwit-server is not built"
LAB=${LAB:-st$$}
. "$srcdir/tests/lab/topology.sh"

count=0 failed=0
ok() { # ok STATUS TEXT
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; failed=$((failed + 1)); fi
}
T=$(mktemp -d)
tidy() { lab_down; [ -n "$KEEP" ] || rm -rf "$T"; }
trap tidy EXIT
trap 'exit 1' HUP INT PIPE TERM

PORT=80 URL=http://192.0.2.100 RELAY=rel://192.0.2.100:80 FLAGS=
if [ -n "$STOCK_TLS" ]; then
	command -v openssl >/dev/null || skip "no openssl to make a certificate"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" \
		-days 2 -subj /CN=lab -addext subjectAltName=IP:192.0.2.100 2>/dev/null
	PORT=443 URL=https://192.0.2.100 RELAY=rels://192.0.2.100:443
	FLAGS="--tls-cert $T/cert.pem --tls-key $T/key.pem"
	SSL_CERT_FILE=$T/cert.pem; export SSL_CERT_FILE
fi

lab_up cone || { echo "Bail out! namespaces"; exit 1; }
server() {
	lab_run srv "$T/server.log" $SERVER_WRAP "$build/godwit-server" run --listen "192.0.2.100:$PORT" --url "$URL" \
		--data "$T/data" --log-level debug --flows=2s $FLAGS $SERVER_FLAGS
	SERVER=$LAB_PID
}
listens() { ns srv ss -Hltn "sport = :$PORT" | grep -q .; }
server
lab_until 15 grep -q 'godwit up' "$T/server.log" >/dev/null
ok $? "the server prints its join line"
KEY=$(sed -n 's/.*--setup-key \([^ ]*\).*/\1/p' "$T/server.log" | head -n 1)
admin() { "$build/godwit-server" "$@" --data "$T/data"; }

agent() { # agent NAMESPACE NAME
	mkdir -p "$T/$2"
	lab_run "$1" "$T/$2.log" env NB_FORCE_USERSPACE_FIREWALL=true NB_STATE_DIR="$T/$2" HOME="$T/$2" "$GODWIT_STOCK/netbird" service run --config "$T/$2/config.json" \
		--daemon-addr "unix://$T/$2/sock" --log-file console --log-level debug
	lab_until 10 test -S "$T/$2/sock" >/dev/null
}
nb() { # nb NAMESPACE NAME COMMAND...
	w=$1 who=$2; shift 2
	ns "$w" timeout "${PATIENCE:-60}" "$GODWIT_STOCK/netbird" --daemon-addr "unix://$T/$who/sock" "$@"
}
up() { nb "$1" "$2" up --management-url "$URL" --setup-key "$3" --hostname "$2" >"$T/$2.up" 2>&1; }
addr() { nb "$1" "$2" status --json | sed -n 's/.*"netbirdIp":"\([0-9.]*\).*/\1/p'; }
path_is() { nb "$1" "$2" status --json | grep -q "\"connectionType\":\"$3\""; }
pings() { ns "$1" ping -n -c 1 -W 1 "$2"; }

agent hosta alpha && agent hostb beta
# a stock agent retries a refused key for two minutes
PATIENCE=5 up hosta alpha 00000000-0000-0000-0000-000000000000; [ $? != 0 ]
ok $? "a setup key that does not exist is refused"
up hosta alpha "$KEY"; r=$?
ok $r "a stock agent joins"; [ $r = 0 ] || cat "$T/alpha.up" | sed 's/^/# /'
up hostb beta "$KEY"
ok $? "another one joins with the same key"
A=$(addr hosta alpha) B=$(addr hostb beta)
echo "# addresses: alpha $A, beta $B"
took=$(lab_until 30 pings hosta "$B"); r=$?
ok $r "they ping each other after ${took:-?} s"
lab_until 20 path_is hosta alpha P2P >/dev/null
ok $? "on the direct path"
nb hosta alpha status -d >"$T/alpha.status"
grep -q 'Management: Connected' "$T/alpha.status" && grep -q 'Signal: Connected' "$T/alpha.status" &&
	grep -q "\[$RELAY\] is Available" "$T/alpha.status" && grep -q '\[stun:192.0.2.100:3478\] is Available' "$T/alpha.status"
r=$?; ok $r "status: management, signal, relay and STUN are there"; [ $r = 0 ] || sed 's/^/# /' "$T/alpha.status"
grep -q 'beta.netbird.selfhosted' "$T/alpha.status"
ok $? "the other's name is its label and the domain"

# flows: a stock agent reports what passes its own firewall (in the kernel: conntrack)
reported() { admin flows --json | grep -q "\"$1\""; }
ns hosta ping -n -c 3 -i 0.2 "$B" >/dev/null
took=$(lab_until 20 reported "$B"); r=$?
ok $r "the agents' flows are stored (${took:-?} s)"

lab_cut_udp
took=$(lab_until 40 sh -c "ip netns exec $LAB-hosta ping -n -c 1 -W 1 $B"); r=$?
sleep 1
lab_until 60 path_is hosta alpha Relayed >/dev/null && lab_until 30 pings hosta "$B" >/dev/null
ok $? "UDP cut: they ping over our relay"
lab_restore_udp
lab_until 90 path_is hosta alpha P2P >/dev/null && lab_until 10 pings hosta "$B" >/dev/null
ok $? "UDP back: direct again"

admin setup-key list --json | grep -q '"used_times": 2'
ok $? "the key was used twice"
admin peer list --json >"$T/peers.json"
[ "$(grep -c '"connected": true' "$T/peers.json")" = 2 ]
ok $? "the server lists two connected peers"

admin peer rename beta gamma >/dev/null
named() { nb hosta alpha status -d | grep -q gamma.netbird.selfhosted; }
took=$(lab_until 5 named); r=$?
ok $r "a renamed peer is renamed in the other's map (${took:-?} s)"

# a restart of the server changes nothing for agents
SECRET=$(sed -n 's/.*--server-key \([^ ]*\).*/\1/p' "$T/server.log" | head -n 1)
kill "$SERVER"; wait "$SERVER" 2>/dev/null
r=$?; ok $r "the server ends when told to"
cp "$T/server.log" "$T/server.1.log"
server
lab_until 5 listens >/dev/null
admin status | grep -q "$SECRET" && ! grep -q 'godwit up' "$T/server.log"
ok $? "a restarted server has the same key and no second join line"
back() { [ "$(admin peer list --json | grep -c '"connected": true')" = 2 ]; }
took=$(lab_until 30 back); r=$?
ok $r "both agents are back after ${took:-?} s"
lab_until 10 pings hostb "$A" >/dev/null
ok $? "and still ping each other"

ONE=$(admin setup-key create --name one-off --expires 1h | tail -n 1)
nb hostb beta deregister >/dev/null 2>&1
alone() { nb hosta alpha status --json | grep -q '"total":0'; }
lab_until 10 alone >/dev/null
ok $? "a peer that deregisters leaves the other's map"
lab_until 20 up hostb beta "$ONE" >/dev/null && lab_until 30 pings hosta "$(addr hostb beta)" >/dev/null
ok $? "it comes back with a one-off key"
nb hostb beta deregister >/dev/null 2>&1; sleep 2
PATIENCE=5 up hostb beta "$ONE"; [ $? != 0 ]
ok $? "and not a second time with that key"

admin peer remove alpha >/dev/null
gone() { nb hosta alpha status 2>&1 | grep -qi -e 'NeedsLogin' -e 'SessionExpired' -e 'session expired' -e 'needs login' -e 'login'; }
lab_until 20 gone >/dev/null
ok $? "a peer that the administrator removes is told to log in again"
bad=$(grep -c -e 'panic' -e 'decrypt' "$T/alpha.log")
ok "$bad" "the agent's log has no panic and nothing that did not decrypt"
echo "1..$count"
[ -z "$KEEP" ] || echo "# kept: $T"
exit $((failed > 0))
