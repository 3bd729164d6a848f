#!/bin/sh
# SPDX-License-Identifier: ISC
# wireguard.sh [ROUNDS [SECONDS]] -- TCP through our WireGuard device and through
# wireguard-go, over one cable between two namespaces, in turns; the first round
# is dropped.  Prints medians and ratios: Gbit/s, and CPU seconds per GB of each
# end's WireGuard process.  Root; iperf3, wireguard-go, wireguard-tools.
rounds=${1:-4} secs=${2:-4}
builddir=${builddir:-.}
tool=$builddir/tests/interop/wgtool
for p in ip wg wireguard-go iperf3; do
	command -v $p >/dev/null || { echo "1..0 # SKIP $p is missing"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
A=gwbnA$$ B=gwbnB$$
dir=$(mktemp -d) || exit 2

stop() {
	for ns in $A $B; do
		for p in $(ip netns pids $ns 2>/dev/null); do kill "$p" 2>/dev/null; done
	done
	sleep 0.5
}
clean() { stop; ip netns del $A 2>/dev/null; ip netns del $B 2>/dev/null; rm -rf "$dir"; }
trap clean EXIT
trap 'exit 2' HUP INT PIPE TERM

umask 077
for k in a b; do wg genkey >"$dir/$k.key"; done
a_pub=$(wg pubkey <"$dir/a.key") b_pub=$(wg pubkey <"$dir/b.key")
ip netns add $A && ip netns add $B || exit 2
ip -n $A link add ve type veth peer name ve netns $B
ip -n $A addr add 10.9.0.1/24 dev ve
ip -n $B addr add 10.9.0.2/24 dev ve
for ns in $A $B; do ip -n $ns link set ve up; ip -n $ns link set lo up; done

start() { # ours|theirs namespace own-key-file peer-key peer-endpoint peer-inner own-inner
	dev=wg${2#gwbn}	# wireguard-go's sockets in /run know no namespaces
	if [ "$1" = ours ]; then
		ip netns exec "$2" "$tool" --name $dev --key "$3" --port 51820 --peer "$4" --endpoint "$5:51820" \
		    --allow "$6/32" >/dev/null 2>&1 &
		sleep 0.3
	else
		ip netns exec "$2" env WG_PROCESS_FOREGROUND=1 LOG_LEVEL=error wireguard-go -f $dev >/dev/null 2>&1 &
		sleep 0.7
		ip netns exec "$2" wg set $dev private-key "$3" listen-port 51820 peer "$4" endpoint "$5:51820" allowed-ips "$6/32"
		ip -n "$2" link set $dev mtu 1280 up
	fi
	ip -n "$2" addr add "$7/24" dev $dev
}

# user and system ticks of the WireGuard process of a namespace (iperf3 left out)
ticks() {
	for p in $(ip netns pids "$1"); do
		case $(cat "/proc/$p/comm") in wgtool | wireguard-go) awk '{ print $14 + $15 }' "/proc/$p/stat" ;; esac
	done | awk '{ n += $1 } END { print n + 0 }'
}

once() { # ours|theirs: "Gbit/s sender-CPU-s/GB receiver-CPU-s/GB"
	start "$1" $A "$dir/a.key" "$b_pub" 10.9.0.2 10.8.0.2 10.8.0.1
	start "$1" $B "$dir/b.key" "$a_pub" 10.9.0.1 10.8.0.1 10.8.0.2
	ip netns exec $A ping -q -c 2 -i 0.2 10.8.0.2 >/dev/null
	ip netns exec $B iperf3 -s -1 -D >/dev/null
	sleep 0.3
	a0=$(ticks $A) b0=$(ticks $B)
	timeout $((secs + 15)) ip netns exec $A iperf3 -c 10.8.0.2 -t "$secs" -J >"$dir/out"
	a1=$(ticks $A) b1=$(ticks $B)
	awk -v a=$((a1 - a0)) -v b=$((b1 - b0)) -v hz="$(getconf CLK_TCK)" '
	    /"sum_received"/ { r = 1 }
	    r && /"bytes"/ && !bytes { gsub(/[^0-9]/, "", $2); bytes = $2 }
	    r && /"bits_per_second"/ && !bps { gsub(/[^0-9.e+]/, "", $2); bps = $2 }
	    END { gb = bytes / 1e9; if (gb > 0) printf "%.3f %.3f %.3f\n", bps / 1e9, a / hz / gb, b / hz / gb }' "$dir/out"
	stop
}

i=0
while [ $i -lt "$rounds" ]; do
	for who in ours theirs; do
		line=$(once $who)
		[ $i -gt 0 ] && [ -n "$line" ] && echo "$line" >>"$dir/$who"
		echo "# round $i, $who: $line"
	done
	i=$((i + 1))
done

median() { sort -n -k "$2,$2" "$dir/$1" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'; }
echo "what                          ours   wireguard-go   ratio"
for c in 1 2 3; do
	case $c in
	1) what="TCP, Gbit/s            " ;;
	2) what="sender, CPU-s per GB   " ;;
	3) what="receiver, CPU-s per GB " ;;
	esac
	o=$(median ours $c) t=$(median theirs $c)
	awk -v w="$what" -v o="$o" -v t="$t" 'BEGIN { printf "%s %11.2f %14.2f %7.2f\n", w, o, t, o / t }'
done
