# SPDX-License-Identifier: ISC
# topology.sh -- six network namespaces: two hosts, each behind its own home
# router, an "internet" between the routers and a server.  Sourced by quickstart,
# by the lab tests and by the recovery benchmark.
#
#   host-a -- nat-a --+            +-- nat-b -- host-b
#  10.1.0.2  10.1.0.1 |            | 10.2.0.1  10.2.0.2
#             192.0.2.10        192.0.2.20
#                     +- internet -+
#                          |
#                       server 192.0.2.100
#
# Every name begins with $LAB, so that two labs can stand side by side.  Ends
# only what runs inside its own namespaces.

LAB=${LAB:-gw$$}
LAB_NAMES="net srv nata natb hosta hostb"

ns() { ns_at=$1; shift; ip netns exec "$LAB-$ns_at" "$@"; }

# lab_wire A IF-A ADDR-A B IF-B ADDR-B: a cable between two namespaces ("-": no address).
lab_wire() {
	ip link add "$2" netns "$LAB-$1" type veth peer name "$5" netns "$LAB-$4" || return 1
	[ "$3" = - ] || ns "$1" ip addr add "$3" dev "$2"
	[ "$6" = - ] || ns "$4" ip addr add "$6" dev "$5"
	ns "$1" ip link set "$2" up
	ns "$4" ip link set "$5" up
}

# lab_nat NAME cone|symmetric: what a home router does.  The drop of new packets
# in *input* matters: without it a packet that comes before ours left takes the
# port in conntrack, and the router looks symmetric.
lab_nat() {
	how=masquerade
	[ "$2" = symmetric ] && how='masquerade random,fully-random'
	ns "$1" nft -f - <<-END
		flush ruleset
		table ip nat {
			chain post { type nat hook postrouting priority 100; oifname "out" $how; }
		}
		table ip guard {
			chain passing { type filter hook forward priority 0; iifname "out" ct state new drop; }
			chain arriving { type filter hook input priority 0; iifname "out" ct state new drop; }
		}
	END
}

# lab_up [cone|symmetric]
lab_up() {
	for lab_n in $LAB_NAMES; do
		ip netns add "$LAB-$lab_n" || return 1
		ns $lab_n ip link set lo up
		ns $lab_n sysctl -qw net.ipv6.conf.all.disable_ipv6=0 2>/dev/null
		# every host has an /etc of its own, as ip-netns(8) mounts it
		mkdir -p "/etc/netns/$LAB-$lab_n"
		echo "nameserver 192.0.2.100" > "/etc/netns/$LAB-$lab_n/resolv.conf"
[ ! -e /etc/hosts ] ||
			printf '127.0.0.1 localhost\n192.0.2.100 server.lab\n' > "/etc/netns/$LAB-$lab_n/hosts"
	done
	ns net ip link add br0 type bridge
	ns net ip link set br0 up
	lab_wire srv eth0 192.0.2.100/24 net p0 - && ns net ip link set p0 master br0
	lab_wire nata out 192.0.2.10/24 net p1 - && ns net ip link set p1 master br0
	lab_wire natb out 192.0.2.20/24 net p2 - && ns net ip link set p2 master br0
	lab_wire hosta eth0 10.1.0.2/24 nata in 10.1.0.1/24
	lab_wire hostb eth0 10.2.0.2/24 natb in 10.2.0.1/24
	ns hosta ip route add default via 10.1.0.1
	ns hostb ip route add default via 10.2.0.1
	for lab_n in nata natb; do
		ns $lab_n sysctl -qw net.ipv4.ip_forward=1
		lab_nat $lab_n "${1:-cone}"
	done
}

# The direct path: UDP between the two routers.  TCP and the server stay.
lab_cut_udp() {
	ns net nft -f - <<-END
		table bridge cut {
			chain passing { type filter hook forward priority -10;
				ip saddr 192.0.2.10 ip daddr 192.0.2.20 ip protocol udp drop;
				ip saddr 192.0.2.20 ip daddr 192.0.2.10 ip protocol udp drop; }
		}
	END
}
lab_restore_udp() { ns net nft delete table bridge cut; }

# lab_run NAME LOG COMMAND...: in the background, with a private /run.
lab_run() {
	run_at=$1 run_log=$2; shift 2
	ip netns exec "$LAB-$run_at" sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh "$@" >"$run_log" 2>&1 &
	LAB_PID=$!
}

lab_down() {
	for lab_n in $LAB_NAMES; do
		pids=$(ip netns pids "$LAB-$lab_n" 2>/dev/null) && [ -n "$pids" ] && kill $pids 2>/dev/null
	done
	sleep 0.3
	for lab_n in $LAB_NAMES; do
		pids=$(ip netns pids "$LAB-$lab_n" 2>/dev/null) && [ -n "$pids" ] && kill -9 $pids 2>/dev/null
		ip netns del "$LAB-$lab_n" 2>/dev/null
		rm -rf "/etc/netns/$LAB-$lab_n"
	done
	rmdir /etc/netns 2>/dev/null
	return 0
}

# lab_until SECONDS COMMAND...: tries ten times a second; prints the seconds it took.
lab_until() {
	t=$1; shift
	t0=$(date +%s%N)
	while :; do
		"$@" >/dev/null 2>&1 && break
		[ $(( ($(date +%s%N) - t0) / 1000000 )) -lt $(( t * 1000 )) ] || return 1
		sleep 0.05
	done
	echo "$(( ($(date +%s%N) - t0) / 1000000 ))" | awk '{ printf "%.2f\n", $1 / 1000 }'
}
