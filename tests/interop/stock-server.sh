#!/bin/sh
# SPDX-License-Identifier: ISC
# stock-server.sh -- our agent at a stock NetBird server: two of ours, each behind
# its own home router, join with a setup key made through the REST API, talk
# directly, over the stock relay and directly again, live through a restart of
# the server; then one of ours with a stock agent.  TAP.
#
# The stock programs are not ours: GODWIT_STOCK names the folder with `netbird`
# and `netbird-server`; without it, or without root, everything is skipped.
srcdir=${srcdir:-.}
build=$(cd "${builddir:-.}" && pwd)

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ -n "$GODWIT_STOCK" ] && [ -x "$GODWIT_STOCK/netbird-server" ] || skip "GODWIT_STOCK does not name a folder with netbird-server"
[ "$(id -u)" = 0 ] || skip "namespaces need root"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
[ -x "$build/godwitd" ] || skip "godwitd is not built"
command -v curl >/dev/null || skip "curl is needed for the REST API"
LAB=${LAB:-ss$$}
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

lab_up "${NAT:-cone}" || { echo "Bail out! namespaces"; exit 1; }
mkdir "$T/data"
cat >"$T/server.yaml" <<-END
	server:
	  listenAddress: ":80"
	  exposedAddress: "http://192.0.2.100:80"
	  stunPorts: [3478]
	  metricsPort: 9090
	  healthcheckAddress: ":9000"
	  logLevel: debug
	  logFile: console
	  authSecret: "the relay's secret"
	  dataDir: $T/data
	  disableAnonymousMetrics: true
	  disableGeoliteUpdate: true
	  auth:
	    issuer: "http://192.0.2.100/oauth2"
	  store:
	    engine: sqlite
	    encryptionKey: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
END
server() {
	lab_run srv "$1" env NB_DISABLE_GEOLOCATION=true NB_SETUP_PAT_ENABLED=true \
		"$GODWIT_STOCK/netbird-server" --config "$T/server.yaml"
	SERVER=$LAB_PID
}
api() { ns srv curl -s --max-time 10 -H 'content-type: application/json' -H "Authorization: Token $PAT" "$@"; }
text() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

server "$T/server.log"
lab_until 20 ns srv curl -sf http://192.0.2.100/api/instance >/dev/null
ok $? "the stock server answers"
PAT=$(api -X POST http://192.0.2.100/api/setup \
	-d '{"email":"a@example.org","password":"Passw0rd!x","name":"admin","create_pat":true}' | text personal_access_token)
KEY=$(api -X POST http://192.0.2.100/api/setup-keys \
	-d '{"name":"lab","type":"reusable","expires_in":86400,"auto_groups":[],"usage_limit":0}' | text key)
[ -n "$KEY" ]; ok $? "a setup key is made through its API"

agent() { # agent NAMESPACE NAME
	mkdir -p "$T/$2"
	lab_run "$1" "$T/$2.log" "$build/godwitd" --foreground --state-dir "$T/$2" --daemon-addr "unix://$T/$2/sock" --log-level debug
	lab_until 10 test -S "$T/$2/sock" >/dev/null
}
gw() { # gw NAMESPACE NAME COMMAND...
	w=$1 who=$2; shift 2
	ns "$w" timeout "${PATIENCE:-60}" "$build/godwit" --daemon-addr "unix://$T/$who/sock" "$@"
}
up() { gw "$1" "$2" up --management-url http://192.0.2.100 --setup-key "$3" --hostname "$2" >"$T/$2.up" 2>&1; }
addr() { gw "$1" "$2" status --json | tr -d ' \n' | sed -n 's/.*"netbirdIp":"\([0-9.]*\).*/\1/p'; }
path_is() { gw "$1" "$2" status --json | tr -d ' ' | grep -q "\"connectionType\":\"$3\""; }
pings() { ns "$1" ping -n -c 1 -W 1 "$2"; }

agent hosta alpha && agent hostb beta
ok $? "two daemons run"
PATIENCE=20 up hosta alpha 00000000-0000-0000-0000-000000000000; [ $? != 0 ]
ok $? "a setup key that does not exist is refused"
up hosta alpha "$KEY"; r=$?
ok $r "our agent joins"; [ $r = 0 ] || sed 's/^/# /' "$T/alpha.up"
up hostb beta "$KEY"; ok $? "another one joins with the same key"
A=$(addr hosta alpha) B=$(addr hostb beta)
echo "# addresses: alpha $A, beta $B"
took=$(lab_until 30 pings hosta "$B"); r=$?
ok $r "they ping each other after ${took:-?} s"
lab_until 20 path_is hosta alpha P2P >/dev/null; ok $? "on the direct path"
gw hosta alpha status -d >"$T/alpha.status"
grep -q 'Management: Connected' "$T/alpha.status" && grep -q 'Signal: Connected' "$T/alpha.status"
r=$?; ok $r "status: management and signal are there"; [ $r = 0 ] || sed 's/^/# /' "$T/alpha.status"

lab_cut_udp
took=$(lab_until 40 pings hosta "$B"); r=$?
sleep 1
lab_until 30 path_is hosta alpha Relayed >/dev/null && lab_until 30 pings hosta "$B" >/dev/null
ok $? "UDP cut: they ping over the stock relay"

# the server dies and comes back while its relay carries the tunnel
kill -9 $(ip netns pids "$LAB-srv") 2>/dev/null; wait "$SERVER" 2>/dev/null
sleep 5
server "$T/server.2.log"
took=$(lab_until 60 pings hosta "$B"); r=$?
ok $r "the server is killed, back after 5 s: they ping over its relay again ${took:-?} s after it was started"
streams() { gw "$1" "$2" status -d | grep -q 'Management: Connected' && gw "$1" "$2" status -d | grep -q 'Signal: Connected'; }
took=$(lab_until 60 streams hosta alpha); r=$?
ok $r "and the control streams are back (${took:-?} s later)"
lab_restore_udp
lab_until 90 path_is hosta alpha P2P >/dev/null && lab_until 10 pings hosta "$B" >/dev/null
ok $? "UDP back: direct again"

# over an hour's worth of nothing is not for here; half a minute with the server's own pace is
sleep 35
gw hosta alpha status -d >"$T/alpha.status"
grep -q 'Management: Connected' "$T/alpha.status" && grep -q 'Signal: Connected' "$T/alpha.status" && pings hosta "$B" >/dev/null
ok $? "and so it is 35 quiet seconds later"

# a map update
PEER=$(api http://192.0.2.100/api/peers | tr '{' '\n' | grep -o '"id":"[^"]*","ip":"'"$B"'"' | sed 's/"id":"\([^"]*\)".*/\1/' | head -n 1)
[ -n "$PEER" ] || PEER=$(api http://192.0.2.100/api/peers | tr -d '\n' | sed 's/},{/}\n{/g' | grep "\"$B\"" | grep -o '"id":"[a-z0-9]\{20\}"' | tail -n 1 | sed 's/"id":"\(.*\)"/\1/')
api -X DELETE "http://192.0.2.100/api/peers/$PEER" >/dev/null
alone() { gw hosta alpha status --json | tr -d ' ' | grep -q '"total":0'; }
lab_until 20 alone >/dev/null; ok $? "a peer that the administrator removes leaves the other's map"
gone() { gw hostb beta status 2>&1 | grep -qi -e 'needslogin' -e 'needs login' -e 'login'; }
lab_until 20 gone >/dev/null; r=$?; ok $r "and is told to log in again"; [ $r = 0 ] || gw hostb beta status 2>&1 | sed 's/^/# /'

# ours and a stock agent
if [ -x "$GODWIT_STOCK/netbird" ]; then
	kill $(ip netns pids "$LAB-hostb") 2>/dev/null; sleep 1
	mkdir "$T/stock"
	lab_run hostb "$T/stock.log" env NB_STATE_DIR="$T/stock" HOME="$T/stock" "$GODWIT_STOCK/netbird" service run \
		--config "$T/stock/config.json" --daemon-addr "unix://$T/stock/sock" --log-file console --log-level debug
	lab_until 10 test -S "$T/stock/sock" >/dev/null
	ns hostb timeout 60 "$GODWIT_STOCK/netbird" --daemon-addr "unix://$T/stock/sock" up --management-url http://192.0.2.100 \
		--setup-key "$KEY" --hostname stock >"$T/stock.up" 2>&1
	ok $? "a stock agent joins its own server"
	C=$(ns hostb "$GODWIT_STOCK/netbird" --daemon-addr "unix://$T/stock/sock" status --json | sed -n 's/.*"netbirdIp":"\([0-9.]*\).*/\1/p')
	took=$(lab_until 30 pings hosta "$C"); r=$?
	ok $r "ours pings it after ${took:-?} s"
	lab_until 60 path_is hosta alpha P2P >/dev/null; ok $? "on the direct path"
	lab_cut_udp; sleep 1
	lab_until 60 path_is hosta alpha Relayed >/dev/null && lab_until 30 pings hosta "$C" >/dev/null
	ok $? "UDP cut: over the relay"
	lab_restore_udp
	lab_until 90 path_is hosta alpha P2P >/dev/null && lab_until 10 pings hosta "$C" >/dev/null
	ok $? "UDP back: direct again"
fi
gw hosta alpha deregister >"$T/dereg" 2>&1; ok $? "our agent deregisters"
api http://192.0.2.100/api/peers | grep -q '"alpha"'; [ $? != 0 ]; ok $? "and is gone from the server's list"
grep -e 'invalid job response' -e 'handle job response failed' "$T"/server*.log | sed 's/^/# /' >"$T/complaints"
[ ! -s "$T/complaints" ]; ok $? "the stock server had nothing to say of heartbeats: none came"; cat "$T/complaints"
grep -c -i -e 'never row' -e 'AddressSanitizer' "$T/alpha.log" "$T/beta.log" | grep -vq ':0$'; [ $? != 0 ]
ok $? "no row that must never fire did"
echo "1..$count"
[ -z "$KEEP" ] || echo "# kept: $T"
exit $((failed > 0))
