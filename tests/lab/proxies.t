#!/bin/sh
# SPDX-License-Identifier: ISC
# proxies.t -- the control streams through real proxies that cut what is idle.
#
# HAProxy, then nginx, stand with TLS in front of godwit-server; their idle limit
# is 2 s.  First the server sends no heartbeats, as foreign ones do not: every
# stream is cut again and again, on management, signal, job and relay.  Asked:
# is each cut answered by a new connection within 100 ms, does each change of the
# map arrive within a second, and does the tunnel notice nothing at all?  Then
# the server beats faster than the limit: is nothing cut any more?  TAP.
srcdir=${srcdir:-.}
build=$(cd "${builddir:-.}" && pwd)
. "$srcdir/tests/lab/topology.sh"
. "$srcdir/tests/lab/programs.sh"
skip() { echo "1..0 # SKIP $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip "root is needed"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
[ -x "$build/godwitd" ] || skip "godwitd is not built"
command -v haproxy >/dev/null || command -v nginx >/dev/null || skip "neither haproxy nor nginx"
LAB=px$$
MESH_LOG=debug
T=$(mktemp -d)
tidy() { lab_down; [ -n "$KEEP" ] && echo "# kept: $T" || rm -rf "$T"; }
trap tidy EXIT
trap 'exit 1' HUP INT PIPE TERM
count=0 failed=0
ok() { # ok STATUS TEXT
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; failed=$((failed + 1)); fi
}
CUTS=${CUTS:-20} # of Sync streams, both agents together, with each proxy; the full test has 60

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 \
	-subj /CN=server.lab -addext subjectAltName=DNS:server.lab 2>/dev/null || skip "openssl(1) is needed"
cat "$T/cert.pem" "$T/key.pem" >"$T/both.pem"
SSL_CERT_FILE=$T/cert.pem
export SSL_CERT_FILE

cat >"$T/haproxy.cfg" <<-END
	global
	  log stderr format raw local0
	defaults
	  mode http
	  log global
	  option httplog
	  timeout connect 2s
	  timeout client 2s
	  timeout server 2s
	  timeout tunnel 2s
	frontend all
	  bind 192.0.2.100:443 ssl crt $T/both.pem alpn h2,http/1.1
	  use_backend calls if { req.hdr(content-type) -m beg application/grpc }
	  default_backend rest
	backend calls
	  server one 192.0.2.100:8080 proto h2
	backend rest
	  server one 192.0.2.100:8080
END
cat >"$T/nginx.conf" <<-END
	daemon off;
	master_process off;
	pid $T/nginx.pid;
	error_log stderr info;
	events { }
	http {
	  access_log off;
	  client_body_temp_path $T/nginx.body; proxy_temp_path $T/nginx.proxy; fastcgi_temp_path $T/nginx.f;
	  uwsgi_temp_path $T/nginx.u; scgi_temp_path $T/nginx.s;
	  map \$http_upgrade \$connection_upgrade { default upgrade; '' close; }
	  server {
	    listen 192.0.2.100:443 ssl http2;
	    ssl_certificate $T/cert.pem;
	    ssl_certificate_key $T/key.pem;
	    client_body_timeout 2s; # on what the client says: only its own beats help
	    location / { grpc_pass grpc://192.0.2.100:8080; grpc_read_timeout 2s; grpc_send_timeout 2s; }
	    location /relay {
	      proxy_pass http://192.0.2.100:8080; proxy_http_version 1.1; proxy_read_timeout 2s; proxy_send_timeout 2s;
	      proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection \$connection_upgrade; proxy_set_header Host \$host;
	    }
	  }
	}
END

server() { # server HEARTBEAT
	lab_run srv "$T/server.log" "$build/godwit-server" run --listen 192.0.2.100:8080 --url https://server.lab \
		--data "$T/data" --log-level debug --heartbeat "$1"
	SERVER=$LAB_PID
	lab_until 5 ns srv sh -c "ss -Hltn 'sport = :8080' | grep -q ." >/dev/null
}
proxy() {
	case $1 in
	haproxy) lab_run srv "$T/haproxy.log" haproxy -db -f "$T/haproxy.cfg" ;;
	nginx) lab_run srv "$T/nginx.log" nginx -c "$T/nginx.conf" ;;
	esac
	PROXY=$LAB_PID
	lab_until 5 ns srv sh -c "ss -Hltn 'sport = :443' | grep -q ." >/dev/null
}
admin() { timeout 5 "$build/godwit-server" "$@" --data "$T/data"; }
pings() { ns hosta ping -n -c 1 -W 1 "$1"; }

# Lines of a log since a mark.
mark() { wc -l <"$T/$1.log"; }
since() { tail -n +"$(($2 + 1))" "$T/$1.log"; }
cuts() { # of one machine in one agent's log since a mark
	since "$1" "$2" | grep -c "fsm: $3 .*: [a-z]* --\(ended\|gone\)--> "
}

# Of each Sync stream's end, the time to the first message of the next one: worst and middle in ms.
resync() {
	since "$1" "$2" | awk '/fsm: mgmt-stream / {
			split($1, d, /[T:Z]/); t = d[2] * 3600 + d[3] * 60 + d[4]
			if ($0 ~ /(proven|live) --(ended|gone)--> / && !cut) cut = t
			if (cut && $0 ~ /opening --message--> live/) { printf "%d\n", (t - cut) * 1000 + 0.5; cut = 0 } }' |
		sort -n | awk '{ v[NR] = $1 } END { if (NR) printf "%d %d %d\n", v[NR], v[int((NR + 1) / 2)], NR; else print "99999 99999 0" }'
}

try_proxy() { # try_proxy NAME
	P=$1
	lab_up cone || { echo "Bail out! namespaces"; exit 1; }
	for w in hosta hostb srv; do echo "192.0.2.100 server.lab" >>"/etc/netns/$LAB-$w/hosts"; done
	rm -rf "$T/data" "$T/a.state" "$T/b.state" "$T/a.sock" "$T/b.sock"
	MESH=$T
	server never
	proxy "$P"
	lab_until 5 grep -q 'godwit up' "$T/server.log" >/dev/null
	grep -o 'godwit up .*' "$T/server.log" | head -n 1 >"$T/join"
	mesh_join a hosta; r=$?; ok $r "$P: an agent joins through it, over TLS"
	[ $r = 0 ] || { cat "$T/server.log" | sed 's/^/# /'; echo "Bail out! no mesh"; exit 1; }
	mesh_join b hostb; r=$?; ok $r "$P: another"
	A=$(mesh_ip a) B=$(mesh_ip b)
	lab_until 20 pings "$B" >/dev/null; ok $? "$P: they ping"
	lab_until 20 mesh_path_is a P2P >/dev/null; ok $? "$P: directly"
	sleep 1

	# cuts, with changes of the map and a ping all the while
	ma=$(mark a) mb=$(mark b)
	ns hosta ping -D -O -n -i 0.05 "$B" >"$T/ping" 2>&1 &
	pinger=$!
	late=0 changes=0 worst=0
	begun=$(date +%s)
	while [ $(($(cuts a "$ma" mgmt-stream) + $(cuts b "$mb" mgmt-stream))) -lt "$CUTS" ] && [ $(($(date +%s) - begun)) -lt $((CUTS * 2)) ]; do
		changes=$((changes + 1))
		admin peer rename "$(mesh_name)" "beta$changes" >/dev/null 2>&1 || late=$((late + 100))
		t=$(lab_until 5 sees "beta$changes") || t=9.99
		worst=$(echo "$t $worst" | awk '{ print ($1 > $2) ? $1 : $2 }')
		[ "${t%.*}" -lt 1 ] || late=$((late + 1))
		# quiet enough for the limit to strike, and at another moment of its 2 s each time
		sleep 4.$((changes * 37 % 100 + 100))
	done
	took=$(($(date +%s) - begun))
	kill $pinger; wait $pinger 2>/dev/null
	n=$(($(cuts a "$ma" mgmt-stream) + $(cuts b "$mb" mgmt-stream)))
	[ "$n" -ge "$CUTS" ]; ok $? "$P: $n Sync streams were cut in $took s"
	echo "# cuts at a and b: signal $(cuts a "$ma" signal-stream) $(cuts b "$mb" signal-stream), job $(cuts a "$ma" job-stream) $(cuts b "$mb" job-stream), relay $(cuts_relay a "$ma") $(cuts_relay b "$mb")"
	set -- $(resync a "$ma") $(resync b "$mb")
	[ "$2" -le 100 ] && [ "$5" -le 100 ]; ok $? "$P: synchronised again within 100 ms of a cut, the middle one (a $2 ms of $3, b $5 ms of $6)"
	[ "$1" -le 400 ] && [ "$4" -le 400 ]; ok $? "$P: the slowest as well, but for this machine's own pauses (a $1 ms, b $4 ms)"
	[ $late = 0 ]; ok $? "$P: each of $changes changes of the map arrived within a second (slowest $worst s, late $late)"
	lost=$(awk -F'icmp_seq=' '/bytes from/ { got++; if ($2 + 0 > last) last = $2 + 0 } END { print got ? last - got : 99 }' "$T/ping")
	[ "$lost" -le 0 ]; ok $? "$P: no packet of the tunnel was lost (of $(grep -c 'bytes from' "$T/ping"), every 50 ms: $lost)"

	# a server that beats faster than the proxy's limit
	kill "$SERVER"; wait "$SERVER" 2>/dev/null
	cp "$T/server.log" "$T/server.1.log"
	server 1s
	lab_until 20 streams a >/dev/null && lab_until 20 streams b >/dev/null
	ok $? "$P: the streams are back after a restart of the server"
	sleep 4
	ma=$(mark a) mb=$(mark b)
	sleep 15
	n=0
	for m in mgmt-stream signal-stream job-stream; do n=$((n + $(cuts a "$ma" $m) + $(cuts b "$mb" $m))); done
	[ $n = 0 ] && streams a && streams b; ok $? "$P: with heartbeats of 1 s nothing was cut in 15 s (cuts: $n)"
	lab_down
	cp "$T/a.log" "$T/a.$P.log"; cp "$T/b.log" "$T/b.$P.log"
}
cuts_relay() { since "$1" "$2" | grep -c 'fsm: relay-link .*: \(up\|doubted\) --peer-close--> '; }
# the name that b has at the server now
mesh_name() { admin peer list --json | tr -d ' ",' | awk -F: '/^name:/ { name = $2 } /^ip:/ { ip = $2 } ip != "" && ip == "'"$B"'" { print name; exit } /}/ { name = ip = "" }'; }
sees() { mesh_cli a status -d | grep -q "$1\."; }
streams() { mesh_cli "$1" status -d >"$T/status.$1" && grep -q 'Management: Connected' "$T/status.$1" && grep -q 'Signal: Connected' "$T/status.$1"; }

for p in haproxy nginx; do
	command -v $p >/dev/null || { ok 0 "$p # SKIP is not installed"; continue; }
	[ -n "$ONLY" ] && [ "$ONLY" != $p ] && continue
	try_proxy $p
done
echo "1..$count"
exit $((failed > 0))
