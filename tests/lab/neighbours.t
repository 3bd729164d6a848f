#!/bin/sh
# SPDX-License-Identifier: ISC
# neighbours.t -- two hosts behind one Linux router, both with port 51820, and one peer:
# conntrack gives the port to whoever came first towards that peer, and the other must
# find that out and take another.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
LAB=gwnb$$
. "$here/begin.sh"
LAB_NAMES="$LAB_NAMES hostc"
pinged() { ns "$1" ping -c 1 -W 1 "$2"; }
direct_to() { # direct_to WHO NAMES...: all of them
	who=$1; shift
	for p; do mesh_cli "$who" why "$p" --json | grep -q '"path":"direct"' || return 1; done
}

mkdir "$work/w"
home() {
	mesh_up "$work/w" cone && lab_wire hostc eth0 10.3.0.2/24 nata in2 10.3.0.1/24 && ns hostc ip route add default via 10.3.0.1
}
try "namespaces and server" home
try "a joins" mesh_join a hosta
try "b joins" mesh_join b hostb
B=$(mesh_ip b)
try "a pings b" lab_until 15 pinged hosta "$B"
try "directly" lab_until 10 direct_to a b
ns hosta ping -q -i 1 "$B" >/dev/null 2>&1 &
# the router forgets what a asked the STUN server, and not what it tells b
for i in 1 2 3 4 5 6 7 8 9; do sleep 5; done
try "c joins, behind the same router" mesh_join c hostc
try "and pings b" lab_until 15 pinged hostc "$B"
took=$(lab_until 25 direct_to c a b); rc=$?
ok $rc "directly, as it does a (after $took s)"
try "c took another port" grep -q 'WireGuard port .* from now on' "$work/w/c.log"
sleep 5
try "nobody lost his way: c" direct_to c a b
try "a" direct_to a b c
try "b" direct_to b a c
echo "1..$n"
