#!/bin/sh
# SPDX-License-Identifier: ISC
# mesh.t -- the main job in namespaces, as TAP: both NAT kinds, direct and relayed,
# the cut and the way back, kill -9, down and up, a stopped daemon.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
LAB=gwmesh$$
. "$here/begin.sh"
logs() { for f in server a b; do echo "# --- $f"; tail -n 12 "$work/w/$f.log" 2>/dev/null | sed 's/^/# /'; done; }
ping_once() { ns hosta ping -c 1 -W 1 "$(mesh_ip b)"; }
outage_below() { awk -v a="$OUTAGE" -v b="$1" 'BEGIN { exit !(a <= b) }'; }

MESH_TAPE=$work/tapes/cone
mkdir -p "$work/w" "$MESH_TAPE"
try "cone: namespaces and server" mesh_up "$work/w" cone
try "cone: a joins with the printed line" mesh_join a hosta
try "cone: b joins with the same line" mesh_join b hostb
try "cone: a pings b" lab_until 15 ping_once
try "cone: the path is direct" lab_until 20 mesh_path_is a P2P
try "cone: on both sides" lab_until 20 mesh_path_is b P2P
mesh_outage a hosta "$(mesh_ip b)" 8 lab_cut_udp; rc=$?
ok $rc "cut: ping goes on over the relay"
echo "# longest silence $OUTAGE s"
try "cut: status says Relayed" lab_until 10 mesh_path_is a Relayed
mesh_cli a why b >"$work/why" 2>&1
grep -q 'over the relay' "$work/why" && grep -q ' lost ' "$work/why" && ! grep -q '^\*' "$work/why"; ok $? "cut: why shows the pair as lost, and none as used"
lab_restore_udp
try "restored: direct again" lab_until 30 mesh_path_is a P2P
try "restored: why shows the pair in use" sh -c "ip netns exec $LAB-hosta '$build/godwit' --daemon-addr 'unix://$work/w/a.sock' why b | grep -q '^\*.* good '"
kill -9 $(mesh_pids hostb godwitd) 2>/dev/null; sleep 0.2
try "kill -9: the daemon starts again by itself (supervisor's part played here)" mesh_agent b hostb
try "kill -9: and joins with its last profile, without up" lab_until 15 ping_once
try "down" mesh_cli b down
kill -9 $(mesh_pids hostb godwitd) 2>/dev/null; sleep 0.2
mesh_agent b hostb; sleep 1
mesh_cli b status --json 2>/dev/null | grep -q '"daemonStatus": *"Idle"'; ok $? "down is durable over kill -9"
try "up again, without arguments" mesh_cli b up
try "and pings" lab_until 15 ping_once
kill -STOP $(mesh_pids hosta godwitd)
t0=$(date +%s%N); mesh_cli a status >"$work/stop" 2>&1; rc=$?
ms=$(( ($(date +%s%N) - t0) / 1000000 ))
[ $rc -ne 0 ] && [ "$ms" -lt 2500 ] && [ "$(wc -l <"$work/stop")" -le 1 ]; ok $? "a stopped daemon: one line and non-zero within its second ($ms ms)"
kill -CONT $(mesh_pids hosta godwitd)
grep -qi 'not enforce' "$work/w/a.log"; ok $? "the log says that firewall rules are not enforced"
mesh_cli a status | grep -qi 'not enforce'; ok $? "and so does status"
logs >"$work/logs"
mesh_down; rm -rf "$work/w"
MESH_TAPE=$work/tapes/symmetric
mkdir "$work/w" "$MESH_TAPE"

try "symmetric: namespaces and server" mesh_up "$work/w" symmetric
try "symmetric: a joins" mesh_join a hosta
try "symmetric: b joins" mesh_join b hostb
try "symmetric: a pings b" lab_until 15 ping_once
try "symmetric: over the relay" lab_until 5 mesh_path_is a Relayed
kill $(mesh_pids srv godwit-server) 2>/dev/null; sleep 1
try "server restarted: it comes back" mesh_server
try "server restarted: the relayed pair talks again" lab_until 15 ping_once
[ "$(grep -c 'godwit up' "$work/w/server.log")" -le 1 ]; ok $? "the join line is printed once"
logs
mesh_down
mkdir -p "$build/tests/conform"
srcdir=$here/../.. sh "$here/../conform/judge.sh" "$build/tests/conform/lab.cover" "$work"/tapes/*/* >"$work/judged"; rc=$?
sed 's/^[^#]/# &/' "$work/judged"
ok $rc "the tables accept all that the machines did"
# and is it something that the composed model of two agents can do?
if command -v spin >/dev/null 2>&1; then
	srcdir=$here/../..; export srcdir
	try "the composed model is built" sh "$here/../conform/replay.sh" build "$work/replay"
	for kind in cone symmetric; do
		sh "$here/../conform/merge.sh" "$work/tapes/$kind/a" "$work/tapes/$kind/b" >"$work/merged"
		said=$(sh "$here/../conform/replay.sh" "$work/replay" "$work/merged" $kind | tr '\n' ' ')
		case $said in accepted*) ok 0 "$kind: $said" ;; *) ok 1 "$kind: $said"; sed -n 's/^turn/# &/p' "$work/replay/$kind.turns" ;; esac
	done
fi
echo "1..$n"
