#!/bin/sh
# SPDX-License-Identifier: ISC
# routers.t -- what `godwit why` says of the router before a host, for Linux routers
# of each kind, with a server of one address and of two (RFC 5780); and with
# coturn where there is one, whose client also judges our server.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
LAB=gwrt$$
. "$here/begin.sh"
pinged() { ns hosta ping -c 1 -W 1 "$(mesh_ip b)"; }
json() { mesh_cli a why b --json; }
our() { json | sed 's/.*"ourNat":{\([^}]*\)}.*/\1/'; }
says() { our | grep -q "\"$1\":\"$2"; }

# begin KIND [two]
begin() {
	mkdir "$work/w"
	MESH=$work/w
	lab_up cone || return 1
	case $1 in
	full-cone)
		ns nata nft -f - <<-END
			table ip nat {
				chain pre { type nat hook prerouting priority -100; iifname "out" udp dport 51820 dnat to 10.1.0.2; }
			}
			flush chain ip guard passing
		END
		;;
	symmetric) lab_nat nata symmetric ;;
	bare) ns nata nft delete table ip guard ;;	# masquerade, and what nobody asked for comes in
	esac
	SERVER_FLAGS=
	if [ -n "$2" ]; then
		ns srv ip addr add 192.0.2.101/24 dev eth0
		SERVER_FLAGS="--stun-address 192.0.2.100 --stun-address 192.0.2.101"
	fi
	if [ "$2" = coturn ]; then	# ours listens elsewhere, and what agents are told is coturn's address
		ns srv ip addr add 192.0.2.102/24 dev eth0
		SERVER_FLAGS="--stun-address 192.0.2.102"
		ns srv turnserver -n --stun-only --no-tcp --no-tls --no-dtls -L 192.0.2.100 -L 192.0.2.101 --log-file "$work/w/turn.log" \
			--pidfile "$work/w/turn.pid" --no-cli >/dev/null 2>&1 &
		lab_until 5 ns srv sh -c "ss -Hlun 'sport = :3478' | grep -q 192.0.2.101" || return 1
	fi
	mesh_server && mesh_join a hosta && mesh_join b hostb && lab_until 15 pinged
}
# kind KIND [two] MAPPING FILTERING
kind() {
	name="$1${2:+, a server with two addresses}"
	[ "$2" != coturn ] || name="$1, coturn as the server"
	try "$name: a mesh" begin "$1" "$2"
	try "$name: filtering is $4" lab_until 8 says filtering "$4"
	# only then has all been measured
	try "$name: mapping is $3" says mapping "$3"
	[ "${5:-}" != coturn ] || coturn
	mesh_down; rm -rf "$work/w"
}
coturn() {
	command -v turnutils_natdiscovery >/dev/null || { echo "# no turnutils_natdiscovery"; return; }
	ns hosta timeout 60 turnutils_natdiscovery -f -m 192.0.2.100 >"$work/found" 2>&1
	grep -q 'Endpoint Independent Mapping' "$work/found"; ok $? "coturn's client finds the mapping at our server"
	grep -q 'Address and Port Dependent Filtering' "$work/found"; ok $? "and the filtering"
}
kind port-restricted "" endpoint-independent "address- and port-dependent"
kind port-restricted two endpoint-independent "address- and port-dependent" coturn
kind bare "" "not known\\|endpoint-independent" "address- and port-dependent"
kind full-cone "" endpoint-independent ".*none"
kind full-cone two endpoint-independent none
if command -v turnserver >/dev/null; then
	kind port-restricted coturn endpoint-independent "address- and port-dependent"
	kind full-cone coturn endpoint-independent none
	kind symmetric coturn address-dependent "address- and port-dependent"
else
	echo "# no turnserver"
fi
kind symmetric "" address-dependent "address- and port-dependent"
echo "1..$n"
