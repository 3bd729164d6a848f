#!/bin/sh
# SPDX-License-Identifier: ISC
# flows.t -- story 2 in namespaces: two of our agents, our server with --flows; what
# they say to each other is counted on both sides, once, also over a restart.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
LAB=gwflow$$
. "$here/begin.sh"
flows() { ns srv "$build/godwit-server" flows --data "$work/w/data" --json --limit 1000; }
pinged() { ns hosta ping -c 1 -W 1 "$B"; }
# sum FIELD in|out: over all flows of ICMP
sum() {
	flows | tr -d ' \n' | tr '{' '\n' | grep '"protocol":"icmp"' | grep "\"direction\":\"$2\"" |
		sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}
has() { [ "$(sum "$1" "$2")" -ge "$3" ]; }

mkdir "$work/w"
SERVER_FLAGS=--flows=2s
try "a server with --flows=2s" mesh_up "$work/w" cone
try "a joins" mesh_join a hosta
try "b joins" mesh_join b hostb
B=$(mesh_ip b)
try "a pings b" lab_until 15 pinged
ns hosta ping -q -c 10 -i 0.1 "$B" >/dev/null
try "a reports what left" lab_until 10 has tx_bytes out 924
try "b reports what came" lab_until 10 has rx_bytes in 924
kill -9 "$(cat "$work/w/server.pid")"
sleep 0.3
ns hosta ping -q -c 10 -i 0.1 "$B" >/dev/null
sleep 3
try "the server is killed and comes back" mesh_server
try "what was counted meanwhile arrives" lab_until 20 has tx_bytes out 1764
sleep 3
out=$(sum tx_bytes out) in=$(sum rx_bytes in)
[ "$out" -eq "$in" ] && [ "$out" -ge $((21 * 84)) ]; ok $? "both sides agree: $out bytes out of a, $in into b"
echo "1..$n"
