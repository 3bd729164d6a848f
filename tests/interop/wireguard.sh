#!/bin/sh
# SPDX-License-Identifier: ISC
# wireguard.sh -- our WireGuard device (wgtool) against Debian's wireguard-go.
#
# Two namespaces and a cable.  Side A runs wgtool, side B wireguard-go; each
# scenario starts both anew.  Needs root, iproute2, iperf3, wireguard-tools and
# wireguard-go; says so and skips where they are missing.
srcdir=${srcdir:-.}
builddir=${builddir:-.}
tool=$builddir/tests/interop/wgtool
for p in ip wg wireguard-go iperf3 ping; do
	command -v $p >/dev/null || { echo "1..0 # SKIP $p is missing"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
[ -c /dev/net/tun ] || { echo "1..0 # SKIP no TUN"; exit 0; }

A=gwwgA$$ B=gwwgB$$
theirs=wgb$$	# wireguard-go's sockets in /run know no namespaces
dir=$(mktemp -d) || exit 2
n=0 failed=0

ok() { # status text
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		failed=1
		sed 's/^/# A: /' "$dir/a.log" | tail -15
		ip netns exec $B wg show 2>/dev/null | sed 's/^/# B: /'
	fi
}

stop() {
	for ns in $A $B; do
		for p in $(ip netns pids $ns 2>/dev/null); do kill "$p" 2>/dev/null; done
	done
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -z "$(ip netns pids $A 2>/dev/null)$(ip netns pids $B 2>/dev/null)" ] && return
		sleep 0.1
	done
	for ns in $A $B; do
		for p in $(ip netns pids $ns 2>/dev/null); do kill -9 "$p" 2>/dev/null; done
	done
}

clean() {
	stop
	ip netns del $A 2>/dev/null
	ip netns del $B 2>/dev/null
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 2' HUP INT PIPE TERM

wait_for() { # seconds command...
	tries=$(($1 * 10))
	shift
	while [ $tries -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
		tries=$((tries - 1))
	done
	return 1
}

umask 077
for k in a b psk; do wg genkey >"$dir/$k.key"; done
a_pub=$(wg pubkey <"$dir/a.key") b_pub=$(wg pubkey <"$dir/b.key")

ip netns add $A && ip netns add $B || { echo "1..0 # SKIP no namespaces"; exit 0; }
ip -n $A link add ve type veth peer name ve netns $B
ip -n $A addr add 10.9.0.1/24 dev ve
ip -n $A addr add 10.9.0.11/24 dev ve
ip -n $B addr add 10.9.0.2/24 dev ve
ip -n $B addr add 10.9.0.12/24 dev ve
ip -n $A addr add fd09::1/64 dev ve nodad
ip -n $B addr add fd09::2/64 dev ve nodad
for ns in $A $B; do ip -n $ns link set ve up; ip -n $ns link set lo up; done

start_ours() { # options of wgtool
	ip netns exec $A "$tool" --name wga --key "$dir/a.key" --port 51820 "$@" >"$dir/a.log" 2>&1 &
	wait_for 5 ip -n $A link show wga
	ip -n $A addr add 10.8.0.1/24 dev wga
	ip -n $A addr add fd08::1/64 dev wga nodad
}

start_theirs() { # options of wg set
	ip netns exec $B env WG_PROCESS_FOREGROUND=1 LOG_LEVEL=error wireguard-go -f $theirs >"$dir/b.log" 2>&1 &
	wait_for 5 ip netns exec $B wg show $theirs
	ip netns exec $B wg set $theirs private-key "$dir/b.key" listen-port 51820 peer "$a_pub" "$@"
	ip -n $B link set $theirs mtu 1280 up
	ip -n $B addr add 10.8.0.2/24 dev $theirs
	ip -n $B addr add fd08::2/64 dev $theirs nodad
}

ping_from() { # namespace address count
	ip netns exec "$1" ping -q -c "$3" -i 0.1 -W 2 "$2" >"$dir/ping" 2>&1 &&
		grep -q " 0% packet loss" "$dir/ping"
}

handshakes() { awk '/^handshake/ { n = $3 } END { print n + 0 }' "$dir/a.log"; }
more_than() { [ "$(handshakes)" -gt "$1" ]; }

iperf() { # -R or nothing: bits per second, 0 on failure
	ip netns exec $B iperf3 -s -1 -D -I "$dir/iperf.pid" >/dev/null
	wait_for 3 ip netns exec $B sh -c 'ss -ltn | grep -q :5201'
	timeout 30 ip netns exec $A iperf3 -c 10.8.0.2 -t 2 -J "$@" >"$dir/iperf.json" 2>&1
	awk '/"sum_received"/ { r = 1 } r && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2); printf "%d\n", $2 / 1000000; exit }' "$dir/iperf.json"
}

# 1. We initiate: they know no endpoint.
start_theirs allowed-ips 10.8.0.1/32,fd08::1/128
start_ours --peer "$b_pub" --endpoint 10.9.0.2:51820 --allow 10.8.0.2/32 --allow fd08::2/128
ping_from $A 10.8.0.2 10; ok $? "we initiate: ping, the first one included"
ping_from $A fd08::2 5; ok $? "IPv6 inside"
ping_from $B 10.8.0.1 5; ok $? "ping the other way"
ip netns exec $A ping -q -c 2 -s 8000 -W 2 10.8.0.2 >/dev/null; ok $? "fragmented packets"
mbit=$(iperf); [ "${mbit:-0}" -gt 50 ]; ok $? "TCP out: ${mbit:-0} Mbit/s"
mbit=$(iperf -R); [ "${mbit:-0}" -gt 50 ]; ok $? "TCP in: ${mbit:-0} Mbit/s"
ip netns exec $B wg show $theirs transfer | awk '{ exit !($2 > 1000000 && $3 > 1000000) }'; ok $? "wireguard-go counts it"
stop

# 2. They initiate: we know no endpoint.
start_ours --peer "$b_pub" --allow 10.8.0.2/32
start_theirs endpoint 10.9.0.1:51820 allowed-ips 10.8.0.1/32
ping_from $B 10.8.0.1 10; ok $? "they initiate: ping, the first one included"
grep -q "^roamed $b_pub 10.9.0.2:51820" "$dir/a.log"; ok $? "our endpoint followed the first authentic packet"

# 3. They roam to another address, then to IPv6; we roam too.
ip netns exec $B wg set $theirs peer "$a_pub" endpoint 10.9.0.11:51820
ip -n $B route replace 10.9.0.11/32 dev ve src 10.9.0.12
ping_from $B 10.8.0.1 5; ok $? "their address changed: ping goes on"
grep -q "^roamed $b_pub 10.9.0.12:51820" "$dir/a.log"; ok $? "and we followed"
ip netns exec $B wg set $theirs peer "$a_pub" endpoint "[fd09::1]:51820"
ping_from $B 10.8.0.1 5; ok $? "over IPv6 outside"
grep -q "^roamed $b_pub \[fd09::2\]:51820" "$dir/a.log"; ok $? "and we followed there"
stop

# 4. Preshared key: on both sides, then not.
start_theirs preshared-key "$dir/psk.key" allowed-ips 10.8.0.1/32
start_ours --peer "$b_pub" --psk "$dir/psk.key" --endpoint 10.9.0.2:51820 --allow 10.8.0.2/32
ping_from $A 10.8.0.2 5; ok $? "with a preshared key"
stop
start_theirs preshared-key "$dir/psk.key" allowed-ips 10.8.0.1/32
start_ours --peer "$b_pub" --endpoint 10.9.0.2:51820 --allow 10.8.0.2/32
ping_from $A 10.8.0.2 2; [ $? != 0 ]; ok $? "a preshared key on their side only: nothing passes"
[ "$(handshakes)" = 0 ]; ok $? "and no session is claimed"
stop

# 5. Rekey: ours after 2 s; no packet may be lost over it.
start_theirs allowed-ips 10.8.0.1/32
start_ours --rekey 2 --gap 1 --peer "$b_pub" --endpoint 10.9.0.2:51820 --allow 10.8.0.2/32
ip netns exec $A ping -q -c 70 -i 0.1 -W 2 10.8.0.2 >"$dir/ping" 2>&1
grep -q " 0% packet loss" "$dir/ping"; ok $? "7 s of ping over rekeys every 2 s, none lost"
more_than 2; ok $? "$(handshakes) handshakes in it"
stop

# 6. Keepalives both ways, and they restart: a new handshake brings the session back.
start_theirs endpoint 10.9.0.1:51820 persistent-keepalive 1 allowed-ips 10.8.0.1/32
start_ours --gap 1 --passive 2 --peer "$b_pub" --keepalive 1 --endpoint 10.9.0.2:51820 --allow 10.8.0.2/32
wait_for 5 more_than 0; ok $? "a persistent keepalive alone brings a session"
before=$(ip netns exec $B wg show $theirs transfer | awk '{ print $2 }')
sleep 3
after=$(ip netns exec $B wg show $theirs transfer | awk '{ print $2 }')
[ "$after" -ge $((before + 64)) ]; ok $? "keepalives arrive: $((after - before)) bytes in 3 s"
for p in $(ip netns pids $B); do kill "$p"; done
sleep 0.5
start_theirs allowed-ips 10.8.0.1/32
wait_for 12 ping_from $A 10.8.0.2 1; ok $? "they restarted and know no endpoint: we find them again"
stop

echo "1..$n"
exit $failed
