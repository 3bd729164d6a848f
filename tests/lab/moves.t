#!/bin/sh
# SPDX-License-Identifier: ISC
# moves.t -- a host gets other addresses behind one Linux router, again and again: each
# leaves mappings in conntrack that its peer keeps alive, and the way must be direct
# again all the same.  MOVES=9 for more of them.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
LAB=gwmv$$
. "$here/begin.sh"
pinged() { ns hosta ping -c 1 -W 1 "$B"; }
# move ADDRESS: 2 s without a link, as when a cable is pulled
move() {
	ns hosta sh -c "ip link set eth0 down; ip addr flush dev eth0; sleep 2; ip addr add $1/24 dev eth0; ip link set eth0 up
		ip route replace default via 10.1.0.1"
}
public_ports() { ns nata conntrack -L -p udp -d 192.0.2.20 2>/dev/null | sed -n 's/.* dport=\([0-9]*\) .*/\1/p' | sort -u | wc -l; }

mkdir "$work/w"
try "namespaces and server" mesh_up "$work/w" cone
try "a joins" mesh_join a hosta
try "b joins" mesh_join b hostb
B=$(mesh_ip b)
try "a pings b" lab_until 15 pinged
try "directly" lab_until 10 mesh_path_is a P2P
ns hosta ping -q -i 0.2 "$B" >/dev/null 2>&1 &
i=0
while [ $i -lt "${MOVES:-4}" ]; do
	move 10.1.0.$((77 + i % 3))
	sleep 1		# until then the old path counts as one
	lab_until 3 mesh_path_is a P2P >"$work/took"; rc=$?
	sleep 2
	mesh_path_is a P2P && mesh_path_is b P2P && [ $rc -eq 0 ]
	ok $? "move $((i + 1)): direct again, and still so ($(cat "$work/took") s after the first)"
	sleep $((4 + 12 * (i % 4)))
	i=$((i + 1))
done
grep -q 'WireGuard port .* from now on' "$work/w/a.log"; ok $? "by another port"
[ -z "$(command -v conntrack)" ] || echo "# $(public_ports) public ports towards b in the router"
echo "1..$n"
