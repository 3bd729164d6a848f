#!/bin/sh
# SPDX-License-Identifier: ISC
# The command line against the real control socket with a pretended agent behind
# it: every verb, its output, its exit status, and daemons that do not answer.
set -u
dir=$(mktemp -d) || exit 1
sock=$dir/s
n=0 failed=0 daemon=
G=$builddir/godwit
trap '[ -n "$daemon" ] && kill -CONT $daemon && kill $daemon; rm -rf "$dir"' EXIT
unset NB_SETUP_KEY NB_MANAGEMENT_URL NB_HOSTNAME NB_DAEMON_ADDR WT_SETUP_KEY 2>/dev/null

ok()	# STATUS TEXT
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		sed 's/^/# out: /' "$dir/out"
		sed 's/^/# err: /' "$dir/err"
	fi
}

g()	# run godwit, remember everything
{
	timeout 20 "$G" --daemon-addr "unix://$sock" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
}

says()	# FILE PATTERN TEXT
{
	grep -q -- "$2" "$dir/$1"
	ok $? "$3"
}

ms()
{
	date +%s%N | cut -c1-13
}

# Every verb within 1.5 s, one line on stderr that names the socket, status 1.
unanswered()	# WHY
{
	for verb in up login down deregister status fsm watch; do
		before=$(ms)
		g $verb
		took=$(($(ms) - before))
		[ $rc = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && [ $took -lt 1600 ] && grep -q "$sock" "$dir/err"
		ok $? "$verb, $1: status 1 and one line (after $took ms)"
	done
}

start()
{
	"$builddir/tests/unit/fakedaemon" "$sock" "$dir" >"$dir/port" 2>"$dir/daemon.err" &
	daemon=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ -S "$sock" ] && break
		sleep 0.1
	done
}

unanswered "no daemon"

start
g status
ok $((rc != 0)) "status of a daemon that needs a login ends with 0"
says out 'Daemon status: NeedsLogin' "and says so"
g status --check ready
ok $((rc != 1)) "it is not ready"
g status --check live
ok $rc "but it lives"
g status --check moon
ok $((rc != 1)) "a check that does not exist"

g up --management-url http://mgmt.example.test --setup-key unknown
ok $((rc != 1)) "up with an unknown setup key fails"
says err 'setup key not found' "and says what management said"
g up --management-url gopher://x --setup-key good
ok $((rc != 1)) "up with a URL that is none"
says err 'ManagementURL' "names the setting"
g up --mtu 9 --setup-key good
ok $((rc != 1)) "up with an impossible MTU"
g up --wireguard-port banana
ok $((rc != 1)) "up with a port that is no number"
g up --setup-key good --setup-key-file /dev/null
ok $((rc != 1)) "two setup keys"
g up --setup-key slow --timeout 2s
ok $((rc != 1)) "up gives up after --timeout"
says err 'waiting: Connecting' "having said what it waits for"
says err 'not done within 2s' "and then that it gave up"
g up --timeout soon
ok $((rc != 1)) "a time-out that is no time"

g login -m http://mgmt.example.test:8080 -k good -n box
ok $rc "login, short options"
says out 'Logging successfully' "says so"
g up -k good -n box --wireguard-port 51999
ok $rc "up"
says out '^Connected$' "says Connected"
grep -q '"WgPort": 51999' "$dir/default.json" && grep -q '"Host": "mgmt.example.test:8080"' "$dir/default.json"
ok $? "what was given is in the profile, also from before"
g up
says out 'Already connected' "up again"
[ "$(stat -c %a "$dir/default.json")" = 600 ]
ok $? "nobody else reads the profile"

g status
ok $rc "status"
says out '^Management: Connected$' "management"
says out '^Relays: 1/1 Available' "relays"
says out '^FQDN: box.example.test' "our name"
says out '^Peers count: 2/2 Connected' "peers"
says out 'irewall' "and that the firewall is not enforced"
g status -d
says out 'Connection type: P2P' "detail: the direct peer"
says out 'Connection type: Relayed' "detail: the relayed one"
says out 'ICE candidate endpoints (Local/Remote): 192.0.2.1:51820/198.51.100.7:40000' "detail: endpoints"
says out 'Latency: 12.3ms' "detail: latency"
says out 'Transfer status (received/sent) 1.2 KiB/5 B' "detail: sizes"
says out 'Management: Connected to http://mgmt.example.test:8080' "detail: where"
says out '^Event loop: [0-9]* turns, longest [0-9.]* ms, [0-9]* over 20 ms$' "detail: the daemon's loop"
g status --json
ok $rc "status --json"
python3 - "$dir/out" >"$dir/py" 2>&1 <<'P'
import json, sys
d = json.load(open(sys.argv[1]))
want = ["peers", "cliVersion", "daemonVersion", "daemonStatus", "management", "signal", "relays", "netbirdIp",
        "publicKey", "usesKernelInterface", "wireguardPort", "fqdn", "quantumResistance", "quantumResistancePermissive",
        "networks", "forwardingRules", "dnsServers", "events", "lazyConnectionEnabled", "profileName", "sshServer"]
assert [k for k in d if k != "netbirdIpv6"] == want, list(d)
p = d["peers"]
assert (p["total"], p["connected"]) == (2, 2)
a, b = p["details"]
assert a["fqdn"] == "a.example.test" and b["fqdn"] == "b.example.test", "sorted by address"
assert a["connectionType"] == "P2P" and b["connectionType"] == "Relayed"
assert a["iceCandidateType"] == {"local": "host", "remote": "srflx"}
assert a["latency"] == 12300000 and a["netbirdIpv6"] == "fd00::7" and "netbirdIpv6" not in b
assert a["lastWireguardHandshake"] == "0001-01-01T00:00:00Z" and b["lastWireguardHandshake"].startswith("2023-11-14T")
assert d["daemonStatus"] == "Connected" and d["wireguardPort"] == 51999 and d["netbirdIp"] == "100.64.0.5/16"
assert d["events"][0]["severity"] == "WARNING" and d["relays"]["details"][0]["transport"] == "ws"
P
if command -v python3 >/dev/null; then
	ok $? "with NetBird's keys, in its order"
fi
g status -4
[ "$(cat "$dir/out")" = 100.64.0.5 ]
ok $? "status -4"
g status -S connected -T relayed
grep -q 'b.example.test' "$dir/out" && ! grep -q 'a.example.test:' "$dir/out"
ok $? "filters"
g status -d -j
ok $((rc != 1)) "two forms at once"
g status --check startup
ok $rc "status --check startup"

g fsm
ok $rc "fsm"
says out '^kettle on the hob: heating' "names machine, subject and state"
g fsm kettle
says out 'RFC 2324' "fsm MACHINE gives rows with their reasons"
g fsm --dot kettle
says out 'digraph' "fsm --dot"
g fsm --json
says out '"name":"kettle"' "fsm --json"
g fsm teapot
ok $((rc != 1)) "fsm of a machine that is not there"
timeout 3 "$G" --daemon-addr "unix://$sock" watch kettle >"$dir/out" 2>"$dir/err"
says out 'kettle on the hob: heating --look--> heating' "watch shows steps as they happen"

g why b
ok $rc "why PEER"
says out '^b.example.test (100.64.0.9): over the relay for 5 min$' "one line first"
says out '^No direct address answered.$' "then the reason"
says out '^To make it direct: Let UDP through.$' "and what would help"
says out 'host   srflx  203.0.113.5:40000 .*good .*1.5 ms  7/0' "the pairs"
says out 'kettle: cold --press--> heating' "and what happened last, from the machines of that subject"
g why --json b
says out '"path":"relay".*"rttUs":1500' "why --json"
g why nobody
ok $((rc != 1)) "why of a peer that is not there"
says err 'no peer' "says so"
g why twins
says err 'more than one' "so does an ambiguous name"
g why
ok $((rc != 1)) "why of nobody"

NB_DAEMON_ADDR=unix://$sock timeout 5 "$G" status >"$dir/out" 2>"$dir/err"
ok $? "NB_DAEMON_ADDR"
NB_SETUP_KEY=unknown timeout 5 "$G" login --daemon-addr "unix://$sock" >"$dir/out" 2>"$dir/err"
says err 'setup key not found' "NB_SETUP_KEY"
NB_SETUP_KEY=unknown timeout 5 "$G" login --daemon-addr "unix://$sock" -k good >"$dir/out" 2>"$dir/err"
ok $? "the command line wins over it"
echo good >"$dir/key"
g login --setup-key-file "$dir/key"
ok $rc "--setup-key-file"

if command -v curl >/dev/null; then
	g up -k good
	curl -s "http://127.0.0.1:$(cat "$dir/port")/metrics" >"$dir/out" 2>"$dir/err"
	ok $? "metrics"
	says out '^netbird_management_connected 1$' "management is connected"
	says out '^netbird_peers 2$' "peers"
	says out '^netbird_peers_connected{connection_type="p2p"} 1$' "by kind"
	says out '^netbird_peer_latency_seconds{peer="a.example.test"} 0.0123$' "latency"
	says out '^godwit_loop_turn_seconds_bucket{le="+Inf"} [0-9]' "the loop's stalls"
	says out '^godwit_stale_events_total 0$' "stale events"
	says out '^netbird_sync_duration_seconds_bucket{le="0.001"} 0$' "no sync took less than a millisecond"
	says out '^netbird_sync_duration_seconds_bucket{le="0.005"} 1$' "one less than five"
	says out '^netbird_sync_phase_duration_seconds_sum{phase="removed_peers"} 0.7$' "and what of it was whose"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(cat "$dir/port")/nothing")" = 404 ]
	ok $? "nothing else there"
fi
g deregister
says out 'Deregistered successfully' "deregister"
g logout
ok $rc "its other name"
g up -k good
g down
says out '^Disconnected$' "down"

"$builddir/tests/unit/fakedaemon" "$sock" "$dir" >"$dir/out" 2>"$dir/err"
ok $(($? != 1)) "a second daemon on the socket is refused"
g status
ok $rc "and the first goes on"

kill -STOP $daemon
unanswered "stopped daemon"
kill -CONT $daemon
g status
ok $rc "once it goes on, it answers"

g nonsense
ok $((rc != 1)) "a command that does not exist"
g status --nonsense
ok $((rc != 1)) "an option that does not exist"
g
ok $((rc != 1)) "no command"
g --help
ok $rc "--help"
g up --help
says out '--setup-key' "up --help"
g version
grep -q '^[0-9]' "$dir/out" && [ "$(wc -l <"$dir/out")" = 1 ]
ok $? "version"

kill -TERM $daemon
wait $daemon
ok $? "the daemon ends well"
daemon=
[ ! -e "$sock" ]
ok $? "and takes its socket along"
echo 'this is no JSON' >"$dir/default.json"
"$builddir/tests/unit/fakedaemon" "$sock" "$dir" >"$dir/out" 2>"$dir/err"
ok $(($? != 1)) "a profile that is no JSON"
says err 'default.json' "is named"
grep -q 'this is no JSON' "$dir/default.json"
ok $? "and left as it is"
echo "1..$n"
exit $failed
